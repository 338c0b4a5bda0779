//! Groups: which groups an event belongs to, and what `$groupidentify` says about one.

use chrono::{DateTime, Utc};
use event_store::GroupRow;
use model::{GroupTypeIndex, ProjectId};
use serde_json::{Map, Value};

use crate::Reason;
use crate::text::{map_without_nul, text_of, truthy, without_nul};

const KEY_CHARS_MAX: usize = 400;
const TYPE_CHARS_MAX: usize = 400;

pub(crate) const GROUP_IDENTIFY: &str = "$groupidentify";

/// (type, key) pairs of `$groups`, in order. Anything but an object has none.
pub(crate) fn memberships(properties: &Map<String, Value>) -> Vec<(String, String)> {
    let Some(groups) = properties.get("$groups").and_then(Value::as_object) else {
        return Vec::new();
    };
    groups
        .iter()
        .filter(|(group_type, key)| is_type(group_type) && !key.is_null())
        .map(|(group_type, key)| {
            (
                without_nul(group_type).into_owned(),
                without_nul(&text_of(key)).into_owned(),
            )
        })
        .collect()
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupIdentify {
    pub group_type: String,
    pub key: String,
    pub set: Map<String, Value>,
}

/// `None` when type or key is missing: the event is stored and does nothing.
pub(crate) fn identify_of(properties: &Map<String, Value>) -> Result<Option<GroupIdentify>, Reason> {
    let text = |key| {
        properties
            .get(key)
            .filter(|value| truthy(value))
            .map(|value| without_nul(&text_of(value)).into_owned())
    };
    let (Some(group_type), Some(key)) = (text("$group_type"), text("$group_key")) else {
        return Ok(None);
    };
    if key.chars().nth(KEY_CHARS_MAX).is_some() {
        return Err(Reason::GroupKeyTooLong);
    }
    if !is_type(&group_type) {
        return Ok(None);
    }
    let set = properties
        .get("$group_set")
        .and_then(Value::as_object)
        .map(map_without_nul)
        .unwrap_or_default();
    Ok(Some(GroupIdentify { group_type, key, set }))
}

fn is_type(group_type: &str) -> bool {
    !group_type.is_empty() && group_type.chars().nth(TYPE_CHARS_MAX).is_none()
}

/// The group after `$groupidentify`; `None` when it is as it was.
pub(crate) fn identified(
    project: ProjectId,
    group_type: GroupTypeIndex,
    known: Option<&GroupRow>,
    identify: GroupIdentify,
    event_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<GroupRow> {
    let Some(known) = known else {
        return Some(GroupRow {
            project,
            group_type,
            key: identify.key,
            properties: identify.set,
            created_at: now.min(event_time),
            version: 1,
        });
    };
    let created_at = known.created_at.min(event_time);
    let same = created_at == known.created_at
        && identify
            .set
            .iter()
            .all(|(key, value)| known.properties.get(key) == Some(value));
    if same {
        return None;
    }
    let mut row = known.clone();
    row.properties.extend(identify.set);
    row.created_at = created_at;
    row.version += 1;
    Some(row)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn memberships_are_type_and_key() {
        let pairs = |properties: Value| memberships(properties.as_object().unwrap());
        assert_eq!(
            pairs(json!({"$groups": {"company": "acme", "seat": 7, "none": null, "": "x"}})),
            [
                ("company".to_owned(), "acme".to_owned()),
                ("seat".to_owned(), "7".to_owned())
            ]
        );
        assert_eq!(pairs(json!({"$groups": ["company"]})), []);
    }

    #[test]
    fn identify_needs_type_and_key() {
        let identify = |properties: Value| identify_of(properties.as_object().unwrap());
        for properties in [
            json!({}),
            json!({"$group_type": "company"}),
            json!({"$group_type": "company", "$group_key": ""}),
            json!({"$group_type": 0, "$group_key": "acme"}),
        ] {
            assert_eq!(identify(properties), Ok(None));
        }
        let found = identify(json!({"$group_type": "company", "$group_key": 5, "$group_set": {"a": "x\0"}}));
        let found = found.unwrap().unwrap();
        assert_eq!((found.group_type.as_str(), found.key.as_str()), ("company", "5"));
        assert_eq!(Value::Object(found.set), json!({"a": "x\u{FFFD}"}));
        let long = json!({"$group_type": "company", "$group_key": "k".repeat(401)});
        assert_eq!(identify(long), Err(Reason::GroupKeyTooLong));
    }
}
