//! By what a funnel is broken down.

use serde_json::Value;

use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::Request;
use crate::request::field::{self, given};
use crate::resolved::{Attribution, FunnelBreakdown, PropertySource};
use crate::trends::breakdown::{Member, members};

const LIMIT_DEFAULT: u32 = 25;
const LIMIT_MAX: u32 = 1_000;
/// Each is a query of its own.
const COHORTS_MAX: usize = 100;
const KEYS_MAX: usize = 20;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum BreakdownBy {
    Property {
        breakdown: FunnelBreakdown,
        /// The request named one property as plain text: values are answered as plain text.
        bare: bool,
    },
    /// One funnel for each.
    Cohorts(Vec<Member>),
}

/// `None`: not broken down.
pub(super) fn read(
    request: &Request,
    steps: usize,
    context: &Context<'_>,
) -> Result<Option<BreakdownBy>, FieldError> {
    let kind = field::text(request, "breakdown_type", "breakdown_type")?;
    if kind.as_deref() == Some("cohort") {
        let Some(value) = given(request, "breakdown") else {
            return Ok(None);
        };
        let members = members(value, context)?;
        if members.len() > COHORTS_MAX {
            return Err(FieldError::invalid(
                "breakdown",
                format!("A funnel can be broken down by {COHORTS_MAX} cohorts at most."),
            ));
        }
        return Ok(Some(BreakdownBy::Cohorts(members)));
    }
    let (keys, kind, bare) = keys(request, kind)?;
    if keys.is_empty() {
        return Ok(None);
    }
    if keys.len() > KEYS_MAX {
        return Err(FieldError::invalid(
            "breakdown",
            format!("A funnel can be broken down by {KEYS_MAX} properties at most."),
        ));
    }
    Ok(Some(BreakdownBy::Property {
        breakdown: FunnelBreakdown {
            source: source(request, kind.as_deref())?,
            keys,
            attribution: attribution(request, steps)?,
            limit: field::count(request, "breakdown_limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?,
        },
        bare,
    }))
}

/// The properties, their type, and whether a single one was named as plain text.
fn keys(request: &Request, kind: Option<String>) -> Result<(Vec<String>, Option<String>, bool), FieldError> {
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

fn source(request: &Request, kind: Option<&str>) -> Result<PropertySource, FieldError> {
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
            format!("Funnels cannot be broken down by {other:?}."),
        )),
    }
}

/// `breakdown_attribution_value` is the 0-based step, where the type is `step`.
fn attribution(request: &Request, steps: usize) -> Result<Attribution, FieldError> {
    let key = "breakdown_attribution_type";
    match field::text(request, key, key)?.as_deref() {
        None | Some("first_touch") => Ok(Attribution::FirstTouch),
        Some("last_touch") => Ok(Attribution::LastTouch),
        Some("all_events") => Ok(Attribution::AllEvents),
        Some("step") => {
            let last = u32::try_from(steps.saturating_sub(1)).unwrap_or(u32::MAX);
            let step = field::count(request, "breakdown_attribution_value", 0..=last, 0)?;
            Ok(Attribution::Step(usize::try_from(step).unwrap_or(0)))
        }
        Some(other) => Err(FieldError::invalid(
            key,
            format!("`{key}` must be first_touch, last_touch, all_events or step, not {other:?}."),
        )),
    }
}
