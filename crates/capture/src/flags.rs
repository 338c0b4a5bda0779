//! Feature flags, of which there are none: one answer that every client version understands.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::CaptureError;
use crate::state::CaptureState;
use crate::token;
use crate::v0::{project_of, query_of};

/// `/flags` and `/decide` of any version.
pub(crate) async fn flags(
    State(state): State<CaptureState>,
    request: Request,
) -> Result<Json<Value>, CaptureError> {
    let now = (state.clock)();
    let (parts, body) = request.into_parts();
    if parts.method == Method::POST {
        project_of(&state, &parts.headers, query_of(parts.uri.query()), body).await?;
    }
    Ok(Json(no_flags(now)))
}

fn no_flags(now: DateTime<Utc>) -> Value {
    json!({
        "flags": {},
        "featureFlags": {},
        "featureFlagPayloads": {},
        "errorsWhileComputingFlags": false,
        "requestId": Uuid::now_v7(),
        "evaluatedAt": now.timestamp_millis(),
        "config": {"enable_collect_everything": true},
        "toolbarParams": {},
        "isAuthenticated": false,
        "supportedCompression": ["gzip", "gzip-js"],
        "sessionRecording": false,
        "siteApps": [],
        "autocapture_opt_out": false,
        "elementsChainAsString": true,
    })
}

/// Changes never, as there is nothing to evaluate.
const DEFINITIONS_TAG: &str = "\"no-flags\"";

/// Definitions for evaluation in the client's process. They tell nothing about a project, so that any Bearer key will
/// do; a project token, where given, must be known.
pub(crate) async fn definitions(
    State(state): State<CaptureState>,
    request: Request,
) -> Result<Response, CaptureError> {
    let headers = request.headers();
    if !headers.contains_key(header::AUTHORIZATION) {
        return Err(CaptureError::NoToken);
    }
    let query = query_of(request.uri().query());
    if let Some(token) = query.non_empty("token") {
        let token = token::check(token)?;
        state
            .projects
            .by_token(token)
            .await?
            .ok_or(CaptureError::UnknownToken)?;
    }
    let tag = [(header::ETAG, DEFINITIONS_TAG)];
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known == DEFINITIONS_TAG);
    if known {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((
        tag,
        Json(json!({"flags": [], "group_type_mapping": {}, "cohorts": {}})),
    )
        .into_response())
}
