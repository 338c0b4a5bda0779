//! Cohorts: list, create, read, change, delete, members.

use std::time::Duration;

use ::insights::{check_cohort, cohort_persons};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use metadata::NewCohort;
use model::{Cohort, CohortId, Project};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::cohort_body::CohortBody;
use crate::cohort_json::{cohort_json, mentions};
use crate::insight_context::InsightContext;
use crate::page::{Address, OffsetPage};
use crate::params::Params;
use crate::person_json::person_json;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState, static_members};

/// How long an answer waits for the calculation that it began: most cohorts are counted by then, and of the others it says
/// that they are being calculated.
const PATIENCE: Duration = Duration::from_secs(1);

pub async fn list(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let page = params.page(100, 10_000)?;
    let cohorts = state.metadata.cohorts(project.id).await?;
    let shown = |cohort: &Cohort| cohort_json(cohort, &state.cohorts);
    Ok(Json(page.of_all(&cohorts, shown, &address)))
}

pub async fn create(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    body: CohortBody,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let new = NewCohort {
        name: body
            .name()?
            .ok_or_else(|| ApiError::validation("required", "This field is required.", "name"))?,
        description: body.text("description")?.unwrap_or_default(),
        groups: body
            .json("groups")?
            .filter(|groups| !groups.is_null())
            .unwrap_or_else(|| json!([])),
        filters: body.json("filters")?.filter(|filters| !filters.is_null()),
        is_static: body.flag("is_static")?.unwrap_or(false),
    };
    let now = (state.now)();
    check(&state, &project, &unsaved(&project, &new, now)).await?;
    // Looked for before the cohort is stored: what is wrong with them leaves nothing behind.
    let members = members(&state, &project, &body, new.is_static).await?;
    let mut cohort = state.metadata.create_cohort(project.id, new, now).await?;
    if let Err(error) = static_members::add(&state, &project, cohort.id, &members).await {
        cohort.deleted = true;
        state.metadata.update_cohort(&cohort).await?;
        return Err(error);
    }
    let shown = calculated(&state, &project, cohort).await?;
    Ok((StatusCode::CREATED, Json(shown)))
}

pub async fn get(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let cohort = find(&state, &project, &id).await?;
    Ok(Json(cohort_json(&cohort, &state.cohorts)))
}

/// A dynamic cohort that becomes static keeps those who are in it.
pub async fn patch(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
    body: CohortBody,
) -> Result<Json<Value>, ApiError> {
    let mut cohort = find(&state, &project, &id).await?;
    let was_static = cohort.is_static;
    cohort.name = body.name()?.unwrap_or(cohort.name);
    cohort.description = body.text("description")?.unwrap_or(cohort.description);
    if let Some(groups) = body.json("groups")? {
        cohort.groups = groups;
    }
    if let Some(filters) = body.json("filters")? {
        cohort.filters = Some(filters).filter(|filters| !filters.is_null());
    }
    cohort.is_static = body.flag("is_static")?.unwrap_or(cohort.is_static);
    cohort.deleted = body.flag("deleted")?.unwrap_or(false);
    if cohort.deleted {
        remove(&state, &project, &cohort).await?;
        return Ok(Json(cohort_json(&cohort, &state.cohorts)));
    }
    check(&state, &project, &cohort).await?;
    let mut members = members(&state, &project, &body, cohort.is_static).await?;
    if cohort.is_static && !was_static {
        members.extend(static_members::of_cohort(&state, &project, cohort.id).await?);
    }
    static_members::add(&state, &project, cohort.id, &members).await?;
    state.metadata.update_cohort(&cohort).await?;
    follow(&state, &project, &cohort).await?;
    Ok(Json(calculated(&state, &project, cohort).await?))
}

pub async fn delete(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let mut cohort = find(&state, &project, &id).await?;
    cohort.deleted = true;
    remove(&state, &project, &cohort).await?;
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
    let page = OffsetPage {
        limit: query.limit,
        offset: query.offset,
    };
    query.limit = page.rows_asked();
    let persons = state.store.persons(&query).await?;
    Ok(Json(page.answer(&persons, person_json, &address)))
}

/// The persons that a request puts into a static cohort: listed, or those behind a number of an insight.
async fn members(
    state: &ApiState,
    project: &Project,
    body: &CohortBody,
    is_static: bool,
) -> Result<Vec<Uuid>, ApiError> {
    let listed = body.members()?;
    let from_insight = static_members::names_insight(&body.0);
    match (listed, from_insight) {
        (None, false) => Ok(Vec::new()),
        (Some((field, _)), _) if !is_static => Err(ApiError::validation(
            "invalid_input",
            "Only a static cohort takes a list of members: say `is_static`.",
            field,
        )),
        (None, true) if !is_static => Err(ApiError::validation(
            "invalid_input",
            "Only a static cohort takes the people of an insight: say `is_static`.",
            "is_static",
        )),
        (Some((field, _)), true) => Err(ApiError::validation(
            "invalid_input",
            "Members come from a list or from an insight, not from both.",
            field,
        )),
        (Some((_, ids)), false) => static_members::of_distinct_ids(state, project, &ids).await,
        (None, true) => static_members::of_insight(state, project, &body.0).await,
    }
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

/// Has the cohort calculated, and shows how far that has come.
async fn calculated(state: &ApiState, project: &Project, cohort: Cohort) -> Result<Value, ApiError> {
    state.cohorts.request(project.id, cohort.id);
    state.cohorts.settled(project.id, cohort.id, PATIENCE).await;
    let stored = state.metadata.cohort(project.id, cohort.id).await?;
    Ok(cohort_json(&stored.unwrap_or(cohort), &state.cohorts))
}

async fn remove(state: &ApiState, project: &Project, cohort: &Cohort) -> Result<(), ApiError> {
    state.metadata.update_cohort(cohort).await?;
    // What the store keeps of it goes too.
    state.cohorts.request(project.id, cohort.id);
    follow(state, project, cohort).await
}

/// Cohorts made of this one change with it.
async fn follow(state: &ApiState, project: &Project, changed: &Cohort) -> Result<(), ApiError> {
    for cohort in state.metadata.cohorts(project.id).await? {
        if cohort.id != changed.id && !cohort.is_static && mentions(&cohort, "cohort") {
            state.cohorts.request(project.id, cohort.id);
        }
    }
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
