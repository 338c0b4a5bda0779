//! Calculated insights: trends and retention.

use ::insights::{retention, trends};
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::insight_context::InsightContext;
use crate::params::Params;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

pub async fn trend(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Params(request): Params,
) -> Result<Json<Value>, ApiError> {
    refuse_other_insights(&request)?;
    let read = InsightContext::read(&state, &project, &request).await?;
    let plan = trends::Plan::parse(&request, &read.context())?;
    let mut rows = Vec::with_capacity(plan.queries().len());
    for query in plan.queries() {
        rows.push(state.store.trends(query).await?);
    }
    Ok(Json(answer(&state, plan.shape(&rows))))
}

pub async fn retention(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Params(request): Params,
) -> Result<Json<Value>, ApiError> {
    let read = InsightContext::read(&state, &project, &request).await?;
    let plan = retention::Plan::parse(&request, &read.context())?;
    let cells = state.store.retention(plan.query()).await?;
    Ok(Json(answer(&state, plan.shape(&cells))))
}

/// This route once answered lifecycle and stickiness too; an answer of another kind would be a wrong one.
fn refuse_other_insights(request: &Map<String, Value>) -> Result<(), ApiError> {
    for field in ["insight", "shown_as"] {
        let asked = request.get(field).and_then(Value::as_str).unwrap_or_default();
        if ["lifecycle", "stickiness"]
            .iter()
            .any(|other| asked.eq_ignore_ascii_case(other))
        {
            let detail = format!("{asked} is not supported.");
            return Err(ApiError::validation("not_supported", detail, field));
        }
    }
    Ok(())
}

/// Nothing is cached: every answer is fresh, and says so.
fn answer(state: &ApiState, result: Value) -> Value {
    json!({"result": result, "next": null, "is_cached": false, "last_refresh": (state.now)(), "timezone": null})
}
