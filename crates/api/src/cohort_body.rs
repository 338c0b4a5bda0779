//! What a client says about a cohort: JSON, or a form with a file of members.

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::params::{Params, is_true, query_map};
use crate::{ApiError, ApiState};

const NAME_MAX: usize = 400;

/// Query string and body as one map, the body winning. A file `csv` is a text like any other.
pub struct CohortBody(pub Map<String, Value>);

impl FromRequest<ApiState> for CohortBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("multipart/form-data"));
        if !is_form {
            return Params::from_request(request, state)
                .await
                .map(|params| Self(params.0));
        }
        let mut fields = query_map(request.uri().query());
        let mut form = Multipart::from_request(request, state)
            .await
            .map_err(|error| ApiError::malformed(error.body_text()))?;
        while let Some(field) = form.next_field().await.map_err(of_form)? {
            let Some(name) = field.name().map(str::to_owned) else {
                continue;
            };
            let text = text_of(field, &name).await?;
            fields.insert(name, Value::String(text));
        }
        fields.remove("personal_api_key");
        Ok(Self(fields))
    }
}

async fn text_of(field: Field<'_>, name: &str) -> Result<String, ApiError> {
    let bytes = field.bytes().await.map_err(of_form)?;
    String::from_utf8(bytes.into())
        .map_err(|_| ApiError::validation("invalid_input", "The text must be UTF-8.", name))
}

fn of_form(error: MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::too_large("The request body is too large.");
    }
    ApiError::malformed(error.body_text())
}

impl CohortBody {
    /// `None` when the field is absent.
    pub fn name(&self) -> Result<Option<String>, ApiError> {
        let name = self.text("name")?;
        match &name {
            Some(name) if name.trim().is_empty() => Err(ApiError::validation(
                "blank",
                "This field may not be blank.",
                "name",
            )),
            Some(name) if name.chars().count() > NAME_MAX => Err(ApiError::validation(
                "max_length",
                format!("Ensure this field has no more than {NAME_MAX} characters."),
                "name",
            )),
            Some(_) | None => Ok(name),
        }
    }

    pub fn text(&self, field: &str) -> Result<Option<String>, ApiError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(ApiError::validation(
                "invalid_input",
                "Not a valid string.",
                field,
            )),
        }
    }

    pub fn flag(&self, field: &str) -> Result<Option<bool>, ApiError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) => Ok(Some(is_true(text))),
            Some(_) => Err(ApiError::validation(
                "invalid_input",
                "Must be a valid boolean.",
                field,
            )),
        }
    }

    /// `groups` or `filters`: a form carries them as JSON text. `None` when absent.
    pub fn json(&self, field: &str) -> Result<Option<Value>, ApiError> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(Some(Value::Null)),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| ApiError::validation("invalid_input", "Value must be valid JSON.", field)),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// The field that lists members, with their distinct ids: `csv`, of whose lines the first column counts, or the list
    /// `distinct_ids`.
    pub fn members(&self) -> Result<Option<(&'static str, Vec<String>)>, ApiError> {
        let given = |field: &str| self.0.get(field).filter(|value| !value.is_null());
        match (given("csv"), given("distinct_ids")) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(ApiError::validation(
                "invalid_input",
                "Either `csv` or `distinct_ids`, not both.",
                "distinct_ids",
            )),
            (Some(Value::String(text)), None) => Ok(Some(("csv", first_column(text)?))),
            (Some(_), None) => Err(ApiError::validation(
                "invalid_input",
                "The submitted data was not a file.",
                "csv",
            )),
            (None, Some(Value::Array(ids))) => {
                let id = |id: &Value| {
                    let text = id.as_str().map(str::to_owned);
                    text.ok_or_else(|| {
                        ApiError::validation("invalid_input", "A distinct id is a text.", "distinct_ids")
                    })
                };
                let ids = ids.iter().map(id).collect::<Result<_, _>>()?;
                Ok(Some(("distinct_ids", ids)))
            }
            (None, Some(_)) => Err(ApiError::validation(
                "not_a_list",
                "Expected a list of items.",
                "distinct_ids",
            )),
        }
    }
}

/// The first column of each line that is not empty. Lines may be of different lengths.
fn first_column(text: &str) -> Result<Vec<String>, ApiError> {
    let mut table = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // Spreadsheets mark UTF-8 so.
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let mut ids = Vec::new();
    for row in table.records() {
        let row = row.map_err(|error| ApiError::validation("invalid_input", error.to_string(), "csv"))?;
        let id = row.get(0).unwrap_or_default().trim();
        if !id.is_empty() {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::first_column;

    #[test]
    fn the_first_column_of_each_line() {
        let text = "\u{feff}ann\r\n\r\nbob,bob@x.example,extra\n\"a,b\",1\n ,x\nlast";
        assert_eq!(first_column(text).unwrap(), ["ann", "bob", "a,b", "last"]);
    }
}
