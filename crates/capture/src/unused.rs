//! What clients ask for and Granary has none of: replay, surveys, early access, experiments, tours.

use axum::Json;
use axum::extract::{Request, State};
use serde_json::{Value, json};

use crate::body;
use crate::error::CaptureError;
use crate::state::CaptureState;

/// Session replay is declined: the client keeps its recordings for a minute and asks again. Nothing is lost that was
/// promised, and nothing is retried.
pub(crate) async fn replay(State(state): State<CaptureState>, request: Request) -> Json<Value> {
    body::discard(request.into_body(), &state.limits).await;
    Json(json!({"status": 1, "quota_limited": ["recordings"]}))
}

pub(crate) async fn surveys() -> Json<Value> {
    Json(json!({"surveys": []}))
}

pub(crate) async fn early_access_features() -> Json<Value> {
    Json(json!({"earlyAccessFeatures": []}))
}

pub(crate) async fn web_experiments() -> Json<Value> {
    Json(json!({"experiments": []}))
}

pub(crate) async fn product_tours() -> Json<Value> {
    Json(json!({"product_tours": []}))
}

/// A 404 disables just the extension that a browser client wanted to load.
pub(crate) async fn no_script() -> axum::http::StatusCode {
    axum::http::StatusCode::NOT_FOUND
}

pub(crate) async fn wrong_method() -> CaptureError {
    CaptureError::Method
}
