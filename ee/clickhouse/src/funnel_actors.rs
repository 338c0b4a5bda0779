//! The actors behind one number of a funnel.

use event_store::Result;
use insights::FunnelActorsQuery;
use sql_builder::{Select, and, col, func, lambda, literal, param, subquery};

use crate::funnel_chain::{Listed, int, place_of, time_of};
use crate::funnel_walk::{most, reached};

/// Column `name`, ascending.
pub fn funnel_actors(query: &FunnelActorsQuery, listed: &Listed) -> Result<Select> {
    let funnel = &query.funnel;
    let by_place = funnel.breakdown.is_some();
    let mut all = reached(funnel, listed)?;
    if let Some(period) = query.entrance {
        let since = |at: chrono::DateTime<chrono::Utc>| {
            param((at - funnel.range.from).num_microseconds().unwrap_or(i64::MAX))
        };
        let entered = || time_of(col("r"));
        let inside = and([entered().ge(since(period.from)), entered().lt(since(period.to))]);
        let inside = func("arrayFilter", [lambda(["r"], inside), col("reached")]);
        let mut select = Select::from(subquery(all, "unbounded"))
            .expr(col("actor"))
            .column(inside, "inside");
        if by_place {
            select = select.expr(col("place"));
        }
        all = Select::from(subquery(select, "bounded"))
            .expr(col("actor"))
            .column(col("inside"), "reached")
            .filter(func("notEmpty", [col("inside")]));
        if by_place {
            all = all.expr(col("place"));
        }
    }
    let steps: Vec<_> = query.reached.iter().copied().map(int).collect();
    let mut select = Select::from(subquery(all, "all_reached"))
        .column(func("toString", [col("actor")]), "name")
        .filter(most().in_array(param(steps)));
    if by_place {
        select = match &query.group {
            // What is not listed is nobody's value.
            Some(group) => match place_of(group, listed) {
                Some(place) => select.filter(col("place").eq(literal(place))),
                None => select.filter(literal(false)),
            },
            None => select.group_by([col("name")]),
        };
    }
    Ok(select
        .order_by([col("name").asc()])
        .limit(query.limit.into())
        .offset(query.offset.into()))
}
