//! Is the process alive, is it ready, and what does it consist of.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::ApiState;

pub async fn live() -> &'static str {
    "ok"
}

pub async fn ready(State(state): State<ApiState>) -> Result<&'static str, (StatusCode, String)> {
    let unavailable = |what: &str, cause: String| {
        tracing::warn!(what, cause, "Not ready");
        (StatusCode::SERVICE_UNAVAILABLE, format!("{what} does not answer"))
    };
    state
        .store
        .ready()
        .await
        .map_err(|error| unavailable("event store", error.to_string()))?;
    state
        .metadata
        .ready()
        .await
        .map_err(|error| unavailable("metadata", error.to_string()))?;
    Ok("ok")
}

pub async fn preflight(State(state): State<ApiState>) -> Json<Value> {
    let store = state.store.ready().await.is_ok();
    let metadata = state.metadata.ready().await.is_ok();
    Json(json!({
        "django": true,
        "redis": true,
        "plugins": true,
        "celery": true,
        "db": metadata,
        "clickhouse": store,
        "kafka": true,
        "initiated": true,
        "cloud": false,
        "realm": "hosted",
        "available_social_auth_providers": {},
        "can_create_org": false,
        "email_service_available": false,
        "db_backend": state.store.name(),
        "version": env!("CARGO_PKG_VERSION"),
    }))
}
