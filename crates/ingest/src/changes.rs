//! `$set`, `$set_once`, `$unset` and lifted properties: what an event does to the properties of its person.

use serde_json::{Map, Value};

use crate::lift::{Lifted, lift};
use crate::text::{map_without_nul, without_nul};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes {
    pub set: Map<String, Value>,
    pub set_once: Map<String, Value>,
    pub unset: Vec<String>,
    pub lifted: Vec<Lifted>,
    /// Whether a change to nothing but volatile properties is written too.
    pub write_volatile: bool,
    /// Changes apply to a new person only.
    pub only_at_creation: bool,
}

impl Changes {
    /// Reads the event; `$set` and `$set_once` that are no objects count as absent.
    pub fn of(event: &str, properties: &Map<String, Value>) -> Self {
        let object = |key| {
            properties
                .get(key)
                .and_then(Value::as_object)
                .map(map_without_nul)
                .unwrap_or_default()
        };
        Self {
            set: object("$set"),
            set_once: object("$set_once"),
            unset: properties.get("$unset").map(unset_keys).unwrap_or_default(),
            lifted: lift(properties),
            write_volatile: matches!(
                event,
                "$identify" | "$set" | "$create_alias" | "$merge_dangerously"
            ),
            only_at_creation: event == "$exception",
        }
    }

    /// Properties of a new person.
    pub fn initial(&self) -> Map<String, Value> {
        let mut properties = Map::new();
        self.write(&mut properties);
        properties
    }

    /// Applies all to the properties of a known person; false when there was nothing worth writing.
    pub fn apply(&self, properties: &mut Map<String, Value>) -> bool {
        if self.only_at_creation || !self.weighs(properties) {
            return false;
        }
        self.write(properties);
        true
    }

    /// Whether applying would change anything that is worth a new version.
    fn weighs(&self, properties: &Map<String, Value>) -> bool {
        let differs = |key: &str, value: &Value| properties.get(key) != Some(value);
        // `$unset` comes last: a key that it removes again is no change.
        let stays = |key: &str| !self.unset.iter().any(|unset| unset == key);
        self.set
            .iter()
            .any(|(key, value)| stays(key) && differs(key, value))
            || self.set_once.iter().any(|(key, value)| {
                stays(key) && !self.set.contains_key(key) && takes_once(properties.get(key), value)
            })
            || self.unset.iter().any(|key| properties.contains_key(key))
            || self.lifted.iter().any(|lifted| {
                self.lifts(lifted, properties) && (self.write_volatile || !lifted.is_volatile())
                    || self.lifts_once(lifted, properties)
            })
    }

    fn write(&self, properties: &mut Map<String, Value>) {
        for (key, value) in &self.set_once {
            if takes_once(properties.get(key), value) {
                properties.insert(key.clone(), value.clone());
            }
        }
        for lifted in &self.lifted {
            if self.lifts_once(lifted, properties) {
                properties.insert(lifted.initial_name.to_owned(), lifted.value.clone());
            }
            if self.lifts(lifted, properties) {
                properties.insert(lifted.name.to_owned(), lifted.value.clone());
            }
        }
        for (key, value) in &self.set {
            match properties.get_mut(key) {
                Some(slot) => slot.clone_from(value),
                None => {
                    properties.insert(key.clone(), value.clone());
                }
            }
        }
        for key in &self.unset {
            properties.shift_remove(key);
        }
    }

    /// A null is lifted over a value, but not kept for a property that the person has never had: browsers send an
    /// explicit null for every campaign parameter that is absent.
    fn lifts(&self, lifted: &Lifted, properties: &Map<String, Value>) -> bool {
        if self.set.contains_key(lifted.name) || self.unset.iter().any(|key| key == lifted.name) {
            return false;
        }
        match properties.get(lifted.name) {
            None => !lifted.value.is_null(),
            Some(known) => *known != lifted.value,
        }
    }

    fn lifts_once(&self, lifted: &Lifted, properties: &Map<String, Value>) -> bool {
        !lifted.value.is_null()
            && !self.set.contains_key(lifted.initial_name)
            && !self.set_once.contains_key(lifted.initial_name)
            && !self.unset.iter().any(|key| key == lifted.initial_name)
            && takes_once(properties.get(lifted.initial_name), &lifted.value)
    }
}

