//! Actors that share an event.

use chrono::{DateTime, Utc};
use model::{GroupTypeIndex, ProjectId};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Actor {
    Person(Uuid),
    Group(GroupTypeIndex, String),
}

/// Of a person: the groups on its events. Of a group: the persons of its events, and the groups of every other type on
/// them. Only what exists (live persons, known groups); persons first, then groups by type and key, ids ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct RelatedQuery {
    pub project: ProjectId,
    pub actor: Actor,
    /// Events at or after this instant.
    pub since: DateTime<Utc>,
    /// Of persons, and of each type of group.
    pub limit: u32,
}
