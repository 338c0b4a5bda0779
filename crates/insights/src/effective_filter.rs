//! The filter that an answer says it was made from.

use model::{Interval, TimeRange};
use serde_json::{Map, Value, json};

use crate::request::{Entity, EntityKind, Request, field};
use crate::url::instant;

/// The request with defaults filled in and dates made absolute; `keys` are the fields of this insight that are repeated as
/// they came.
pub(crate) fn effective_filter(
    request: &Request,
    insight: &str,
    keys: &[&str],
    entities: &[Entity],
    range: TimeRange,
    interval: Interval,
) -> Value {
    let mut filter = Map::new();
    for key in ["properties", "property_groups", "filter_test_accounts"]
        .iter()
        .chain(keys)
    {
        if let Some(value) = field::given(request, key) {
            filter.insert((*key).to_owned(), value.clone());
        }
    }
    let of_kind = |actions: bool| -> Vec<Value> {
        entities
            .iter()
            .filter(|entity| matches!(entity.kind, EntityKind::Action(_)) == actions)
            .map(Entity::shown)
            .collect()
    };
    filter.insert("insight".to_owned(), json!(insight));
    let display = field::given(request, "display").cloned();
    filter.insert(
        "display".to_owned(),
        display.unwrap_or_else(|| json!("ActionsLineGraph")),
    );
    filter.insert("interval".to_owned(), json!(interval.name()));
    filter.insert("date_from".to_owned(), json!(instant(range.from)));
    filter.insert("date_to".to_owned(), json!(instant(range.to)));
    for (key, actions) in [("events", false), ("actions", true)] {
        let list = of_kind(actions);
        if !list.is_empty() {
            filter.insert(key.to_owned(), Value::Array(list));
        }
    }
    Value::Object(filter)
}
