//! The actors who came so far in a funnel.

use event_store::Result;
use insights::FunnelActorsQuery;
use sql_builder::{Select, cast, col, func, literal, of, param, subquery};
use sqlx::PgPool;

use crate::funnel_chain::{self, Values, entrances, micros_of, number, time_of};
use crate::postgres::execute::{get_text, rows};

pub(crate) async fn funnel_actors(pool: &PgPool, query: &FunnelActorsQuery) -> Result<Vec<String>> {
    let values = funnel_chain::values(pool, &query.funnel).await?;
    let Some(select) = select(query, values.as_ref())? else {
        return Ok(Vec::new());
    };
    let found = rows(pool, &select).await?;
    found.iter().map(|row| get_text(row, "actor")).collect()
}

/// `None` for a breakdown value that is not listed: nobody counts under it.
pub(crate) fn select(query: &FunnelActorsQuery, values: Option<&Values>) -> Result<Option<Select>> {
    let funnel = &query.funnel;
    let mut actors = Select::from(subquery(entrances(funnel, values)?, "e")).expr(col("actor"));
    if let (Some(values), Some(group)) = (values, &query.group) {
        let Some(part) = values.number(group) else {
            return Ok(None);
        };
        actors = actors.filter(col("part").eq(literal(part)));
    }
    if let Some(entrance) = query.entrance {
        let entered = time_of(col("times"), 0)?;
        let bound = |instant| literal(micros_of(instant, funnel.range.from));
        actors = actors
            .filter(entered.clone().ge(bound(entrance.from)))
            .filter(entered.lt(bound(entrance.to)));
    }
    let reached = query.reached.iter().map(|&steps| number(steps));
    let reached = param(reached.collect::<Result<Vec<_>>>()?);
    // An actor may count under several values.
    let actors = actors
        .distinct()
        .group_by([col("actor"), col("part")])
        .having(func("max", [col("reached")]).in_array(reached));
    Ok(Some(
        Select::from(subquery(actors, "a"))
            .column(cast(of("a", "actor"), "text"), "actor")
            // The column of the sub-query, not its text: uuids are ordered as uuids, which is the order of their text.
            .order_by([of("a", "actor").asc()])
            .limit(u64::from(query.limit))
            .offset(u64::from(query.offset)),
    ))
}
