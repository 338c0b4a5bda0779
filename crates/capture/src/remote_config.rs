//! Remote config: what a client in a browser or on a phone should do, as JSON and as a script.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::CaptureError;
use crate::state::CaptureState;
use crate::token;

const CACHING: (header::HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

pub(crate) async fn json(
    State(state): State<CaptureState>,
    Path(token): Path<String>,
) -> Result<Response, CaptureError> {
    Ok(match known(&state, &token).await? {
        Some(token) => ([CACHING], Json(config(token))).into_response(),
        None => unknown(),
    })
}

/// Also the answer to `array.js`. The library itself is not served; pages bundle it or load it from elsewhere.
pub(crate) async fn script(
    State(state): State<CaptureState>,
    Path(token): Path<String>,
) -> Result<Response, CaptureError> {
    Ok(match known(&state, &token).await? {
        Some(token) => {
            let kind = (header::CONTENT_TYPE, "application/javascript; charset=utf-8");
            ([CACHING, kind], script_text(token)).into_response()
        }
        None => unknown(),
    })
}

async fn known<'t>(state: &CaptureState, token: &'t str) -> Result<Option<&'t str>, CaptureError> {
    let Ok(token) = token::check(token) else {
        return Ok(None);
    };
    Ok(state.projects.by_token(token).await?.map(|_| token))
}

fn unknown() -> Response {
    let error = CaptureError::UnknownToken;
    let body = json!({
        "type": "invalid_request",
        "code": "not_found",
        "detail": error.to_string(),
        "attr": "token",
    });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

fn config(token: &str) -> Value {
    json!({
        "token": token,
        "supportedCompression": ["gzip", "gzip-js"],
        "hasFeatureFlags": false,
        // Current browser clients keep autocapture off until they read a boolean here.
        "autocapture_opt_out": false,
        "elementsChainAsString": true,
        "analytics": {"endpoint": "/i/v0/e/"},
        "defaultIdentifiedOnly": true,
        "sessionRecording": false,
        "surveys": false,
        "heatmaps": false,
        "capturePerformance": false,
        "autocaptureExceptions": false,
        "siteApps": [],
        "toolbarParams": {},
        "isAuthenticated": false,
    })
}

fn script_text(token: &str) -> String {
    // `<` would end the script element if the text were ever inlined; JSON may escape it.
    let quoted = json!(token).to_string().replace('<', "\\u003c");
    let config = config(token).to_string().replace('<', "\\u003c");
    format!(
        "(function () {{\n  window._POSTHOG_REMOTE_CONFIG = window._POSTHOG_REMOTE_CONFIG || {{}};\n  \
         window._POSTHOG_REMOTE_CONFIG[{quoted}] = {{config: {config}, siteApps: []}};\n}})();\n"
    )
}
