//! In how many intervals actors were active.

use event_store::{Result, StoreError};
use insights::{ActorKind, StickinessPoint, StickinessQuery};
use sql_builder::{Select, col, func, literal, of, param, subquery};

use crate::buckets::calendar_interval;
use crate::conditions::{Scope, Subject, person_join, within};
use crate::groups_join::group_key;
use crate::persons_join::{PersonJoin, events_with_persons};
use crate::row::Rows;

/// Columns `intervals`, `actors`.
pub fn stickiness(query: &StickinessQuery) -> Result<Select> {
    Ok(Select::from(subquery(active(query)?, "active"))
        .expr(col("intervals"))
        .column(func("count", []), "actors")
        .group_by([col("intervals")])
        .order_by([col("intervals").asc()]))
}

pub fn points(answer: &Rows) -> Result<Vec<StickinessPoint>> {
    answer
        .iter()
        .map(|row| {
            Ok(StickinessPoint {
                intervals: usize::try_from(row.uint("intervals")?)
                    .map_err(|_| StoreError::Failed("an actor was active too often to count".to_owned()))?,
                actors: row.uint("actors")?,
            })
        })
        .collect()
}

/// Columns `actor`, `intervals`.
pub fn active(query: &StickinessQuery) -> Result<Select> {
    let scope = Scope {
        project: query.project,
        timezone: query.timezone,
        sessions: query.range.into(),
        subject: Subject::Event,
    };
    let (join, actor) = match query.actor {
        ActorKind::Person => (PersonJoin::Inner, of("d", "person_id")),
        ActorKind::Group(group_type) => (person_join(&query.condition), group_key(group_type)),
    };
    let interval = calendar_interval(
        query.interval,
        query.timezone,
        query.week_start,
        query.range.from,
        of("e", "timestamp"),
    );
    let mut rows = within(
        Select::from(events_with_persons(query.project, join))
            .column(actor, "actor")
            .column(interval, "interval")
            .filter(of("e", "team_id").eq(param(query.project.0))),
        query.range,
    )
    .filter(scope.compile(&query.condition)?);
    if let ActorKind::Group(group_type) = query.actor {
        rows = rows.filter(group_key(group_type).ne(literal("")));
    }
    Ok(Select::from(subquery(rows, "rows"))
        .expr(col("actor"))
        .column(func("uniqExact", [col("interval")]), "intervals")
        .group_by([col("actor")]))
}
