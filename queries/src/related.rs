//! Actors that share an event.

use event_store::{Result, StoreError};
use insights::{Actor, RelatedQuery};
use model::GroupTypeIndex;
use sql_builder::{
    Expr, JoinKind, Query, Select, and, cast, exists, literal, not, of, param, subquery, table,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::groups_join;
use crate::persons_join;
use crate::postgres::execute::{get, get_text, rows};

/// `kind` of persons; groups have their type.
const PERSON: i64 = -1;

pub(crate) async fn related(pool: &PgPool, query: &RelatedQuery) -> Result<Vec<Actor>> {
    let mut found = Vec::new();
    for row in rows(pool, &select(query)).await? {
        let (kind, actor): (i64, String) = (get(&row, "kind")?, get_text(&row, "actor")?);
        found.push(if kind == PERSON {
            Actor::Person(
                Uuid::parse_str(&actor)
                    .map_err(|error| StoreError::Failed(format!("a person's id is {actor:?}: {error}")))?,
            )
        } else {
            let group_type = u8::try_from(kind)
                .ok()
                .and_then(GroupTypeIndex::new)
                .ok_or_else(|| StoreError::Failed(format!("a group has type {kind}")))?;
            Actor::Group(group_type, actor)
        });
    }
    found.sort_unstable();
    Ok(found)
}

/// Rows of (kind, actor). The events are read once; what they share is far less.
pub(crate) fn select(query: &RelatedQuery) -> Select {
    let wanted = (0..model::GROUP_TYPES_MAX)
        .filter_map(GroupTypeIndex::new)
        .filter(|group_type| match &query.actor {
            Actor::Person(_) => true,
            Actor::Group(own, _) => group_type != own,
        });
    let persons = match &query.actor {
        Actor::Person(_) => None,
        Actor::Group(..) => Some(persons(query)),
    };
    let branches = persons
        .into_iter()
        .chain(wanted.clone().map(|group_type| groups(query, group_type)));
    Select::from(subquery(Query::union_all(branches), "r"))
        .with_materialized("shared", shared(query, wanted))
        .column(of("r", "kind"), "kind")
        .column(of("r", "actor"), "actor")
}

/// What the actor's events carry: `person`, and a column of each wanted type of group.
fn shared(query: &RelatedQuery, wanted: impl Iterator<Item = GroupTypeIndex>) -> Select {
    let (kind, of_actor) = match &query.actor {
        Actor::Person(id) => (JoinKind::Inner, of("d", "person_id").eq(param(*id))),
        Actor::Group(group_type, key) => (JoinKind::Left, groups_join::key(*group_type).eq(param(key))),
    };
    let events = Select::from(persons_join::join_mapping(table("events").alias("e"), kind))
        .distinct()
        .column(of("d", "person_id"), "person")
        .filter(of("e", "team_id").eq(param(query.project.0)))
        .filter(of("e", "timestamp").ge(param(query.since)))
        .filter(of_actor);
    wanted.fold(events, |events, group_type| {
        events.column(groups_join::key(group_type), groups_join::alias(group_type))
    })
}

fn persons(query: &RelatedQuery) -> Select {
    let lives = Select::from(table("person").alias("p")).filter(and([
        of("p", "team_id").eq(param(query.project.0)),
        of("p", "id").eq(of("f", "person")),
        not(of("p", "is_deleted")),
    ]));
    listed(query, PERSON, of("f", "person"), lives)
}

fn groups(query: &RelatedQuery, group_type: GroupTypeIndex) -> Select {
    let index = i64::from(group_type.get());
    let key = of("f", groups_join::alias(group_type));
    let known = Select::from(table("groups").alias("g")).filter(and([
        of("g", "team_id").eq(param(query.project.0)),
        of("g", "group_type_index").eq(literal(index)),
        of("g", "group_key").eq(key.clone()),
        key.clone().ne(literal("")),
    ]));
    listed(query, index, key, known)
}

/// The first of those for whom there is a row in `known`.
fn listed(query: &RelatedQuery, kind: i64, actor: Expr, known: Select) -> Select {
    let found = Select::from(table("shared").alias("f"))
        .distinct()
        .column(actor, "actor")
        .filter(exists(known.expr(literal(1))));
    Select::from(subquery(found, "l"))
        .column(cast(literal(kind), "bigint"), "kind")
        .column(cast(of("l", "actor"), "text"), "actor")
        .order_by([of("l", "actor").asc()])
        .limit(u64::from(query.limit))
}
