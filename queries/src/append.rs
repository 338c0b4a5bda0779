//! One append as one transaction of bulk statements.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use event_store::{
    Append, DistinctIdRow, EventRow, GroupRow, LedgerOutcome, LedgerRow, PersonRow, Result, StoreError,
};
use model::ProjectId;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::data_version;
use crate::postgres::failure::{Step, store_error};
use crate::postgres::stored_text::to_stored;
use crate::postgres::text_form::{stored_object, text_forms};

/// Properties that have a column of their own.
const COLUMNS: [&str; 7] = [
    "$group_0",
    "$group_1",
    "$group_2",
    "$group_3",
    "$group_4",
    "$session_id",
    "$window_id",
];

pub(crate) async fn append(pool: &PgPool, append: Append) -> Result<()> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    // 200 means stored: whatever the server's default, this commit waits for the disk.
    sqlx::query("SET LOCAL synchronous_commit = on")
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    // Old tokens go a few at a time: no writer repeats an append after a week.
    let fresh = sqlx::query(
        "WITH forgotten AS (
             DELETE FROM append_token
             WHERE token IN (
                 SELECT token
                 FROM append_token
                 WHERE appended_at < now() - interval '7 days'
                 ORDER BY appended_at
                 LIMIT 10
                 FOR UPDATE SKIP LOCKED
             )
         )
         INSERT INTO append_token (token) VALUES ($1) ON CONFLICT DO NOTHING",
    )
    .bind(to_stored(&append.token).as_ref())
    .execute(&mut *transaction)
    .await
    .map_err(failed)?
    .rows_affected();
    if fresh == 0 {
        return transaction.rollback().await.map_err(failed);
    }
    let changed = changed(&append);
    persons(&mut transaction, append.persons).await?;
    distinct_ids(&mut transaction, append.distinct_ids).await?;
    groups(&mut transaction, append.groups).await?;
    events(&mut transaction, append.events).await?;
    ledger(&mut transaction, append.ledger).await?;
    data_version::changed(&mut transaction, changed).await?;
    transaction.commit().await.map_err(failed)
}

/// The projects whose answers may change. The ledger is no part of an answer that is kept.
fn changed(append: &Append) -> BTreeSet<ProjectId> {
    let events = append.events.iter().map(|row| row.project);
    let persons = append.persons.iter().map(|row| row.project);
    let distinct_ids = append.distinct_ids.iter().map(|row| row.project);
    let groups = append.groups.iter().map(|row| row.project);
    events.chain(persons).chain(distinct_ids).chain(groups).collect()
}

fn failed(error: sqlx::Error) -> StoreError {
    store_error(error, Step::Append)
}

fn stored(text: &str) -> String {
    to_stored(text).into_owned()
}

fn stored_forms(properties: &str, owner: impl FnOnce() -> String) -> Result<(String, Vec<(String, String)>)> {
    let forms = text_forms(properties)
        .map_err(|error| StoreError::Failed(format!("{} cannot be stored: {error}", owner())))?;
    Ok((stored_object(&forms), forms))
}

fn version(version: u64) -> Result<i64> {
    i64::try_from(version).map_err(|_| StoreError::Failed(format!("the version {version} is too great")))
}

/// One row a key, the one with the greatest version, in key order: a statement may touch a row only once, and writers
/// that lock rows in one order do not block each other for good.
fn latest<K: Ord, R>(rows: Vec<R>, key: impl Fn(&R) -> K, version: impl Fn(&R) -> u64) -> Vec<R> {
    let mut latest: BTreeMap<K, R> = BTreeMap::new();
    for row in rows {
        let key = key(&row);
        match latest.get(&key) {
            Some(known) if version(known) > version(&row) => {}
            Some(_) | None => {
                latest.insert(key, row);
            }
        }
    }
    latest.into_values().collect()
}

