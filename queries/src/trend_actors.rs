//! The actors behind one number of a trend.

use event_store::Result;
use insights::TrendActorsQuery;
use sql_builder::{Select, and, cast, col, of, subquery};
use sqlx::PgPool;

use crate::conditions::{self, Actor, Scope, within};
use crate::postgres::execute::{get_text, rows};
use crate::sessions::SessionRange;

pub(crate) async fn trend_actors(pool: &PgPool, query: &TrendActorsQuery) -> Result<Vec<String>> {
    let found = rows(pool, &select(query)?).await?;
    found.iter().map(|row| get_text(row, "actor")).collect()
}

pub(crate) fn select(query: &TrendActorsQuery) -> Result<Select> {
    let mut scope = Scope::events(query.project, query.timezone, SessionRange::around(query.range));
    let condition = conditions::condition(&query.condition, &mut scope)?;
    let Actor { id, present } = scope.actor(query.actor);
    let actors = scope
        .select()
        .distinct()
        .column(id, "actor")
        .filter(within(query.range))
        .filter(and([condition].into_iter().chain(present)));
    Ok(Select::from(subquery(actors, "a"))
        .column(cast(col("actor"), "text"), "actor")
        // The column of the sub-query, not its text: uuids are ordered as uuids, which is the order of their text.
        .order_by([of("a", "actor").asc()])
        .limit(u64::from(query.limit))
        .offset(u64::from(query.offset)))
}
