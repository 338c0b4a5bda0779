//! The actors with one status in one interval.

use event_store::{Result, StoreError};
use insights::LifecycleActorsQuery;
use sql_builder::{Select, cast, of, param};
use sqlx::PgPool;

use crate::lifecycle::{active, answered, statuses};
use crate::postgres::execute::{get_text, rows};

pub(crate) async fn lifecycle_actors(pool: &PgPool, query: &LifecycleActorsQuery) -> Result<Vec<String>> {
    let found = rows(pool, &select(query)?).await?;
    found.iter().map(|row| get_text(row, "actor")).collect()
}

pub(crate) fn select(query: &LifecycleActorsQuery) -> Result<Select> {
    let tick = i64::try_from(query.tick)
        .map_err(|_| StoreError::Failed(format!("there is no interval {}", query.tick)))?;
    Ok(Select::from(statuses())
        .with("active", active(&query.query)?)
        .column(cast(of("s", "actor"), "text"), "actor")
        .filter(answered(&query.query))
        .filter(of("s", "tick").eq(param(tick)))
        .filter(of("s", "status").eq(param(query.status.name())))
        .order_by([of("s", "actor").asc()])
        .limit(u64::from(query.limit))
        .offset(u64::from(query.offset)))
}
