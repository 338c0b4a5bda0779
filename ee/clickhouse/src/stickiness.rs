//! In how many intervals actors were active.

use event_store::{Result, StoreError};
use insights::{StickinessPoint, StickinessQuery};
use sql_builder::{Select, col, func, of, subquery};

use crate::buckets::calendar_interval;
use crate::conditions::events_of_actors;
use crate::row::Rows;

/// Columns `intervals`, `actors`.
pub fn stickiness(query: &StickinessQuery) -> Result<Select> {
    Ok(Select::from(subquery(active(query)?, "active"))
        .expr(col("intervals"))
        .column(func("count", []), "actors")
        .group_by([col("intervals")])
        .order_by([col("intervals").asc()]))
}

pub fn points(answer: &Rows) -> Result<Vec<StickinessPoint>> {
    answer
        .iter()
        .map(|row| {
            Ok(StickinessPoint {
                intervals: usize::try_from(row.uint("intervals")?)
                    .map_err(|_| StoreError::Failed("an actor was active too often to count".to_owned()))?,
                actors: row.uint("actors")?,
            })
        })
        .collect()
}

/// Columns `actor`, `intervals`.
pub fn active(query: &StickinessQuery) -> Result<Select> {
    let interval = calendar_interval(
        query.interval,
        query.timezone,
        query.week_start,
        query.range.from,
        of("e", "timestamp"),
    );
    let rows = events_of_actors(
        (query.project, query.timezone),
        query.range,
        query.actor,
        &query.condition,
    )?
    .column(interval, "interval");
    Ok(Select::from(subquery(rows, "rows"))
        .expr(col("actor"))
        .column(func("uniqExact", [col("interval")]), "intervals")
        .group_by([col("actor")]))
}
