//! Which events join two distinct ids, and which ids must never be joined.

use serde_json::{Map, Value};

use crate::Reason;
use crate::text::first_chars;

/// Longer ids do not merge.
const ID_CHARS_MAX: usize = 400;

/// Distinct ids are cut to this by capture, so the other id must be cut as well to meet the events sent under it.
const DISTINCT_ID_CHARS: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Merge {
    /// The id whose person is taken in.
    pub other: String,
    /// Also when the person of `other` is identified.
    pub force: bool,
}

/// The merge that an event asks for. `None` when it asks for none, or for one that may not be.
pub(crate) fn merge_of(
    event: &str,
    distinct_id: &str,
    properties: &Map<String, Value>,
) -> Result<Option<Merge>, Reason> {
    let (key, force) = match event {
        "$identify" => ("$anon_distinct_id", false),
        "$create_alias" => ("alias", false),
        "$merge_dangerously" => ("alias", true),
        _ => return Ok(None),
    };
    let other = match properties.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(other)) => other,
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(Reason::OtherIdNotText);
        }
    };
    if !may_merge(distinct_id) || !may_merge(other) {
        tracing::warn!(event, "Ids of a merge are placeholders or too long: not merged");
        return Ok(None);
    }
    let other = first_chars(other, DISTINCT_ID_CHARS).to_owned();
    Ok((other != distinct_id).then_some(Merge { other, force }))
}

/// Placeholders that a client sends when it has no id; merging on them would join strangers.
pub fn may_merge(id: &str) -> bool {
    const ANY_CASE: [&str; 10] = [
        "anonymous",
        "guest",
        "distinctid",
        "distinct_id",
        "id",
        "not_authenticated",
        "email",
        "undefined",
        "true",
        "false",
    ];
    const EXACT: [&str; 6] = ["[object Object]", "NaN", "None", "none", "null", "0"];
    let bare = unquoted(id);
    !id.trim().is_empty()
        && !bare.trim().is_empty()
        && !id.contains('\0')
        && id.chars().nth(ID_CHARS_MAX).is_none()
        && !ANY_CASE.iter().any(|illegal| illegal.eq_ignore_ascii_case(bare))
        && !EXACT.contains(&bare)
}

fn unquoted(id: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(bare) = id.strip_prefix(quote).and_then(|id| id.strip_suffix(quote)) {
            return bare;
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholders_never_merge() {
        for id in [
            "",
            " ",
            "guest",
            "GUEST",
            "'guest'",
            "\"Anonymous\"",
            "null",
            "None",
            "0",
            "[object Object]",
            "\"0\"",
            "a\0",
            "undefined",
            "TRUE",
            "''",
        ] {
            assert!(!may_merge(id), "{id:?}");
        }
        assert!(!may_merge(&"é".repeat(401)));
        for id in ["Null", "NONE", "nan", "guest1", "00", "'guest", "user"] {
            assert!(may_merge(id), "{id:?}");
        }
        assert!(may_merge(&"é".repeat(400)));
    }

    #[test]
    fn what_events_ask_for() {
        let merge = |other: &str, force| {
            Ok(Some(Merge {
                other: other.to_owned(),
                force,
            }))
        };
        for (event, properties, want) in [
            ("$identify", json!({"$anon_distinct_id": "b"}), merge("b", false)),
            ("$identify", json!({"alias": "b"}), Ok(None)),
            ("$identify", json!({"$anon_distinct_id": null}), Ok(None)),
            (
                "$identify",
                json!({"$anon_distinct_id": 7}),
                Err(Reason::OtherIdNotText),
            ),
            ("$identify", json!({"$anon_distinct_id": "a"}), Ok(None)),
            ("$create_alias", json!({"alias": "b"}), merge("b", false)),
            ("$merge_dangerously", json!({"alias": "b"}), merge("b", true)),
            ("$merge_dangerously", json!({"alias": "null"}), Ok(None)),
            ("seen", json!({"alias": 1}), Ok(None)),
        ] {
            assert_eq!(
                merge_of(event, "a", properties.as_object().unwrap()),
                want,
                "{event} {properties}"
            );
        }
        let long = "x".repeat(300);
        assert_eq!(
            merge_of("$create_alias", "a", json!({"alias": long}).as_object().unwrap()),
            merge(&"x".repeat(200), false)
        );
    }
}
