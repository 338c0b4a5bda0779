//! Conversion rates of a funnel by the period of the entrance.

use event_store::{Result, StoreError};
use insights::{FunnelTrendsPoint, FunnelTrendsQuery};
use sql_builder::{Expr, Select, col, func, lambda, literal, subquery};

use crate::buckets::bucket;
use crate::funnel_chain::{Listed, group_at, instant, int, number, time_of};
use crate::funnel_walk::reached;
use crate::row::Rows;

/// What an actor did in a period, beside the period's number.
const ENTERED: i64 = 0;
const REACHED_FROM: i64 = 1;
const REACHED_TO: i64 = 2;
const KINDS: i64 = 3;

/// Columns `tick`, `reached_from`, `reached_to`, and `place` with a breakdown.
pub fn funnel_trends(query: &FunnelTrendsQuery, listed: &Listed) -> Result<Select> {
    let funnel = &query.funnel;
    let start = query.ticks.first().copied().unwrap_or(funnel.range.from);
    let tick = bucket(
        query.interval,
        funnel.timezone,
        start,
        instant(funnel, time_of(col("r"))),
    );
    let ticks = func("arrayMap", [lambda(["r"], tick), col("reached")]);
    let by_place = funnel.breakdown.is_some();
    let mut select = Select::from(subquery(reached(funnel, listed)?, "all_reached"))
        .column(ticks, "ticks")
        .expr(col("reached"));
    if by_place {
        select = select.expr(col("place"));
    }
    // Each actor says at most three things of a period, each once: that is all that is counted.
    let says = |kind: i64, ticks: Expr| {
        let said = col("tick") * literal(KINDS) + literal(kind);
        func("arrayMap", [lambda(["tick"], said), ticks])
    };
    let of_those = |steps: usize| {
        let enough = lambda(["tick", "r"], number(col("r")).ge(literal(int(steps))));
        func("arrayFilter", [enough, col("ticks"), col("reached")])
    };
    let said = func(
        "arrayConcat",
        [
            says(ENTERED, col("ticks")),
            says(REACHED_FROM, of_those(query.from)),
            says(REACHED_TO, of_those(query.to)),
        ],
    );
    let said = func("arrayDistinct", [said]);
    let mut said = Select::from(subquery(select, "ticked")).column(func("arrayJoin", [said]), "said");
    if by_place {
        said = said.expr(col("place"));
    }
    let times = |kind: i64| {
        let is = func("modulo", [col("said"), literal(KINDS)]).eq(literal(kind));
        func("countIf", [is])
    };
    let mut points = Select::from(subquery(said, "said_of_ticks"))
        .column(func("intDiv", [col("said"), literal(KINDS)]), "tick")
        .column(times(REACHED_FROM), "reached_from")
        .column(times(REACHED_TO), "reached_to")
        .group_by([col("tick")]);
    if by_place {
        points = points.expr(col("place")).group_by([col("place")]);
    }
    Ok(points)
}

pub fn points(query: &FunnelTrendsQuery, listed: &Listed, answer: &Rows) -> Result<Vec<FunnelTrendsPoint>> {
    let mut points = Vec::with_capacity(answer.rows.len());
    for row in answer.iter() {
        let place = if query.funnel.breakdown.is_some() {
            row.uint("place")?
        } else {
            0
        };
        let tick = row.int("tick")?;
        let tick = usize::try_from(tick)
            .ok()
            .filter(|&tick| tick < query.ticks.len())
            .ok_or_else(|| {
                StoreError::Failed(format!("a funnel has an entrance outside of its periods: {tick}"))
            })?;
        // What is not listed comes last.
        let order = (place.wrapping_sub(1), tick);
        points.push((
            order,
            FunnelTrendsPoint {
                group: group_at(&query.funnel, listed, place)?,
                tick,
                reached_from: row.uint("reached_from")?,
                reached_to: row.uint("reached_to")?,
            },
        ));
    }
    points.sort_unstable_by_key(|(order, _)| *order);
    Ok(points.into_iter().map(|(_, point)| point).collect())
}
