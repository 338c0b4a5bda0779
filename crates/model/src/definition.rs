//! Names of events and properties, as ingestion first sees them.

use chrono::{DateTime, Utc};

use crate::{GroupTypeIndex, ProjectId};

/// One thing seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Definition {
    Event {
        project: ProjectId,
        name: String,
        last_seen_at: DateTime<Utc>,
    },
    Property {
        project: ProjectId,
        kind: PropertyKind,
        name: String,
        property_type: Option<PropertyType>,
    },
    /// The event has been seen with the property.
    EventProperty {
        project: ProjectId,
        event: String,
        property: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PropertyKind {
    Event,
    Person,
    Group(GroupTypeIndex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PropertyType {
    String,
    Numeric,
    Boolean,
    DateTime,
}

impl PropertyType {
    /// As stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Numeric => "Numeric",
            Self::Boolean => "Boolean",
            Self::DateTime => "DateTime",
        }
    }
}
