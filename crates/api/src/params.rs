//! Parameters of a request: query string and JSON body as one map, the body winning.

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use crate::page::OffsetPage;
use crate::{ApiError, BODY_MAX};

/// Single values from the query string are texts, for whoever reads the field.
pub struct Params(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let mut map = query_map(request.uri().query());
        match body(request).await? {
            None => {}
            Some(Value::Object(body)) => map.extend(body),
            Some(_) => return Err(ApiError::malformed("The request body must be a JSON object.")),
        }
        map.remove("personal_api_key");
        Ok(Self(map))
    }
}

/// A body that is a list of objects.
pub struct Rows(pub Vec<Map<String, Value>>);

impl<S: Send + Sync> FromRequest<S> for Rows {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let not_rows = || ApiError::malformed("The request body must be a JSON list of objects.");
        let Some(Value::Array(rows)) = body(request).await? else {
            return Err(not_rows());
        };
        let row = |row| match row {
            Value::Object(row) => Ok(row),
            _ => Err(not_rows()),
        };
        rows.into_iter().map(row).collect::<Result<_, _>>().map(Self)
    }
}

/// The JSON of a body; `None` when there is no body.
async fn body(request: Request) -> Result<Option<Value>, ApiError> {
    let bytes = axum::body::to_bytes(request.into_body(), BODY_MAX)
        .await
        .map_err(|_| ApiError::too_large(format!("The request body is over {BODY_MAX} bytes.")))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| ApiError::malformed(format!("JSON parse error - {error}")))
}

/// Fields whose values are lists or objects: a query string carries them as JSON text. Decoded here, an answer that repeats
/// them looks the same whichever way they came. What is no JSON stays a text, for whoever reads the field to refuse by name.
const STRUCTURED: [&str; 18] = [
    "actions",
    "breakdowns",
    "events",
    "exclude_events",
    "exclusions",
    "funnel_correlation_person_entity",
    "funnel_correlation_property_values",
    "funnel_custom_steps",
    "funnel_filter",
    "include_event_types",
    "path_groupings",
    "properties",
    "property_groups",
    "returningEntity",
    "returning_entity",
    "targetEntity",
    "target_entity",
    "local_path_cleaning_filters",
];

pub fn query_map(query: Option<&str>) -> Map<String, Value> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .map(|(name, value)| {
            let decoded = STRUCTURED
                .contains(&name.as_ref())
                .then(|| serde_json::from_str(&value).ok())
                .flatten()
                .filter(|decoded: &Value| decoded.is_array() || decoded.is_object());
            let value = decoded.unwrap_or_else(|| Value::String(value.into_owned()));
            (name.into_owned(), value)
        })
        .collect()
}

impl Params {
    /// A non-empty text, numbers and booleans as their text.
    pub fn text(&self, field: &str) -> Option<String> {
        match self.0.get(field)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub fn required(&self, field: &str) -> Result<String, ApiError> {
        self.text(field)
            .ok_or_else(|| ApiError::validation("required", "This field is required.", field))
    }

    /// `true`, `1`, `yes`, `on`, `t`, `y` in any case; anything else, and nothing, is false.
    pub fn flag(&self, field: &str) -> bool {
        self.text(field).is_some_and(|text| is_true(&text))
    }

    /// `limit` (at most `max`) and `offset`.
    pub fn page(&self, default: u32, max: u32) -> Result<OffsetPage, ApiError> {
        let limit = self.count("limit", default, max)?;
        if limit == 0 {
            return Err(ApiError::validation(
                "invalid_input",
                "A page has at least one row.",
                "limit",
            ));
        }
        let offset = self.count("offset", 0, u32::MAX)?;
        Ok(OffsetPage { limit, offset })
    }

    /// A whole number within `0..=max`, or `default` when absent.
    pub fn count(&self, field: &str, default: u32, max: u32) -> Result<u32, ApiError> {
        match self.text(field) {
            None => Ok(default),
            Some(text) => match text.parse::<u32>() {
                Ok(value) => Ok(value.min(max)),
                Err(_) => Err(ApiError::validation(
                    "invalid_input",
                    "A valid integer is required.",
                    field,
                )),
            },
        }
    }
}

/// How REST says yes in a text.
pub fn is_true(text: &str) -> bool {
    ["true", "1", "yes", "on", "t", "y"]
        .iter()
        .any(|yes| text.trim().eq_ignore_ascii_case(yes))
}
