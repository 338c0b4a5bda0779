//! Filters on the elements that were clicked: tag, text, href and selector.

use serde_json::Value;

use super::selector::{self, SelectorError};
use super::user_regex::portable;
use super::value::{self, not_applicable};
use super::{all, any};
use crate::field_error::{FieldError, nested};
use crate::request::Operator;
use crate::request::property::ElementKey;
use crate::resolved::{Condition, ElementTest};

/// Several values OR; negated operators negate the whole. Without values: never, or always when negated.
pub(crate) fn of_filter(
    key: ElementKey,
    operator: Operator,
    values: &[Value],
    attr: &str,
) -> Result<Condition, FieldError> {
    let texts = value::texts(values);
    let (negated, patterns) = match key {
        ElementKey::TagName | ElementKey::Selector => {
            let negated = match operator {
                Operator::Exact | Operator::In => false,
                Operator::IsNot | Operator::NotIn => true,
                Operator::Contains
                | Operator::NotContains
                | Operator::Regex
                | Operator::NotRegex
                | Operator::Greater
                | Operator::GreaterOrEqual
                | Operator::Less
                | Operator::LessOrEqual
                | Operator::IsSet
                | Operator::IsNotSet
                | Operator::DateExact
                | Operator::DateBefore
                | Operator::DateAfter => {
                    return Err(not_applicable(operator, "an element's tag or selector", attr));
                }
            };
            let patterns = match key {
                ElementKey::TagName => texts.iter().map(|tag| Some(selector::tag_pattern(tag))).collect(),
                ElementKey::Selector | ElementKey::Text | ElementKey::Href => texts
                    .iter()
                    .map(|text| selector_pattern(text, &nested(attr, "value")).map(Some))
                    .collect::<Result<Vec<_>, _>>()?,
            };
            (negated, patterns)
        }
        ElementKey::Text => attribute_patterns("text", operator, &texts, attr)?,
        ElementKey::Href => attribute_patterns("href", operator, &texts, attr)?,
    };
    let tests = patterns.into_iter().map(|pattern| {
        Condition::Elements(match pattern {
            Some(pattern) => ElementTest::Matches { pattern, negated },
            // An invalid regular expression matches nothing, negated or not.
            None => ElementTest::Never,
        })
    });
    let tests: Vec<Condition> = tests.collect();
    Ok(match (tests.is_empty(), negated) {
        (true, false) => Condition::Elements(ElementTest::Never),
        (true, true) => Condition::Elements(ElementTest::Always),
        (false, false) => any(tests),
        (false, true) => all(tests),
    })
}

pub(crate) fn selector_pattern(text: &str, attr: &str) -> Result<String, FieldError> {
    selector::pattern(text).map_err(|error: SelectorError| FieldError::invalid(attr, error.to_string()))
}

/// Whether the operator negates, and a pattern for each value.
fn attribute_patterns(
    name: &str,
    operator: Operator,
    texts: &[String],
    attr: &str,
) -> Result<(bool, Vec<Option<String>>), FieldError> {
    let each = |pattern: &dyn Fn(&str) -> Option<String>| texts.iter().map(|text| pattern(text)).collect();
    let exact = |text: &str| Some(selector::attribute_pattern(name, text));
    let contains = |text: &str| Some(selector::attribute_contains_pattern(name, text));
    let matches = |text: &str| {
        // The user's own expression must stand on its own feet, and ours around it.
        portable(&selector::attribute_regex_pattern(name, &portable(text)?))
    };
    Ok(match operator {
        Operator::Exact | Operator::In => (false, each(&exact)),
        Operator::IsNot | Operator::NotIn => (true, each(&exact)),
        Operator::Contains => (false, each(&contains)),
        Operator::NotContains => (true, each(&contains)),
        Operator::Regex => (false, each(&matches)),
        Operator::NotRegex => (true, each(&matches)),
        Operator::IsSet => (false, vec![Some(selector::attribute_present_pattern(name))]),
        Operator::IsNotSet => (true, vec![Some(selector::attribute_present_pattern(name))]),
        Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::DateExact
        | Operator::DateBefore
        | Operator::DateAfter => return Err(not_applicable(operator, "an element's text or href", attr)),
    })
}
