//! Distinct ids: whom they belong to, and which a person has.

use event_store::{DistinctIdRow, Result};
use model::ProjectId;
use sql_builder::{Select, col, func, literal, param, subquery, table};
use uuid::Uuid;

use crate::person_query::latest;
use crate::row::Row;

/// The latest mapping of these distinct ids, deleted ones included.
pub fn mappings(project: ProjectId, distinct_ids: &[String]) -> Select {
    latest_mappings(project).filter(col("distinct_id").in_array(param(distinct_ids)))
}

/// The live mappings to these persons, by distinct id.
pub fn mappings_to(project: ProjectId, persons: &[Uuid]) -> Select {
    // A distinct id may have moved away since: its latest row decides, so all rows of the candidates are looked at.
    let candidates = Select::from(table("person_distinct_id2"))
        .expr(col("distinct_id"))
        .filter(col("team_id").eq(param(project.0)))
        .filter(col("person_id").in_array(param(persons)));
    let latest = latest_mappings(project).filter(col("distinct_id").in_query(candidates));
    Select::from(subquery(latest, "d"))
        .expr(col("distinct_id"))
        .expr(col("person"))
        .expr(col("deleted"))
        .expr(col("latest_version"))
        .filter(col("deleted").eq(literal(0)))
        .filter(col("person").in_array(param(persons)))
        .order_by([col("distinct_id").asc()])
}

pub fn mapping_row(project: ProjectId, row: Row<'_>) -> Result<DistinctIdRow> {
    Ok(DistinctIdRow {
        project,
        distinct_id: row.text("distinct_id")?,
        person_id: row.uuid("person")?,
        is_deleted: row.bool("deleted")?,
        version: row.uint("latest_version")?,
    })
}

fn latest_mappings(project: ProjectId) -> Select {
    Select::from(table("person_distinct_id2"))
        .column(col("distinct_id"), "distinct_id")
        .column(latest("person_id"), "person")
        .column(latest("is_deleted"), "deleted")
        .column(func("max", [col("version")]), "latest_version")
        .filter(col("team_id").eq(param(project.0)))
        .group_by([col("distinct_id")])
}
