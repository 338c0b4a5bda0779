//! Each actor only in the tick of its first matching event.

use insights::{ActorKind, TrendsQuery};
use sql_builder::{Select, cast, count, func, of};

use super::{Events, keys, regrouped, tick_of};
use crate::conditions::Actor;

pub(crate) fn select(query: &TrendsQuery, mut events: Events, kind: ActorKind) -> Select {
    let Actor { id, present } = events.scope.actor(kind);
    events.filters.extend(present);
    let first = func("min", [of("e", "timestamp")]);
    let actors = events
        .select([(id, "actor"), (tick_of(first, query), "tick")])
        .group_by(keys(query.breakdown.is_some(), &["actor"]));
    regrouped(actors, query, cast(count(), "double precision"))
}
