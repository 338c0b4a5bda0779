//! Actions: list, create, read, change, delete, count.

use ::insights::{Condition, Math, TrendsQuery, TrendsShape, action_condition, check_action_steps};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use metadata::{MetadataError, NewAction};
use model::{Action, ActionId, Interval, Project, TimeRange};
use serde_json::{Map, Value, json};

use crate::action_body;
use crate::insight_context::InsightContext;
use crate::params::Params;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

/// Newest first; with `include_count` the most frequent first, each with its count.
pub async fn list(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let actions = state.metadata.actions(project.id).await?;
    if !params.flag("include_count") {
        let results: Vec<Value> = actions.iter().map(action_json).collect();
        return Ok(Json(json!({"results": results})));
    }
    let read = InsightContext::read(&state, &project, &Map::new()).await?;
    let mut counted = Vec::with_capacity(actions.len());
    for action in &actions {
        counted.push((count_of(&state, &project, action.id, &read).await?, action));
    }
    counted.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let shown = counted.into_iter().map(|(count, action)| {
        let mut shown = action_json(action);
        shown["count"] = json!(count);
        shown
    });
    Ok(Json(json!({"results": shown.collect::<Vec<_>>()})))
}

pub async fn create(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Params(body): Params,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let new = NewAction {
        name: action_body::name(&body)?
            .ok_or_else(|| ApiError::validation("required", "This field is required.", "name"))?,
        description: action_body::description(&body)?.unwrap_or_default(),
        tags: action_body::tags(&body)?.unwrap_or_default(),
        steps: action_body::steps(&body, &[])?.unwrap_or_default(),
    };
    let read = InsightContext::read(&state, &project, &Map::new()).await?;
    check_action_steps(&new.steps, &read.context())?;
    let action = state
        .metadata
        .create_action(project.id, new, (state.now)())
        .await
        .map_err(taken)?;
    Ok((StatusCode::CREATED, Json(action_json(&action))))
}

pub async fn get(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(action_json(&find(&state, &project, &id).await?)))
}

pub async fn patch(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
    Params(body): Params,
) -> Result<Json<Value>, ApiError> {
    let mut action = find(&state, &project, &id).await?;
    action.name = action_body::name(&body)?.unwrap_or(action.name);
    action.description = action_body::description(&body)?.unwrap_or(action.description);
    action.tags = action_body::tags(&body)?.unwrap_or(action.tags);
    if let Some(steps) = action_body::steps(&body, &action.steps)? {
        let read = InsightContext::read(&state, &project, &Map::new()).await?;
        check_action_steps(&steps, &read.context())?;
        action.steps = steps;
    }
    if let Some(deleted) = body.get("deleted").and_then(Value::as_bool) {
        action.deleted = deleted;
    }
    state.metadata.update_action(&action).await.map_err(taken)?;
    changed(&state, &project).await?;
    Ok(Json(action_json(&action)))
}

pub async fn delete(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let mut action = find(&state, &project, &id).await?;
    action.deleted = true;
    state.metadata.update_action(&action).await?;
    changed(&state, &project).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How many events match, of all times.
pub async fn count(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let action = find(&state, &project, &id).await?;
    let read = InsightContext::read(&state, &project, &Map::new()).await?;
    let count = count_of(&state, &project, action.id, &read).await?;
    Ok(Json(json!({"count": count})))
}

async fn count_of(
    state: &ApiState,
    project: &Project,
    id: ActionId,
    read: &InsightContext,
) -> Result<u64, ApiError> {
    let condition = action_condition(id, &read.context())?;
    // Nothing to count, and nothing to scan for it.
    if condition == Condition::Any(Vec::new()) {
        return Ok(0);
    }
    let range = TimeRange {
        from: DateTime::<Utc>::UNIX_EPOCH,
        // Clients' clocks may go fast.
        to: read.now() + TimeDelta::days(1),
    };
    let query = TrendsQuery {
        project: project.id,
        timezone: project.timezone,
        week_start: project.week_start,
        range,
        interval: Interval::Day,
        ticks: vec![range.from],
        condition,
        math: Math::Total,
        shape: TrendsShape::Single,
        breakdown: None,
    };
    let points = state.store.trends(&query).await?;
    // A sum of whole numbers, which a float holds exactly up to 2^53.
    Ok(points.iter().map(|point| point.value as u64).sum())
}

/// Cohorts of those who did an action follow when it changes.
async fn changed(state: &ApiState, project: &Project) -> Result<(), ApiError> {
    for cohort in state.metadata.cohorts(project.id).await? {
        if !cohort.is_static && crate::cohort_json::mentions(&cohort, "action") {
            state.cohorts.request(project.id, cohort.id);
        }
    }
    Ok(())
}

async fn find(state: &ApiState, project: &Project, id: &str) -> Result<Action, ApiError> {
    let not_found = || ApiError::not_found("Action not found.");
    let id = id.parse().map_err(|_| not_found())?;
    state
        .metadata
        .action(project.id, ActionId(id))
        .await?
        .ok_or_else(not_found)
}

fn taken(error: MetadataError) -> ApiError {
    match error {
        MetadataError::NameTaken { id } => ApiError::validation(
            "unique",
            format!("This project already has an action with this name, ID {id}"),
            "name",
        ),
        other => other.into(),
    }
}

fn action_json(action: &Action) -> Value {
    json!({
        "id": action.id,
        "name": action.name,
        "description": action.description,
        "tags": action.tags,
        "steps": action.steps,
        "created_at": action.created_at,
        "created_by": null,
        "deleted": action.deleted,
        "is_calculating": false,
        "last_calculated_at": action.created_at,
        "post_to_slack": false,
        "slack_message_format": "",
        "team_id": action.project,
        "is_action": true,
    })
}
