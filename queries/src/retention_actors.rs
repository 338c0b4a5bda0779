//! The actors of one row of a retention table, with the intervals in which they returned.

use event_store::{Result, StoreError};
use insights::{RetentionActor, RetentionActorsQuery};
use sql_builder::{Literal, Select, cast, func, literal, of, param, table};
use sqlx::PgPool;

use crate::postgres::execute::{get, get_text, rows};
use crate::retention::{came_back, range, returns, targets};

pub(crate) async fn retention_actors(
    pool: &PgPool,
    query: &RetentionActorsQuery,
) -> Result<Vec<RetentionActor>> {
    let Some(select) = select(query)? else {
        return Ok(Vec::new());
    };
    let mut actors = Vec::new();
    for row in rows(pool, &select).await? {
        let mut offsets = vec![0];
        for offset in get::<Vec<i64>>(&row, "offsets")? {
            offsets
                .push(usize::try_from(offset).map_err(|_| {
                    StoreError::Failed(format!("an actor returned {offset} intervals later"))
                })?);
        }
        offsets.sort_unstable();
        actors.push(RetentionActor {
            actor: get_text(&row, "actor")?,
            offsets,
        });
    }
    Ok(actors)
}

/// `None` for a question without intervals.
pub(crate) fn select(query: &RetentionActorsQuery) -> Result<Option<Select>> {
    let Some(range) = range(&query.query) else {
        return Ok(None);
    };
    let index = |index: usize| {
        i64::try_from(index).map_err(|_| StoreError::Failed(format!("there is no interval {index}")))
    };
    let after = || of("r", "at") - of("t", "base");
    let offsets = func(
        "array_remove",
        [func("array_agg", [after()]), literal(Literal::Null)],
    );
    let mut select = Select::from(
        table("targets")
            .alias("t")
            .left_join(table("returns").alias("r"), came_back()),
    )
    .with("targets", targets(&query.query, range)?)
    .with("returns", returns(&query.query, range)?)
    .column(cast(of("t", "actor"), "text"), "actor")
    .column(offsets, "offsets")
    .group_by([of("t", "actor")])
    .order_by([func("count", [of("r", "at")]).desc(), of("t", "actor").desc()])
    .limit(u64::from(query.limit))
    .offset(u64::from(query.skip));
    match (&query.query.breakdown, &query.breakdown) {
        (Some(_), Some(parts)) => select = select.filter(of("t", "part").eq(param(parts.as_slice()))),
        (Some(_), None) => {}
        (None, _) => select = select.filter(of("t", "base").eq(param(index(query.base)?))),
    }
    if let Some(offset) = query.offset.filter(|&offset| offset > 0) {
        select = select.having(func("bool_or", [after().eq(param(index(offset)?))]));
    }
    Ok(Some(select))
}
