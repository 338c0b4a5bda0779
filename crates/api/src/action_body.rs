//! What a client says about an action: name, description, tags, steps.

use std::collections::BTreeSet;

use model::ActionStep;
use serde_json::{Map, Value};

use crate::ApiError;

const NAME_MAX: usize = 400;

/// `None` when the field is absent.
pub fn name(body: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    match body.get("name") {
        None => Ok(None),
        Some(Value::String(name)) if name.chars().count() > NAME_MAX => {
            let detail = format!("Ensure this field has no more than {NAME_MAX} characters.");
            Err(ApiError::validation("max_length", detail, "name"))
        }
        Some(Value::String(name)) if !name.trim().is_empty() => Ok(Some(name.clone())),
        Some(_) => Err(ApiError::validation(
            "blank",
            "This field may not be blank.",
            "name",
        )),
    }
}

/// `None` when the field is absent.
pub fn description(body: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    match body.get("description") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(String::new())),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::validation(
            "invalid_input",
            "Not a valid string.",
            "description",
        )),
    }
}

/// Each once, in alphabetical order; `None` when the field is absent.
pub fn tags(body: &Map<String, Value>) -> Result<Option<Vec<String>>, ApiError> {
    let tags = match body.get("tags") {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(Vec::new())),
        Some(Value::Array(tags)) => tags,
        Some(_) => return Err(not_a_list("tags")),
    };
    let mut distinct = BTreeSet::new();
    for (index, tag) in tags.iter().enumerate() {
        let Value::String(tag) = tag else {
            let attr = format!("tags__{index}");
            return Err(ApiError::validation("invalid_input", "Not a valid string.", attr));
        };
        let tag = tag.trim();
        if !tag.is_empty() {
            distinct.insert(tag.to_owned());
        }
    }
    Ok(Some(distinct.into_iter().collect()))
}

/// The steps as they become; `None` when the field is absent.
///
/// A step with the id of an existing one changes it: what it does not name stays. Any other is new and gets an id that no
/// step of the action has. Existing ones that are not named are gone.
pub fn steps(
    body: &Map<String, Value>,
    existing: &[ActionStep],
) -> Result<Option<Vec<ActionStep>>, ApiError> {
    let sent = match body.get("steps") {
        None => return Ok(None),
        Some(Value::Array(steps)) => steps,
        Some(_) => return Err(not_a_list("steps")),
    };
    let mut next_id = existing.iter().filter_map(|step| step.id).max().unwrap_or(0) + 1;
    let mut taken = BTreeSet::new();
    let mut steps = Vec::with_capacity(sent.len());
    for (index, step) in sent.iter().enumerate() {
        let Value::Object(fields) = step else {
            let attr = format!("steps__{index}");
            return Err(ApiError::validation(
                "invalid_input",
                "A step is an object.",
                attr,
            ));
        };
        let named = fields.get("id").and_then(Value::as_i64);
        let before = existing
            .iter()
            .find(|step| step.id.is_some() && step.id == named && taken.insert(step.id));
        let id = before.and_then(|step| step.id).unwrap_or_else(|| {
            next_id += 1;
            next_id - 1
        });
        let mut step = before.cloned().unwrap_or_default();
        change(&mut step, fields, index)?;
        step.id = Some(id);
        steps.push(step);
    }
    Ok(Some(steps))
}

/// Sets what is named; keys that a step does not have (`isNew`, `selection`, …) say nothing. Texts are kept as they are,
/// spaces included: they are compared so.
fn change(step: &mut ActionStep, fields: &Map<String, Value>, index: usize) -> Result<(), ApiError> {
    let attr = |field: &str| format!("steps__{index}__{field}");
    for (field, target) in [
        ("name", &mut step.name),
        ("event", &mut step.event),
        ("url", &mut step.url),
        ("tag_name", &mut step.tag_name),
        ("text", &mut step.text),
        ("href", &mut step.href),
        ("selector", &mut step.selector),
    ] {
        match fields.get(field) {
            None => {}
            Some(Value::Null) => *target = None,
            Some(Value::String(text)) => *target = Some(text.clone()),
            Some(_) => {
                return Err(ApiError::validation(
                    "invalid_input",
                    "Not a valid string.",
                    attr(field),
                ));
            }
        }
    }
    match fields.get("url_matching") {
        None => {}
        Some(Value::Null) => step.url_matching = None,
        Some(Value::String(text)) if text.is_empty() => step.url_matching = None,
        Some(given) => {
            let known = serde_json::from_value(given.clone()).map_err(|_| {
                let detail = format!("{given} is not a valid choice: exact, contains or regex.");
                ApiError::validation("invalid_choice", detail, attr("url_matching"))
            })?;
            step.url_matching = Some(known);
        }
    }
    if let Some(properties) = fields.get("properties") {
        step.properties = properties.clone();
    }
    Ok(())
}

fn not_a_list(field: &str) -> ApiError {
    ApiError::validation("not_a_list", "Expected a list of items.", field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(existing: &[ActionStep], sent: Value) -> Result<Option<Vec<ActionStep>>, ApiError> {
        let Value::Object(body) = sent else {
            panic!("an object")
        };
        steps(&body, existing)
    }

    #[test]
    fn steps_keep_their_ids() {
        let made = changed(
            &[],
            json!({"steps": [{"id": 77, "event": "a", "text": " x "}, {"event": "b", "isNew": true}]}),
        );
        let made = made.unwrap().unwrap();
        assert_eq!(
            made.iter().map(|step| step.id).collect::<Vec<_>>(),
            [Some(1), Some(2)]
        );
        assert_eq!(made[0].text.as_deref(), Some(" x "));
        let sent = json!({"steps": [{"event": "new"}, {"id": 2, "url": "/x"}, {"id": 2, "event": "again"}]});
        let after = changed(&made, sent).unwrap().unwrap();
        let shown: Vec<_> = after
            .iter()
            .map(|step| (step.id, step.event.as_deref(), step.url.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                (Some(3), Some("new"), None),
                (Some(2), Some("b"), Some("/x")),
                (Some(4), Some("again"), None)
            ]
        );
        assert_eq!(changed(&made, json!({})).unwrap(), None);
        assert_eq!(changed(&made, json!({"steps": []})).unwrap(), Some(Vec::new()));
    }

    #[test]
    fn wrong_fields_of_steps_are_named() {
        for (step, attr) in [
            (json!(1), "steps__0"),
            (json!({"event": 5}), "steps__0__event"),
            (json!({"url_matching": "fuzzy"}), "steps__0__url_matching"),
        ] {
            let error = changed(&[], json!({"steps": [step]})).unwrap_err();
            assert_eq!(error.attr.as_deref(), Some(attr));
        }
        assert_eq!(
            changed(&[], json!({"steps": "x"})).unwrap_err().attr.as_deref(),
            Some("steps")
        );
    }

    #[test]
    fn tags_are_a_set() {
        let Value::Object(body) = json!({"tags": ["b", " a ", "b", ""]}) else {
            panic!("an object")
        };
        assert_eq!(tags(&body).unwrap().unwrap(), ["a", "b"]);
    }
}
