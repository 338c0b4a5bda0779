//! Persons and groups as the API shows them.

use event_store::{GroupRow, PersonRecord};
use serde_json::{Value, json};

/// `{type, id, uuid, name, distinct_ids, properties, created_at, is_identified}`; recognisable distinct ids first.
pub fn person_json(person: &PersonRecord) -> Value {
    let mut distinct_ids: Vec<&str> = person.distinct_ids.iter().map(String::as_str).collect();
    distinct_ids.sort_by_key(|id| looks_anonymous(id));
    let email = person
        .row
        .properties
        .get("email")
        .and_then(Value::as_str)
        .filter(|email| !email.is_empty());
    let name = email.or_else(|| distinct_ids.first().copied()).map(str::to_owned);
    json!({
        "type": "person",
        "id": person.row.id,
        "uuid": person.row.id,
        "name": name.unwrap_or_else(|| person.row.id.to_string()),
        "distinct_ids": distinct_ids,
        "properties": person.row.properties,
        "created_at": person.row.created_at,
        "is_identified": person.row.is_identified,
    })
}

pub fn group_json(group: &GroupRow) -> Value {
    json!({
        "type": "group",
        "id": group.key,
        "group_key": group.key,
        "group_type_index": group.group_type,
        "group_properties": group.properties,
        "properties": group.properties,
        "created_at": group.created_at,
    })
}

/// Five dash-separated groups of lower-case letters and digits, as client libraries make them.
fn looks_anonymous(id: &str) -> bool {
    let groups: Vec<&str> = id.split('-').collect();
    groups.len() == 5
        && groups.iter().all(|group| {
            !group.is_empty()
                && group
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        })
}

#[cfg(test)]
mod tests {
    use super::looks_anonymous;

    #[test]
    fn client_made_ids_are_anonymous() {
        assert!(looks_anonymous(
            "17787c3099427b-0e8f6c86323ea9-33647309-1aeaa0-17787c30995b7c"
        ));
        assert!(looks_anonymous("0189f3c2-7d1e-7000-8000-0123456789ab"));
        for known in ["tilda", "a@b.c", "A-B-C-D-E", "a-b-c-d", "a--b-c-d"] {
            assert!(!looks_anonymous(known), "{known}");
        }
    }
}
