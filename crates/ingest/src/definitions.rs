//! Names and types of events and properties, as they are first seen.

use hashbrown::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use model::{Definition, GroupTypeIndex, ProjectId, PropertyKind, PropertyType};
use serde_json::Value;

use crate::clock;
use crate::groups::GROUP_IDENTIFY;
use crate::prepare::Prepared;
use crate::text::without_nul;

const NAME_BYTES_MAX: usize = 200;

/// A project whose clients make up names without end must not fill the memory: beyond this its names are forgotten,
/// and written again when they are seen again.
const NAMES_MAX: usize = 200_000;

const SECONDS_PER_HOUR: i64 = 3600;
const SIX_MONTHS_SECONDS: i64 = 183 * 24 * SECONDS_PER_HOUR;

/// What this process has recorded already, so that a known name costs one look-up.
#[derive(Debug, Default)]
pub(crate) struct SeenDefinitions {
    projects: HashMap<ProjectId, SeenProject>,
}

#[derive(Debug, Default)]
struct SeenProject {
    events: HashMap<String, SeenEvent>,
    properties: HashMap<PropertyKind, HashMap<String, Option<PropertyType>>>,
    names: usize,
}

#[derive(Debug, Default)]
struct SeenEvent {
    hour: Option<i64>,
    properties: HashSet<String>,
}

impl SeenDefinitions {
    /// Adds what is new about the event to `found`. `group_type` is the index of the type of `$groupidentify`.
    pub fn observe(
        &mut self,
        event: &Prepared,
        group_type: Option<GroupTypeIndex>,
        found: &mut Vec<Definition>,
    ) {
        if event.event.len() > NAME_BYTES_MAX || event.event == "$$plugin_metrics" {
            return;
        }
        let seen = self.projects.entry(event.project).or_default();
        if seen.names > NAMES_MAX {
            *seen = SeenProject::default();
        }
        let name = without_nul(&event.event);
        seen.observe_event(event.project, &name, event.received_at, found);
        let now = event.received_at;
        if event.event == GROUP_IDENTIFY {
            if let (Some(identify), Some(index)) = (&event.group_identify, group_type) {
                for (key, value) in &identify.set {
                    seen.observe_property(event.project, PropertyKind::Group(index), key, value, now, found);
                }
            }
            return;
        }
        for (key, value) in &event.properties {
            if is_skipped(key) {
                continue;
            }
            let key = without_nul(key);
            seen.observe_property(event.project, PropertyKind::Event, &key, value, now, found);
            if !key.starts_with("$feature/") && !key.starts_with("$feature_enrollment/") {
                seen.observe_pair(event.project, &name, &key, found);
            }
        }
        if let Some(person) = &event.person {
            let changes = &person.changes;
            for (key, value) in changes.set.iter().chain(&changes.set_once) {
                seen.observe_property(event.project, PropertyKind::Person, key, value, now, found);
            }
            for lifted in changes.lifted.iter().filter(|lifted| !lifted.value.is_null()) {
                for key in [lifted.name, lifted.initial_name] {
                    seen.observe_property(
                        event.project,
                        PropertyKind::Person,
                        key,
                        &lifted.value,
                        now,
                        found,
                    );
                }
            }
        }
    }

    /// After a failure nothing is known to be recorded.
    pub fn clear(&mut self) {
        self.projects.clear();
    }
}

impl SeenProject {
    fn observe_event(
        &mut self,
        project: ProjectId,
        name: &str,
        last_seen_at: DateTime<Utc>,
        found: &mut Vec<Definition>,
    ) {
        let hour = last_seen_at.timestamp().div_euclid(SECONDS_PER_HOUR);
        if !self.events.contains_key(name) {
            self.events.insert(name.to_owned(), SeenEvent::default());
            self.names += 1;
        }
        if let Some(seen) = self.events.get_mut(name)
            && seen.hour.is_none_or(|seen| seen < hour)
        {
            seen.hour = Some(hour);
            found.push(Definition::Event {
                project,
                name: name.to_owned(),
                last_seen_at,
            });
        }
    }

