//! Text forms of JSON values, as ids and keys need them.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Text stays as it is, everything else becomes its JSON text.
pub fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Cow::Owned(other.to_string())
        }
    }
}

/// NUL becomes U+FFFD: Postgres text and some clients cannot hold NUL.
pub(crate) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map_has_nul(map),
    }
}

fn map_has_nul(map: &Map<String, Value>) -> bool {
    map.iter()
        .any(|(key, value)| key.contains('\0') || has_nul(value))
}

/// A copy without NUL in keys and texts, at any depth.
pub(crate) fn value_without_nul(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text).into_owned()),
        Value::Array(items) => Value::Array(items.iter().map(value_without_nul).collect()),
        Value::Object(map) => Value::Object(map_without_nul(map)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

pub(crate) fn map_without_nul(map: &Map<String, Value>) -> Map<String, Value> {
    if map_has_nul(map) {
        map.iter()
            .map(|(key, value)| (without_nul(key).into_owned(), value_without_nul(value)))
            .collect()
    } else {
        map.clone()
    }
}

/// Truth of a value as JavaScript sees it.
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// The first `count` characters.
pub fn first_chars(text: &str, count: usize) -> &str {
    match text.char_indices().nth(count) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}
