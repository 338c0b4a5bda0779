//! Stored definitions, actions and cohorts, outside of an insight: their members, and whether they can be read at all.

use model::{ActionId, ActionStep, Cohort, CohortId};
use serde_json::Value;

use crate::condition::{action, cohort, property};
use crate::context::Context;
use crate::field_error::FieldError;
use crate::persons;
use crate::request::{Request, property as request_property};
use crate::resolved::{Condition, PersonsQuery};

/// Events that match an action; an error when there is no such action.
pub fn action_condition(id: ActionId, context: &Context<'_>) -> Result<Condition, FieldError> {
    let found = context
        .action(id)
        .ok_or_else(|| FieldError::missing("action_id", format!("Action ID {} does not exist!", id.0)))?;
    action::of_action(found, context)
}

/// Persons that are members of a cohort; nobody when there is no such cohort.
pub fn cohort_condition(id: CohortId, context: &Context<'_>) -> Result<Condition, FieldError> {
    cohort::of_cohort(id, context, "cohort")
}

/// The persons of a cohort, with the other conditions and the paging of a persons request.
pub fn cohort_persons(
    id: CohortId,
    request: &Request,
    context: &Context<'_>,
) -> Result<PersonsQuery, FieldError> {
    let mut query = persons::persons(request, context)?;
    query.condition = crate::condition::all([cohort_condition(id, context)?, query.condition]);
    Ok(query)
}

/// Whether an action's steps can be read; asked before they are stored.
pub fn check_action_steps(steps: &[ActionStep], context: &Context<'_>) -> Result<(), FieldError> {
    action::of_steps(steps, context).map(drop)
}

/// Whether a cohort can be read, and is not part of its own definition; asked before it is stored. For a new cohort the
/// id is one that is not in use.
pub fn check_cohort(changed: &Cohort, context: &Context<'_>) -> Result<(), FieldError> {
    cohort::of_definition(changed, context, &mut vec![changed.id]).map(drop)
}

/// Whether stored property filters (such as a project's test account filters) can be read.
pub fn check_properties(filters: &Value, attr: &str, context: &Context<'_>) -> Result<(), FieldError> {
    property::of_filter(&request_property::filter(Some(filters), attr)?, context).map(drop)
}
