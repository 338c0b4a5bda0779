//! One operator with its values, as tests on a property.

use serde_json::Value;

use super::user_regex::portable;
use super::value::{self, DateOperator, not_applicable};
use super::{all, any};
use crate::context::Context;
use crate::field_error::FieldError;
use crate::request::Operator;
use crate::resolved::{Comparison, Condition, PropertySource, PropertyTest};

/// Every operator on a property of events, persons, groups or sessions.
pub(crate) fn of_property(
    source: PropertySource,
    key: &str,
    operator: Operator,
    values: &[Value],
    context: &Context<'_>,
    attr: &str,
) -> Result<Condition, FieldError> {
    let leaf = |test| Condition::Property {
        source,
        key: key.to_owned(),
        test,
    };
    let each = |test: &dyn Fn(String) -> PropertyTest| -> Vec<Condition> {
        value::texts(values)
            .into_iter()
            .map(|text| leaf(test(text)))
            .collect()
    };
    let compare = |op| -> Result<Condition, FieldError> {
        Ok(leaf(PropertyTest::Compare {
            op,
            value: value::number(values, attr)?,
        }))
    };
    let date = |operator| -> Result<Condition, FieldError> {
        Ok(leaf(PropertyTest::Date(value::date_test(
            operator, values, context, attr,
        )?)))
    };
    Ok(match operator {
        Operator::Exact | Operator::In => equals(source, key, values),
        Operator::IsNot | Operator::NotIn => match source {
            PropertySource::Session => Condition::Not(Box::new(equals(source, key, values))),
            PropertySource::Event | PropertySource::Person | PropertySource::Group(_) => {
                leaf(PropertyTest::NoneOf(value::texts(values)))
            }
        },
        Operator::Contains => any(each(&|text| PropertyTest::Contains { text, negated: false })),
        Operator::NotContains => all(each(&|text| PropertyTest::Contains { text, negated: true })),
        Operator::Regex => any(each(&|pattern| regex_test(&pattern, false))),
        Operator::NotRegex => all(each(&|pattern| regex_test(&pattern, true))),
        Operator::Greater => compare(Comparison::Greater)?,
        Operator::GreaterOrEqual => compare(Comparison::GreaterOrEqual)?,
        Operator::Less => compare(Comparison::Less)?,
        Operator::LessOrEqual => compare(Comparison::LessOrEqual)?,
        Operator::IsSet => leaf(PropertyTest::IsSet),
        Operator::IsNotSet => leaf(PropertyTest::IsNotSet),
        Operator::DateExact => date(DateOperator::Exact)?,
        Operator::DateBefore => date(DateOperator::Before)?,
        Operator::DateAfter => date(DateOperator::After)?,
    })
}

/// Durations are numbers, not texts: `30` has to find `30.0`.
fn equals(source: PropertySource, key: &str, values: &[Value]) -> Condition {
    let leaf = |test| Condition::Property {
        source,
        key: key.to_owned(),
        test,
    };
    let texts = value::texts(values);
    match source {
        PropertySource::Session => any(texts.iter().map(|text| match value::read_number(text) {
            Some(value) => leaf(PropertyTest::Compare {
                op: Comparison::Equal,
                value,
            }),
            None => leaf(PropertyTest::Never),
        })),
        PropertySource::Event | PropertySource::Person | PropertySource::Group(_) => {
            leaf(PropertyTest::AnyOf(texts))
        }
    }
}

/// An invalid pattern matches nothing, negated or not.
pub(crate) fn regex_test(pattern: &str, negated: bool) -> PropertyTest {
    match portable(pattern) {
        Some(pattern) => PropertyTest::Regex { pattern, negated },
        None => PropertyTest::Never,
    }
}

/// The operators of a cohort filter: in, or not in.
pub(crate) fn is_membership(operator: Operator, attr: &str) -> Result<bool, FieldError> {
    match operator {
        Operator::Exact | Operator::In => Ok(true),
        Operator::IsNot | Operator::NotIn => Ok(false),
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
        | Operator::DateAfter => Err(not_applicable(operator, "cohorts", attr)),
    }
}
