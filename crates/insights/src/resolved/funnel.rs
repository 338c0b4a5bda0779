//! Funnels: who reached which step, how fast, when, and what those had in common who did.
//!
//! One rule for all of them. The events of an actor that match step 0 are its *entrances* (each event is one). From an
//! entrance at `t0` the chain goes on so:
//! - ordered: `t[k]` is the earliest event of step k strictly later than `t[k-1]`;
//! - strict: as ordered, but no event of [`FunnelQuery::between`] may lie strictly between `t[k-1]` and `t[k]`
//!   (simultaneous events are neither before nor after each other);
//! - unordered: every step i takes its turn to be the entrance; `t[j]` of each other step j is its earliest event strictly
//!   later than the entrance; the times reached, sorted, are the chain.
//!
//! `t[k]` is *reached* when it is at most `t0` + window, and everything before it was reached. An exclusion discards an
//! entrance when an excluded event lies strictly after `t[from_step]` and strictly before `t[to_step]`, or before
//! `t[from_step]` + window when `to_step` was not reached; it says nothing when `from_step` was not reached. (Unordered:
//! only from the entrance to the last time of a complete chain, or else to the entrance + window.) An actor's steps are the
//! most that one of its entrances reached; an actor without an entrance left is not in the funnel at all.
//!
//! Times between steps are seconds `t[k] - t[k-1]` over those entrances of an actor that reached its most.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use model::{Interval, ProjectId, TimeRange, WeekStart};

use super::{ActorKind, Condition, PropertySource};

#[derive(Clone, Debug, PartialEq)]
pub struct FunnelQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    /// All events of the funnel lie in it, those of the last step and the excluded ones too.
    pub range: TimeRange,
    pub actor: ActorKind,
    pub order: FunnelOrder,
    pub window: ConversionWindow,
    /// At least one; global filters are part of each.
    pub steps: Vec<Condition>,
    /// What may not come in between: the global filters. Read by [`FunnelOrder::Strict`] only.
    pub between: Condition,
    /// Empty when strict.
    pub exclusions: Vec<FunnelExclusion>,
    pub breakdown: Option<FunnelBreakdown>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunnelOrder {
    Ordered,
    Strict,
    Unordered,
}

/// How long after the entrance a step may come, the end included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConversionWindow {
    /// Positive.
    Span(TimeDelta),
    /// Calendar months in UTC; the day is clamped to the end of the month.
    Months(u32),
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunnelExclusion {
    pub condition: Condition,
    /// `from_step < to_step`, both 0-based steps.
    pub from_step: usize,
    pub to_step: usize,
}

/// The funnel is computed apart for each value; one actor may count in several.
///
/// The value of an event is the list of the text forms of `keys`, '' for an absent one. The values listed are the `limit`
/// most frequent (by number of events, ties by value ascending; the list of no text at all counts like any other) among
/// the events of: all steps (first and last touch), those that can be an entrance (all events: step 0, unordered all
/// steps), the step named (step). Others are one value together, [`FunnelGroup::Other`]; what the attribution picks is
/// picked among the values themselves. Events without an actor are not counted here either; by properties of persons,
/// events without a live person are not there.
#[derive(Clone, Debug, PartialEq)]
pub struct FunnelBreakdown {
    pub source: PropertySource,
    pub keys: Vec<String>,
    pub attribution: Attribution,
    pub limit: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribution {
    /// All of the actor's events count under the value of its earliest step event whose value has any text; none has: ''s.
    /// Among simultaneous ones the smallest value.
    FirstTouch,
    /// As first touch, with the latest event (among simultaneous ones the greatest value).
    LastTouch,
    /// Each event counts under its own value: a chain, its exclusions and what may not come between (strict) carry one.
    AllEvents,
    /// All of the actor's events count under each of the values that its events of this step have.
    Step(usize),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FunnelGroup {
    /// A text for each key.
    Value(Vec<String>),
    Other,
}

/// A funnel, or that of one breakdown value.
#[derive(Clone, Debug, PartialEq)]
pub struct FunnelSteps {
    /// `None` without a breakdown.
    pub group: Option<FunnelGroup>,
    /// One a step. (A group nobody entered is absent; without a breakdown there is always one row, perhaps of zeros.)
    pub steps: Vec<FunnelStep>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FunnelStep {
    /// Actors that reached this step or more.
    pub count: u64,
    /// Seconds since the step before: the mean over actors of their means. `None` for step 0, and where nobody came.
    pub average: Option<f64>,
    /// The median (interpolated) over actors of their medians.
    pub median: Option<f64>,
}

/// Rates by the period of the entrance: per period and actor, the most steps that an entrance of the period reached. Points
/// where nobody reached `from` are absent.
#[derive(Clone, Debug, PartialEq)]
pub struct FunnelTrendsQuery {
    pub funnel: FunnelQuery,
    pub week_start: WeekStart,
    pub interval: Interval,
    pub ticks: Vec<DateTime<Utc>>,
    /// 1-based numbers of steps that one must have reached to count at all, and to count as converted.
    pub from: usize,
    pub to: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunnelTrendsPoint {
    pub group: Option<FunnelGroup>,
    pub tick: usize,
    pub reached_from: u64,
    pub reached_to: u64,
}

/// How long actors took: per actor the sum of its mean times of steps `from + 1 ..= to` (0-based), for those actors that
/// reached `to`. The funnel has no breakdown.
#[derive(Clone, Debug, PartialEq)]
pub struct FunnelTimesQuery {
    pub funnel: FunnelQuery,
    pub from: usize,
    pub to: usize,
}

/// The actors whose time has this many whole seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FunnelTime {
    pub second: u64,
    pub count: u64,
    /// Of their times, in seconds.
    pub sum: f64,
    pub max: f64,
}

/// Ordered by actor ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct FunnelActorsQuery {
    pub funnel: FunnelQuery,
    /// Only those of this breakdown value.
    pub group: Option<FunnelGroup>,
    /// Numbers of steps reached at most (1-based) that count: `[2, 3]` of three steps is "at least two".
    pub reached: Vec<usize>,
    /// Only entrances within it.
    pub entrance: Option<TimeRange>,
    pub limit: u32,
    pub offset: u32,
}

/// What those who went through have in common. The funnel has no breakdown. *Converted*: reached all steps.
///
/// An actor's time runs from its earliest entrance among those that reached its most, to the last time of that chain when
/// converted, else to that entrance + window; both ends exclusive. (Unordered entrances at one time may differ: that with
/// the least times, compared in order, counts.) Events in it lie within the funnel's range; its global filters are no matter
/// to them.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationQuery {
    pub funnel: FunnelQuery,
    pub of: CorrelationOf,
}

impl CorrelationQuery {
    /// An item of so many actors always says something.
    pub const ACTORS_ENOUGH: u32 = 25;
    /// As does one of so many in a hundred of all actors in the funnel.
    pub const PERCENT_ENOUGH: u32 = 2;
    /// Combinations of event, key and value that occur (as events) less often say nothing.
    pub const OCCURRENCES_MIN: u32 = 3;

