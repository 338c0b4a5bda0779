//! Aggregates over actors of their number of events.

use insights::Aggregate;
use sql_builder::{Select, col, func, subquery};

use super::{Key, aggregate, by, grouped, same};

pub fn count_per_actor(rows: Select, keys: Vec<Key>, how: Aggregate) -> Select {
    let names: Vec<_> = keys.iter().map(|(_, name)| *name).collect();
    let counts = by(
        Select::from(subquery(rows, "rows")),
        keys.into_iter().chain(same(&["actor"])),
    )
    .column(func("count", []), "events");
    grouped(counts, same(&names), aggregate(how, col("events")))
}
