//! What is let pass in a filter that is asked, but refused in a definition that is to be stored: regular expressions that are
//! none, and cohorts that are not there. Neither would ever match anything.

use model::{ActionStep, UrlMatching};
use serde_json::{Map, Value};

use super::user_regex::portable;
use super::value;
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::field::given;
use crate::request::{Filter, FilterKind, Operator, PropertyFilter, property as request_property};

/// Property filters.
pub(crate) fn filter(filter: &Filter, context: &Context<'_>) -> Result<(), FieldError> {
    match filter {
        Filter::Leaf(leaf) => property(leaf, context),
        Filter::Group(_, members) => members
            .iter()
            .try_for_each(|member| self::filter(member, context)),
    }
}

fn property(leaf: &PropertyFilter, context: &Context<'_>) -> Result<(), FieldError> {
    let value_attr = nested(&leaf.attr, "value");
    match &leaf.kind {
        FilterKind::Cohort(ids) => {
            return match ids.iter().find(|id| context.cohort(**id).is_none()) {
                Some(id) => Err(FieldError::missing(
                    value_attr,
                    format!("There is no cohort {}.", id.0),
                )),
                None => Ok(()),
            };
        }
        FilterKind::Behavioral(criterion) => {
            let attr = nested(&leaf.attr, "event_filters");
            return filter(
                &request_property::filter(criterion.get("event_filters"), &attr)?,
                context,
            );
        }
        FilterKind::Event(_)
        | FilterKind::Person(_)
        | FilterKind::Group(..)
        | FilterKind::Session(_)
        | FilterKind::Element(_) => {}
    }
    match leaf.operator {
        Operator::Regex | Operator::NotRegex => value::texts(&leaf.values)
            .iter()
            .try_for_each(|pattern| expression(pattern, &value_attr)),
        Operator::Exact
        | Operator::IsNot
        | Operator::Contains
        | Operator::NotContains
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::IsSet
        | Operator::IsNotSet
        | Operator::DateExact
        | Operator::DateBefore
        | Operator::DateAfter
        | Operator::In
        | Operator::NotIn => Ok(()),
    }
}

fn expression(pattern: &str, attr: &str) -> Result<(), FieldError> {
    match portable(pattern) {
        Some(_) => Ok(()),
        None => Err(FieldError::invalid(
            attr,
            format!("{pattern:?} is no regular expression (of RE2's dialect)."),
        )),
    }
}

/// The steps of an action.
pub(crate) fn steps(steps: &[ActionStep], context: &Context<'_>) -> Result<(), FieldError> {
    for (index, step) in steps.iter().enumerate() {
        let attr = nested("steps", index);
        if let (Some(UrlMatching::Regex), Some(url)) = (step.url_matching, &step.url) {
            expression(url, &nested(&attr, "url"))?;
        }
        let properties = nested(&attr, "properties");
        filter(
            &request_property::filter(Some(&step.properties), &properties)?,
            context,
        )?;
    }
    Ok(())
}

/// One group of a cohort's older form. It must say something at all.
pub(crate) fn group(group: &Map<String, Value>, attr: &str, context: &Context<'_>) -> Result<(), FieldError> {
    let says = |key: &str| given(group, key).is_some();
    if !["properties", "action_id", "event_id"].into_iter().any(says) {
        return Err(FieldError::invalid(
            attr,
            "A group of a cohort needs `properties`, an `action_id` or an `event_id`.",
        ));
    }
    let properties = nested(attr, "properties");
    filter(
        &request_property::filter(group.get("properties"), &properties)?,
        context,
    )
}
