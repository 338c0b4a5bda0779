//! Names of a correlation's fields, and the query strings that lead to its actors.

use serde_json::{Map, Value, json};

use crate::condition::literal::escaped;
use crate::condition::{all, always};
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::funnels::step;
use crate::request::field;
use crate::request::field::given;
use crate::resolved::{Condition, CorrelationItem, CorrelationOf, ElementTest};

pub(super) const TYPE: &str = "funnel_correlation_type";
pub(super) const NAMES: &str = "funnel_correlation_names";
pub(super) const EXCLUDE_NAMES: &str = "funnel_correlation_exclude_names";
pub(super) const EXCLUDE_EVENT_NAMES: &str = "funnel_correlation_exclude_event_names";
pub(super) const EVENT_NAMES: &str = "funnel_correlation_event_names";
pub(super) const EVENT_EXCLUDE_PROPERTY_NAMES: &str = "funnel_correlation_event_exclude_property_names";
pub(super) const PERSON_ENTITY: &str = "funnel_correlation_person_entity";
pub(super) const PERSON_CONVERTED: &str = "funnel_correlation_person_converted";
pub(super) const PERSON_LIMIT: &str = "funnel_correlation_person_limit";
pub(super) const PERSON_OFFSET: &str = "funnel_correlation_person_offset";
pub(super) const PROPERTY_VALUES: &str = "funnel_correlation_property_values";

const AUTOCAPTURE: &str = "$autocapture";
const EVENT_TYPE: &str = "$event_type";
const CHAIN: &str = "elements_chain";
/// Between an autocaptured event's type and its chain.
const DIVIDER: &str = "__~~__";

/// Of an autocaptured event: its `$event_type` and its elements chain.
pub(super) fn autocaptured(item: &CorrelationItem) -> Option<(&str, &str)> {
    if item.event == AUTOCAPTURE && item.key == CHAIN {
        item.value.split_once(DIVIDER)
    } else {
        None
    }
}

/// `event`, `key::value` or `event::key::value`.
pub(super) fn name(of: &CorrelationOf, item: &CorrelationItem) -> String {
    match of {
        CorrelationOf::Events { .. } => item.event.clone(),
        CorrelationOf::Properties { .. } => format!("{}::{}", item.key, item.value),
        CorrelationOf::EventProperties { .. } => format!("{}::{}::{}", item.event, item.key, item.value),
    }
}

/// What [`did`] or [`has`] read the item from.
pub(super) fn of_item(of: &CorrelationOf, item: &CorrelationItem) -> (String, Value) {
    match of {
        CorrelationOf::Events { .. } => (
            PERSON_ENTITY.to_owned(),
            json!({ "id": item.event, "type": "events" }),
        ),
        CorrelationOf::Properties { .. } => (
            PROPERTY_VALUES.to_owned(),
            json!([filter(&item.key, &item.value, "person")]),
        ),
        CorrelationOf::EventProperties { .. } => {
            let mut entity = Map::new();
            entity.insert("id".to_owned(), json!(item.event));
            entity.insert("type".to_owned(), json!("events"));
            let properties = match autocaptured(item) {
                Some((event_type, chain)) => {
                    entity.insert(CHAIN.to_owned(), json!(chain));
                    vec![filter(EVENT_TYPE, event_type, "event")]
                }
                None => {
                    let mut filters = vec![filter(&item.key, &item.value, "event")];
                    if item.value.is_empty() {
                        // A filter on the empty text finds absent keys, too.
                        filters.push(json!({ "key": item.key, "operator": "is_set", "type": "event" }));
                    }
                    filters
                }
            };
            entity.insert("properties".to_owned(), Value::Array(properties));
            (PERSON_ENTITY.to_owned(), Value::Object(entity))
        }
    }
}

fn filter(key: &str, value: &str, kind: &str) -> Value {
    json!({ "key": key, "value": [value], "operator": "exact", "type": kind })
}

/// `funnel_correlation_person_entity`: an event or action with its properties, and perhaps the `elements_chain` that it is to
/// have, letter by letter.
pub(super) fn did(
    request: &Map<String, Value>,
    context: &Context<'_>,
) -> Result<Option<Condition>, FieldError> {
    let Some(entity) = field::object(request, PERSON_ENTITY, PERSON_ENTITY)? else {
        return Ok(None);
    };
    let chain = match entity.get(CHAIN) {
        Some(Value::String(chain)) => Condition::Elements(ElementTest::Matches {
            pattern: format!("^{}$", escaped(chain)),
            negated: false,
        }),
        None | Some(Value::Null) => always(),
        Some(_) => {
            return Err(FieldError::invalid(
                nested(PERSON_ENTITY, CHAIN),
                format!("`{CHAIN}` must be text."),
            ));
        }
    };
    let step = step::step(Value::Object(entity), PERSON_ENTITY, context)?;
    Ok(Some(all([step.own, chain])))
}

/// `funnel_correlation_property_values`: exact filters with one value each.
pub(super) fn has(request: &Map<String, Value>) -> Result<Vec<(String, String)>, FieldError> {
    let items = field::list(request, PROPERTY_VALUES, PROPERTY_VALUES)?.unwrap_or_default();
    let mut pairs = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let attr = nested(PROPERTY_VALUES, index);
        let Value::Object(item) = item else {
            return Err(FieldError::invalid(attr, "A property filter must be an object."));
        };
        let operator = nested(&attr, "operator");
        if !matches!(
            field::text(item, "operator", &operator)?.as_deref(),
            None | Some("exact")
        ) {
            return Err(FieldError::invalid(
                operator,
                "Actors are found by the exact values of their properties only.",
            ));
        }
        let key = match given(item, "key") {
            // A property's name is text, whatever it looks like; the empty one is a name, too.
            None if item.get("key").and_then(Value::as_str) == Some("") => String::new(),
            None => {
                return Err(FieldError::required(
                    nested(&attr, "key"),
                    "A property filter needs a `key`.",
                ));
            }
            Some(key) => field::text_form(key),
        };
        let value = match item.get("value") {
            Some(Value::Array(values)) if values.len() == 1 => field::text_form(&values[0]),
            None | Some(Value::Array(_)) => {
                return Err(FieldError::invalid(
                    nested(&attr, "value"),
                    "Actors are found by one value of each property.",
                ));
            }
            Some(value) => field::text_form(value),
        };
        pairs.push((key, value));
    }
    Ok(pairs)
}
