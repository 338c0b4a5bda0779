//! An element of an autocaptured event, as answers show it.

use model::Element;
use serde_json::{Map, Value, json};

/// Attributes with a field of their own.
const NAMED: [&str; 5] = ["text", "href", "attr_id", "nth-child", "nth-of-type"];

/// `order` is its place in the chain, 0 for the one that was clicked; `event` the name of the event it was read from.
pub fn element_json(event: Option<&str>, order: usize, element: &Element) -> Value {
    let attribute = |key: &str| element.attributes.get(key);
    let number = |key: &str| attribute(key).and_then(|text| text.parse::<i64>().ok());
    let others: Map<String, Value> = element
        .attributes
        .iter()
        .filter(|(key, _)| !NAMED.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    json!({
        "event": event,
        "text": attribute("text"),
        "tag_name": element.tag_name,
        "attr_class": element.classes,
        "href": attribute("href"),
        "attr_id": attribute("attr_id"),
        "nth_child": number("nth-child"),
        "nth_of_type": number("nth-of-type"),
        "attributes": others,
        "order": order,
    })
}
