//! The LEFT join of an event with the latest state of its group.

use model::GroupTypeIndex;
use sql_builder::{Expr, From, and, literal, of, table};

/// `g0` … `g4`.
pub(crate) fn alias(group_type: GroupTypeIndex) -> String {
    format!("g{}", group_type.get())
}

/// The event's group key: '' when it has none.
pub(crate) fn key(group_type: GroupTypeIndex) -> Expr {
    of("e", format!("$group_{}", group_type.get()))
}

pub(crate) fn join(events: From, group_type: GroupTypeIndex) -> From {
    let alias = alias(group_type);
    events.left_join(
        table("groups").alias(alias.clone()),
        and([
            of(alias.clone(), "team_id").eq(of("e", "team_id")),
            of(alias.clone(), "group_type_index").eq(literal(i64::from(group_type.get()))),
            of(alias, "group_key").eq(key(group_type)),
            key(group_type).ne(literal("")),
        ]),
    )
}
