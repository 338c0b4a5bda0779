//! Persons and groups as a table of comma-separated values.

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// The longest table.
pub const CSV_ROWS_MAX: u32 = 10_000;

const HEADER: [&str; 5] = ["Distinct ID", "Internal ID", "Email", "Name", "Properties"];

/// What a client wants to have: `format=csv`, a path that ends in `.csv`, or `Accept: text/csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
}

impl<S: Send + Sync> FromRequestParts<S> for Format {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        let asked = form_urlencoded::parse(query).any(|(name, value)| name == "format" && value == "csv");
        let named = parts.uri.path().trim_end_matches('/').ends_with(".csv");
        let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        let accepted = accept.is_some_and(|accept| accept.trim_start().starts_with("text/csv"));
        Ok(if asked || named || accepted {
            Self::Csv
        } else {
            Self::Json
        })
    }
}

/// One row an actor, as `people` shows them.
pub fn answer(people: &[Value]) -> Response {
    let mut table = csv::Writer::from_writer(Vec::new());
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let written = (|| {
        table.write_record(HEADER)?;
        for row in people {
            let distinct_id = if row["type"] == "group" {
                &row["group_key"]
            } else {
                &row["distinct_ids"][0]
            };
            let properties = &row["properties"];
            let columns = [
                distinct_id,
                &row["id"],
                &properties["email"],
                &row["name"],
                properties,
            ];
            table.write_record(columns.map(|value| harmless(text(value))))?;
        }
        table.flush()?;
        Ok::<_, csv::Error>(())
    })();
    let bytes = written.ok().and_then(|()| table.into_inner().ok());
    // Every record has as many fields as the header, and memory can be written to.
    let bytes = bytes.expect("a table in memory can be written");
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"people.csv\""),
    ];
    (headers, bytes).into_response()
}

/// Spreadsheets run what begins like a formula, and anybody may have sent these texts.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return format!("'{text}");
    }
    text
}
