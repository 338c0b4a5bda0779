//! Readers of single fields. Null, an absent key and the empty string all mean "not given".

use model::{GROUP_TYPES_MAX, GroupTypeIndex};
use serde_json::{Map, Value};

use crate::field_error::FieldError;

/// The field's value unless it means "not given".
pub(crate) fn given<'a>(request: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    request
        .get(key)
        .filter(|value| !value.is_null() && value.as_str() != Some(""))
}

/// Strings, numbers and booleans as text.
pub(crate) fn text(
    request: &Map<String, Value>,
    key: &str,
    attr: &str,
) -> Result<Option<String>, FieldError> {
    match given(request, key) {
        None => Ok(None),
        Some(Value::Array(_) | Value::Object(_)) => {
            Err(FieldError::invalid(attr, format!("`{key}` must be text.")))
        }
        Some(value) => Ok(Some(text_form(value))),
    }
}

/// A JSON string is its characters, a whole number has no decimals, anything else is its compact JSON text.
pub(crate) fn text_form(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            // Beyond 2^53 a float cannot tell neighbours apart: the text stays as it was sent.
            Some(float)
                if number.is_f64() && float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 =>
            {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// `true`, `"true"`, `"1"`, `1`, `"yes"`, … Absent means false.
pub(crate) fn boolean(request: &Map<String, Value>, key: &str) -> Result<bool, FieldError> {
    let Some(value) = given(request, key) else {
        return Ok(false);
    };
    match text_form(value).to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "t" | "y" | "on" => Ok(true),
        "false" | "0" | "no" | "f" | "n" | "off" | "none" | "null" => Ok(false),
        other => Err(FieldError::invalid(
            key,
            format!("`{key}` must be true or false, not {other:?}."),
        )),
    }
}

/// A whole number, as a number or as text.
pub(crate) fn integer(
    request: &Map<String, Value>,
    key: &str,
    attr: &str,
) -> Result<Option<i64>, FieldError> {
    let Some(value) = given(request, key) else {
        return Ok(None);
    };
    whole_number(value)
        .map(Some)
        .ok_or_else(|| FieldError::invalid(attr, format!("`{key}` must be a whole number, not {value}.")))
}

pub(crate) fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(_) | Value::String(_) => text_form(value).trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number within `range`, or `default` when not given.
pub(crate) fn count(
    request: &Map<String, Value>,
    key: &str,
    range: std::ops::RangeInclusive<u32>,
    default: u32,
) -> Result<u32, FieldError> {
    let Some(number) = integer(request, key, key)? else {
        return Ok(default);
    };
    u32::try_from(number)
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            FieldError::invalid(
                key,
                format!(
                    "`{key}` must lie between {} and {}, not be {number}.",
                    range.start(),
                    range.end()
                ),
            )
        })
}

/// A list, or JSON text of one.
pub(crate) fn list(
    request: &Map<String, Value>,
    key: &str,
    attr: &str,
) -> Result<Option<Vec<Value>>, FieldError> {
    match decoded(request, key, attr)? {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(_) => Err(FieldError::invalid(attr, format!("`{key}` must be a list."))),
    }
}

/// One text or a list of them, which in a query string is JSON text. None when not given.
pub(crate) fn texts(request: &Map<String, Value>, key: &str) -> Result<Vec<String>, FieldError> {
    match given(request, key) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.iter().map(text_form).collect()),
        Some(Value::Object(_)) => Err(FieldError::invalid(
            key,
            format!("`{key}` must be text or a list of texts."),
        )),
        Some(single) => {
            let text = text_form(single);
            // What begins like a list and is none is a text of that form.
            match serde_json::from_str::<Vec<Value>>(&text) {
                Ok(items) => Ok(items.iter().map(text_form).collect()),
                Err(_) => Ok(vec![text]),
            }
        }
    }
}

/// An object, or JSON text of one.
pub(crate) fn object(
    request: &Map<String, Value>,
    key: &str,
    attr: &str,
) -> Result<Option<Map<String, Value>>, FieldError> {
    match decoded(request, key, attr)? {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(FieldError::invalid(attr, format!("`{key}` must be an object."))),
    }
}

/// A list or object; text is parsed as JSON.
pub(crate) fn decoded(
    request: &Map<String, Value>,
    key: &str,
    attr: &str,
) -> Result<Option<Value>, FieldError> {
    match given(request, key) {
        None => Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text)
            .map(|value: Value| (!value.is_null()).then_some(value))
            .map_err(|_| FieldError::invalid(attr, format!("{} are unparsable!", title(key)))),
        Some(value) => Ok(Some(value.clone())),
    }
}

fn title(key: &str) -> String {
    let mut characters = key.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// 0..=4, as a number or as text.
pub(crate) fn group_type_index(
    request: &Map<String, Value>,
    key: &str,
    attr: &str,
) -> Result<Option<GroupTypeIndex>, FieldError> {
    let Some(number) = integer(request, key, attr)? else {
        return Ok(None);
    };
    u8::try_from(number)
        .ok()
        .and_then(GroupTypeIndex::new)
        .map(Some)
        .ok_or_else(|| {
            FieldError::invalid(
                attr,
                format!(
                    "`{key}` must lie between 0 and {}, not be {number}.",
                    GROUP_TYPES_MAX - 1
                ),
            )
        })
}
