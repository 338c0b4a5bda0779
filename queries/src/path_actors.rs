//! The actors who took a step of a path.

use event_store::Result;
use insights::PathActorsQuery;
use sql_builder::{Select, and, cast, col, func, of, param, subquery};
use sqlx::PgPool;

use crate::paths::{self, Rewritten, nodes};
use crate::postgres::execute::{get_text, rows};

pub(crate) async fn path_actors(pool: &PgPool, query: &PathActorsQuery) -> Result<Vec<String>> {
    let rewritten = paths::rewritten(pool, &query.paths).await?;
    let found = rows(pool, &select(query, rewritten.as_ref())?).await?;
    found.iter().map(|row| get_text(row, "actor")).collect()
}

pub(crate) fn select(query: &PathActorsQuery, rewritten: Option<&Rewritten>) -> Result<Select> {
    let is = |name: &'static str, node: &String| col(name).eq(param(node));
    let mut visits = Select::from(subquery(nodes(&query.paths, rewritten)?, "n"))
        .distinct()
        .expr(col("actor"))
        .group_by([col("actor"), col("visit")]);
    let edge = match (&query.from, &query.to) {
        (None, None) => None,
        (Some(from), None) => Some(and([is("node", from), col("next_node").is_not_null()])),
        (None, Some(to)) => Some(is("next_node", to)),
        (Some(from), Some(to)) => Some(and([is("node", from), is("next_node", to)])),
    };
    let last = query
        .dropoff
        .as_ref()
        .map(|node| and([is("node", node), col("next_node").is_null()]));
    for asked in [edge, last].into_iter().flatten() {
        visits = visits.having(func("bool_or", [asked]));
    }
    Ok(Select::from(subquery(visits, "a"))
        .column(cast(of("a", "actor"), "text"), "actor")
        // The column of the sub-query, not its text: uuids are ordered as uuids, which is the order of their text.
        .order_by([of("a", "actor").asc()])
        .limit(u64::from(query.limit))
        .offset(u64::from(query.offset)))
}
