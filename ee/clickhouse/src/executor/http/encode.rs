//! Values as a server reads them: in `param_…`, and in rows of an INSERT.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sql_builder::Value;

use crate::row::Cell;

/// A parameter in the escaped form that `param_…` asks for.
pub fn parameter(value: &Value) -> String {
    match value {
        Value::Text(text) => escaped(text),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => float(*value),
        Value::Bool(value) => value.to_string(),
        Value::Uuid(value) => value.to_string(),
        Value::Timestamp(value) => time(*value),
        Value::Texts(values) => array(values, |text| format!("'{}'", escaped(text))),
        Value::Ints(values) => array(values, i64::to_string),
        Value::Floats(values) => array(values, |value| float(*value)),
        Value::Uuids(values) => array(values, |value| format!("'{value}'")),
        Value::Timestamps(values) => array(values, |value| format!("'{}'", time(*value))),
    }
}

/// The same value in the text of a statement, yet without its type.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Text(_) | Value::Uuid(_) | Value::Timestamp(_) => format!("'{}'", parameter(value)),
        Value::Int(_)
        | Value::Float(_)
        | Value::Bool(_)
        | Value::Texts(_)
        | Value::Ints(_)
        | Value::Floats(_)
        | Value::Uuids(_)
        | Value::Timestamps(_) => parameter(value),
    }
}

/// Appends one line of JSONCompactEachRow.
pub fn json_row(row: &[Cell], out: &mut String) {
    json_array(row, out);
    out.push('\n');
}

fn json_array(cells: &[Cell], out: &mut String) {
    out.push('[');
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        json_cell(cell, out);
    }
    out.push(']');
}

fn json_cell(cell: &Cell, out: &mut String) {
    let _ = match cell {
        Cell::Null => write!(out, "null"),
        Cell::Bool(value) => write!(out, "{value}"),
        Cell::UInt(value) => write!(out, "{value}"),
        Cell::Int(value) => write!(out, "{value}"),
        Cell::Float(value) => write!(out, "{value:?}"),
        Cell::Text(text) => write!(out, "{}", serde_json::Value::String(text.clone())),
        Cell::Uuid(value) => write!(out, "\"{value}\""),
        Cell::Time(value) => write!(out, "\"{}\"", time(*value)),
        Cell::Array(items) => {
            json_array(items, out);
            Ok(())
        }
    };
}

fn array<T>(values: &[T], print: impl Fn(&T) -> String) -> String {
    let items: Vec<_> = values.iter().map(print).collect();
    format!("[{}]", items.join(","))
}

fn float(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.to_owned()
    } else {
        format!("{value:?}")
    }
}

fn time(value: DateTime<Utc>) -> String {
    value.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            other => out.push(other),
        }
    }
    out
}