/// `$set_once` writes when the key is absent, or null while the new value is not.
fn takes_once(known: Option<&Value>, value: &Value) -> bool {
    match known {
        None => true,
        Some(Value::Null) => !value.is_null(),
        Some(_) => false,
    }
}

/// A list of keys, or an object whose keys count.
fn unset_keys(value: &Value) -> Vec<String> {
    match value {
        Value::Array(keys) => keys
            .iter()
            .filter_map(Value::as_str)
            .map(|key| without_nul(key).into_owned())
            .collect(),
        Value::Object(map) => map.keys().map(|key| without_nul(key).into_owned()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(event: &str, known: Value, sent: Value, want: Value, written: bool) {
        let changes = Changes::of(event, sent.as_object().unwrap());
        let mut properties = known.as_object().unwrap().clone();
        assert_eq!(changes.apply(&mut properties), written, "{known} + {sent}");
        assert_eq!(Value::Object(properties), want, "{known} + {sent}");
    }

    #[test]
    fn set_set_once_unset() {
        check(
            "x",
            json!({"a": 1}),
            json!({"$set": {"a": 2, "b": 3}}),
            json!({"a": 2, "b": 3}),
            true,
        );
        check(
            "x",
            json!({"a": 1}),
            json!({"$set": {"a": 1}}),
            json!({"a": 1}),
            false,
        );
        check(
            "x",
            json!({"a": 1}),
            json!({"$set_once": {"a": 2}}),
            json!({"a": 1}),
            false,
        );
        check(
            "x",
            json!({"a": null}),
            json!({"$set_once": {"a": 2}}),
            json!({"a": 2}),
            true,
        );
        check(
            "x",
            json!({"a": null}),
            json!({"$set_once": {"a": null}}),
            json!({"a": null}),
            false,
        );
        check(
            "x",
            json!({}),
            json!({"$set_once": {"a": 2}, "$set": {"a": 3}}),
            json!({"a": 3}),
            true,
        );
        check(
            "x",
            json!({"a": 1, "b": 1}),
            json!({"$unset": ["a", "never", 7]}),
            json!({"b": 1}),
            true,
        );
        check(
            "x",
            json!({"a": 1, "b": 1}),
            json!({"$unset": {"b": null}}),
            json!({"a": 1}),
            true,
        );
        check(
            "x",
            json!({}),
            json!({"$set": {"a": 1}, "$unset": ["a"]}),
            json!({}),
            false,
        );
        check(
            "x",
            json!({"a": 1}),
            json!({"$set": "text", "$set_once": [1]}),
            json!({"a": 1}),
            false,
        );
        check(
            "x",
            json!({}),
            json!({"$set": {"k\0": ["a\0b"]}}),
            json!({"k\u{FFFD}": ["a\u{FFFD}b"]}),
            true,
        );
        check(
            "$exception",
            json!({}),
            json!({"$set": {"a": 1}}),
            json!({}),
            false,
        );
    }

    #[test]
    fn page_properties_alone_are_not_worth_a_version() {
        let known = json!({"$browser": "A", "$initial_browser": "A"});
        check(
            "$pageview",
            known.clone(),
            json!({"$browser": "B"}),
            known.clone(),
            false,
        );
        check(
            "$pageview",
            known.clone(),
            json!({"$set": {"$browser": "B"}}),
            json!({"$browser": "B", "$initial_browser": "A"}),
            true,
        );
        check(
            "$identify",
            known.clone(),
            json!({"$browser": "B"}),
            json!({"$browser": "B", "$initial_browser": "A"}),
            true,
        );
        check(
            "$pageview",
            known,
            json!({"$browser": "B", "$set": {"x": 1}}),
            json!({"$browser": "B", "$initial_browser": "A", "x": 1}),
            true,
        );
    }

    #[test]
    fn campaigns_are_lifted_and_nulls_only_over_values() {
        check(
            "$pageview",
            json!({}),
            json!({"utm_source": "news", "utm_medium": null}),
            json!({"$initial_utm_source": "news", "utm_source": "news"}),
            true,
        );
        check(
            "$pageview",
            json!({"utm_source": "news", "$initial_utm_source": "news"}),
            json!({"utm_source": null}),
            json!({"utm_source": null, "$initial_utm_source": "news"}),
            true,
        );
    }
}
