//! Session lengths of the older kind: runs of one distinct id's events with gaps of at most thirty minutes.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::{Interval, ProjectId, TimeRange, WeekStart};

use super::Condition;

/// A run splits where more than 1800 s lie between neighbours. Its length is last - first, 0 for a single event; it belongs
/// to the interval of its first event.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionLengthsQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    pub week_start: WeekStart,
    /// Where events are looked for; what begins before the first tick counts in it.
    pub range: TimeRange,
    pub interval: Interval,
    pub ticks: Vec<DateTime<Utc>>,
    pub condition: Condition,
}

/// Sessions of one tick whose length has this many whole seconds, rounded up (so that bounds "more than a, at most b" can
/// be told).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SessionLengths {
    pub tick: usize,
    pub seconds: u64,
    pub sessions: u64,
    /// Of their lengths, in seconds with decimals.
    pub sum: f64,
}
