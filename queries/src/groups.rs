//! The groups list, and groups by key.

use chrono::{DateTime, Utc};
use event_store::{GroupRow, Result, StoreError};
use model::{GroupTypeIndex, ProjectId};
use sqlx::PgPool;
use sqlx::postgres::PgRow;

use crate::identities::properties;
use crate::postgres::execute::{get, get_count, get_text, question};
use crate::postgres::stored_text::to_stored;

pub(crate) async fn groups_by_key(
    pool: &PgPool,
    project: ProjectId,
    keys: &[(GroupTypeIndex, String)],
) -> Result<Vec<GroupRow>> {
    let types: Vec<i16> = keys
        .iter()
        .map(|(group_type, _)| i16::from(group_type.get()))
        .collect();
    let names: Vec<String> = keys.iter().map(|(_, key)| to_stored(key).into_owned()).collect();
    let rows = sqlx::query(
        "SELECT group_type_index, group_key, created_at, group_properties, version
         FROM groups
         WHERE team_id = $1
             AND (group_type_index, group_key) IN (SELECT * FROM unnest($2::smallint[], $3::text[]))
         ORDER BY group_type_index, group_key",
    )
    .bind(project.0)
    .bind(types)
    .bind(names)
    .fetch_all(pool)
    .await
    .map_err(question)?;
    rows.iter().map(|row| group(row, project)).collect()
}

/// By key ascending; the key contains `search` as it is.
pub(crate) async fn groups(
    pool: &PgPool,
    project: ProjectId,
    group_type: GroupTypeIndex,
    search: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Vec<GroupRow>> {
    let rows = sqlx::query(
        "SELECT group_type_index, group_key, created_at, group_properties, version
         FROM groups
         WHERE team_id = $1
             AND group_type_index = $2
             AND ($3::text IS NULL OR strpos(group_key, $3::text) > 0)
         ORDER BY group_key
         LIMIT $4 OFFSET $5",
    )
    .bind(project.0)
    .bind(i16::from(group_type.get()))
    .bind(search.map(|search| to_stored(search).into_owned()))
    .bind(i64::from(limit))
    .bind(i64::from(offset))
    .fetch_all(pool)
    .await
    .map_err(question)?;
    rows.iter().map(|row| group(row, project)).collect()
}

fn group(row: &PgRow, project: ProjectId) -> Result<GroupRow> {
    let index: i16 = get(row, "group_type_index")?;
    let key = get_text(row, "group_key")?;
    Ok(GroupRow {
        project,
        group_type: u8::try_from(index)
            .ok()
            .and_then(GroupTypeIndex::new)
            .ok_or_else(|| StoreError::Failed(format!("a group has type {index}")))?,
        properties: properties(&get::<String>(row, "group_properties")?, || {
            format!("group {key:?}")
        })?,
        key,
        created_at: get::<DateTime<Utc>>(row, "created_at")?,
        version: get_count(row, "version")?,
    })
}
