//! Conversion by the period of the entrance.

use event_store::Result;
use insights::{FunnelTrendsPoint, FunnelTrendsQuery};
use sql_builder::{Expr, Select, cast, col, count, func, literal, param, subquery};
use sqlx::PgPool;

use crate::funnel_chain::{self, Values, entrances, micros_of, number, time_of};
use crate::postgres::execute::{get, get_count, get_index, rows};

pub(crate) async fn funnel_trends(
    pool: &PgPool,
    query: &FunnelTrendsQuery,
) -> Result<Vec<FunnelTrendsPoint>> {
    if query.ticks.is_empty() {
        return Ok(Vec::new());
    }
    let values = funnel_chain::values(pool, &query.funnel).await?;
    let mut points = Vec::new();
    for row in rows(pool, &select(query, values.as_ref())?).await? {
        let part: i64 = get(&row, "part")?;
        let group = values.as_ref().map(|values| values.group(part)).transpose()?;
        let point = FunnelTrendsPoint {
            group,
            tick: get_index(&row, "tick")?,
            reached_from: get_count(&row, "reached_from")?,
            reached_to: get_count(&row, "reached_to")?,
        };
        points.push((part == 0, part, point));
    }
    // Listed values as they are listed, then the others.
    points.sort_by_key(|(other, part, point)| (*other, *part, point.tick));
    Ok(points.into_iter().map(|(_, _, point)| point).collect())
}

/// Rows of (part, tick, reached_from, reached_to), where anybody reached the first of the two.
pub(crate) fn select(query: &FunnelTrendsQuery, values: Option<&Values>) -> Result<Select> {
    let funnel = &query.funnel;
    let ticks = query.ticks.iter().map(|tick| micros_of(*tick, funnel.range.from));
    let tick = func(
        "width_bucket",
        [time_of(col("times"), 0)?, param(ticks.collect::<Vec<_>>())],
    );
    // A range may begin within its first tick, never before it.
    let tick = cast(func("greatest", [tick, literal(1)]) - literal(1), "bigint");
    let by_tick = Select::from(subquery(entrances(funnel, values)?, "e"))
        .expr(col("actor"))
        .expr(col("part"))
        .expr(col("reached"))
        .column(tick, "tick");
    let per_actor = Select::from(subquery(by_tick, "t"))
        .expr(col("part"))
        .expr(col("tick"))
        .column(func("max", [col("reached")]), "most")
        .group_by([col("actor"), col("part"), col("tick")]);
    let reached =
        |steps: usize| -> Result<Expr> { Ok(count().filter(col("most").ge(literal(number(steps)?)))) };
    let from = reached(query.from)?;
    Ok(Select::from(subquery(per_actor, "a"))
        .expr(col("part"))
        .expr(col("tick"))
        .column(from.clone(), "reached_from")
        .column(reached(query.to)?, "reached_to")
        .group_by([col("part"), col("tick")])
        .having(from.gt(literal(0))))
}
