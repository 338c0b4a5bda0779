//! Resolved queries: what the stores are asked. Nothing here is optional to interpret; every store must give the same rows.
//!
//! Text of a property value ("text form"), the left side of most tests: a JSON string is its decoded characters; a number,
//! boolean, null, array or object is its compact JSON text (`1.0` is `1`); an absent key has no text.

mod funnel;
mod lifecycle;
mod paths;
mod related;
mod session_lengths;
mod stickiness;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use model::{CohortId, GroupTypeIndex, Interval, ProjectId, TimeRange, WeekStart};
use uuid::Uuid;

pub use funnel::{
    Attribution, ConversionWindow, Correlation, CorrelationActorsQuery, CorrelationItem, CorrelationOf,
    CorrelationQuery, FunnelActorsQuery, FunnelBreakdown, FunnelExclusion, FunnelGroup, FunnelOrder,
    FunnelPart, FunnelPlace, FunnelQuery, FunnelStep, FunnelSteps, FunnelTime, FunnelTimesQuery,
    FunnelTrendsPoint, FunnelTrendsQuery,
};
pub use lifecycle::{LifecycleActorsQuery, LifecyclePoint, LifecycleQuery, LifecycleStatus};
pub use paths::{PathActorsQuery, PathEdge, PathRewrite, PathsQuery};
pub use related::{Actor, RelatedQuery};
pub use session_lengths::{SessionLengths, SessionLengthsQuery};
pub use stickiness::{StickinessActorsQuery, StickinessPoint, StickinessQuery};

