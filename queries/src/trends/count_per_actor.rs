//! How many events each actor had, aggregated over the actors.

use insights::{ActorKind, Aggregate, TrendsQuery};
use sql_builder::{Expr, Select, cast, col, count};

use super::{Events, aggregated, keys, regrouped};
use crate::conditions::Actor;

pub(crate) fn select(
    query: &TrendsQuery,
    mut events: Events,
    tick: Expr,
    kind: ActorKind,
    aggregate: Aggregate,
) -> Select {
    let Actor { id, present } = events.scope.actor(kind);
    events.filters.extend(present);
    let per_actor = events
        .select([
            (tick, "tick"),
            (id, "actor"),
            (cast(count(), "double precision"), "x"),
        ])
        .group_by(keys(query.breakdown.is_some(), &["tick", "actor"]));
    regrouped(per_actor, query, aggregated(aggregate, col("x")))
}
