//! Where two answers differ.

use serde_json::Value;
use tests::project::alike;

/// The first place at which `a` and `b` differ, and how.
pub fn difference(a: &Value, b: &Value, at: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            if a.keys().ne(b.keys()) {
                let keys = |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<Vec<_>>();
                return Some(format!("{at} has the keys {:?} and {:?}", keys(a), keys(b)));
            }
            a.iter()
                .find_map(|(key, value)| difference(value, &b[key], &format!("{at}.{key}")))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (a, b))| difference(a, b, &format!("{at}[{index}]"))),
        _ if alike(a, b) => None,
        _ => Some(format!("{at} is {a} and {b}")),
    }
}
