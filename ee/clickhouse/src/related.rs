//! Actors that share an event.

use event_store::{Result, StoreError};
use insights::{Actor, RelatedQuery};
use model::{GROUP_TYPES_MAX, GroupTypeIndex};
use sql_builder::{Query, Select, col, func, literal, of, param, subquery};

use crate::groups_join::{group_key, latest_groups};
use crate::person_query::latest_properties;
use crate::persons_join::{PersonJoin, events_with_persons, live_mappings, person_text};
use crate::row::Rows;

/// `kind` of persons; groups have their type.
const PERSON: i64 = -1;

/// Columns `kind`, `actor`.
pub fn related(query: &RelatedQuery) -> Select {
    let types = (0..GROUP_TYPES_MAX).filter_map(GroupTypeIndex::new);
    let branches: Vec<_> = match &query.actor {
        Actor::Person(_) => types.map(|group_type| groups(query, group_type)).collect(),
        Actor::Group(own, _) => std::iter::once(persons(query))
            .chain(
                types
                    .filter(|group_type| group_type != own)
                    .map(|group_type| groups(query, group_type)),
            )
            .collect(),
    };
    Select::from(subquery(Query::union_all(branches), "related"))
        .expr(col("kind"))
        .expr(col("actor"))
}

pub fn actors(answer: &Rows) -> Result<Vec<Actor>> {
    let mut found = Vec::with_capacity(answer.rows.len());
    for row in answer.iter() {
        let (kind, actor) = (row.int("kind")?, row.text("actor")?);
        found.push(if kind == PERSON {
            Actor::Person(
                actor
                    .parse()
                    .map_err(|error| StoreError::Failed(format!("a person has the id `{actor}`: {error}")))?,
            )
        } else {
            let group_type = u8::try_from(kind)
                .ok()
                .and_then(GroupTypeIndex::new)
                .ok_or_else(|| StoreError::Failed(format!("a group has the type {kind}")))?;
            Actor::Group(group_type, actor)
        });
    }
    found.sort_unstable();
    Ok(found)
}

fn persons(query: &RelatedQuery) -> Select {
    let living = Select::from(subquery(latest_properties(query.project), "p")).expr(col("id"));
    branch(
        query,
        events(query, PersonJoin::Inner)
            .column(person_text(), "actor")
            .filter(of("d", "person_id").in_query(living)),
        literal(PERSON),
    )
}

fn groups(query: &RelatedQuery, group_type: GroupTypeIndex) -> Select {
    let known = Select::from(subquery(latest_groups(query.project, group_type), "g")).expr(col("group_key"));
    branch(
        query,
        events(query, PersonJoin::None)
            .column(group_key(group_type), "actor")
            .filter(group_key(group_type).ne(literal("")))
            .filter(group_key(group_type).in_query(known)),
        literal(i64::from(group_type.get())),
    )
}

/// Each of `actors` once; the first so many.
fn branch(query: &RelatedQuery, actors: Select, kind: sql_builder::Expr) -> Select {
    let found = Select::from(subquery(actors, "found"))
        .expr(col("actor"))
        .group_by([col("actor")])
        .order_by([col("actor").asc()])
        .limit(query.limit.into());
    Select::from(subquery(found, "listed"))
        .column(func("toInt64", [kind]), "kind")
        .expr(col("actor"))
}

/// The events of the actor.
fn events(query: &RelatedQuery, join: PersonJoin) -> Select {
    let of_actor = match &query.actor {
        Actor::Person(id) => of("e", "distinct_id").in_query(
            Select::from(subquery(live_mappings(query.project), "m"))
                .expr(col("distinct_id"))
                .filter(of("m", "person_id").eq(param(*id))),
        ),
        Actor::Group(group_type, key) => group_key(*group_type).eq(param(key)),
    };
    Select::from(events_with_persons(query.project, join))
        .filter(of("e", "team_id").eq(param(query.project.0)))
        .filter(of("e", "timestamp").ge(param(query.since)))
        .filter(of_actor)
}
