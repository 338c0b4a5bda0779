//! Persons: list, one, their properties and cohorts.

use std::collections::BTreeSet;

use ::insights::{PropertySource, ValuesQuery};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use model::CohortId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cohort_json::cohort_json;
use crate::csv_people::{self, CSV_ROWS_MAX, Format};
use crate::insight_context::InsightContext;
use crate::page::{Address, OffsetPage};
use crate::params::Params;
use crate::people;
use crate::person_json::person_json;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

pub async fn list(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    format: Format,
    Params(request): Params,
) -> Result<Response, ApiError> {
    let read = InsightContext::read(&state, &project, &request).await?;
    let mut query = ::insights::persons(&request, &read.context())?;
    match format {
        Format::Json => {
            let page = OffsetPage {
                limit: query.limit,
                offset: query.offset,
            };
            query.limit = page.rows_asked();
            let persons = state.store.persons(&query).await?;
            Ok(Json(page.answer(&persons, person_json, &address)).into_response())
        }
        Format::Csv => {
            (query.limit, query.offset) = (CSV_ROWS_MAX, 0);
            let persons = state.store.persons(&query).await?;
            let shown: Vec<Value> = persons.iter().map(person_json).collect();
            Ok(csv_people::answer(&shown))
        }
    }
}

pub async fn get(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let not_found = || ApiError::not_found("Person not found.");
    let id: Uuid = id.parse().map_err(|_| not_found())?;
    let found = people::persons(&state, &project, vec![id]).await?;
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
    Ok(Json(named_counts(values)))
}

/// Names of the properties that persons have, with the number of persons that have each.
pub async fn properties(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
) -> Result<Json<Value>, ApiError> {
    let names = state
        .store
        .property_names(project.id, PropertySource::Person)
        .await?;
    Ok(Json(named_counts(names)))
}

/// Cohorts that a person is in, as of their last calculation.
pub async fn cohorts(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let id = params.required("person_id")?;
    let id: Uuid = id
        .parse()
        .map_err(|_| ApiError::validation("invalid_input", "A person is named by its uuid.", "person_id"))?;
    // One that was calculated before it became a list is known to the store as both.
    let ids: BTreeSet<CohortId> = state
        .store
        .cohorts_of_person(project.id, id)
        .await?
        .into_iter()
        .collect();
    let cohorts = state.metadata.cohorts_by_id(project.id).await?;
    // The rows of a deleted cohort may outlive it for a moment.
    let shown: Vec<Value> = ids
        .iter()
        .filter_map(|id| cohorts.get(id))
        .map(|cohort| cohort_json(cohort, &state.cohorts))
        .collect();
    Ok(Json(json!({"results": shown})))
}

/// `[{name, count}]`
pub fn named_counts(rows: Vec<(String, u64)>) -> Value {
    rows.into_iter()
        .map(|(name, count)| json!({"name": name, "count": count}))
        .collect()
}
