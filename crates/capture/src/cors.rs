//! CORS: any page may send events and read the answer, errors included.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");

/// What clients are known to send, for a preflight that asks for nothing in particular.
const HEADERS: HeaderValue = HeaderValue::from_static("Content-Type, Content-Encoding, Authorization");

/// A day: the answer to a preflight never changes.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("86400");

pub(crate) async fn mirror(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let asked = request
        .headers()
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .cloned();
    let is_preflight = request.method() == Method::OPTIONS;
    let path = request.uri().path();
    // The flags service of the reference answers preflights with 204, the capture service with 200.
    let preflight_status = if path.starts_with("/flags") || path.starts_with("/decide") {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::OK
    };
    let mut response = if is_preflight {
        preflight_status.into_response()
    } else {
        next.run(request).await
    };
    allow(response.headers_mut(), origin, asked, is_preflight);
    response
}

fn allow(
    headers: &mut HeaderMap,
    origin: Option<HeaderValue>,
    asked: Option<HeaderValue>,
    is_preflight: bool,
) {
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if is_preflight {
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
    }
    if is_preflight || asked.is_some() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(HEADERS));
    }
}
