//! Persons as they are now: of each id the row with the greatest version, unless that one is deleted.

use model::ProjectId;
use sql_builder::{Expr, Select, col, func, literal, param, subquery, table};

/// Columns `id`, `latest` (properties).
pub fn latest_properties(project: ProjectId) -> Select {
    Select::from(table("person"))
        .column(col("id"), "id")
        .column(latest("properties"), "latest")
        .filter(col("team_id").eq(param(project.0)))
        .group_by([col("id")])
        .having(latest("is_deleted").eq(literal(0)))
}

/// Columns `id`, `created`.
pub fn living_since(project: ProjectId) -> Select {
    Select::from(table("person"))
        .column(col("id"), "id")
        .column(latest("created_at"), "created")
        .filter(col("team_id").eq(param(project.0)))
        .group_by([col("id")])
        .having(latest("is_deleted").eq(literal(0)))
}

/// Columns `id`, `latest`, `created`, `identified`, `deleted`, `latest_version`: deleted persons included.
pub fn latest_rows(project: ProjectId) -> Select {
    Select::from(table("person"))
        .column(col("id"), "id")
        .column(latest("properties"), "latest")
        .column(latest("created_at"), "created")
        .column(latest("is_identified"), "identified")
        .column(latest("is_deleted"), "deleted")
        .column(func("max", [col("version")]), "latest_version")
        .filter(col("team_id").eq(param(project.0)))
        .group_by([col("id")])
}

/// Ids of the persons whose properties (`latest`) pass.
pub fn persons_with(project: ProjectId, condition: Expr) -> Select {
    Select::from(subquery(latest_properties(project), "p"))
        .expr(col("id"))
        .filter(condition)
}

/// The value of `column` in the row of the greatest version.
pub fn latest(column: &'static str) -> Expr {
    func("argMax", [col(column), col("version")])
}
