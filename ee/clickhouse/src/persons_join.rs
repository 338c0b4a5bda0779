//! The person of an event: found through the latest mapping of its distinct id, at query time.

use model::ProjectId;
use sql_builder::{From, Select, col, func, literal, of, param, subquery, table};

use crate::person_query::{latest, latest_properties};

/// How the events of a query meet their persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonJoin {
    None,
    /// Events without a person stay, with the zero uuid.
    Left,
    /// Events without a person go.
    Inner,
}

/// Columns `distinct_id`, `person_id` of the live mappings.
pub fn live_mappings(project: ProjectId) -> Select {
    Select::from(table("person_distinct_id2"))
        .column(col("distinct_id"), "distinct_id")
        .column(latest("person_id"), "person_id")
        .filter(col("team_id").eq(param(project.0)))
        .group_by([col("distinct_id")])
        .having(latest("is_deleted").eq(literal(0)))
}

/// `events AS e`, with the mapping as `d` where asked for.
pub fn events_with_persons(project: ProjectId, join: PersonJoin) -> From {
    let events = table("events").alias("e");
    let mappings = || subquery(live_mappings(project), "d");
    let on = of("e", "distinct_id").eq(of("d", "distinct_id"));
    match join {
        PersonJoin::None => events,
        PersonJoin::Left => events.left_join(mappings(), on),
        PersonJoin::Inner => events.inner_join(mappings(), on),
    }
}

/// Adds the person's latest properties as `p.latest`; events whose person is gone go too.
pub fn with_person_properties(from: From, project: ProjectId) -> From {
    from.inner_join(
        subquery(latest_properties(project), "p"),
        of("d", "person_id").eq(of("p", "id")),
    )
}

/// The person of the row as text.
pub fn person_text() -> sql_builder::Expr {
    func("toString", [of("d", "person_id")])
}
