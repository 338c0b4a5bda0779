//! By what a retention table is broken down.

use serde_json::Value;

use crate::field_error::{FieldError, nested};
use crate::request::Request;
use crate::request::field;
use crate::resolved::{PropertySource, RetentionBreakdown};

/// `breakdowns: [{property, type}]`, or `breakdown` (one name or several) with `breakdown_type`. All parts share a type.
pub(super) fn read(request: &Request) -> Result<Option<RetentionBreakdown>, FieldError> {
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
        keys = field::texts(request, "breakdown")?;
    }
    if keys.is_empty() {
        return Ok(None);
    }
    let kind = match kinds.first() {
        Some(first) if kinds.iter().any(|other| other != first) => {
            return Err(FieldError::invalid(
                "breakdowns",
                "All parts of a breakdown must be of the same type.",
            ));
        }
        Some(first) => Some(first.clone()),
        None => kind,
    };
    let source = match kind.as_deref() {
        None | Some("event") => PropertySource::Event,
        Some("person") => PropertySource::Person,
        Some("group") => {
            let key = "breakdown_group_type_index";
            let index = field::group_type_index(request, key, key)?.ok_or_else(|| {
                FieldError::required(key, "This field is required when `breakdown_type` is `group`.")
            })?;
            PropertySource::Group(index)
        }
        Some(other) => {
            return Err(FieldError::unsupported(
                "breakdown_type",
                format!("Retention cannot be broken down by {other:?}."),
            ));
        }
    };
    Ok(Some(RetentionBreakdown { source, keys }))
}
