//! Personal API keys: the first place that has one decides (header, then body, then query string).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;

use crate::{ApiError, ApiState, BODY_MAX};

pub async fn require_key(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (key, place, request) = find_key(request).await?;
    let Some(key) = key else {
        return Err(ApiError::not_authenticated());
    };
    match state.metadata.authenticate(&key, (state.now)()).await? {
        Some(_) => Ok(next.run(request).await),
        None => Err(ApiError::bad_key(place)),
    }
}

async fn find_key(request: Request) -> Result<(Option<String>, &'static str, Request), ApiError> {
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if let Some(key) = header.and_then(bearer) {
        return Ok((Some(key.to_owned()), "Authorization header", request));
    }
    let is_json = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"));
    let mut request = request;
    if is_json {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, BODY_MAX)
            .await
            .map_err(|_| ApiError::too_large(format!("The request body is over {BODY_MAX} bytes.")))?;
        let key = serde_json::from_slice::<Value>(&bytes)
            .ok()
            .and_then(|body| body.get("personal_api_key")?.as_str().map(str::to_owned));
        request = Request::from_parts(parts, Body::from(bytes));
        if key.is_some() {
            return Ok((key, "body", request));
        }
    }
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let key = form_urlencoded::parse(query)
        .find(|(name, _)| name == "personal_api_key")
        .map(|(_, v)| v.into_owned());
    Ok((key, "query string", request))
}

/// The token of `Bearer <token>`, scheme case-free.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
