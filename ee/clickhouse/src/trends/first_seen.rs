//! Cumulative uniques: each actor counts once, in the tick of its first matching event of the range.

use insights::TrendsQuery;
use sql_builder::{Select, col, func, subquery};

use super::{Key, by, same};
use crate::buckets::bucket;

pub fn first_seen(query: &TrendsQuery, rows: Select, keys: Vec<Key>) -> Select {
    let names: Vec<_> = keys.iter().map(|(_, name)| *name).collect();
    let firsts = by(
        Select::from(subquery(rows, "rows")),
        keys.into_iter().chain(same(&["actor"])),
    )
    .column(func("min", [col("at")]), "first");
    let start = query.ticks.first().copied().unwrap_or(query.range.from);
    let tick = bucket(query.interval, query.timezone, start, col("first"));
    let keys = [(tick, "tick")].into_iter().chain(same(&names));
    by(Select::from(subquery(firsts, "firsts")), keys).column(func("count", []), "value")
}