async fn events(connection: &mut PgConnection, mut rows: Vec<EventRow>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by_key(|row| (row.project, row.uuid));
    let mut teams = Vec::with_capacity(rows.len());
    let mut uuids: Vec<Uuid> = Vec::with_capacity(rows.len());
    let mut names = Vec::with_capacity(rows.len());
    let mut properties = Vec::with_capacity(rows.len());
    let mut texts = Vec::with_capacity(rows.len());
    let mut timestamps: Vec<DateTime<Utc>> = Vec::with_capacity(rows.len());
    let mut distinct_ids = Vec::with_capacity(rows.len());
    let mut chains = Vec::with_capacity(rows.len());
    let mut created: Vec<DateTime<Utc>> = Vec::with_capacity(rows.len());
    let mut columns: [Vec<String>; COLUMNS.len()] = Default::default();
    for row in rows {
        let (object, forms) = stored_forms(&row.properties, || format!("event {}", row.uuid))?;
        for (column, name) in columns.iter_mut().zip(COLUMNS) {
            let form = forms.iter().find(|(key, _)| key == name);
            // The text `null` is no name for a group or session either.
            let form = form.filter(|(_, form)| form != "null");
            column.push(form.map(|(_, form)| stored(form)).unwrap_or_default());
        }
        teams.push(row.project.0);
        uuids.push(row.uuid);
        names.push(stored(&row.event));
        properties.push(row.properties);
        texts.push(object);
        timestamps.push(row.timestamp);
        distinct_ids.push(stored(&row.distinct_id));
        chains.push(stored(&row.elements_chain));
        created.push(row.created_at);
    }
    let mut insert = sqlx::query(
        r#"INSERT INTO events (
               team_id, uuid, event, properties, property_texts, timestamp, distinct_id, elements_chain, created_at,
               "$group_0", "$group_1", "$group_2", "$group_3", "$group_4", "$session_id", "$window_id"
           )
           SELECT t1, t2, t3, t4, t5::jsonb, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15, t16
           FROM unnest(
               $1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
               $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
               $15::text[], $16::text[]
           ) AS r(t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15, t16)
           ON CONFLICT (team_id, uuid) DO NOTHING"#,
    )
    .bind(teams)
    .bind(uuids)
    .bind(names)
    .bind(properties)
    .bind(texts)
    .bind(timestamps)
    .bind(distinct_ids)
    .bind(chains)
    .bind(created);
    for column in columns {
        insert = insert.bind(column);
    }
    insert.execute(connection).await.map_err(failed)?;
    Ok(())
}

