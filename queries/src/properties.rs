//! Tests of a property's text form.

use event_store::Result;
use insights::{Comparison, DateTest, PropertySource, PropertyTest};
use sql_builder::{Expr, Operator, and, func, literal, not, param};

use crate::conditions::{Scope, or_false};
use crate::postgres::pattern;

pub(crate) fn test(
    source: PropertySource,
    key: &str,
    test: &PropertyTest,
    scope: &mut Scope,
) -> Result<Expr> {
    if *test == PropertyTest::Never {
        return Ok(literal(false));
    }
    let text = scope.text(source, key)?;
    let or_empty = func("coalesce", [text.clone(), literal("")]);
    let positive = match test {
        PropertyTest::AnyOf(texts) => or_empty.in_array(param(texts.as_slice())),
        PropertyTest::NoneOf(texts) => not(or_empty.in_array(param(texts.as_slice()))),
        PropertyTest::Contains { text: part, negated } => {
            negated_if(*negated, or_false(contains(text, part)))
        }
        PropertyTest::Regex { pattern, negated } => {
            negated_if(*negated, or_empty.op("~", param(pattern::from_re2(pattern)?)))
        }
        PropertyTest::Compare { op, value } => {
            or_false(scope.number(source, key)?.binary(operator(*op), param(*value)))
        }
        PropertyTest::IsSet => text.is_not_null(),
        PropertyTest::IsNotSet => text.is_null(),
        PropertyTest::Date(test) => or_false(date(text, test, scope)),
        PropertyTest::Never => literal(false),
    };
    Ok(match scope.answers(source) {
        Some(answers) => and([answers, positive]),
        None => positive,
    })
}

fn negated_if(negated: bool, test: Expr) -> Expr {
    if negated { not(test) } else { test }
}

/// Case-insensitive; nothing in `part` is a wildcard. NULL for an absent text.
pub(crate) fn contains(text: Expr, part: &str) -> Expr {
    func(
        "strpos",
        [func("granary_fold", [text]), func("granary_fold", [param(part)])],
    )
    .gt(literal(0))
}

pub(crate) fn operator(comparison: Comparison) -> Operator {
    match comparison {
        Comparison::Less => Operator::Less,
        Comparison::LessOrEqual => Operator::LessOrEqual,
        Comparison::Equal => Operator::Equal,
        Comparison::GreaterOrEqual => Operator::GreaterOrEqual,
        Comparison::Greater => Operator::Greater,
    }
}

fn date(text: Expr, test: &DateTest, scope: &Scope) -> Expr {
    let instant = func("granary_instant", [text, param(scope.timezone.name())]);
    match test {
        DateTest::Before(bound) => instant.lt(param(*bound)),
        DateTest::After(bound) => instant.gt(param(*bound)),
        DateTest::Within(range) => and([instant.clone().ge(param(range.from)), instant.lt(param(range.to))]),
    }
}
