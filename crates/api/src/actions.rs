//! Actions: list, create, read, change, delete.

use ::insights::check_action_steps;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use metadata::{MetadataError, NewAction};
use model::{Action, ActionId, ActionStep};
use serde_json::{Map, Value, json};

use crate::insight_context::InsightContext;
use crate::params::Params;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

pub async fn list(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
) -> Result<Json<Value>, ApiError> {
    let actions = state.metadata.actions(project.id).await?;
    Ok(Json(
        json!({"results": actions.iter().map(action_json).collect::<Vec<_>>()}),
    ))
}

pub async fn create(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Params(body): Params,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let new = NewAction {
        name: name(&body)?
            .ok_or_else(|| ApiError::validation("required", "This field is required.", "name"))?,
        description: description(&body),
        steps: steps(&body)?.unwrap_or_default(),
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
    if let Some(name) = name(&body)? {
        action.name = name;
    }
    if body.contains_key("description") {
        action.description = description(&body);
    }
    if let Some(steps) = steps(&body)? {
        let read = InsightContext::read(&state, &project, &Map::new()).await?;
        check_action_steps(&steps, &read.context())?;
        action.steps = steps;
    }
    if let Some(deleted) = body.get("deleted").and_then(Value::as_bool) {
        action.deleted = deleted;
    }
    state.metadata.update_action(&action).await.map_err(taken)?;
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
    Ok(StatusCode::NO_CONTENT)
}

async fn find(state: &ApiState, project: &model::Project, id: &str) -> Result<Action, ApiError> {
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

fn name(body: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    match body.get("name") {
        None => Ok(None),
        Some(Value::String(name)) if !name.trim().is_empty() => Ok(Some(name.clone())),
        Some(_) => Err(ApiError::validation(
            "blank",
            "This field may not be blank.",
            "name",
        )),
    }
}

fn description(body: &Map<String, Value>) -> String {
    body.get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Steps as sent, each checked; `None` when the field is absent.
fn steps(body: &Map<String, Value>) -> Result<Option<Vec<ActionStep>>, ApiError> {
    let Some(steps) = body.get("steps") else {
        return Ok(None);
    };
    let list = steps
        .as_array()
        .ok_or_else(|| ApiError::validation("not_a_list", "Expected a list of items.", "steps"))?;
    let mut out = Vec::with_capacity(list.len());
    for (index, step) in list.iter().enumerate() {
        let attr = format!("steps__{index}");
        let step: ActionStep = serde_json::from_value(step.clone())
            .map_err(|error| ApiError::validation("invalid_input", error.to_string(), attr.clone()))?;
        out.push(step);
    }
    for (index, step) in out.iter_mut().enumerate() {
        step.id
            .get_or_insert(i64::try_from(index).unwrap_or(i64::MAX) + 1);
    }
    Ok(Some(out))
}

fn action_json(action: &Action) -> Value {
    json!({
        "id": action.id,
        "name": action.name,
        "description": action.description,
        "steps": action.steps,
        "created_at": action.created_at,
        "deleted": action.deleted,
        "is_calculating": false,
        "team_id": action.project,
        "is_action": true,
    })
}
