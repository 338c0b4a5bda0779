//! Stored definitions, actions and cohorts, outside of an insight: their members, and whether they can be read at all.

use model::{ActionId, ActionStep, Cohort, CohortId};
use serde_json::Value;

use crate::condition::expansion::Expansion;
use crate::condition::{action, cohort, property, well_formed};
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
    action::of_steps(steps, context, &mut Expansion::default())?;
    well_formed::steps(steps, context)
}

/// Whether a cohort can be read, names only cohorts that are there, and is not part of its own definition; asked before it is
/// stored. For a new cohort the id is one that is not in use. A deleted one may go as it is.
pub fn check_cohort(changed: &Cohort, context: &Context<'_>) -> Result<(), FieldError> {
    if changed.deleted {
        return Ok(());
    }
    cohort::of_definition(changed, context, &mut Expansion::within(changed.id))?;
    cohort::check_definition(changed, context)
}

/// Whether stored property filters (such as a project's test account filters) can be read.
pub fn check_properties(filters: &Value, attr: &str, context: &Context<'_>) -> Result<(), FieldError> {
    let filter = request_property::filter(Some(filters), attr)?;
    property::of_filter(&filter, context)?;
    well_formed::filter(&filter, context)
}
