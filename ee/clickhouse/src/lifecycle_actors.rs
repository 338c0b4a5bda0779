//! The actors with one status in one interval.

use event_store::Result;
use insights::LifecycleActorsQuery;
use sql_builder::{Select, col, func, param, subquery};

use crate::lifecycle::{actors, place};

/// Column `name`, ascending as text.
pub fn lifecycle_actors(query: &LifecycleActorsQuery) -> Result<Select> {
    Ok(Select::from(subquery(actors(&query.query)?, "actors"))
        .column(func("toString", [col("actor")]), "name")
        .filter(func(
            "has",
            [col("places"), param(place(query.tick, query.status))],
        ))
        .order_by([col("name").asc()])
        .limit(query.limit.into())
        .offset(query.offset.into()))
}
