//! Cohorts: who is a member, as a condition on an event's person.

use model::{Cohort, CohortId};
use serde_json::{Map, Value};

use super::expansion::Expansion;
use super::{all, any, behavioral, never, property, well_formed};
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::{Filter, FilterKind, GroupKind, PropertyFilter, property as request_property};
use crate::resolved::{Condition, PersonSet};

/// Membership in a cohort. An unknown one has no members.
pub(crate) fn of_cohort(id: CohortId, context: &Context<'_>, attr: &str) -> Result<Condition, FieldError> {
    of_cohort_within(id, context, &mut Expansion::default(), attr)
}

pub(crate) fn of_cohort_within(
    id: CohortId,
    context: &Context<'_>,
    expansion: &mut Expansion,
    attr: &str,
) -> Result<Condition, FieldError> {
    let Some(cohort) = context.cohort(id) else {
        return Ok(never());
    };
    expansion.enter(id, attr)?;
    let condition = of_definition(cohort, context, expansion);
    expansion.leave();
    condition
}

/// What a cohort says, whether or not it is stored yet. Errors are named below `filters` or `groups`.
pub(crate) fn of_definition(
    cohort: &Cohort,
    context: &Context<'_>,
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    if cohort.is_static {
        return Ok(Condition::Person(PersonSet::StaticCohort(cohort.id)));
    }
    match tree(cohort) {
        Some(filters) => of_tree(&tree_filter(filters)?, context, expansion),
        None => of_groups(&cohort.groups, context, expansion),
    }
}

/// A tree of criteria. The empty one has no members.
fn of_tree(
    filter: &Filter,
    context: &Context<'_>,
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    match filter {
        Filter::Group(_, members) if members.is_empty() => Ok(never()),
        Filter::Group(..) | Filter::Leaf(_) => of_members(filter, context, expansion),
    }
}

fn of_members(
    filter: &Filter,
    context: &Context<'_>,
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    match filter {
        Filter::Leaf(leaf) => of_criterion(leaf, context, expansion),
        Filter::Group(kind, members) => {
            let members = members
                .iter()
                .map(|member| of_members(member, context, expansion))
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
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    let kind = match &leaf.kind {
        FilterKind::Event(key) | FilterKind::Person(key) => FilterKind::Person(key.clone()),
        FilterKind::Cohort(ids) => FilterKind::Cohort(ids.clone()),
        FilterKind::Behavioral(criterion) => {
            return behavioral::of_criterion(criterion, context, expansion, &leaf.attr);
        }
        FilterKind::Group(..) | FilterKind::Session(_) | FilterKind::Element(_) => {
            return Err(FieldError::invalid(
                nested(&leaf.attr, "type"),
                "A cohort can only look at persons, other cohorts and what persons did.",
            ));
        }
    };
    let leaf = PropertyFilter { kind, ..leaf.clone() };
    property::of_filter_within(&Filter::Leaf(leaf), context, expansion)
}

/// Whether a definition that is to be stored means something all the way down, see [`well_formed`].
pub(crate) fn check_definition(cohort: &Cohort, context: &Context<'_>) -> Result<(), FieldError> {
    if cohort.is_static {
        return Ok(());
    }
    if let Some(filters) = tree(cohort) {
        return well_formed::filter(&tree_filter(filters)?, context);
    }
    for group in groups(&cohort.groups)? {
        well_formed::group(&group.fields, &group.attr, context)?;
    }
    Ok(())
}

/// The newer form, which wins.
fn tree(cohort: &Cohort) -> Option<&Map<String, Value>> {
    match &cohort.filters {
        Some(Value::Object(filters)) if !filters.is_empty() => Some(filters),
        Some(_) | None => None,
    }
}

fn tree_filter(filters: &Map<String, Value>) -> Result<Filter, FieldError> {
    request_property::filter(filters.get("properties"), &nested("filters", "properties"))
}

/// The old form: a list of groups, any of which may match. Without groups nobody is a member.
fn of_groups(
    value: &Value,
    context: &Context<'_>,
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    let members = groups(value)?
        .iter()
        .map(|group| of_group(&group.fields, &group.attr, context, expansion))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(any(members))
}

/// A group of the old form, and where it stands.
struct Group {
    attr: String,
    fields: Map<String, Value>,
}

fn groups(groups: &Value) -> Result<Vec<Group>, FieldError> {
    let parsed;
    let groups = match groups {
        Value::Null => return Ok(Vec::new()),
        Value::Array(groups) => groups,
        Value::String(text) => {
            parsed = serde_json::from_str::<Vec<Value>>(text)
                .map_err(|_| FieldError::invalid("groups", "Groups are unparsable!"))?;
            &parsed
        }
        Value::Object(groups) if groups.is_empty() => return Ok(Vec::new()),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) => {
            return Err(FieldError::invalid("groups", "`groups` must be a list."));
        }
    };
    let places = groups.iter().enumerate().map(|(index, group)| {
        let attr = nested("groups", index);
        match group {
            Value::Object(fields) => Ok(Group {
                attr,
                fields: fields.clone(),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Err(
                FieldError::invalid(attr, "A group of a cohort must be an object."),
            ),
        }
    });
    places.collect()
}

fn of_group(
    group: &Map<String, Value>,
    attr: &str,
    context: &Context<'_>,
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    if behavioral::is_group(group) {
        return behavioral::of_group(group, context, expansion, attr);
    }
    let attr = nested(attr, "properties");
    let filter = request_property::filter(group.get("properties"), &attr)?;
    of_tree(&filter, context, expansion)
}
