//! In how many intervals actors were active.

use event_store::Result;
use insights::{StickinessPoint, StickinessQuery};
use model::{Interval, WeekStart};
use sql_builder::{Expr, Select, Unit, and, col, count, func, interval, literal, of, param, subquery};
use sqlx::PgPool;

use crate::conditions::{self, Actor, Scope, within};
use crate::postgres::execute::{get_count, get_index, rows};
use crate::sessions::SessionRange;

pub(crate) async fn stickiness(pool: &PgPool, query: &StickinessQuery) -> Result<Vec<StickinessPoint>> {
    let found = rows(pool, &select(query)?).await?;
    found
        .iter()
        .map(|row| {
            Ok(StickinessPoint {
                intervals: get_index(row, "intervals")?,
                actors: get_count(row, "actors")?,
            })
        })
        .collect()
}

pub(crate) fn select(query: &StickinessQuery) -> Result<Select> {
    Ok(Select::from(subquery(active(query)?, "a"))
        .column(col("intervals"), "intervals")
        .column(count(), "actors")
        .group_by([col("intervals")])
        .order_by([col("intervals").asc()]))
}

/// Rows of (actor, intervals).
pub(crate) fn active(query: &StickinessQuery) -> Result<Select> {
    let mut scope = Scope::events(query.project, query.timezone, SessionRange::around(query.range));
    let condition = conditions::condition(&query.condition, &mut scope)?;
    let Actor { id, present } = scope.actor(query.actor);
    Ok(scope
        .select()
        .filter(within(query.range))
        .filter(and([condition].into_iter().chain(present)))
        .column(id.clone(), "actor")
        .column(
            func("count", [interval_of(of("e", "timestamp"), query)]).distinct(),
            "intervals",
        )
        .group_by([id]))
}

/// What the instants of one interval have in common. Hours are told by instants, as one may come twice on a local clock;
/// the others by local dates.
fn interval_of(instant: Expr, query: &StickinessQuery) -> Expr {
    let zone = || param(query.timezone.name());
    let local = func("timezone", [zone(), instant.clone()]);
    let truncated = |unit: &'static str, local: Expr| func("date_trunc", [literal(unit), local]);
    match query.interval {
        Interval::Hour => func("date_trunc", [literal("hour"), instant, zone()]),
        Interval::Day => truncated("day", local),
        Interval::Week => match query.week_start {
            WeekStart::Monday => truncated("week", local),
            WeekStart::Sunday => truncated("week", local + interval(1, Unit::Day)),
        },
        Interval::Month => truncated("month", local),
    }
}
