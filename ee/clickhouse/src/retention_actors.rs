//! The actors of one row of a retention table.

use event_store::{Result, StoreError};
use insights::{RetentionActor, RetentionActorsQuery};
use sql_builder::{Select, col, func, param, subquery};

use crate::retention::{bases, distances, part_names};
use crate::row::Rows;

/// Columns `name` and `offsets`.
pub fn retention_actors(query: &RetentionActorsQuery) -> Result<Select> {
    let index = |i: usize| i64::try_from(i).unwrap_or(i64::MAX);
    let mut select = Select::from(subquery(bases(&query.query)?, "bases"))
        .column(func("toString", [col("actor")]), "name")
        .column(func("arraySort", [distances(col("base"))]), "offsets");
    // With a breakdown every actor counts from its own first interval.
    if query.query.breakdown.is_none() {
        select = select.filter(col("base").eq(param(index(query.base))));
    }
    let parts = part_names(query.query.breakdown.as_ref());
    for (part, value) in parts.into_iter().zip(query.breakdown.iter().flatten()) {
        select = select.filter(col(part).eq(param(value.as_str())));
    }
    let mut actors = Select::from(subquery(select, "actors"))
        .expr(col("name"))
        .expr(col("offsets"));
    if let Some(offset) = query.offset {
        actors = actors.filter(func("has", [col("offsets"), param(index(offset))]));
    }
    Ok(actors
        .order_by([func("length", [col("offsets")]).desc(), col("name").desc()])
        .limit(query.limit.into())
        .offset(query.skip.into()))
}

pub fn actors(answer: &Rows) -> Result<Vec<RetentionActor>> {
    answer
        .iter()
        .map(|row| {
            let offsets: Option<Vec<_>> = row
                .ints("offsets")?
                .into_iter()
                .map(|offset| usize::try_from(offset).ok())
                .collect();
            Ok(RetentionActor {
                actor: row.text("name")?,
                offsets: offsets
                    .ok_or_else(|| StoreError::Failed("an actor returned before it came".to_owned()))?,
            })
        })
        .collect()
}
