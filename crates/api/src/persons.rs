//! Persons: list, one, values of a property, and the actors behind a number.

use std::collections::HashMap;

use ::insights::{ActorKind, Condition, PersonsQuery, PropertySource, ValuesQuery};
use axum::Json;
use axum::extract::{Path, State};
use model::{GroupTypeIndex, Project, PropertyKind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::insight_context::InsightContext;
use crate::page::Address;
use crate::params::Params;
use crate::person_json::{group_json, person_json};
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

pub async fn list(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    Params(request): Params,
) -> Result<Json<Value>, ApiError> {
    let read = InsightContext::read(&state, &project, &request).await?;
    let mut query = ::insights::persons(&request, &read.context())?;
    let (limit, offset) = (query.limit, query.offset);
    query.limit = limit.saturating_add(1);
    let mut persons = state.store.persons(&query).await?;
    let more = persons.len() > limit as usize;
    persons.truncate(limit as usize);
    let next = more.then(|| address.with(&[("offset", offset.saturating_add(limit).to_string())], &[]));
    let previous =
        (offset > 0).then(|| address.with(&[("offset", offset.saturating_sub(limit).to_string())], &[]));
    let results: Vec<Value> = persons.iter().map(person_json).collect();
    Ok(Json(
        json!({"next": next, "previous": previous, "results": results}),
    ))
}

pub async fn get(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let not_found = || ApiError::not_found("Person not found.");
    let id: Uuid = id.parse().map_err(|_| not_found())?;
    let found = by_ids(&state, &project, vec![id]).await?;
    found.get(&id).cloned().map(Json).ok_or_else(not_found)
}

pub async fn values(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let query = ValuesQuery {
        project: project.id,
        source: PropertySource::Person,
        key: params.required("key")?,
        search: params.text("value"),
        since: None,
        limit: 20,
    };
    let values = state.store.property_values(&query).await?;
    Ok(Json(
        values
            .into_iter()
            .map(|(name, count)| json!({"name": name, "count": count}))
            .collect(),
    ))
}

/// Names of person properties seen at ingestion.
pub async fn properties(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
) -> Result<Json<Value>, ApiError> {
    let rows = state
        .metadata
        .property_definitions(project.id, PropertyKind::Person)
        .await?;
    Ok(Json(
        rows.into_iter().map(|row| json!({"name": row.name})).collect(),
    ))
}

/// The actors behind one number of a trend: where `persons_urls` point.
pub async fn trends(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    Params(request): Params,
) -> Result<Json<Value>, ApiError> {
    let read = InsightContext::read(&state, &project, &request).await?;
    let query = ::insights::trends::actors(&request, &read.context())?;
    let ids = state.store.trend_actors(&query).await?;
    let full = ids.len() >= query.limit as usize;
    let people: Vec<Value> = actors(&state, &project, query.actor, ids).await?;
    let next = full.then(|| {
        address.with(
            &[("offset", query.offset.saturating_add(query.limit).to_string())],
            &[],
        )
    });
    Ok(Json(json!({
        "results": [{"people": people, "count": people.len()}],
        "next": next,
        "initial": address.with(&[("offset", "0".to_owned())], &[]),
        "is_cached": false,
        "last_refresh": (state.now)(),
    })))
}

/// The actors of one row of a retention table, each with the intervals it came back in.
pub async fn retention(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    Params(request): Params,
) -> Result<Json<Value>, ApiError> {
    let read = InsightContext::read(&state, &project, &request).await?;
    let plan = ::insights::retention::actors(&request, &read.context())?;
    let query = plan.query();
    let rows = state.store.retention_actors(query).await?;
    let full = rows.len() >= query.limit as usize;
    let ids = rows.iter().map(|row| row.actor.clone()).collect();
    let shown = actors(&state, &project, query.query.actor, ids).await?;
    let result: Value = if plan.is_line() {
        Value::Array(shown)
    } else {
        let row = |(actor, row)| json!({"person": actor, "appearances": plan.appearances(row)});
        shown.into_iter().zip(&rows).map(row).collect()
    };
    let next = full.then(|| {
        address.with(
            &[("offset", query.skip.saturating_add(query.limit).to_string())],
            &[],
        )
    });
    Ok(Json(json!({"result": result, "next": next})))
}

/// Actors as the API shows them, in the order of `ids`. Every counted actor is shown: one whose record is gone by now
/// appears with its id alone.
async fn actors(
    state: &ApiState,
    project: &Project,
    kind: ActorKind,
    ids: Vec<String>,
) -> Result<Vec<Value>, ApiError> {
    match kind {
        ActorKind::Person => {
            let uuids: Vec<Uuid> = ids.iter().filter_map(|id| id.parse().ok()).collect();
            let found = by_ids(state, project, uuids).await?;
            let bare = |id: &String| json!({"type": "person", "id": id, "uuid": id, "name": id, "distinct_ids": [], "properties": {}});
            let shown = |id: &String| id.parse().ok().and_then(|uuid: Uuid| found.get(&uuid).cloned());
            Ok(ids
                .iter()
                .map(|id| shown(id).unwrap_or_else(|| bare(id)))
                .collect())
        }
        ActorKind::Group(group_type) => groups(state, project, group_type, ids).await,
    }
}

async fn groups(
    state: &ApiState,
    project: &Project,
    group_type: GroupTypeIndex,
    keys: Vec<String>,
) -> Result<Vec<Value>, ApiError> {
    let asked: Vec<_> = keys.iter().map(|key| (group_type, key.clone())).collect();
    let found = state.store.groups_by_key(project.id, &asked).await?;
    let found: HashMap<&str, Value> = found
        .iter()
        .map(|row| (row.key.as_str(), group_json(row)))
        .collect();
    let bare = |key: &String| json!({"type": "group", "id": key, "group_key": key, "group_type_index": group_type, "properties": {}});
    Ok(keys
        .iter()
        .map(|key| found.get(key.as_str()).cloned().unwrap_or_else(|| bare(key)))
        .collect())
}

async fn by_ids(
    state: &ApiState,
    project: &Project,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Value>, ApiError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let query = PersonsQuery {
        project: project.id,
        timezone: project.timezone,
        condition: Condition::All(Vec::new()),
        distinct_id: None,
        email: None,
        limit: u32::try_from(ids.len()).unwrap_or(u32::MAX),
        ids: Some(ids),
        search: None,
        offset: 0,
    };
    let persons = state.store.persons(&query).await?;
    Ok(persons
        .iter()
        .map(|person| (person.row.id, person_json(person)))
        .collect())
}
