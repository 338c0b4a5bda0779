//! Cohorts: list, create, read, change, delete, members.

use ::insights::{check_cohort, cohort_persons};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use metadata::NewCohort;
use model::{Cohort, CohortId, Project};
use serde_json::{Map, Value, json};

use crate::insight_context::InsightContext;
use crate::page::Address;
use crate::params::Params;
use crate::person_json::person_json;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

pub async fn list(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
) -> Result<Json<Value>, ApiError> {
    let cohorts = state.metadata.cohorts(project.id).await?;
    let results: Vec<Value> = cohorts.iter().map(cohort_json).collect();
    Ok(Json(
        json!({"count": results.len(), "next": null, "previous": null, "results": results}),
    ))
}

/// Membership is evaluated whenever a query asks for it, so a cohort is never "calculating"; it is counted here.
pub async fn create(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Params(body): Params,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let new = NewCohort {
        name: text(&body, "name")?
            .ok_or_else(|| ApiError::validation("required", "This field is required.", "name"))?,
        description: text(&body, "description")?.unwrap_or_default(),
        groups: body.get("groups").cloned().unwrap_or_else(|| json!([])),
        filters: body.get("filters").filter(|filters| !filters.is_null()).cloned(),
        is_static: body.get("is_static").and_then(Value::as_bool).unwrap_or(false),
    };
    let now = (state.now)();
    check(&state, &project, &unsaved(&project, &new, now)).await?;
    let mut cohort = state.metadata.create_cohort(project.id, new, now).await?;
    recount(&state, &project, &mut cohort).await?;
    Ok((StatusCode::CREATED, Json(cohort_json(&cohort))))
}

pub async fn get(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(cohort_json(&find(&state, &project, &id).await?)))
}

pub async fn patch(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
    Params(body): Params,
) -> Result<Json<Value>, ApiError> {
    let mut cohort = find(&state, &project, &id).await?;
    cohort.name = text(&body, "name")?.unwrap_or(cohort.name);
    cohort.description = text(&body, "description")?.unwrap_or(cohort.description);
    if let Some(groups) = body.get("groups") {
        cohort.groups = groups.clone();
    }
    if let Some(filters) = body.get("filters") {
        cohort.filters = Some(filters.clone()).filter(|filters| !filters.is_null());
    }
    if let Some(deleted) = body.get("deleted").and_then(Value::as_bool) {
        cohort.deleted = deleted;
    }
    check(&state, &project, &cohort).await?;
    state.metadata.update_cohort(&cohort).await?;
    if !cohort.deleted {
        recount(&state, &project, &mut cohort).await?;
    }
    Ok(Json(cohort_json(&cohort)))
}

pub async fn delete(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let mut cohort = find(&state, &project, &id).await?;
    cohort.deleted = true;
    state.metadata.update_cohort(&cohort).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn persons(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
    address: Address,
    Params(request): Params,
) -> Result<Json<Value>, ApiError> {
    let cohort = find(&state, &project, &id).await?;
    let read = InsightContext::read(&state, &project, &request).await?;
    let mut query = cohort_persons(cohort.id, &request, &read.context())?;
    let (limit, offset) = (query.limit, query.offset);
    query.limit = limit.saturating_add(1);
    let mut persons = state.store.persons(&query).await?;
    let more = persons.len() > limit as usize;
    persons.truncate(limit as usize);
    let next = more.then(|| address.with(&[("offset", offset.saturating_add(limit).to_string())], &[]));
    let results: Vec<Value> = persons.iter().map(person_json).collect();
    Ok(Json(json!({"next": next, "previous": null, "results": results})))
}

/// Refuses a definition that cannot be read, or that is part of itself.
async fn check(state: &ApiState, project: &Project, cohort: &Cohort) -> Result<(), ApiError> {
    let read = InsightContext::read(state, project, &Map::new()).await?;
    Ok(check_cohort(cohort, &read.context())?)
}

/// The cohort as it would be stored, under an id that none has.
fn unsaved(project: &Project, new: &NewCohort, now: DateTime<Utc>) -> Cohort {
    Cohort {
        id: CohortId(-1),
        project: project.id,
        name: new.name.clone(),
        description: new.description.clone(),
        groups: new.groups.clone(),
        filters: new.filters.clone(),
        is_static: new.is_static,
        is_calculating: false,
        count: None,
        last_calculation: None,
        errors_calculating: 0,
        created_at: now,
        deleted: false,
    }
}

/// Counts the members and writes the count.
async fn recount(state: &ApiState, project: &Project, cohort: &mut Cohort) -> Result<(), ApiError> {
    let read = InsightContext::read(state, project, &Map::new()).await?;
    let mut query = cohort_persons(cohort.id, &Map::new(), &read.context())?;
    (query.limit, query.offset) = (u32::MAX, 0);
    let members = state.store.persons(&query).await?;
    cohort.count = Some(i64::try_from(members.len()).unwrap_or(i64::MAX));
    cohort.last_calculation = Some((state.now)());
    state.metadata.update_cohort(cohort).await?;
    Ok(())
}

async fn find(state: &ApiState, project: &Project, id: &str) -> Result<Cohort, ApiError> {
    let not_found = || ApiError::not_found("Cohort not found.");
    let id = id.parse().map_err(|_| not_found())?;
    state
        .metadata
        .cohort(project.id, CohortId(id))
        .await?
        .ok_or_else(not_found)
}

fn text(body: &Map<String, Value>, field: &str) -> Result<Option<String>, ApiError> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::validation(
            "invalid_input",
            "Not a valid string.",
            field,
        )),
    }
}

fn cohort_json(cohort: &Cohort) -> Value {
    json!({
        "id": cohort.id,
        "name": cohort.name,
        "description": cohort.description,
        "groups": cohort.groups,
        "filters": cohort.filters,
        "deleted": cohort.deleted,
        "is_calculating": cohort.is_calculating,
        "created_at": cohort.created_at,
        "last_calculation": cohort.last_calculation,
        "errors_calculating": cohort.errors_calculating,
        "count": cohort.count,
        "is_static": cohort.is_static,
    })
}
