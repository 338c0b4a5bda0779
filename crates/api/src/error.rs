//! The one error shape: `{type, code, detail, attr}`.

use axum::Json;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use event_store::StoreError;
use metadata::MetadataError;
use serde_json::json;

/// What a client is told. The cause of an internal failure goes to the log, not to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    pub kind: &'static str,
    pub code: String,
    pub detail: String,
    /// The field, nested ones joined with `__`.
    pub attr: Option<String>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: code.to_owned(),
            detail: detail.into(),
            attr: None,
        }
    }

    /// 400 about one field.
    pub fn validation(code: &str, detail: impl Into<String>, attr: impl Into<String>) -> Self {
        let attr = Some(attr.into());
        Self {
            attr,
            ..Self::new(StatusCode::BAD_REQUEST, "validation_error", code, detail)
        }
    }

    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", "parse_error", detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request", "not_found", detail)
    }

    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request",
            "payload_too_large",
            detail,
        )
    }

    pub fn method_not_allowed(method: &Method) -> Self {
        let detail = format!("Method \"{method}\" not allowed.");
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            "method_not_allowed",
            detail,
        )
    }

    pub fn not_authenticated() -> Self {
        let detail = "Authentication credentials were not provided.";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "not_authenticated",
            detail,
        )
    }

    /// `place` is where the key was found: `Authorization header`, `query string`, `request body`.
    pub fn bad_key(place: &str) -> Self {
        let detail = format!("Personal API key found in request {place} is invalid.");
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "authentication_failed",
            detail,
        )
    }

    fn server(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, "server_error", "error", detail)
    }
}

impl From<::insights::FieldError> for ApiError {
    fn from(error: ::insights::FieldError) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "validation_error",
            code: error.code.as_str().to_owned(),
            detail: error.detail,
            attr: error.attr,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                tracing::warn!(%cause, "The event store is unavailable");
                Self::server(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The event store is unavailable, try again.",
                )
            }
            StoreError::Limit(cause) => {
                tracing::warn!(%cause, "A query went beyond a limit");
                Self::server(
                    StatusCode::GATEWAY_TIMEOUT,
                    "The query needs more time or memory than it may use.",
                )
            }
            StoreError::Failed(cause) => {
                tracing::error!(%cause, "The event store failed");
                Self::server(StatusCode::INTERNAL_SERVER_ERROR, "A server error occurred.")
            }
        }
    }
}

impl From<MetadataError> for ApiError {
    fn from(error: MetadataError) -> Self {
        let status = if error.retryable() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%error, source, "Metadata failed");
        Self::server(status, "A server error occurred.")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"type": self.kind, "code": self.code, "detail": self.detail, "attr": self.attr});
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                header::HeaderValue::from_static("Bearer"),
            );
        }
        response
    }
}
