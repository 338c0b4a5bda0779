//! Group types and groups.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::definitions::group_type_index;
use crate::page::Address;
use crate::params::Params;
use crate::person_json::group_json;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

pub async fn types(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!(state.metadata.group_types(project.id).await?)))
}

pub async fn list(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let group_type = group_type_index(&params)?;
    let search = params.text("search").or_else(|| params.text("group_key"));
    let (limit, offset) = (
        params.count("limit", 100, 1000)?,
        params.count("offset", 0, u32::MAX)?,
    );
    // One more than asked for tells whether there is a next page.
    let mut groups = state
        .store
        .groups(project.id, group_type, search.as_deref(), limit + 1, offset)
        .await?;
    let more = groups.len() > limit as usize;
    groups.truncate(limit as usize);
    let next = more.then(|| address.with(&[("offset", offset.saturating_add(limit).to_string())], &[]));
    let previous =
        (offset > 0).then(|| address.with(&[("offset", offset.saturating_sub(limit).to_string())], &[]));
    let results: Vec<Value> = groups.iter().map(group_json).collect();
    Ok(Json(
        json!({"next": next, "previous": previous, "results": results}),
    ))
}

pub async fn find(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let key = (group_type_index(&params)?, params.required("group_key")?);
    let found = state.store.groups_by_key(project.id, &[key]).await?;
    found
        .first()
        .map(|group| Json(group_json(group)))
        .ok_or_else(|| ApiError::not_found("Group not found."))
}
