//! Cohorts: who is a member, as a condition on an event's person.

use model::{Cohort, CohortId};
use serde_json::{Map, Value};

use super::{all, any, behavioral, never, property};
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::{Filter, FilterKind, GroupKind, PropertyFilter, property as request_property};
use crate::resolved::{Condition, PersonSet};

/// Membership in a cohort. An unknown one has no members.
pub(crate) fn of_cohort(id: CohortId, context: &Context<'_>, attr: &str) -> Result<Condition, FieldError> {
    of_cohort_within(id, context, &mut Vec::new(), attr)
}

/// `path` holds the cohorts that are being expanded.
pub(crate) fn of_cohort_within(
    id: CohortId,
    context: &Context<'_>,
    path: &mut Vec<CohortId>,
    attr: &str,
) -> Result<Condition, FieldError> {
    if path.contains(&id) {
        return Err(FieldError::invalid(
            attr,
            format!("Cohort {} is part of its own definition.", id.0),
        ));
    }
    let Some(cohort) = context.cohort(id) else {
        return Ok(never());
    };
    path.push(id);
    let condition = of_definition(cohort, context, path);
    path.pop();
    condition
}

/// What a cohort says, whether or not it is stored yet. Errors are named below `filters` or `groups`.
pub(crate) fn of_definition(
    cohort: &Cohort,
    context: &Context<'_>,
    path: &mut Vec<CohortId>,
) -> Result<Condition, FieldError> {
    if cohort.is_static {
        return Ok(Condition::Person(PersonSet::StaticCohort(cohort.id)));
    }
    match &cohort.filters {
        Some(Value::Object(filters)) if !filters.is_empty() => {
            let attr = nested("filters", "properties");
            of_tree(
                &request_property::filter(filters.get("properties"), &attr)?,
                context,
                path,
            )
        }
        Some(_) | None => of_groups(&cohort.groups, context, path),
    }
}

/// A tree of criteria. The empty one has no members.
fn of_tree(
    filter: &Filter,
    context: &Context<'_>,
    path: &mut Vec<CohortId>,
) -> Result<Condition, FieldError> {
    match filter {
        Filter::Group(_, members) if members.is_empty() => Ok(never()),
        Filter::Group(..) | Filter::Leaf(_) => of_members(filter, context, path),
    }
}

fn of_members(
    filter: &Filter,
    context: &Context<'_>,
    path: &mut Vec<CohortId>,
) -> Result<Condition, FieldError> {
    match filter {
        Filter::Leaf(leaf) => of_criterion(leaf, context, path),
        Filter::Group(kind, members) => {
            let members = members
                .iter()
                .map(|member| of_members(member, context, path))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(match kind {
                GroupKind::All => all(members),
                GroupKind::Any => any(members),
            })
        }
    }
}

/// A filter without type, or on "events", is on the person: there is no event to look at.
fn of_criterion(
    leaf: &PropertyFilter,
    context: &Context<'_>,
    path: &mut Vec<CohortId>,
) -> Result<Condition, FieldError> {
    let kind = match &leaf.kind {
        FilterKind::Event(key) | FilterKind::Person(key) => FilterKind::Person(key.clone()),
        FilterKind::Cohort(ids) => FilterKind::Cohort(ids.clone()),
        FilterKind::Behavioral(criterion) => {
            return behavioral::of_criterion(criterion, context, &leaf.attr);
        }
        FilterKind::Group(..) | FilterKind::Session(_) | FilterKind::Element(_) => {
            return Err(FieldError::invalid(
                nested(&leaf.attr, "type"),
                "A cohort can only look at persons, other cohorts and what persons did.",
            ));
        }
    };
    let leaf = PropertyFilter { kind, ..leaf.clone() };
    property::of_filter_within(&Filter::Leaf(leaf), context, path)
}

/// The old form: a list of groups, any of which may match. Without groups nobody is a member.
fn of_groups(
    groups: &Value,
    context: &Context<'_>,
    path: &mut Vec<CohortId>,
) -> Result<Condition, FieldError> {
    let parsed;
    let groups = match groups {
        Value::Null => return Ok(never()),
        Value::Array(groups) => groups,
        Value::String(text) => {
            parsed = serde_json::from_str::<Vec<Value>>(text)
                .map_err(|_| FieldError::invalid("groups", "Groups are unparsable!"))?;
            &parsed
        }
        Value::Object(groups) if groups.is_empty() => return Ok(never()),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) => {
            return Err(FieldError::invalid("groups", "`groups` must be a list."));
        }
    };
    let mut members = Vec::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        let attr = nested("groups", index);
        let Value::Object(group) = group else {
            return Err(FieldError::invalid(
                attr,
                "A group of a cohort must be an object.",
            ));
        };
        members.push(of_group(group, &attr, context, path)?);
    }
    Ok(any(members))
}

fn of_group(
    group: &Map<String, Value>,
    attr: &str,
    context: &Context<'_>,
    path: &mut Vec<CohortId>,
) -> Result<Condition, FieldError> {
    if behavioral::is_group(group) {
        return behavioral::of_group(group, context, attr);
    }
    let attr = nested(attr, "properties");
    let filter = request_property::filter(group.get("properties"), &attr)?;
    of_tree(&filter, context, path)
}
