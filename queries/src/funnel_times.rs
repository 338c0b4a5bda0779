//! How long actors took from one step to another.

use event_store::Result;
use insights::{FunnelTime, FunnelTimesQuery};
use sql_builder::{Select, cast, col, count, func, literal, subquery};
use sqlx::PgPool;

use crate::funnel_chain::{best_entrances, number, time_of};
use crate::postgres::execute::{get, get_count, rows};

pub(crate) async fn funnel_times(pool: &PgPool, query: &FunnelTimesQuery) -> Result<Vec<FunnelTime>> {
    rows(pool, &select(query)?)
        .await?
        .iter()
        .map(|row| {
            Ok(FunnelTime {
                second: get_count(row, "second")?,
                count: get_count(row, "count")?,
                sum: get(row, "sum")?,
                max: get(row, "max")?,
            })
        })
        .collect()
}

/// Rows of (second, count, sum, max).
///
/// All entrances of an actor that count have all the steps in question, so that the sum of the means of their times is
/// the mean of the times from the first to the last: taken of whole microseconds, it rounds nothing up to a second.
pub(crate) fn select(query: &FunnelTimesQuery) -> Result<Select> {
    let took = time_of(col("times"), query.to)? - time_of(col("times"), query.from)?;
    let mean = cast(func("avg", [took]), "double precision") / literal(1e6);
    let per_actor = Select::from(subquery(best_entrances(&query.funnel, None)?, "b"))
        .column(mean, "seconds")
        .filter(col("reached").gt(literal(number(query.to)?)))
        .group_by([col("actor")]);
    let second = cast(func("floor", [col("seconds")]), "bigint");
    let times = Select::from(subquery(per_actor, "a"))
        .expr(col("seconds"))
        .column(second, "second");
    Ok(Select::from(subquery(times, "t"))
        .expr(col("second"))
        .column(count(), "count")
        .column(func("sum", [col("seconds")]), "sum")
        .column(func("max", [col("seconds")]), "max")
        .group_by([col("second")])
        .order_by([col("second").asc()]))
}
