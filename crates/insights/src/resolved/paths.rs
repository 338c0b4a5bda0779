//! Paths: from where to where actors went.
//!
//! The *item* of an event is `$current_url` without one trailing `/` (when longer than that) for `$pageview`,
//! `$screen_name` for `$screen` (text forms; the empty text where there is none), else the event's name; then rewritten;
//! events whose item is excluded are as if they were not there. An actor's items in order of (time, item) fall into visits:
//! a gap of `visit_gap` or more begins a new one. In a visit a run of equal items becomes its last one. Then the visit is
//! cut: with a start, what comes before its first occurrence goes (a visit without it goes altogether) and the first
//! `step_limit` items stay; with an end, what comes after its first occurrence goes (a visit without it too) and the last
//! `step_limit` items stay; with both, from the first start to the first end at or after it, and of more than `step_limit`
//! items the first `step_limit / 2`, an item `...` (with the time of the first item it stands for) and the last
//! `step_limit / 2`; with neither, the first `step_limit`. Nodes are `<1-based position>_<item>`, edges join neighbours.

use chrono::TimeDelta;
use chrono_tz::Tz;
use model::{ProjectId, TimeRange};

use super::{ActorKind, Condition, FunnelPart};

#[derive(Clone, Debug, PartialEq)]
pub struct PathsQuery {
    pub project: ProjectId,
    pub timezone: Tz,
    pub range: TimeRange,
    pub actor: ActorKind,
    /// Which events are looked at.
    pub condition: Condition,
    pub rewrite: PathRewrite,
    /// Items that are left out.
    pub excluded: Vec<String>,
    pub start: Option<String>,
    pub end: Option<String>,
    /// At least 1.
    pub step_limit: u32,
    pub visit_gap: TimeDelta,
    /// Bounds on an edge's value.
    pub min_weight: Option<u64>,
    pub max_weight: Option<u64>,
    pub edge_limit: Option<u32>,
    /// Only the part of each actor's time that this funnel marks.
    pub funnel: Option<FunnelPart>,
}

/// Patterns are valid RE2, searched unanchored: a match is the leftmost one and, of those, the one that RE2 prefers (the
/// first alternative, not the longest). The empty pattern matches everything.
#[derive(Clone, Debug, PartialEq)]
pub enum PathRewrite {
    None,
    /// The text of the first pattern that matches takes the item's place: (pattern, text).
    Groupings(Vec<(String, String)>),
    /// One after the other, every match is replaced: (pattern, alias). The alias is plain text.
    Replacements(Vec<(String, String)>),
}

/// By value descending, then source, then target ascending (bytes).
#[derive(Clone, Debug, PartialEq)]
pub struct PathEdge {
    /// `1_/pricing`
    pub source: String,
    pub target: String,
    /// Transitions, not actors.
    pub value: u64,
    /// Mean over them, in milliseconds.
    pub average_time: f64,
}

/// Ordered by actor ascending: those with a visit that has all that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct PathActorsQuery {
    pub paths: PathsQuery,
    /// An edge from this node, into that one, or (both) along that edge.
    pub from: Option<String>,
    pub to: Option<String>,
    /// This node is the last of the visit.
    pub dropoff: Option<String>,
    pub limit: u32,
    pub offset: u32,
}
