//! Stickiness: in how many intervals actors were active.

use chrono_tz::Tz;
use model::{Interval, ProjectId, TimeRange, WeekStart};

use super::{ActorKind, Condition};

#[derive(Clone, Debug, PartialEq)]
pub struct StickinessQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    pub week_start: WeekStart,
    /// May begin and end within an interval: intervals are the local hours, days, weeks and months of the calendar.
    pub range: TimeRange,
    pub interval: Interval,
    pub condition: Condition,
    pub actor: ActorKind,
}

/// `actors` were active in exactly `intervals` (1 or more) intervals. Sparse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StickinessPoint {
    pub intervals: usize,
    pub actors: u64,
}

/// Ordered by actor ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct StickinessActorsQuery {
    pub query: StickinessQuery,
    pub intervals: usize,
    pub limit: u32,
    pub offset: u32,
}
