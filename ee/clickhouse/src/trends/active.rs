//! Rolling actives: distinct actors of the days that end with a tick's day.

use insights::TrendsQuery;
use sql_builder::{Select, and, col, func, lambda, param, subquery};

use super::{Key, by, same};
use crate::buckets::day_number;

/// Each (actor, day) is counted on the ticks whose window holds the day. `tick` is the day number of the tick.
pub fn rolling(query: &TrendsQuery, rows: Select, keys: Vec<Key>, days: u32) -> Select {
    let names: Vec<_> = keys.iter().map(|(_, name)| *name).collect();
    let person_days = by(
        Select::from(subquery(rows, "rows")),
        keys.into_iter().chain(same(&["actor", "day"])),
    );
    let covers = and([
        col("t").ge(col("day")),
        col("t").lt(col("day") + param(i64::from(days))),
    ]);
    let ticks = func("arrayFilter", [lambda(["t"], covers), param(tick_days(query))]);
    let mut spread = Select::from(subquery(person_days, "days")).column(func("arrayJoin", [ticks]), "tick");
    for name in &names {
        spread = spread.expr(col(*name));
    }
    let spread = spread.expr(col("actor"));
    let keys = same(&["tick"]).into_iter().chain(same(&names));
    by(Select::from(subquery(spread, "spread")), keys).column(func("uniqExact", [col("actor")]), "value")
}

/// Days since the epoch of the local days that the ticks start.
pub fn tick_days(query: &TrendsQuery) -> Vec<i64> {
    query
        .ticks
        .iter()
        .map(|tick| day_number(tick.with_timezone(&query.timezone).date_naive()))
        .collect()
}
