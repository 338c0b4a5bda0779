//! The events list: request to query.

use chrono::{DateTime, TimeDelta, Utc};
use model::ActionId;

use crate::condition;
use crate::context::Context;
use crate::dates::DateText;
use crate::dates::range::read_bound;
use crate::definition::action_condition;
use crate::field_error::FieldError;
use crate::persons::is_person;
use crate::request::{Request, field};
use crate::resolved::{Condition, EventsQuery};

#[cfg(test)]
mod tests;

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 100_000;

/// `event`, `action_id`, `person_id`, `distinct_id`, `properties`, `after`, `before`, `orderBy`, `limit`.
///
/// Newest first unless `orderBy` says `["timestamp"]`. Without `after` there is no lower bound: a caller may look at the
/// last day first, and further back only when that is not enough. Without `before` the bound is a little ahead of now, for
/// clocks that go fast.
pub fn events(request: &Request, context: &Context<'_>) -> Result<EventsQuery, FieldError> {
    let mut conditions = Vec::new();
    if let Some(event) = field::text(request, "event", "event")? {
        conditions.push(Condition::EventName(event));
    }
    if let Some(id) = field::integer(request, "action_id", "action_id")? {
        conditions.push(action_condition(ActionId(id), context)?);
    }
    if let Some(person) = field::text(request, "person_id", "person_id")? {
        conditions.push(is_person(&person));
    }
    if let Some(distinct_id) = field::text(request, "distinct_id", "distinct_id")? {
        conditions.push(Condition::DistinctId(distinct_id));
    }
    conditions.push(condition::of_request(request, context)?);
    let after = instant(request, "after", context)?;
    let before = instant(request, "before", context)?;
    if let (Some(after), Some(before)) = (after, before)
        && after > before
    {
        return Err(FieldError::invalid("after", "`after` must lie before `before`."));
    }
    Ok(EventsQuery {
        project: context.project.id,
        timezone: context.timezone(),
        after,
        before: Some(before.unwrap_or(context.now + TimeDelta::seconds(5))),
        condition: condition::all(conditions),
        ascending: ascending(request)?,
        cursor: None,
        limit: field::count(request, "limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?,
    })
}

/// A day stands for its first instant.
fn instant(request: &Request, key: &str, context: &Context<'_>) -> Result<Option<DateTime<Utc>>, FieldError> {
    Ok(match read_bound(request, key, context)? {
        None | Some(DateText::All) => None,
        Some(DateText::At { instant, .. }) => Some(instant),
    })
}

/// `orderBy` or `order_by`: a list, or its first item alone.
fn ascending(request: &Request) -> Result<bool, FieldError> {
    for key in ["orderBy", "order_by"] {
        let Some(value) = field::given(request, key) else {
            continue;
        };
        let first = match value {
            serde_json::Value::String(text) if !text.trim_start().starts_with('[') => text.clone(),
            _ => match field::list(request, key, key)?.unwrap_or_default().first() {
                Some(first) => field::text_form(first),
                None => continue,
            },
        };
        return match first.as_str() {
            "timestamp" => Ok(true),
            "-timestamp" => Ok(false),
            other => Err(FieldError::invalid(
                key,
                format!("Events are ordered by timestamp or -timestamp, not {other:?}."),
            )),
        };
    }
    Ok(false)
}
