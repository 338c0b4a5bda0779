//! Sessions: the events that carry one `$session_id`, and how long they last.

use chrono::{DateTime, TimeDelta, Utc};
use model::{ProjectId, TimeRange};
use sql_builder::{Expr, From, Select, col, func, literal, of, param, subquery, table};

/// A session may begin before the range asked for and end behind it: so far is looked.
const AROUND: TimeDelta = TimeDelta::hours(24);

/// Where the events of sessions are searched; without a bound, everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionRange {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

impl SessionRange {
    /// A day beyond these bounds.
    pub fn around(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Self {
        Self {
            from: from.and_then(|from| from.checked_sub_signed(AROUND)),
            to: to.and_then(|to| to.checked_add_signed(AROUND)),
        }
    }
}

impl std::convert::From<TimeRange> for SessionRange {
    fn from(range: TimeRange) -> Self {
        Self::around(Some(range.from), Some(range.to))
    }
}

/// Columns `session`, `duration` (whole seconds between first and last event).
pub fn durations(project: ProjectId, range: SessionRange) -> Select {
    let mut select = Select::from(table("events"))
        .column(col("$session_id"), "session")
        .column(
            func(
                "dateDiff",
                [
                    literal("second"),
                    func("min", [col("timestamp")]),
                    func("max", [col("timestamp")]),
                ],
            ),
            "duration",
        )
        .filter(col("team_id").eq(param(project.0)))
        .filter(col("$session_id").ne(literal("")))
        .group_by([col("$session_id")]);
    if let Some(from) = range.from {
        select = select.filter(col("timestamp").ge(param(from)));
    }
    if let Some(to) = range.to {
        select = select.filter(col("timestamp").lt(param(to)));
    }
    select
}

/// Ids of the sessions whose `duration` passes.
pub fn sessions_with(project: ProjectId, range: SessionRange, condition: Expr) -> Select {
    Select::from(subquery(durations(project, range), "s"))
        .expr(col("session"))
        .filter(condition)
}

pub fn session_id() -> Expr {
    of("e", "$session_id")
}

/// Adds the session's duration as `s.duration`; `s.session` is '' for events without a session.
pub fn with_sessions(from: From, project: ProjectId, range: TimeRange) -> From {
    from.left_join(
        subquery(durations(project, range.into()), "s"),
        session_id().eq(of("s", "session")),
    )
}
