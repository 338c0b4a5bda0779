//! Errors of a whole request, as `{type, code, detail, attr}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ingest::{IngestError, Reason};
use serde_json::{Value, json};

use crate::ProjectsError;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum CaptureError {
    #[error("The request has no body and no `data` parameter.")]
    Empty,
    #[error("A form must have a `data` field.")]
    FormWithoutData,
    #[error("The body is announced or looks like {encoding}, but cannot be decoded.")]
    Undecodable { encoding: &'static str },
    #[error("The body is not UTF-8.")]
    NotUtf8,
    #[error("The body is not valid JSON: {0}")]
    NotJson(String),
    #[error("The body must be an event, a list of events, or an object with a `batch` of events.")]
    NotEvents,
    #[error("`batch` must be a list of events.")]
    BatchNotList,
    #[error("The batch is empty.")]
    NoEvents,
    #[error("The body is larger than {bytes_max} bytes, as sent or decoded.")]
    TooLarge { bytes_max: usize },
    #[error("The body holds more than {values_max} JSON values.")]
    TooManyValues { values_max: usize },
    #[error("The body did not arrive in time.")]
    Timeout,
    #[error("The body could not be read to its end.")]
    Interrupted,
    #[error("No project token: send it as `api_key` or `token`.")]
    NoToken,
    #[error("The project token is malformed. Personal API keys (`phx_…`) cannot send events.")]
    BadToken,
    #[error("The events carry different project tokens.")]
    MixedTokens,
    #[error("No project has this token.")]
    UnknownToken,
    #[error("{}", .0.detail())]
    AllRefused(Reason),
    #[error("This path does not take this method.")]
    Method,
    #[error("The events cannot be stored at the moment. Send them again.")]
    Unavailable,
}

impl CaptureError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Empty
            | Self::FormWithoutData
            | Self::Undecodable { .. }
            | Self::NotUtf8
            | Self::NotJson(_)
            | Self::NotEvents
            | Self::BatchNotList
            | Self::NoEvents
            | Self::Interrupted
            | Self::AllRefused(_) => StatusCode::BAD_REQUEST,
            Self::NoToken | Self::BadToken | Self::MixedTokens | Self::UnknownToken => {
                StatusCode::UNAUTHORIZED
            }
            Self::TooLarge { .. } | Self::TooManyValues { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn kind(&self) -> &'static str {
        match self.status() {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::SERVICE_UNAVAILABLE => "server_error",
            StatusCode::METHOD_NOT_ALLOWED => "invalid_request",
            _ => "validation_error",
        }
    }

    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_payload",
            Self::FormWithoutData
            | Self::Undecodable { .. }
            | Self::NotUtf8
            | Self::NotJson(_)
            | Self::NotEvents
            | Self::BatchNotList => "invalid_payload",
            Self::NoEvents => "empty_batch",
            Self::Interrupted => "incomplete_payload",
            Self::TooLarge { .. } | Self::TooManyValues { .. } => "payload_too_large",
            Self::Timeout => "request_timeout",
            Self::NoToken => "missing_api_key",
            Self::BadToken | Self::UnknownToken => "invalid_api_key",
            Self::MixedTokens => "mixed_api_keys",
            Self::AllRefused(reason) => reason.code(),
            Self::Method => "method_not_allowed",
            Self::Unavailable => "unavailable",
        }
    }

    fn attr(&self) -> Option<&'static str> {
        match self {
            Self::FormWithoutData => Some("data"),
            Self::BatchNotList | Self::NoEvents => Some("batch"),
            Self::NoToken | Self::BadToken | Self::MixedTokens | Self::UnknownToken => Some("api_key"),
            Self::AllRefused(reason) => reason.attr(),
            Self::Empty
            | Self::Undecodable { .. }
            | Self::NotUtf8
            | Self::NotJson(_)
            | Self::NotEvents
            | Self::TooLarge { .. }
            | Self::TooManyValues { .. }
            | Self::Timeout
            | Self::Interrupted
            | Self::Method
            | Self::Unavailable => None,
        }
    }

    pub fn retry_after(&self) -> Option<HeaderValue> {
        match self.status() {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => {
                Some(HeaderValue::from_static("1"))
            }
            _ => None,
        }
    }

    pub fn body(&self) -> Value {
        json!({
            "type": self.kind(),
            "code": self.code(),
            "detail": self.to_string(),
            "attr": self.attr(),
        })
    }

    pub fn with_body(&self, body: Value) -> Response {
        let mut response = (self.status(), Json(body)).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl IntoResponse for CaptureError {
    fn into_response(self) -> Response {
        self.with_body(self.body())
    }
}

impl From<ProjectsError> for CaptureError {
    fn from(error: ProjectsError) -> Self {
        tracing::error!(%error, "Could not look a project token up");
        Self::Unavailable
    }
}

impl From<IngestError> for CaptureError {
    /// The writer has logged what went wrong; the client only needs to know to send again.
    fn from(_: IngestError) -> Self {
        Self::Unavailable
    }
}
