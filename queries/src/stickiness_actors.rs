//! The actors that were active in so many intervals.

use event_store::{Result, StoreError};
use insights::StickinessActorsQuery;
use sql_builder::{Select, cast, of, param, subquery};
use sqlx::PgPool;

use crate::postgres::execute::{get_text, rows};
use crate::stickiness::active;

pub(crate) async fn stickiness_actors(pool: &PgPool, query: &StickinessActorsQuery) -> Result<Vec<String>> {
    let found = rows(pool, &select(query)?).await?;
    found.iter().map(|row| get_text(row, "actor")).collect()
}

pub(crate) fn select(query: &StickinessActorsQuery) -> Result<Select> {
    let intervals = i64::try_from(query.intervals)
        .map_err(|_| StoreError::Failed(format!("nobody is active in {} intervals", query.intervals)))?;
    Ok(Select::from(subquery(active(&query.query)?, "a"))
        .column(cast(of("a", "actor"), "text"), "actor")
        .filter(of("a", "intervals").eq(param(intervals)))
        .order_by([of("a", "actor").asc()])
        .limit(u64::from(query.limit))
        .offset(u64::from(query.offset)))
}
