//! Filters as SQL to ranges, and the soundness of every range against the filter itself.

use engine_types::{DataType, Field, Value};
use proptest::prelude::*;

use super::{ColumnRange, evaluate, key_ranges};
use crate::{
    binder::{BindContext, bind_expression, tests::Tables},
    parse_expr,
    plan::Expr,
};

fn schema() -> Vec<Field> {
    [
        ("ts", "DateTime64(6, 'UTC')"),
        ("dt", "DateTime"),
        ("day", "Date"),
        ("n", "UInt32"),
        ("s", "String"),
        ("berlin", "DateTime('Europe/Berlin')"),
    ]
    .into_iter()
    .map(|(name, ty)| Field::new(name, DataType::parse(ty).expect("a type")))
    .collect()
}

fn filter(sql: &str) -> Expr {
    let expr = parse_expr(sql).expect("parses");
    bind_expression(&expr, &schema(), &Tables, &BindContext::default())
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

fn show(range: &ColumnRange) -> String {
    let schema = schema();
    let field = &schema[range.column];
    let value = |v: &Value| engine_functions::format_value(v, &field.ty);
    let mut out = field.name.clone();
    if let Some((low, inclusive)) = &range.lower {
        out.push_str(&format!(
            " {} {}",
            if *inclusive { ">=" } else { ">" },
            value(low)
        ));
    }
    if let Some((high, inclusive)) = &range.upper {
        out.push_str(&format!(
            " {} {}",
            if *inclusive { "<=" } else { "<" },
            value(high)
        ));
    }
    if let Some(points) = &range.points {
        out.push_str(&format!(
            " in [{}]",
            points.iter().map(value).collect::<Vec<_>>().join(", ")
        ));
    }
    out
}

#[test]
fn ranges_of_filters() {
    let mut out = String::new();
    for sql in [
        "n = 5",
        "5 < n",
        "n IN (3, 1, 2)",
        "n = 1 OR n = 7 OR n = 3",
        "n < 3 OR n = 7",
        "n > 1 AND n <= 9",
        "n = 1 OR s = 'a'",
        "n NOT IN (1)",
        "n != 1",
        "s = 'x'",
        "s LIKE 'ab%c'",
        "s LIKE '%c'",
        "startsWith(s, 'ab')",
        "ts >= '2021-11-05 12:00:00'",
        "ts < toDateTime('2021-11-05 12:00:00')",
        "ts < toDate('2021-11-05')",
        "toDate(ts) = '2021-11-05'",
        "toDate(ts) BETWEEN '2021-11-05' AND '2021-11-06'",
        "toDate(ts) > '2021-11-05'",
        "toDate(ts) <= '2021-11-05'",
        "toDate(ts) IN ('2021-11-05', '2021-11-09')",
        "toYYYYMM(ts) = 202111",
        "toYYYYMM(toDate(dt)) >= 202111",
        "toStartOfMonth(day) = '2021-11-01'",
        "toYear(day) = 2021",
        "toDate(berlin) = '2021-11-05'",
        "toHour(ts) = 5",
        "toString(day) > '2021'",
    ] {
        let ranges: Vec<String> = key_ranges(&[filter(sql)], &schema()).iter().map(show).collect();
        out.push_str(&format!("{sql}\n    {}\n", ranges.join("; ")));
    }
    insta::assert_snapshot!(out);
}

/// Whether the range lets the value through.
fn admits(range: &ColumnRange, value: &Value) -> bool {
    let above = range
        .lower
        .as_ref()
        .is_none_or(|(low, inclusive)| value > low || (*inclusive && value == low));
    let below = range
        .upper
        .as_ref()
        .is_none_or(|(high, inclusive)| value < high || (*inclusive && value == high));
    above && below && range.points.as_ref().is_none_or(|p| p.contains(value))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_passing_value_is_outside(
        seconds in 1_600_000_000u64..1_700_000_000,
        literal in 1_600_000_000u64..1_700_000_000,
        function in prop::sample::select(vec![
            "toDate", "toYYYYMM", "toStartOfMonth", "toStartOfWeek", "toMonday", "toStartOfHour", "toYear", "toDateTime",
        ]),
        op in prop::sample::select(vec!["=", "<", "<=", ">", ">="]),
        column in prop::sample::select(vec!["dt", "berlin"]),
    ) {
        let test = filter(&format!("{function}({column}) {op} {function}(toDateTime({literal}))"));
        let schema = schema();
        let value = Value::UInt(seconds);
        if evaluate(&test, &value) == Some(Value::UInt(1)) {
            for range in key_ranges(&[test], &schema) {
                prop_assert!(admits(&range, &value), "{}", show(&range));
            }
        }
    }
}