    /// Items of fewer of all the `actors` in the funnel say nothing: a share of them, rounded up, at most
    /// [`Self::ACTORS_ENOUGH`].
    pub fn actors_min(actors: u64) -> u64 {
        actors
            .saturating_mul(Self::PERCENT_ENOUGH.into())
            .div_ceil(100)
            .min(Self::ACTORS_ENOUGH.into())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum CorrelationOf {
    /// Names of the events in the actor's time; events that match a step do not count, nor do those of these names.
    Events { excluded: Vec<String> },
    /// Text forms of the actor's own latest properties (of the person or the group).
    Properties {
        /// `None`: all keys.
        names: Option<Vec<String>>,
        excluded: Vec<String>,
    },
    /// (event, key, text form) of the events of these names in the actor's time, those that match a step left out. For
    /// `$autocapture` the key is `elements_chain` and the value `<$event_type>__~~__<elements chain>`, nothing else.
    /// Combinations that occur (as events) less than [`CorrelationQuery::OCCURRENCES_MIN`] times are left out.
    EventProperties {
        events: Vec<String>,
        excluded_keys: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    pub converted: u64,
    pub lost: u64,
    /// Distinct actors by what they did or have; those of fewer than [`CorrelationQuery::actors_min`] may be left out.
    pub items: Vec<CorrelationItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationItem {
    /// Event; '' for properties of actors.
    pub event: String,
    /// '' for events.
    pub key: String,
    pub value: String,
    pub converted: u64,
    pub lost: u64,
}

/// Ordered by actor ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationActorsQuery {
    pub funnel: FunnelQuery,
    /// Only those that converted, or only those that did not.
    pub converted: Option<bool>,
    /// Only those that did such an event (no step itself) in their time. `Condition::All([])`: everybody in the funnel.
    pub did: Option<Condition>,
    /// Only those whose latest properties have all of these (key, text form).
    pub has: Vec<(String, String)>,
    pub limit: u32,
    pub offset: u32,
}

/// The part of each actor's time, relative to a funnel, that paths look at.
///
/// Of the chain of the actor's earliest entrance among those that reached its most; `step` is 0-based. Actors whose chain did
/// not come to that step are left out. The funnel has no breakdown.
#[derive(Clone, Debug, PartialEq)]
pub struct FunnelPart {
    pub funnel: FunnelQuery,
    /// As in [`FunnelActorsQuery`]: which actors.
    pub reached: Vec<usize>,
    pub at: FunnelPlace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunnelPlace {
    /// Events up to that step's time, that event included.
    Before(usize),
    /// From the step before it to it, both included.
    Between(usize),
    /// From that step's time on, that event included.
    After(usize),
}
