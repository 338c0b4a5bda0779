//! Groups as they are now, and the groups of an event.

use std::borrow::Cow;

use model::{GroupTypeIndex, ProjectId};
use sql_builder::{Expr, From, Select, col, of, param, subquery, table};

use crate::person_query::latest;

/// Columns `group_key`, `latest` (properties) of the groups of one type.
pub fn latest_groups(project: ProjectId, group_type: GroupTypeIndex) -> Select {
    Select::from(table("groups"))
        .column(col("group_key"), "group_key")
        .column(latest("group_properties"), "latest")
        .filter(col("team_id").eq(param(project.0)))
        .filter(col("group_type_index").eq(param(group_type.get())))
        .group_by([col("group_key")])
}

/// Columns `group_key`, `created` of the groups of one type.
pub fn latest_groups_since(project: ProjectId, group_type: GroupTypeIndex) -> Select {
    Select::from(table("groups"))
        .column(col("group_key"), "group_key")
        .column(latest("created_at"), "created")
        .filter(col("team_id").eq(param(project.0)))
        .filter(col("group_type_index").eq(param(group_type.get())))
        .group_by([col("group_key")])
}

/// Keys of the groups whose properties (`latest`) pass.
pub fn groups_with(project: ProjectId, group_type: GroupTypeIndex, condition: Expr) -> Select {
    Select::from(subquery(latest_groups(project, group_type), "g"))
        .expr(col("group_key"))
        .filter(condition)
}

/// The event's key of a group of this type; '' when it has none.
pub fn group_key(group_type: GroupTypeIndex) -> Expr {
    of(
        "e",
        match group_type.get() {
            0 => "$group_0",
            1 => "$group_1",
            2 => "$group_2",
            3 => "$group_3",
            _ => "$group_4",
        },
    )
}

/// Adds the group's latest properties as `g<index>.latest`; events without the group stay, with ''.
pub fn with_group_properties(from: From, project: ProjectId, group_type: GroupTypeIndex) -> From {
    let alias = alias(group_type);
    from.left_join(
        subquery(latest_groups(project, group_type), alias.clone()),
        group_key(group_type).eq(of(alias, "group_key")),
    )
}

/// Properties of the event's group, after [`with_group_properties`].
pub fn group_properties(group_type: GroupTypeIndex) -> Expr {
    of(alias(group_type), "latest")
}

fn alias(group_type: GroupTypeIndex) -> Cow<'static, str> {
    format!("g{}", group_type.get()).into()
}
