//! Tests on one property as SQL. Every expression here is 0 or 1, never NULL, so that NOT means "otherwise".

use chrono_tz::Tz;
use insights::{Comparison, DateTest, PropertyTest};
use regex::Regex;
use sql_builder::{Expr, Literal, Operator, Value, and, func, literal, not, param};

/// A property of a row, in the forms that tests need.
pub struct Property {
    /// The text form; '' when absent.
    text: Expr,
    /// The text form, but '' for null as well: one JSON look-up instead of two, enough for most tests.
    text_without_null: Expr,
    present: Expr,
}

impl Property {
    /// Key `key` of the JSON object text `properties` (or '').
    ///
    /// Looking a key up costs a walk over the whole object, so each form takes one: `JSONExtractRaw` is '' for an absent
    /// key only, `null` for null, and begins with a quote for a string, whose characters are then read from that short text.
    pub fn of_json(properties: Expr, key: &str) -> Self {
        let raw = func("JSONExtractRaw", [properties.clone(), param(key)]);
        let is_string = func("startsWith", [raw.clone(), literal("\"")]);
        Self {
            text: func(
                "if",
                [is_string, func("JSONExtractString", [raw.clone()]), raw.clone()],
            ),
            text_without_null: func("JSONExtractString", [properties, param(key)]),
            present: raw.ne(literal("")),
        }
    }

    /// A number that is always there.
    pub fn of_number(number: Expr) -> Self {
        let text = func("toString", [number]);
        Self {
            text: text.clone(),
            text_without_null: text,
            present: literal(true),
        }
    }

    pub fn text(self) -> Expr {
        self.text
    }

    /// The text form, NULL when absent.
    pub fn nullable_text(self) -> Expr {
        func("if", [self.present, self.text, literal(Literal::Null)])
    }

    /// The text form read as a number; NULL when it is none. May be infinite or NaN.
    pub fn number(self) -> Expr {
        func("toFloat64OrNull", [self.text_without_null])
    }

    pub fn test(self, test: &PropertyTest, timezone: Tz) -> Expr {
        match test {
            PropertyTest::AnyOf(values) => self.any_of(values),
            PropertyTest::NoneOf(values) => not(self.any_of(values)),
            PropertyTest::Contains { text, negated } => {
                let found = if "null".contains(&text.to_lowercase()) {
                    self.text
                } else {
                    self.text_without_null
                }
                .binary(Operator::ILike, param(contains_pattern(text)));
                if *negated { not(found) } else { found }
            }
            PropertyTest::Regex { pattern, negated } => {
                let found = func("match", [self.text, param(pattern.as_str())]);
                if *negated { not(found) } else { found }
            }
            PropertyTest::Compare { op, value } => {
                let number = func("toFloat64OrNull", [self.text_without_null]);
                func(
                    "ifNull",
                    [number.binary(comparison(*op), param(*value)), literal(0)],
                )
            }
            PropertyTest::IsSet => self.present,
            PropertyTest::IsNotSet => not(self.present),
            PropertyTest::Date(test) => date_test(self.text_without_null, test, timezone),
            PropertyTest::Never => literal(false),
        }
    }

    fn any_of(self, values: &[String]) -> Expr {
        // '' and 'null' are the two texts that the cheaper form mixes up.
        let text = if values.iter().any(|value| value.is_empty() || value == "null") {
            self.text
        } else {
            self.text_without_null
        };
        match values {
            [] => literal(false),
            [one] => text.eq(param(one.as_str())),
            several => text.in_array(param(several)),
        }
    }
}

/// Does an absent property pass the test?
pub fn absent_passes(test: &PropertyTest) -> bool {
    match test {
        PropertyTest::AnyOf(values) => values.iter().any(String::is_empty),
        PropertyTest::NoneOf(values) => !values.iter().any(String::is_empty),
        PropertyTest::Contains { text, negated } => text.is_empty() != *negated,
        PropertyTest::Regex { pattern, negated } => {
            Regex::new(pattern).is_ok_and(|regex| regex.is_match("")) != *negated
        }
        PropertyTest::IsNotSet => true,
        PropertyTest::IsSet | PropertyTest::Compare { .. } | PropertyTest::Date(_) | PropertyTest::Never => {
            false
        }
    }
}

pub fn comparison(op: Comparison) -> Operator {
    match op {
        Comparison::Less => Operator::Less,
        Comparison::LessOrEqual => Operator::LessOrEqual,
        Comparison::Equal => Operator::Equal,
        Comparison::GreaterOrEqual => Operator::GreaterOrEqual,
        Comparison::Greater => Operator::Greater,
    }
}

/// A LIKE pattern for texts that hold `text`, in which nothing is a wildcard.
pub fn contains_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn date_test(text: Expr, test: &DateTest, timezone: Tz) -> Expr {
    let instant = instant(text, timezone);
    let holds = match test {
        DateTest::Before(bound) => instant.lt(param(*bound)),
        DateTest::After(bound) => instant.gt(param(*bound)),
        DateTest::Within(range) => and([instant.clone().ge(param(range.from)), instant.lt(param(range.to))]),
    };
    func("ifNull", [holds, literal(0)])
}

/// The instant that a text stands for, or NULL.
///
/// Only what starts like `2020-01-31` is read: the best-effort parser completes other texts (`5`, `may`) from the clock.
fn instant(text: Expr, timezone: Tz) -> Expr {
    let parse = |text: Expr| {
        func(
            "parseDateTime64BestEffortOrNull",
            [text, literal(6), literal(timezone.name())],
        )
    };
    let day = func("substring", [text.clone(), literal(1), literal(10)]);
    let looks = func("match", [text.clone(), literal("^[0-9]{4}-[0-9]{2}-[0-9]{2}")]);
    func(
        "if",
        [
            looks,
            func("coalesce", [parse(text), parse(day)]),
            literal(Literal::Null),
        ],
    )
}

/// The list of texts as one parameter.
pub fn texts(values: impl IntoIterator<Item = String>) -> Expr {
    Expr::Param(Value::Texts(values.into_iter().collect()))
}