    fn observe_property(
        &mut self,
        project: ProjectId,
        kind: PropertyKind,
        name: &str,
        value: &Value,
        now: DateTime<Utc>,
        found: &mut Vec<Definition>,
    ) {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return;
        }
        let properties = self.properties.entry(kind).or_default();
        let known = properties.get(name);
        if let Some(Some(_)) = known {
            return;
        }
        let property_type = property_type(name, value, now);
        if known.is_some() && property_type.is_none() {
            return;
        }
        if properties.insert(name.to_owned(), property_type).is_none() {
            self.names += 1;
        }
        found.push(Definition::Property {
            project,
            kind,
            name: name.to_owned(),
            property_type,
        });
    }

    fn observe_pair(&mut self, project: ProjectId, event: &str, property: &str, found: &mut Vec<Definition>) {
        if property.is_empty() || property.len() > NAME_BYTES_MAX {
            return;
        }
        if let Some(seen) = self.events.get_mut(event)
            && !seen.properties.contains(property)
        {
            seen.properties.insert(property.to_owned());
            self.names += 1;
            found.push(Definition::EventProperty {
                project,
                event: event.to_owned(),
                property: property.to_owned(),
            });
        }
    }
}

fn is_skipped(key: &str) -> bool {
    matches!(
        key,
        "$set"
            | "$set_once"
            | "$unset"
            | "$groups"
            | "$group_0"
            | "$group_1"
            | "$group_2"
            | "$group_3"
            | "$group_4"
    )
}

/// First match wins; objects, lists and null tell no type.
fn property_type(name: &str, value: &Value, now: DateTime<Utc>) -> Option<PropertyType> {
    const TEXT_PREFIXES: [&str; 4] = ["utm_", "$initial_utm_", "$feature/", "$survey_response"];
    if TEXT_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || name == "$feature_flag_response" {
        return Some(PropertyType::String);
    }
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        Value::Bool(_) => Some(PropertyType::Boolean),
        Value::Number(number) => {
            let recent_seconds = number
                .as_i64()
                .is_some_and(|seconds| seconds >= now.timestamp() - SIX_MONTHS_SECONDS);
            Some(if recent_seconds && names_a_time(name) {
                PropertyType::DateTime
            } else {
                PropertyType::Numeric
            })
        }
        Value::String(text) => Some(match text.as_str() {
            "true" | "false" | "TRUE" | "FALSE" => PropertyType::Boolean,
            text if is_date_like(text) => PropertyType::DateTime,
            // A key that names a time may also hold its unix seconds as text.
            text if names_a_time(name)
                && text
                    .parse::<i64>()
                    .is_ok_and(|seconds| seconds >= now.timestamp() - SIX_MONTHS_SECONDS) =>
            {
                PropertyType::DateTime
            }
            _ => PropertyType::String,
        }),
    }
}

fn names_a_time(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["time", "date", "_at", "-at", "createdat", "updatedat"]
        .iter()
        .any(|part| name.contains(part))
}

/// Unix numbers as text are no dates here: a zip code is not one.
fn is_date_like(text: &str) -> bool {
    text.len() >= 8
        && text.bytes().any(|byte| !byte.is_ascii_digit() && byte != b'.')
        && clock::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_by_name_and_value() {
        let now: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        for (name, value, want) in [
            ("utm_source", json!(5), Some(PropertyType::String)),
            ("$feature/x", json!(true), Some(PropertyType::String)),
            ("created_at", json!(now.timestamp()), Some(PropertyType::DateTime)),
            ("created_at", json!(100), Some(PropertyType::Numeric)),
            ("price", json!(now.timestamp()), Some(PropertyType::Numeric)),
            ("x", json!("TRUE"), Some(PropertyType::Boolean)),
            ("x", json!("2020-01-02"), Some(PropertyType::DateTime)),
            (
                "x",
                json!("2020-01-02T03:04:05+02:00"),
                Some(PropertyType::DateTime),
            ),
            (
                "x",
                json!("Thu, 02 Jan 2020 03:04:05 +0000"),
                Some(PropertyType::DateTime),
            ),
            ("x", json!("12345678"), Some(PropertyType::String)),
            ("x", json!("news"), Some(PropertyType::String)),
            ("x", json!(1.5), Some(PropertyType::Numeric)),
            ("x", json!(false), Some(PropertyType::Boolean)),
            ("x", json!(null), None),
            ("x", json!([1]), None),
            ("x", json!({}), None),
        ] {
            assert_eq!(property_type(name, &value, now), want, "{name} {value}");
        }
    }
}
