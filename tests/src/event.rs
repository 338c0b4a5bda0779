//! Events in few words: `event("buy").by("ann").at("2020-01-01T10:00Z").with("plan", "pro")`.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

#[derive(Clone, Debug)]
pub struct Event {
    name: String,
    distinct_id: String,
    timestamp: String,
    properties: Map<String, Value>,
    uuid: Uuid,
}

/// An event of "someone" at 2020-01-01 noon.
pub fn event(name: &str) -> Event {
    Event {
        name: name.to_owned(),
        distinct_id: "someone".to_owned(),
        timestamp: "2020-01-01T12:00:00Z".to_owned(),
        properties: Map::new(),
        uuid: Uuid::new_v4(),
    }
}

/// So long before now, for what looks back from the clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the application under test reads the same clock"
)]
pub fn ago(time: TimeDelta) -> String {
    (Utc::now() - time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Event {
    #[must_use]
    pub fn by(mut self, distinct_id: &str) -> Self {
        self.distinct_id = distinct_id.to_owned();
        self
    }

    /// ISO 8601, UTC unless it says otherwise.
    #[must_use]
    pub fn at(mut self, timestamp: &str) -> Self {
        self.timestamp = timestamp.to_owned();
        self
    }

    #[must_use]
    pub fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(property.to_owned(), value.into());
        self
    }

    /// The event belongs to this group.
    #[must_use]
    pub fn of_group(mut self, group_type: &str, key: &str) -> Self {
        let groups = self.properties.entry("$groups").or_insert_with(|| json!({}));
        groups[group_type] = json!(key);
        self
    }

    #[must_use]
    pub fn with_uuid(mut self, uuid: Uuid) -> Self {
        self.uuid = uuid;
        self
    }

    /// As an SDK sends it.
    pub fn wire(&self) -> Value {
        json!({
            "event": self.name,
            "distinct_id": self.distinct_id,
            "timestamp": self.timestamp,
            "uuid": self.uuid,
            "properties": self.properties,
        })
    }
}
