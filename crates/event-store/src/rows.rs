//! Rows that go into and come out of a store.

use chrono::{DateTime, Utc};
use model::{GroupTypeIndex, ProjectId};
use serde_json::{Map, Value};
use uuid::Uuid;

/// One atomic step of ingestion.
#[derive(Clone, Debug, Default)]
pub struct Append {
    pub events: Vec<EventRow>,
    pub persons: Vec<PersonRow>,
    pub distinct_ids: Vec<DistinctIdRow>,
    pub groups: Vec<GroupRow>,
    pub ledger: Vec<LedgerRow>,
    /// Names this step; a store that has seen it answers Ok and changes nothing.
    pub token: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    pub project: ProjectId,
    pub uuid: Uuid,
    pub event: String,
    pub distinct_id: String,
    /// JSON object text. `$group_0..4`, `$session_id` and `$window_id` are read from here by the store.
    pub properties: String,
    pub elements_chain: String,
    pub timestamp: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

/// A version of a person; the greatest version wins, a deleted one ends the person.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonRow {
    pub project: ProjectId,
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    pub properties: Map<String, Value>,
    pub is_identified: bool,
    pub is_deleted: bool,
    pub version: u64,
}

/// A version of a mapping; the greatest version wins.
#[derive(Clone, Debug, PartialEq)]
pub struct DistinctIdRow {
    pub project: ProjectId,
    pub distinct_id: String,
    pub person_id: Uuid,
    pub is_deleted: bool,
    pub version: u64,
}

/// A version of a group; the greatest version wins.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRow {
    pub project: ProjectId,
    pub group_type: GroupTypeIndex,
    pub key: String,
    pub properties: Map<String, Value>,
    pub created_at: DateTime<Utc>,
    pub version: u64,
}

/// What became of received events. Every received event adds one to exactly one outcome, so received = the sum.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LedgerOutcome {
    Stored,
    /// Same (project, uuid) as an event stored before.
    Repeated,
    /// Dropped, with a short machine-readable reason (`no_distinct_id`, `too_old`, …).
    Refused(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct LedgerRow {
    pub project: ProjectId,
    pub at: DateTime<Utc>,
    pub outcome: LedgerOutcome,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerCount {
    pub outcome: LedgerOutcome,
    pub count: u64,
}

/// What the store knows of a distinct id.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    pub distinct_id: String,
    /// Version of the mapping row.
    pub version: u64,
    /// `None` when the mapping or the person is deleted.
    pub person: Option<PersonRow>,
}

/// An event as listed.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    pub row: EventRow,
    pub person: Option<PersonRecord>,
}

/// A person with all its distinct ids (ascending).
#[derive(Clone, Debug, PartialEq)]
pub struct PersonRecord {
    pub row: PersonRow,
    pub distinct_ids: Vec<String>,
}
