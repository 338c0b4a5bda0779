//! The actors behind one number of a trend.

use event_store::Result;
use insights::{ActorKind, TrendActorsQuery};
use sql_builder::{Select, col, literal, of, param};

use crate::conditions::{Scope, Subject, person_join, within};
use crate::groups_join::group_key;
use crate::persons_join::{PersonJoin, events_with_persons, person_text};

/// Column `actor`, ascending as text.
pub fn trend_actors(query: &TrendActorsQuery) -> Result<Select> {
    let (join, actor) = match query.actor {
        ActorKind::Person => (PersonJoin::Inner, person_text()),
        ActorKind::Group(group_type) => (person_join(&query.condition), group_key(group_type)),
    };
    let scope = Scope {
        project: query.project,
        timezone: query.timezone,
        sessions: query.range.into(),
        subject: Subject::Event,
    };
    let mut select = within(
        Select::from(events_with_persons(query.project, join))
            .column(actor, "actor")
            .filter(of("e", "team_id").eq(param(query.project.0))),
        query.range,
    )
    .filter(scope.compile(&query.condition)?);
    if let ActorKind::Group(group_type) = query.actor {
        select = select.filter(group_key(group_type).ne(literal("")));
    }
    Ok(select
        .group_by([col("actor")])
        .order_by([col("actor").asc()])
        .limit(query.limit.into())
        .offset(query.offset.into()))
}
