//! A breakdown by several properties of one source, as funnels and retention take it.

use serde_json::Value;

use super::Request;
use super::field::{self, given};
use crate::field_error::{FieldError, nested};
use crate::resolved::PropertySource;

pub(crate) struct Properties {
    pub(crate) source: PropertySource,
    /// At least one.
    pub(crate) keys: Vec<String>,
    /// The request named one property as plain text.
    pub(crate) bare: bool,
}

/// `breakdowns: [{property, type}]`, or `breakdown` (one name or several) with `breakdown_type`. `insight` is the word for
/// those who are told that they cannot have it: "Funnels cannot be broken down by …".
pub(crate) fn properties(request: &Request, insight: &str) -> Result<Option<Properties>, FieldError> {
    let (keys, kind, bare) = keys(request)?;
    if keys.is_empty() {
        return Ok(None);
    }
    Ok(Some(Properties {
        source: source(request, kind.as_deref(), insight)?,
        keys,
        bare,
    }))
}

/// The properties, their type, and whether a single one was named as plain text.
fn keys(request: &Request) -> Result<(Vec<String>, Option<String>, bool), FieldError> {
    let kind = field::text(request, "breakdown_type", "breakdown_type")?;
    let mut keys = Vec::new();
    let mut kinds: Vec<String> = Vec::new();
    for (index, item) in field::list(request, "breakdowns", "breakdowns")?
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let attr = nested("breakdowns", index);
        let Value::Object(item) = item else {
            return Err(FieldError::invalid(
                attr,
                "A breakdown must be an object with a `property`.",
            ));
        };
        let property = nested(&attr, "property");
        keys.push(
            field::text(item, "property", &property)?
                .ok_or_else(|| FieldError::required(&property, "A breakdown needs a `property`."))?,
        );
        kinds.extend(field::text(item, "type", &nested(&attr, "type"))?);
    }
    if keys.is_empty() {
        let bare = match given(request, "breakdown") {
            Some(Value::String(text)) => serde_json::from_str::<Vec<Value>>(text).is_err(),
            Some(Value::Number(_) | Value::Bool(_)) => true,
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => false,
        };
        return Ok((field::texts(request, "breakdown")?, kind, bare));
    }
    match kinds.first() {
        Some(first) if kinds.iter().any(|other| other != first) => Err(FieldError::invalid(
            "breakdowns",
            "All parts of a breakdown must be of the same type.",
        )),
        Some(first) => Ok((keys, Some(first.clone()), false)),
        None => Ok((keys, kind, false)),
    }
}

fn source(request: &Request, kind: Option<&str>, insight: &str) -> Result<PropertySource, FieldError> {
    match kind {
        None | Some("event") => Ok(PropertySource::Event),
        Some("person") => Ok(PropertySource::Person),
        Some("group") => {
            let key = "breakdown_group_type_index";
            field::group_type_index(request, key, key)?
                .map(PropertySource::Group)
                .ok_or_else(|| {
                    FieldError::required(key, "This field is required when `breakdown_type` is `group`.")
                })
        }
        Some(other) => Err(FieldError::unsupported(
            "breakdown_type",
            format!("{insight} cannot be broken down by {other:?}."),
        )),
    }
}
