//! `$process_person_profile`: whether an event makes and changes a person.

use serde_json::{Map, Value};

const FLAG: &str = "$process_person_profile";

/// What only means something together with a person.
const PERSON_PARTS: [&str; 8] = [
    "$set",
    "$set_once",
    "$unset",
    "$group_0",
    "$group_1",
    "$group_2",
    "$group_3",
    "$group_4",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    On,
    Off,
}

/// Only the boolean `false` turns it off, and only then the flag is kept; the parts that need a person go.
pub(crate) fn take(properties: &mut Map<String, Value>) -> Profile {
    match properties.get(FLAG) {
        None => Profile::On,
        Some(Value::Bool(false)) => {
            for part in PERSON_PARTS {
                properties.shift_remove(part);
            }
            Profile::Off
        }
        Some(_) => {
            properties.shift_remove(FLAG);
            Profile::On
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_false_turns_it_off() {
        for (properties, profile, left) in [
            (json!({"a": 1}), Profile::On, json!({"a": 1})),
            (json!({FLAG: true, "$set": {}}), Profile::On, json!({"$set": {}})),
            (json!({FLAG: "false"}), Profile::On, json!({})),
            (json!({FLAG: null}), Profile::On, json!({})),
            (
                json!({FLAG: false, "$set": {}, "$unset": [], "$group_3": "x", "b": 2}),
                Profile::Off,
                json!({FLAG: false, "b": 2}),
            ),
        ] {
            let mut properties = properties.as_object().unwrap().clone();
            assert_eq!(take(&mut properties), profile);
            assert_eq!(Value::Object(properties), left);
        }
    }
}
