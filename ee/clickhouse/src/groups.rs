//! Groups by key, and the list of a type.

use event_store::{GroupRow, Result, StoreError};
use model::{GroupTypeIndex, ProjectId};
use sql_builder::{Select, col, func, literal, param, table};

use crate::person_query::latest;
use crate::row::Row;

pub fn groups_by_key(project: ProjectId, group_type: GroupTypeIndex, keys: &[String]) -> Select {
    latest_rows(project, group_type).filter(col("group_key").in_array(param(keys)))
}

/// By key ascending.
pub fn groups(
    project: ProjectId,
    group_type: GroupTypeIndex,
    search: Option<&str>,
    limit: u32,
    offset: u32,
) -> Select {
    let mut select = latest_rows(project, group_type);
    if let Some(search) = search.filter(|search| !search.is_empty()) {
        select = select.filter(func("position", [col("group_key"), param(search)]).gt(literal(0)));
    }
    select
        .order_by([col("group_key").asc()])
        .limit(limit.into())
        .offset(offset.into())
}

pub fn group_row(project: ProjectId, group_type: GroupTypeIndex, row: Row<'_>) -> Result<GroupRow> {
    let key = row.text("group_key")?;
    let properties = serde_json::from_str(&row.text("latest")?).map_err(|error| {
        StoreError::Failed(format!("properties of group `{key}` are no JSON object: {error}"))
    })?;
    Ok(GroupRow {
        project,
        group_type,
        key,
        properties,
        created_at: row.time("created")?,
        version: row.uint("latest_version")?,
    })
}

fn latest_rows(project: ProjectId, group_type: GroupTypeIndex) -> Select {
    Select::from(table("groups"))
        .column(col("group_key"), "group_key")
        .column(latest("group_properties"), "latest")
        .column(latest("created_at"), "created")
        .column(func("max", [col("version")]), "latest_version")
        .filter(col("team_id").eq(param(project.0)))
        .filter(col("group_type_index").eq(param(group_type.get())))
        .group_by([col("group_key")])
}
