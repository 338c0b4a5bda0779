//! Parameters of a request: query string and JSON body as one map, the body winning.

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use crate::{ApiError, BODY_MAX};

/// Values from the query string are texts; lists and objects in them are JSON text, for whoever reads the field.
pub struct Params(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let mut map = query_map(request.uri().query());
        let bytes = axum::body::to_bytes(request.into_body(), BODY_MAX)
            .await
            .map_err(|_| ApiError::too_large(format!("The request body is over {BODY_MAX} bytes.")))?;
        if !bytes.iter().all(u8::is_ascii_whitespace) {
            match serde_json::from_slice(&bytes) {
                Ok(Value::Object(body)) => map.extend(body),
                Ok(_) => return Err(ApiError::malformed("The request body must be a JSON object.")),
                Err(error) => return Err(ApiError::malformed(format!("JSON parse error - {error}"))),
            }
        }
        map.remove("personal_api_key");
        Ok(Self(map))
    }
}

pub fn query_map(query: Option<&str>) -> Map<String, Value> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
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
