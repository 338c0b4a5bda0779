//! Expressions with the types and values that ClickHouse 26.9 gives them, evaluated here.
//!
//! Left out on purpose: texts whose year is that of the clock, UUID order (ours is that of the text, not by the second
//! half), `dateTrunc` of DateTime64 (ours is a DateTime), out-of-range float to integer, `\C` in patterns.
//!
//! `tests/values.tsv` holds one expression a line with its type and its text, as the original printed them.

mod expression;

use engine_types::{Column, DataType, Value};

use self::expression::evaluate;
use crate::format_value;

const CASES: &str = include_str!("tests/values.tsv");

fn cases() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    CASES
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with("--"))
        .map(|line| {
            let mut parts = line.split('\t');
            let mut next = || parts.next().unwrap_or_default();
            (next(), next(), next())
        })
}

fn unescape(tsv: &str) -> String {
    let mut out = String::new();
    let mut chars = tsv.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('b') => out.push('\u{8}'),
                Some('f') => out.push('\u{c}'),
                Some('0') => out.push('\0'),
                Some('N') => out.push_str("\\N"),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

fn check(rows: usize, flat: bool) {
    let mut wrong = Vec::new();
    for (text, ty, value) in cases() {
        match evaluate(text, rows, flat) {
            Err(e) => wrong.push(format!("{text}: error {} {}", e.code, e.message)),
            Ok((found, column)) => {
                let shown = format_value(&column.value(rows - 1), &found);
                // Arrays escape their strings themselves.
                let value = if found.bare().is_string() {
                    unescape(value)
                } else {
                    value.to_owned()
                };
                if found.to_string() != unescape(ty) || shown != value {
                    wrong.push(format!(
                        "{text}: {found} {shown}, ClickHouse says {} {value}",
                        unescape(ty)
                    ));
                }
                assert_eq!(column.len(), rows, "{text}");
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn constants_give_the_values_of_clickhouse() {
    check(1, false);
}

#[test]
fn columns_give_the_values_of_clickhouse() {
    check(3, true);
}

#[test]
fn refusals_have_the_codes_of_clickhouse() {
    let cases = [
        ("intDiv(1,0)", 153),
        ("modulo(1,0)", 153),
        ("toDate('2020-01-01')=1", 43),
        ("1='a'", 53),
        ("materialize('1')=1", 386),
        ("array(1,'a')", 386),
        ("toInt8('12 ')", 6),
        ("toUInt8('-1')", 72),
        ("toUUID('foo')", 376),
        ("toDate('foo')", 38),
        ("toDateTime('foo')", 41),
        ("match('hello','[')", 427),
        ("match('a','(?=b)')", 427),
        ("splitByChar('ab','a')", 36),
        ("arrayZip([1,2],['a'])", 190),
        ("tupleElement((1,2),3)", 69),
        ("toInt64(nan)", 70),
        ("plus(1)", 42),
    ];
    for (text, code) in cases {
        assert_eq!(
            evaluate(text, 1, false).map_err(|e| e.code).err(),
            Some(code),
            "{text}"
        );
    }
}

#[test]
fn a_dictionary_is_evaluated_once_and_keeps_its_codes() {
    let function = crate::scalar("upper").expect("upper exists");
    let dict = Column::Dict(engine_types::DictColumn {
        codes: vec![1, 0, 1].into(),
        values: std::sync::Arc::new(Column::strings(["a", "b"])),
    });
    let arg = crate::TypedColumn {
        ty: DataType::LowCardinality(Box::new(DataType::String)),
        column: dict,
    };
    let result = crate::eval_scalar(function, &[arg], &DataType::String, 3).expect("evaluates");
    assert!(matches!(result, Column::Dict(_)));
    assert_eq!(result.value(0), Value::string("B"));
    assert_eq!(result.value(1), Value::string("A"));
}

#[test]
fn an_error_below_a_null_is_not_raised() {
    let function = crate::scalar("toInt64").expect("toInt64 exists");
    let ty = DataType::String.nullable();
    let column = Column::from_values(&ty, &[Value::Null, Value::string("7")]);
    let result = DataType::Int64.nullable();
    let out =
        crate::eval_scalar(function, &[crate::TypedColumn { ty, column }], &result, 2).expect("evaluates");
    assert_eq!((out.value(0), out.value(1)), (Value::Null, Value::Int(7)));
}

#[test]
fn every_name_resolves() {
    for name in crate::function_names() {
        let known = crate::scalar(name).is_some()
            || crate::higher_order(name).is_some()
            || crate::aggregate(name, &[], &[DataType::UInt8]).is_some();
        assert!(known, "{name}");
    }
}
