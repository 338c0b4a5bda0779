//! Members of cohorts: calculated ones are brought up to date, static ones are added to.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use event_store::{Result, StoreError};
use insights::Condition;
use model::{CohortId, ProjectId};
use sql_builder::{Dialect, Select, Statement, count, not, of};
use sqlx::PgPool;
use uuid::Uuid;

use crate::conditions::{self, Scope};
use crate::data_version;
use crate::postgres::execute::{bound, get_count, question, rows};
use crate::postgres::failure::{Step, store_error};

/// One transaction that inserts and deletes only what changes.
pub(crate) async fn recalculate(
    pool: &PgPool,
    project: ProjectId,
    timezone: Tz,
    cohort: CohortId,
    condition: &Condition,
) -> Result<u64> {
    let members = members(project, timezone, condition)?
        .print(Dialect::Postgres)
        .map_err(|unsupported| StoreError::Failed(unsupported.to_string()))?;
    let statement = recalculation(members, project, cohort);
    let mut transaction = pool.begin().await.map_err(question)?;
    // Two at once would each insert and delete by what was before the other. The second one waits, and then sees what the
    // first one made.
    sqlx::query(
        "SELECT pg_advisory_xact_lock(hashtextextended(format('cohort %s/%s', $1::bigint, $2::bigint), 0))",
    )
    .bind(project.0)
    .bind(cohort.0)
    .execute(&mut *transaction)
    .await
    .map_err(question)?;
    let row = bound(statement)
        .fetch_one(&mut *transaction)
        .await
        .map_err(question)?;
    let members = get_count(&row, "members")?;
    if get_count(&row, "left_now")? + get_count(&row, "joined_now")? > 0 {
        data_version::changed(&mut transaction, BTreeSet::from([project])).await?;
    }
    transaction.commit().await.map_err(question)?;
    Ok(members)
}

/// All parts of the statement see the rows as they were before it.
fn recalculation(members: Statement, project: ProjectId, cohort: CohortId) -> Statement {
    let Statement { sql, mut params } = members;
    params.push(project.0.into());
    let team = params.len();
    params.push(cohort.0.into());
    let id = params.len();
    Statement {
        sql: format!(
            "WITH members AS MATERIALIZED (
{sql}
), leavers AS (
    DELETE FROM cohortpeople AS c
    WHERE c.team_id = ${team} AND c.cohort_id = ${id}
        AND NOT EXISTS (SELECT 1 FROM members AS m WHERE m.id = c.person_id)
    RETURNING 1
), joiners AS (
    INSERT INTO cohortpeople (team_id, cohort_id, person_id)
    SELECT ${team}, ${id}, m.id
    FROM members AS m
    WHERE NOT EXISTS (
        SELECT 1
        FROM cohortpeople AS c
        WHERE c.team_id = ${team} AND c.cohort_id = ${id} AND c.person_id = m.id
    )
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT
    (SELECT count(*) FROM members) AS members,
    (SELECT count(*) FROM leavers) AS left_now,
    (SELECT count(*) FROM joiners) AS joined_now"
        ),
        params,
    }
}

/// Rows of (id): the live persons for whom the condition holds.
pub(crate) fn members(project: ProjectId, timezone: Tz, condition: &Condition) -> Result<Select> {
    let mut scope = Scope::persons(project, timezone);
    let condition = conditions::condition(condition, &mut scope)?;
    Ok(scope
        .select()
        .column(of("p", "id"), "id")
        .filter(not(of("p", "is_deleted")))
        .filter(condition))
}

pub(crate) async fn count_persons(
    pool: &PgPool,
    project: ProjectId,
    timezone: Tz,
    condition: &Condition,
) -> Result<u64> {
    let persons = members(project, timezone, condition)?;
    let counted = Select::from(sql_builder::subquery(persons, "m")).column(count(), "persons");
    match rows(pool, &counted).await?.first() {
        Some(row) => get_count(row, "persons"),
        None => Err(StoreError::Failed("a count had no row".to_owned())),
    }
}

pub(crate) async fn of_person(pool: &PgPool, project: ProjectId, person: Uuid) -> Result<Vec<CohortId>> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT cohort_id FROM cohortpeople WHERE team_id = $1 AND person_id = $2
         UNION
         SELECT cohort_id FROM person_static_cohort WHERE team_id = $1 AND person_id = $2
         ORDER BY cohort_id",
    )
    .bind(project.0)
    .bind(person)
    .fetch_all(pool)
    .await
    .map_err(question)?;
    Ok(ids.into_iter().map(CohortId).collect())
}

pub(crate) async fn add_to_static(
    pool: &PgPool,
    project: ProjectId,
    cohort: CohortId,
    persons: &[Uuid],
) -> Result<()> {
    let failed = |error| store_error(error, Step::Append);
    let mut transaction = pool.begin().await.map_err(failed)?;
    let added = sqlx::query(
        "INSERT INTO person_static_cohort (team_id, cohort_id, person_id)
         SELECT DISTINCT $1::bigint, $2::bigint, id FROM unnest($3::uuid[]) AS id ORDER BY id
         ON CONFLICT DO NOTHING",
    )
    .bind(project.0)
    .bind(cohort.0)
    .bind(persons)
    .execute(&mut *transaction)
    .await
    .map_err(failed)?
    .rows_affected();
    if added > 0 {
        data_version::changed(&mut transaction, BTreeSet::from([project])).await?;
    }
    transaction.commit().await.map_err(failed)
}
