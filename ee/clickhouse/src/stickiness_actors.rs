//! The actors that were active in so many intervals.

use event_store::Result;
use insights::StickinessActorsQuery;
use sql_builder::{Select, col, func, param, subquery};

use crate::stickiness::active;

/// Column `name`, ascending as text.
pub fn stickiness_actors(query: &StickinessActorsQuery) -> Result<Select> {
    let intervals = i64::try_from(query.intervals).unwrap_or(i64::MAX);
    Ok(Select::from(subquery(active(&query.query)?, "active"))
        .column(func("toString", [col("actor")]), "name")
        .filter(col("intervals").eq(param(intervals)))
        .order_by([col("name").asc()])
        .limit(query.limit.into())
        .offset(query.offset.into()))
}
