//! Durations of `$session_id` sessions.

use chrono::{DateTime, TimeDelta, Utc};
use model::TimeRange;
use sql_builder::{Expr, From, Select, cast, func, literal, of, param, subquery, table};

/// Where the events of sessions are searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionRange {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

impl SessionRange {
    /// 24 hours beyond the range at both ends.
    pub(crate) fn around(range: TimeRange) -> Self {
        Self::between(Some(range.from), Some(range.to))
    }

    /// The same for a range with open ends.
    pub(crate) fn between(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Self {
        let day = TimeDelta::hours(24);
        Self {
            from: from.and_then(|from| from.checked_sub_signed(day)),
            to: to.and_then(|to| to.checked_add_signed(day)),
        }
    }

    pub(crate) fn everything() -> Self {
        Self { from: None, to: None }
    }
}

/// The event's session: '' when it has none.
pub(crate) fn id() -> Expr {
    of("e", "$session_id")
}

/// Joins `s.duration`: NULL for an event without session.
pub(crate) fn join(events: From, team: Expr, range: SessionRange) -> From {
    events.left_join(subquery(durations(team, range), "s"), of("s", "id").eq(id()))
}

/// Columns `id`, `duration`: whole seconds from the second of the first event to that of the last.
pub(crate) fn durations(team: Expr, range: SessionRange) -> Select {
    let second = |of_events: &'static str| {
        let instant = func(of_events, [of("e", "timestamp")]);
        func("floor", [func("date_part", [literal("epoch"), instant])])
    };
    let mut sessions = Select::from(table("events").alias("e"))
        .column(id(), "id")
        .column(cast(second("max") - second("min"), "bigint"), "duration")
        .filter(of("e", "team_id").eq(team))
        .filter(id().ne(literal("")))
        .group_by([id()]);
    if let Some(from) = range.from {
        sessions = sessions.filter(of("e", "timestamp").ge(param(from)));
    }
    if let Some(to) = range.to {
        sessions = sessions.filter(of("e", "timestamp").lt(param(to)));
    }
    sessions
}