async fn persons(connection: &mut PgConnection, rows: Vec<PersonRow>) -> Result<()> {
    let rows = latest(rows, |row| (row.project, row.id), |row| row.version);
    if rows.is_empty() {
        return Ok(());
    }
    let mut teams = Vec::with_capacity(rows.len());
    let mut ids: Vec<Uuid> = Vec::with_capacity(rows.len());
    let mut created: Vec<DateTime<Utc>> = Vec::with_capacity(rows.len());
    let mut properties = Vec::with_capacity(rows.len());
    let mut texts = Vec::with_capacity(rows.len());
    let mut identified = Vec::with_capacity(rows.len());
    let mut deleted = Vec::with_capacity(rows.len());
    let mut versions = Vec::with_capacity(rows.len());
    for row in rows {
        let object = serde_json::Value::Object(row.properties).to_string();
        texts.push(stored_forms(&object, || format!("person {}", row.id))?.0);
        properties.push(object);
        teams.push(row.project.0);
        ids.push(row.id);
        created.push(row.created_at);
        identified.push(row.is_identified);
        deleted.push(row.is_deleted);
        versions.push(version(row.version)?);
    }
    sqlx::query(
        "INSERT INTO person AS known (
             team_id, id, created_at, properties, property_texts, is_identified, is_deleted, version
         )
         SELECT t1, t2, t3, t4, t5::jsonb, t6, t7, t8
         FROM unnest(
             $1::bigint[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::boolean[], $7::boolean[],
             $8::bigint[]
         ) AS r(t1, t2, t3, t4, t5, t6, t7, t8)
         ON CONFLICT (team_id, id) DO UPDATE SET
             created_at = excluded.created_at,
             properties = excluded.properties,
             property_texts = excluded.property_texts,
             is_identified = excluded.is_identified,
             is_deleted = excluded.is_deleted,
             version = excluded.version
         WHERE excluded.version >= known.version",
    )
    .bind(teams)
    .bind(ids)
    .bind(created)
    .bind(properties)
    .bind(texts)
    .bind(identified)
    .bind(deleted)
    .bind(versions)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn distinct_ids(connection: &mut PgConnection, rows: Vec<DistinctIdRow>) -> Result<()> {
    let rows = latest(
        rows,
        |row| (row.project, row.distinct_id.clone()),
        |row| row.version,
    );
    if rows.is_empty() {
        return Ok(());
    }
    let versions: Vec<i64> = rows
        .iter()
        .map(|row| version(row.version))
        .collect::<Result<_>>()?;
    sqlx::query(
        "INSERT INTO person_distinct_id2 AS known (team_id, distinct_id, person_id, is_deleted, version)
         SELECT t1, t2, t3, t4, t5
         FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::boolean[], $5::bigint[]) AS r(t1, t2, t3, t4, t5)
         ON CONFLICT (team_id, distinct_id) DO UPDATE SET
             person_id = excluded.person_id,
             is_deleted = excluded.is_deleted,
             version = excluded.version
         WHERE excluded.version >= known.version",
    )
    .bind(rows.iter().map(|row| row.project.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| stored(&row.distinct_id)).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.person_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.is_deleted).collect::<Vec<_>>())
    .bind(versions)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn groups(connection: &mut PgConnection, rows: Vec<GroupRow>) -> Result<()> {
    let rows = latest(
        rows,
        |row| (row.project, row.group_type, row.key.clone()),
        |row| row.version,
    );
    if rows.is_empty() {
        return Ok(());
    }
    let mut teams = Vec::with_capacity(rows.len());
    let mut types = Vec::with_capacity(rows.len());
    let mut keys = Vec::with_capacity(rows.len());
    let mut created: Vec<DateTime<Utc>> = Vec::with_capacity(rows.len());
    let mut properties = Vec::with_capacity(rows.len());
    let mut texts = Vec::with_capacity(rows.len());
    let mut versions = Vec::with_capacity(rows.len());
    for row in rows {
        let object = serde_json::Value::Object(row.properties).to_string();
        texts.push(stored_forms(&object, || format!("group {:?}", row.key))?.0);
        properties.push(object);
        teams.push(row.project.0);
        types.push(i16::from(row.group_type.get()));
        keys.push(stored(&row.key));
        created.push(row.created_at);
        versions.push(version(row.version)?);
    }
    sqlx::query(
        "INSERT INTO groups AS known (
             team_id, group_type_index, group_key, created_at, group_properties, property_texts, version
         )
         SELECT t1, t2, t3, t4, t5, t6::jsonb, t7
         FROM unnest(
             $1::bigint[], $2::smallint[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::bigint[]
         ) AS r(t1, t2, t3, t4, t5, t6, t7)
         ON CONFLICT (team_id, group_type_index, group_key) DO UPDATE SET
             created_at = excluded.created_at,
             group_properties = excluded.group_properties,
             property_texts = excluded.property_texts,
             version = excluded.version
         WHERE excluded.version >= known.version",
    )
    .bind(teams)
    .bind(types)
    .bind(keys)
    .bind(created)
    .bind(properties)
    .bind(texts)
    .bind(versions)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn ledger(connection: &mut PgConnection, rows: Vec<LedgerRow>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut outcomes = Vec::with_capacity(rows.len());
    let mut reasons = Vec::with_capacity(rows.len());
    let mut counts = Vec::with_capacity(rows.len());
    for row in &rows {
        let (outcome, reason) = match &row.outcome {
            LedgerOutcome::Stored => ("stored", ""),
            LedgerOutcome::Repeated => ("repeated", ""),
            LedgerOutcome::Refused(reason) => ("refused", reason.as_str()),
        };
        outcomes.push(outcome.to_owned());
        reasons.push(stored(reason));
        counts.push(
            i64::try_from(row.count)
                .map_err(|_| StoreError::Failed(format!("the count {} is too great", row.count)))?,
        );
    }
    sqlx::query(
        "INSERT INTO ingest_ledger (team_id, at, outcome, reason, count)
         SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[])",
    )
    .bind(rows.iter().map(|row| row.project.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.at).collect::<Vec<_>>())
    .bind(outcomes)
    .bind(reasons)
    .bind(counts)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}
