//! Actions: any step, and of a step all its parts.

use model::{Action, ActionStep, UrlMatching};

use super::element::selector_pattern;
use super::expansion::Expansion;
use super::literal::escaped;
use super::operator::regex_test;
use super::{all, any, property, selector};
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::property as request_property;
use crate::resolved::{Condition, ElementTest, PropertySource, PropertyTest};

const AUTOCAPTURE: &str = "$autocapture";

/// Without steps no event matches. Errors are named below `steps`.
pub(crate) fn of_action(action: &Action, context: &Context<'_>) -> Result<Condition, FieldError> {
    of_steps(&action.steps, context, &mut Expansion::default())
}

/// Filters of steps may name cohorts, and cohorts actions.
pub(crate) fn of_steps(
    steps: &[ActionStep],
    context: &Context<'_>,
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    let steps = steps
        .iter()
        .enumerate()
        .map(|(index, step)| of_step(step, &nested("steps", index), context, expansion))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(any(steps))
}

fn of_step(
    step: &ActionStep,
    attr: &str,
    context: &Context<'_>,
    expansion: &mut Expansion,
) -> Result<Condition, FieldError> {
    let mut parts = Vec::new();
    let event = filled(step.event.as_deref());
    if let Some(event) = event {
        parts.push(Condition::EventName(event.to_owned()));
    }
    if let Some(url) = filled(step.url.as_deref()) {
        parts.push(Condition::Property {
            source: PropertySource::Event,
            key: "$current_url".to_owned(),
            test: match step.url_matching.unwrap_or(UrlMatching::Contains) {
                UrlMatching::Exact => PropertyTest::AnyOf(vec![url.to_owned()]),
                // A literal pattern: unlike the filter of that name, this one minds the case.
                UrlMatching::Contains => PropertyTest::Regex {
                    pattern: escaped(url),
                    negated: false,
                },
                UrlMatching::Regex => regex_test(url, false),
            },
        });
    }
    // Other events have no elements; old steps may still carry what was filled in before the event was changed.
    if event == Some(AUTOCAPTURE) {
        let mut element = |pattern| {
            parts.push(Condition::Elements(ElementTest::Matches {
                pattern,
                negated: false,
            }));
        };
        if let Some(tag) = filled(step.tag_name.as_deref()) {
            element(selector::tag_pattern(tag));
        }
        if let Some(text) = filled(step.text.as_deref()) {
            element(selector::attribute_pattern("text", text));
        }
        if let Some(href) = filled(step.href.as_deref()) {
            element(selector::attribute_pattern("href", href));
        }
        if let Some(text) = filled(step.selector.as_deref()) {
            element(selector_pattern(text, &nested(attr, "selector"))?);
        }
    }
    let properties = nested(attr, "properties");
    let filter = request_property::filter(Some(&step.properties), &properties)?;
    parts.push(property::of_filter_within(&filter, context, expansion)?);
    Ok(all(parts))
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
