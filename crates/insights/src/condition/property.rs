//! A tree of property filters as a condition.

use super::expansion::Expansion;
use super::{all, any, cohort, element, operator};
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::{Filter, FilterKind, GroupKind, PropertyFilter};
use crate::resolved::{Condition, PropertySource};

pub(crate) fn of_filter(filter: &Filter, context: &Context<'_>) -> Result<Condition, FieldError> {
    of_filter_within(filter, context, &mut Expansion::default())
}

pub(crate) fn of_filter_within(
    filter: &Filter,
    context: &Context<'_>,
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    match filter {
        Filter::Leaf(leaf) => of_leaf(leaf, context, expansion),
        Filter::Group(kind, members) => {
            let members = members
                .iter()
                .map(|member| of_filter_within(member, context, expansion))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(match kind {
                GroupKind::All => all(members),
                GroupKind::Any => any(members),
            })
        }
    }
}

fn of_leaf(
    leaf: &PropertyFilter,
    context: &Context<'_>,
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    let attr = &leaf.attr;
    let property =
        |source, key: &str| operator::of_property(source, key, leaf.operator, &leaf.values, context, attr);
    match &leaf.kind {
        FilterKind::Event(key) => property(PropertySource::Event, key),
        FilterKind::Person(key) => property(PropertySource::Person, key),
        FilterKind::Group(index, key) => property(PropertySource::Group(*index), key),
        FilterKind::Session(key) if key == "$session_duration" => property(PropertySource::Session, key),
        FilterKind::Session(key) => Err(FieldError::invalid(
            nested(attr, "key"),
            format!("A filter on sessions has the key $session_duration, not {key:?}."),
        )),
        FilterKind::Element(key) => element::of_filter(*key, leaf.operator, &leaf.values, attr),
        FilterKind::Cohort(ids) => {
            let within = operator::is_membership(leaf.operator, attr)?;
            let members = ids
                .iter()
                .map(|id| {
                    let attr = nested(attr, "value");
                    cohort::of_cohort_within(*id, context, expansion, &attr).map_err(|error| FieldError {
                        // What is wrong in a cohort is not in the fields of what names it.
                        attr: Some(attr),
                        ..error
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
            let condition = any(members);
            Ok(if within {
                condition
            } else {
                Condition::Not(Box::new(condition))
            })
        }
        FilterKind::Behavioral(_) => Err(FieldError::invalid(
            nested(attr, "type"),
            "Filters of type \"behavioral\" belong into cohorts.",
        )),
    }
}
