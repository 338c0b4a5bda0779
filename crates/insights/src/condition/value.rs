//! A filter's value as the texts, numbers and instants that a test compares with.

use chrono::TimeDelta;
use model::{Interval, TimeRange};
use serde_json::Value;

use crate::context::Context;
use crate::dates::{Calendar, DateText, Precision, read_date};
use crate::field_error::{FieldError, nested};
use crate::request::{Operator, field::text_form};
use crate::resolved::DateTest;

pub(crate) fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(text_form).collect()
}

/// The single number of a comparison.
pub(crate) fn number(values: &[Value], attr: &str) -> Result<f64, FieldError> {
    let single = match values {
        [single] => read_number(&text_form(single)),
        _ => None,
    };
    single.ok_or_else(|| {
        FieldError::invalid(
            nested(attr, "value"),
            "A comparison needs one number as its `value`.",
        )
    })
}

pub(crate) fn read_number(text: &str) -> Option<f64> {
    text.trim()
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
}

/// A date-only value stands for its whole day: "after" begins when it is over.
pub(crate) fn date_test(
    operator: DateOperator,
    values: &[Value],
    context: &Context<'_>,
    attr: &str,
) -> Result<DateTest, FieldError> {
    let calendar = Calendar::of(context.project);
    let invalid = || {
        FieldError::invalid(
            nested(attr, "value"),
            "A date filter needs one date as its `value`.",
        )
    };
    let [value] = values else { return Err(invalid()) };
    let Some(DateText::At { instant, precision }) = read_date(&text_form(value), calendar, context.now)
    else {
        return Err(invalid());
    };
    Ok(match (operator, precision) {
        (DateOperator::Before, Precision::Day | Precision::Instant) => DateTest::Before(instant),
        (DateOperator::After, Precision::Instant) => DateTest::After(instant),
        (DateOperator::After, Precision::Day) => {
            DateTest::After(calendar.step(instant, Interval::Day, 1) - TimeDelta::microseconds(1))
        }
        (DateOperator::Exact, Precision::Instant) => DateTest::Within(TimeRange {
            from: instant,
            to: instant + TimeDelta::seconds(1),
        }),
        (DateOperator::Exact, Precision::Day) => DateTest::Within(calendar.bucket(instant, Interval::Day)),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateOperator {
    Exact,
    Before,
    After,
}

/// The operator and its value do not go together with what is filtered on.
pub(crate) fn not_applicable(operator: Operator, what: &str, attr: &str) -> FieldError {
    FieldError::invalid(
        nested(attr, "operator"),
        format!("The operator {operator:?} cannot be used in a filter on {what}."),
    )
}
