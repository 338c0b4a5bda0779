//! From filters, actions and cohorts to conditions on events.

pub(crate) mod action;
pub(crate) mod behavioral;
pub(crate) mod cohort;
pub(crate) mod element;
pub(crate) mod expansion;
pub(crate) mod literal;
pub(crate) mod operator;
pub(crate) mod property;
pub(crate) mod selector;
#[cfg(test)]
mod tests;
pub(crate) mod user_regex;
pub(crate) mod value;
pub(crate) mod well_formed;

use crate::context::Context;
use crate::field_error::FieldError;
use crate::request::{Entity, EntityKind, Request, field, property as request_property};
use crate::resolved::Condition;

/// What every event passes.
pub(crate) fn always() -> Condition {
    Condition::All(Vec::new())
}

/// What no event passes.
pub(crate) fn never() -> Condition {
    Condition::Any(Vec::new())
}

/// All of `conditions`, flattened, so that a query reads like the request.
pub(crate) fn all(conditions: impl IntoIterator<Item = Condition>) -> Condition {
    let mut flat = Vec::new();
    for condition in conditions {
        match condition {
            Condition::All(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match flat.len() {
        1 => flat.remove(0),
        _ => Condition::All(flat),
    }
}

/// Any of `conditions`, flattened.
pub(crate) fn any(conditions: impl IntoIterator<Item = Condition>) -> Condition {
    let mut flat = Vec::new();
    for condition in conditions {
        match condition {
            Condition::Any(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match flat.len() {
        1 => flat.remove(0),
        _ => Condition::Any(flat),
    }
}

/// The filters of a request as a whole: its properties, and the project's test account filters when asked for.
pub(crate) fn of_request(request: &Request, context: &Context<'_>) -> Result<Condition, FieldError> {
    let own = property::of_filter(&request_property::request_filter(request)?, context)?;
    if !field::boolean(request, "filter_test_accounts")? {
        return Ok(own);
    }
    let attr = "test_account_filters";
    let filter = request_property::filter(Some(&context.project.test_account_filters), attr)?;
    Ok(all([property::of_filter(&filter, context)?, own]))
}

/// The entity's own events and filters. `None`: it names an action that is not there.
pub(crate) fn of_entity(entity: &Entity, context: &Context<'_>) -> Result<Option<Condition>, FieldError> {
    let events = match &entity.kind {
        EntityKind::AnyEvent => always(),
        EntityKind::Event(name) => Condition::EventName(name.clone()),
        EntityKind::Action(id) => match context.action(*id) {
            Some(action) => action::of_action(action, context)?,
            None => return Ok(None),
        },
    };
    Ok(Some(all([events, property::of_filter(&entity.filter, context)?])))
}
