//! The persons list: request to query.

use serde_json::Value;
use uuid::Uuid;

use crate::condition::{all, always, property};
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::field::{self, given, text_form};
use crate::request::{Filter, FilterKind, PropertyFilter, Request, property as request_property};
use crate::resolved::{Condition, PersonSet, PersonsQuery};

#[cfg(test)]
mod tests;

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

/// `distinct_id`, `email`, `uuid` or `id` (a list, or text with commas), `search`, `properties`, `cohort`, `limit`,
/// `offset`. Filters without a type are on the person.
pub fn persons(request: &Request, context: &Context<'_>) -> Result<PersonsQuery, FieldError> {
    let filter = on_persons(request_property::request_filter(request)?)?;
    let cohort = match field::integer(request, "cohort", "cohort")? {
        Some(id) => crate::condition::cohort::of_cohort(model::CohortId(id), context, "cohort")?,
        None => always(),
    };
    Ok(PersonsQuery {
        project: context.project.id,
        timezone: context.timezone(),
        condition: all([property::of_filter(&filter, context)?, cohort]),
        distinct_id: field::text(request, "distinct_id", "distinct_id")?,
        email: field::text(request, "email", "email")?,
        ids: ids(request)?,
        search: field::text(request, "search", "search")?,
        limit: field::count(request, "limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?,
        offset: field::count(request, "offset", 0..=u32::MAX, 0)?,
    })
}

fn ids(request: &Request) -> Result<Option<Vec<Uuid>>, FieldError> {
    for key in ["uuid", "id"] {
        let Some(value) = given(request, key) else {
            continue;
        };
        let texts: Vec<String> = match value {
            Value::Array(items) => items.iter().map(text_form).collect(),
            Value::String(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec![text_form(value)],
        };
        return texts
            .iter()
            .map(|text| person_id(text, key))
            .collect::<Result<_, _>>()
            .map(Some);
    }
    Ok(None)
}

/// A person's id is a uuid.
pub(crate) fn person_id(text: &str, attr: &str) -> Result<Uuid, FieldError> {
    Uuid::parse_str(text)
        .map_err(|_| FieldError::invalid(attr, format!("`{attr}` must be a person's uuid, not {text:?}.")))
}

fn on_persons(filter: Filter) -> Result<Filter, FieldError> {
    match filter {
        Filter::Group(kind, members) => Ok(Filter::Group(
            kind,
            members.into_iter().map(on_persons).collect::<Result<_, _>>()?,
        )),
        Filter::Leaf(leaf) => {
            let kind = match leaf.kind {
                FilterKind::Event(key) | FilterKind::Person(key) => FilterKind::Person(key),
                FilterKind::Cohort(ids) => FilterKind::Cohort(ids),
                FilterKind::Group(..)
                | FilterKind::Session(_)
                | FilterKind::Element(_)
                | FilterKind::Behavioral(_) => {
                    return Err(FieldError::invalid(
                        nested(&leaf.attr, "type"),
                        "Persons can only be filtered by their properties and cohorts.",
                    ));
                }
            };
            Ok(Filter::Leaf(PropertyFilter { kind, ..leaf }))
        }
    }
}

/// The person with this id, as a uuid; anything else is nobody's id.
pub(crate) fn is_person(text: &str) -> Condition {
    match Uuid::parse_str(text) {
        Ok(id) => Condition::Person(PersonSet::Ids(vec![id])),
        Err(_) => crate::condition::never(),
    }
}
