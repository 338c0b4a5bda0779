//! How long actors took from one step of a funnel to another.

use event_store::Result;
use insights::{FunnelTime, FunnelTimesQuery};
use sql_builder::{Select, col, func, lambda, literal, subquery};

use crate::funnel_chain::{Listed, element, int};
use crate::funnel_walk::best;
use crate::row::Rows;

/// Columns `second`, `actors`, `total`, `longest`.
pub fn funnel_times(query: &FunnelTimesQuery) -> Result<Select> {
    // All of these entrances have all of the steps: the mean of the sums is the sum of the means.
    let time = lambda(["before", "after"], col("after") - col("before"));
    let of_step = |step: usize| element(col("chains"), step + 1);
    let mean = func("arrayAvg", [time, of_step(query.from), of_step(query.to)]);
    let best = best(&query.funnel, &Listed::new())?;
    let times = Select::from(subquery(best, "best"))
        .column(mean / literal(1e6), "seconds")
        .filter(col("steps").gt(literal(int(query.to))));
    Ok(Select::from(subquery(times, "times"))
        .column(func("toUInt64", [func("floor", [col("seconds")])]), "second")
        .column(func("count", []), "actors")
        .column(func("sum", [col("seconds")]), "total")
        .column(func("max", [col("seconds")]), "longest")
        .group_by([col("second")])
        .order_by([col("second").asc()]))
}

pub fn times(answer: &Rows) -> Result<Vec<FunnelTime>> {
    answer
        .iter()
        .map(|row| {
            Ok(FunnelTime {
                second: row.uint("second")?,
                count: row.uint("actors")?,
                sum: row.float("total")?.unwrap_or_default(),
                max: row.float("longest")?.unwrap_or_default(),
            })
        })
        .collect()
}
