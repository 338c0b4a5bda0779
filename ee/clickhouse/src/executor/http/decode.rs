//! An answer in JSONCompactEachRowWithNamesAndTypes: a line of names, a line of types, then a line a row.

use chrono::NaiveDateTime;
use event_store::{Result, StoreError};
use serde_json::Value;

use crate::row::{Cell, Rows};

pub fn rows(text: &str) -> Result<Rows> {
    let mut lines = text.lines();
    let mut header = || -> Result<Vec<String>> {
        let line = lines.next().unwrap_or("[]");
        serde_json::from_str(line)
            .map_err(|error| StoreError::Failed(format!("the answer's header is no list: {error}")))
    };
    let columns = header()?;
    let types = header()?;
    if columns.len() != types.len() {
        return Err(StoreError::Failed(
            "the answer names other columns than it types".to_owned(),
        ));
    }
    let mut rows = Vec::new();
    for line in lines {
        let values: Vec<Value> = serde_json::from_str(line)
            .map_err(|error| StoreError::Failed(format!("a row of the answer is no list: {error}")))?;
        if values.len() != types.len() {
            return Err(StoreError::Failed(format!(
                "a row of the answer has {} values for {} columns",
                values.len(),
                types.len()
            )));
        }
        let cells: Result<Vec<_>> = types
            .iter()
            .zip(values)
            .map(|(ty, value)| cell(ty, value))
            .collect();
        rows.push(cells?);
    }
    Ok(Rows { columns, rows })
}

fn inner<'a>(ty: &'a str, wrapper: &str) -> Option<&'a str> {
    ty.strip_prefix(wrapper)?.strip_prefix('(')?.strip_suffix(')')
}

fn cell(ty: &str, value: Value) -> Result<Cell> {
    if let Some(ty) = inner(ty, "Nullable") {
        return if value.is_null() {
            Ok(Cell::Null)
        } else {
            cell(ty, value)
        };
    }
    if let Some(ty) = inner(ty, "LowCardinality") {
        return cell(ty, value);
    }
    let bad = |value: &Value| {
        Err(StoreError::Failed(format!(
            "the answer has {value} as a value of type {ty}"
        )))
    };
    if let Some(ty) = inner(ty, "Array") {
        return match value {
            Value::Array(items) => Ok(Cell::Array(
                items
                    .into_iter()
                    .map(|item| cell(ty, item))
                    .collect::<Result<_>>()?,
            )),
            other => bad(&other),
        };
    }
    let parsed = match (ty, &value) {
        ("String", Value::String(text)) => Some(Cell::Text(text.clone())),
        ("UUID", Value::String(text)) => text.parse().ok().map(Cell::Uuid),
        ("Bool", Value::Bool(value)) => Some(Cell::Bool(*value)),
        ("UInt8" | "UInt16" | "UInt32" | "UInt64", Value::Number(number)) => number.as_u64().map(Cell::UInt),
        ("Int8" | "Int16" | "Int32" | "Int64", Value::Number(number)) => number.as_i64().map(Cell::Int),
        ("Float32" | "Float64", Value::Number(number)) => number.as_f64().map(Cell::Float),
        ("Float32" | "Float64", Value::String(text)) => text.parse().ok().map(Cell::Float),
        (ty, Value::String(text)) if ty.starts_with("DateTime64") => {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
                .ok()
                .map(|time| Cell::Time(time.and_utc()))
        }
        _ => None,
    };
    match parsed {
        Some(cell) => Ok(cell),
        None => bad(&value),
    }
}
