//! The person of an event, found at query time through its distinct id.

use sql_builder::{From, JoinKind, and, not, of, table};

/// `d`: the live mapping of the event's distinct id.
pub(crate) fn join_mapping(events: From, kind: JoinKind) -> From {
    events.join(
        kind,
        table("person_distinct_id2").alias("d"),
        [and([
            of("d", "team_id").eq(of("e", "team_id")),
            of("d", "distinct_id").eq(of("e", "distinct_id")),
            not(of("d", "is_deleted")),
        ])],
    )
}

/// `p`: the live person of the mapping.
pub(crate) fn join_person(mapped: From, kind: JoinKind) -> From {
    mapped.join(
        kind,
        table("person").alias("p"),
        [and([
            of("p", "team_id").eq(of("d", "team_id")),
            of("p", "id").eq(of("d", "person_id")),
            not(of("p", "is_deleted")),
        ])],
    )
}
