//! Lifecycle: whether those active were new, came back, or stayed.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::{Interval, ProjectId, TimeRange, WeekStart};

use super::{ActorKind, Condition};

/// An actor with a matching event in interval i is *new* if it was created in i (person's or group's `created_at`), else
/// *returning* if active in i-1, else *resurrecting*. If active in i and not in i+1, it is *dormant* in i+1.
#[derive(Clone, Debug, PartialEq)]
pub struct LifecycleQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    pub week_start: WeekStart,
    pub interval: Interval,
    /// Intervals answered.
    pub ticks: Vec<DateTime<Utc>>,
    /// Where events are looked for: from one interval before the first tick to the end of the last one.
    pub range: TimeRange,
    pub condition: Condition,
    /// Actors that do not exist (no live person, no known group) do not count.
    pub actor: ActorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LifecycleStatus {
    New,
    Returning,
    Resurrecting,
    Dormant,
}

impl LifecycleStatus {
    /// In the order of answers.
    pub const ALL: [Self; 4] = [Self::New, Self::Returning, Self::Resurrecting, Self::Dormant];

    /// As requests and answers name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Returning => "returning",
            Self::Resurrecting => "resurrecting",
            Self::Dormant => "dormant",
        }
    }
}

/// A sparse answer row.
#[derive(Clone, Debug, PartialEq)]
pub struct LifecyclePoint {
    pub status: LifecycleStatus,
    /// Index into `ticks`.
    pub tick: usize,
    /// Actors; positive for dormant ones too.
    pub count: u64,
}

/// Ordered by actor ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct LifecycleActorsQuery {
    pub query: LifecycleQuery,
    pub status: LifecycleStatus,
    pub tick: usize,
    pub limit: u32,
    pub offset: u32,
}