/// A condition on one event (and, through it, on its person and groups).
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All hold; the empty list holds.
    All(Vec<Condition>),
    /// Any holds; the empty list does not.
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The event's name.
    EventName(String),
    /// The event's name does not begin with `$`.
    CustomEvent,
    Property {
        source: PropertySource,
        key: String,
        test: PropertyTest,
    },
    /// The event's elements chain.
    Elements(ElementTest),
    /// The event carries a non-empty key of this group type.
    InGroup(GroupTypeIndex),
    /// The event carries exactly this key of this group type.
    GroupIs(GroupTypeIndex, String),
    /// The event's person is in the set.
    Person(PersonSet),
    DistinctId(String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum PersonSet {
    /// Rows of person_static_cohort.
    StaticCohort(CohortId),
    /// These persons.
    Ids(Vec<Uuid>),
    /// Did matching events within the range, so many times. `count` never allows 0: "did not" is `Not` of this.
    Performed {
        events: Box<Condition>,
        range: TimeRange,
        count: Comparison,
        times: u64,
    },
    /// Did matching events at least once, and so many times, in at least `at_least` of the periods. `count` never allows 0.
    PerformedRegularly {
        events: Box<Condition>,
        periods: Vec<TimeRange>,
        count: Comparison,
        times: u64,
        at_least: usize,
    },
    /// The first matching event ever lies within the range.
    PerformedFirst {
        events: Box<Condition>,
        range: TimeRange,
    },
    /// Did an event of `first` within the range and later (strictly), at most `within` after it, one of `second` (which may
    /// lie behind the range's end, as far as there are events).
    PerformedSequence {
        first: Box<Condition>,
        second: Box<Condition>,
        range: TimeRange,
        within: TimeDelta,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PropertySource {
    Event,
    /// Latest properties of the event's person. An event whose distinct id has no live person fails every test.
    Person,
    /// Latest properties of the event's group. An event without the group, or of an unknown one, has no properties (LEFT
    /// join): it fails the positive tests and passes the negative ones.
    Group(GroupTypeIndex),
    /// `$session_duration`: seconds between first and last event of the event's `$session_id`, key ignored. Events are
    /// searched 24 h beyond the range at both ends; an event without session has none.
    Session,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PropertyTest {
    /// Text form equals one of these. An absent key matches only if the list holds the empty text.
    AnyOf(Vec<String>),
    /// Negation of `AnyOf`: an absent key passes (unless the list holds the empty text).
    NoneOf(Vec<String>),
    /// Case-insensitive substring, nothing in it is a wildcard. Negated: an absent key passes.
    Contains {
        text: String,
        negated: bool,
    },
    /// Unanchored RE2 search in the text form ('' when absent). The pattern is valid: an invalid one is resolved to `Never`.
    Regex {
        pattern: String,
        negated: bool,
    },
    /// The text form read as a number compares so; not a number: false.
    Compare {
        op: Comparison,
        value: f64,
    },
    /// The key is present, even with null.
    IsSet,
    IsNotSet,
    /// The text form, or else its first ten characters, read as a date or time (no offset: the project's zone).
    Date(DateTest),
    /// Matches nothing.
    Never,
}

/// Bounds on the instant that a property's text stands for. Unreadable or absent: false.
#[derive(Clone, Debug, PartialEq)]
pub enum DateTest {
    /// `t < .0`
    Before(DateTime<Utc>),
    /// `t > .0`
    After(DateTime<Utc>),
    /// Half-open: a whole day, or one instant (`to` = `from` + 1 s).
    Within(TimeRange),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// A test on the elements chain text.
#[derive(Clone, Debug, PartialEq)]
pub enum ElementTest {
    /// The chain matches this regular expression: valid both as RE2 and as PostgreSQL ARE. Selectors, tags, texts and hrefs
    /// are all compiled to this form.
    Matches {
        pattern: String,
        negated: bool,
    },
    Never,
    Always,
}

/// Whose distinct count, activity or list is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// The event's person; events without a live mapping do not count.
    Person,
    /// The event's group key; events without one do not count.
    Group(GroupTypeIndex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    Sum,
    Avg,
    Min,
    Max,
    /// Linear interpolation: 0.5, 0.9, 0.95, 0.99.
    Median,
    P90,
    P95,
    P99,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Math {
    Total,
    UniqueActors(ActorKind),
    /// Distinct actors in the `days` days that end with the tick's day (for ticks wider than a day: with the first day of
    /// the tick... see [`TrendsQuery::ticks`]); on `TrendsShape::Single` in the `days` days that end with the range.
    Active {
        actor: ActorKind,
        days: u32,
    },
    UniqueSessions,
    /// Over the property read as a number; what is not a number is left out. A source of `Session` means durations, each
    /// session counted once per tick (and breakdown value).
    Property {
        source: PropertySource,
        key: String,
        aggregate: Aggregate,
    },
    /// Aggregate over actors of their number of events (per tick).
    CountPerActor {
        actor: ActorKind,
        aggregate: Aggregate,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum TrendsShape {
    /// One value a tick.
    Series,
    /// One value a tick; each actor counts only in the tick of its first matching event of the range (cumulative uniques).
    FirstSeen,
    /// One value for the whole range.
    Single,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Breakdown {
    pub source: PropertySource,
    pub key: String,
    /// Top so many values by the series' own aggregate over the whole range (ties by value ascending); the rest is
    /// answered as [`GroupKey::Other`], events without the property as [`GroupKey::Null`] (outside the limit).
    pub limit: u32,
    /// Values are bins of the number instead: answered as `Value("[lo,hi]")`.
    pub histogram: Option<Histogram>,
    /// Strip query, fragment and trailing slashes of the text before grouping.
    pub normalize_url: bool,
}

/// Edges are the quantiles (linear interpolation) at 0, 1/bins, …, 1 of the *distinct* numbers of the property, rounded down
/// to two decimals, equal neighbours once, the last raised by 0.01. A bin holds its lower edge and not its upper one; what
/// is no number is [`GroupKey::Null`]. All bins are answered, [`Breakdown::limit`] has no say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram {
    pub bins: u32,
}

/// Where a row belongs in a breakdown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupKey {
    Value(String),
    Other,
    Null,
}

/// One series (or one cohort of a cohort breakdown: its membership is part of `condition`).
#[derive(Clone, Debug, PartialEq)]
pub struct TrendsQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    pub week_start: WeekStart,
    /// Events with `from <= timestamp < to` count; already widened to whole buckets where the rules ask for it.
    pub range: TimeRange,
    pub interval: Interval,
    /// Starts of all ticks, ascending: local midnights (hours, week starts, month starts) as instants. For `Math::Active`
    /// the window of tick `i` ends where the day that starts at `ticks[i]` ends.
    pub ticks: Vec<DateTime<Utc>>,
    pub condition: Condition,
    pub math: Math,
    pub shape: TrendsShape,
    pub breakdown: Option<Breakdown>,
}

/// A sparse answer row. Ticks without rows are absent.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendsPoint {
    /// `None` when the query has no breakdown.
    pub group: Option<GroupKey>,
    /// Index into `ticks`; 0 with `TrendsShape::Single`.
    pub tick: usize,
    pub value: f64,
}

/// The actors behind one number of a trend.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendActorsQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    /// The point's own range (for rolling actives: its whole window).
    pub range: TimeRange,
    /// Includes the breakdown value's condition.
    pub condition: Condition,
    pub actor: ActorKind,
    pub limit: u32,
    pub offset: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetentionKind {
    Recurring,
    /// Base interval = interval of the actor's first target event ever.
    FirstTime,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RetentionBreakdown {
    /// All of one source; the row's value is that of the actor's first target event in the range (first ever with
    /// `FirstTime`; among simultaneous ones the smallest value), parts in order.
    pub source: PropertySource,
    pub keys: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RetentionQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    pub week_start: WeekStart,
    pub interval: Interval,
    /// `intervals[i]` is interval i; consecutive, ascending; the range is first.from .. last.to.
    pub intervals: Vec<TimeRange>,
    pub kind: RetentionKind,
    /// Global filters are already part of both.
    pub target: Condition,
    pub returning: Condition,
    pub actor: ActorKind,
    pub breakdown: Option<RetentionBreakdown>,
    /// Only base interval 0 matters (line display with recurring).
    pub first_interval_only: bool,
}

/// `count` actors with base interval `base` returned `offset` intervals later (offset 0: all of the base).
///
/// With a breakdown `base` is 0 and `offset` counts from each actor's own first hit.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionCell {
    pub breakdown: Option<Vec<String>>,
    pub base: usize,
    pub offset: usize,
    pub count: u64,
}

/// Actors of one row of a retention table, with the intervals in which they returned.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionActorsQuery {
    pub query: RetentionQuery,
    /// Row of the table.
    pub base: usize,
    /// Only actors that returned at this offset, when set (line display and cells).
    pub offset: Option<usize>,
    pub breakdown: Option<Vec<String>>,
    pub limit: u32,
    pub skip: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RetentionActor {
    /// Person uuid as text, or group key.
    pub actor: String,
    /// Offsets (0-based, from the base) with a return; 0 always included.
    pub offsets: Vec<usize>,
}

/// The events list, newest first unless `ascending`.
#[derive(Clone, Debug, PartialEq)]
pub struct EventsQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    /// Exclusive bounds.
    pub after: Option<DateTime<Utc>>,
    pub before: Option<DateTime<Utc>>,
    pub condition: Condition,
    /// By (timestamp, uuid).
    pub ascending: bool,
    /// Continue strictly behind this (timestamp, uuid) in the order asked for.
    pub cursor: Option<(DateTime<Utc>, Uuid)>,
    pub limit: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PersonsQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    /// Conditions on `PropertySource::Person` and `Condition::Person` only.
    pub condition: Condition,
    pub distinct_id: Option<String>,
    pub email: Option<String>,
    pub ids: Option<Vec<Uuid>>,
    /// Case-insensitive substring of any property text or distinct id.
    pub search: Option<String>,
    /// By (created_at desc, id desc).
    pub limit: u32,
    pub offset: u32,
}

/// Most frequent values of a property.
#[derive(Clone, Debug, PartialEq)]
pub struct ValuesQuery {
    pub project: ProjectId,
    pub source: PropertySource,
    pub key: String,
    /// Case-insensitive substring of the value.
    pub search: Option<String>,
    /// Events at or after this instant (event source only).
    pub since: Option<DateTime<Utc>>,
    pub limit: u32,
}
