//! What ingestion asks before it appends: known events, distinct ids and persons, the ledger.

use event_store::{DistinctIdRow, Identity, LedgerCount, LedgerOutcome, PersonRow, Result, StoreError};
use model::ProjectId;
use serde_json::{Map, Value};
use sqlx::PgPool;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::postgres::execute::{get, get_count, get_text, question};
use crate::postgres::stored_text::{from_stored, to_stored};

pub(crate) async fn known_events(pool: &PgPool, project: ProjectId, uuids: &[Uuid]) -> Result<Vec<Uuid>> {
    sqlx::query_scalar("SELECT uuid FROM events WHERE team_id = $1 AND uuid = ANY($2) ORDER BY uuid")
        .bind(project.0)
        .bind(uuids)
        .fetch_all(pool)
        .await
        .map_err(question)
}

pub(crate) async fn identities(
    pool: &PgPool,
    project: ProjectId,
    distinct_ids: &[String],
) -> Result<Vec<Identity>> {
    let wanted: Vec<String> = distinct_ids.iter().map(|id| to_stored(id).into_owned()).collect();
    let rows = sqlx::query(
        "SELECT d.distinct_id, d.version AS mapping_version, p.id IS NOT NULL AS lives,
                p.id, p.created_at, p.properties, p.is_identified, p.is_deleted, p.version
         FROM person_distinct_id2 AS d
         LEFT JOIN person AS p
             ON p.team_id = d.team_id AND p.id = d.person_id AND NOT d.is_deleted AND NOT p.is_deleted
         WHERE d.team_id = $1 AND d.distinct_id = ANY($2)
         ORDER BY d.distinct_id",
    )
    .bind(project.0)
    .bind(wanted)
    .fetch_all(pool)
    .await
    .map_err(question)?;
    rows.iter()
        .map(|row| {
            let person = if get(row, "lives")? {
                Some(person(row, project)?)
            } else {
                None
            };
            Ok(Identity {
                distinct_id: get_text(row, "distinct_id")?,
                version: get_count(row, "mapping_version")?,
                person,
            })
        })
        .collect()
}

/// The person of a row with the columns of table `person`.
pub(crate) fn person(row: &PgRow, project: ProjectId) -> Result<PersonRow> {
    let id: Uuid = get(row, "id")?;
    Ok(PersonRow {
        project,
        id,
        created_at: get(row, "created_at")?,
        properties: properties(&get::<String>(row, "properties")?, || format!("person {id}"))?,
        is_identified: get(row, "is_identified")?,
        is_deleted: get(row, "is_deleted")?,
        version: get_count(row, "version")?,
    })
}

/// Stored properties as an object.
pub(crate) fn properties(text: &str, owner: impl FnOnce() -> String) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| {
        StoreError::Failed(format!(
            "the stored properties of {} are damaged: {error}",
            owner()
        ))
    })
}

pub(crate) async fn distinct_ids(
    pool: &PgPool,
    project: ProjectId,
    persons: &[Uuid],
) -> Result<Vec<DistinctIdRow>> {
    let rows: Vec<(String, Uuid, i64)> = sqlx::query_as(
        "SELECT distinct_id, person_id, version
         FROM person_distinct_id2
         WHERE team_id = $1 AND person_id = ANY($2) AND NOT is_deleted
         ORDER BY person_id, distinct_id",
    )
    .bind(project.0)
    .bind(persons)
    .fetch_all(pool)
    .await
    .map_err(question)?;
    rows.into_iter()
        .map(|(distinct_id, person_id, version)| {
            Ok(DistinctIdRow {
                project,
                distinct_id: from_stored(distinct_id),
                person_id,
                is_deleted: false,
                version: u64::try_from(version)
                    .map_err(|_| StoreError::Failed(format!("a mapping has version {version}")))?,
            })
        })
        .collect()
}

pub(crate) async fn ledger(pool: &PgPool, project: ProjectId) -> Result<Vec<LedgerCount>> {
    let rows = sqlx::query(
        "SELECT outcome, reason, sum(count)::bigint AS count
         FROM ingest_ledger
         WHERE team_id = $1
         GROUP BY outcome, reason
         ORDER BY outcome, reason",
    )
    .bind(project.0)
    .fetch_all(pool)
    .await
    .map_err(question)?;
    rows.iter()
        .map(|row| {
            let reason = get_text(row, "reason")?;
            let outcome = match get::<String>(row, "outcome")?.as_str() {
                "stored" => LedgerOutcome::Stored,
                "repeated" => LedgerOutcome::Repeated,
                "refused" => LedgerOutcome::Refused(reason),
                other => {
                    return Err(StoreError::Failed(format!(
                        "the ledger holds an outcome {other:?}"
                    )));
                }
            };
            Ok(LedgerCount {
                outcome,
                count: get_count(row, "count")?,
            })
        })
        .collect()
}
