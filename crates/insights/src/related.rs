//! Related actors: request to query.

use chrono::TimeDelta;

use crate::context::Context;
use crate::field_error::FieldError;
use crate::persons::person_id;
use crate::request::{Request, field};
use crate::resolved::{Actor, RelatedQuery};

#[cfg(test)]
mod tests;

/// Events further back relate nobody.
const DAYS: i64 = 90;
const LIMIT_DEFAULT: u32 = 1_000;
const LIMIT_MAX: u32 = 10_000;

/// `id`: a group's key with `group_type_index`, else a person's uuid. `limit` is for persons and for each type of group.
pub fn related(request: &Request, context: &Context<'_>) -> Result<RelatedQuery, FieldError> {
    let id = field::text(request, "id", "id")?
        .ok_or_else(|| FieldError::required("id", "Name the person or group to find relations of."))?;
    let key = "group_type_index";
    let actor = match field::group_type_index(request, key, key)? {
        Some(index) => Actor::Group(index, id),
        None => Actor::Person(person_id(&id, "id")?),
    };
    Ok(RelatedQuery {
        project: context.project.id,
        actor,
        since: context.now - TimeDelta::days(DAYS),
        limit: field::count(request, "limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?,
    })
}
