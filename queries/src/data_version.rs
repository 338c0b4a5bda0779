//! A text that changes whenever an answer of a project may have changed.

use std::collections::BTreeSet;

use event_store::Result;
use model::ProjectId;
use sqlx::{PgConnection, PgPool};

use crate::postgres::execute::question;
use crate::postgres::failure::{Step, store_error};

/// Transactions of one project that can end side by side.
const SLOTS: i32 = 16;

pub(crate) async fn data_version(pool: &PgPool, project: ProjectId) -> Result<String> {
    sqlx::query_scalar("SELECT coalesce(sum(changes), 0)::text FROM data_version WHERE team_id = $1")
        .bind(project.0)
        .fetch_one(pool)
        .await
        .map_err(question)
}

/// Counts a change of these projects; becomes visible together with the change.
///
/// The last statement of a transaction: what it locks is held until the commit, and nothing else is waited for meanwhile.
pub(crate) async fn changed(connection: &mut PgConnection, projects: BTreeSet<ProjectId>) -> Result<()> {
    if projects.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO data_version AS known (team_id, slot, changes)
         SELECT team, pg_backend_pid() % $2, 1
         FROM unnest($1::bigint[]) AS team
         ORDER BY team
         ON CONFLICT (team_id, slot) DO UPDATE SET changes = known.changes + 1",
    )
    .bind(projects.into_iter().map(|project| project.0).collect::<Vec<_>>())
    .bind(SLOTS)
    .execute(connection)
    .await
    .map_err(|error| store_error(error, Step::Append))?;
    Ok(())
}
