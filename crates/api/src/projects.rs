//! Projects: list, create, read, change.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono_tz::Tz;
use metadata::{NewProject, ProjectPatch};
use model::{Project, WeekStart};
use serde_json::{Map, Value, json};

use crate::insight_context::InsightContext;
use crate::page::Address;
use crate::params::Params;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

pub async fn list(
    State(state): State<ApiState>,
    address: Address,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let page = params.page(100, 10_000)?;
    let projects = state.metadata.projects().await?;
    Ok(Json(page.of_all(&projects, project_json, &address)))
}

pub async fn create(
    State(state): State<ApiState>,
    Params(body): Params,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let context = InsightContext::of_new_project((state.now)());
    let fields = read(&body, &context)?;
    let new = NewProject {
        name: fields
            .name
            .clone()
            .unwrap_or_else(|| "Default project".to_owned()),
        api_token: None,
        timezone: fields.timezone.unwrap_or(Tz::UTC),
        week_start: fields.week_start.unwrap_or_default(),
    };
    let mut project = state.metadata.create_project(new, (state.now)()).await?;
    if let Some(patched) = state
        .metadata
        .patch_project(project.id, fields, (state.now)())
        .await?
    {
        project = patched;
    }
    Ok((StatusCode::CREATED, Json(project_json(&project))))
}

pub async fn get(ProjectScope(project): ProjectScope) -> Json<Value> {
    Json(project_json(&project))
}

pub async fn patch(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Params(body): Params,
) -> Result<Json<Value>, ApiError> {
    let context = InsightContext::read(&state, &project, &Map::new()).await?;
    let fields = read(&body, &context)?;
    let changed = state
        .metadata
        .patch_project(project.id, fields, (state.now)())
        .await?;
    let changed = changed.ok_or_else(|| ApiError::not_found("Project not found."))?;
    Ok(Json(project_json(&changed)))
}

/// The fields that may be changed; unknown ones are ignored.
fn read(body: &Map<String, Value>, context: &InsightContext) -> Result<ProjectPatch, ApiError> {
    let invalid = |field: &str, detail: &str| ApiError::validation("invalid_input", detail, field);
    let mut patch = ProjectPatch::default();
    if let Some(name) = body.get("name") {
        let name = name
            .as_str()
            .ok_or_else(|| invalid("name", "Not a valid string."))?
            .trim();
        if name.is_empty() {
            return Err(ApiError::validation(
                "blank",
                "This field may not be blank.",
                "name",
            ));
        }
        if name.chars().count() > 200 {
            let detail = "Ensure this field has no more than 200 characters.";
            return Err(ApiError::validation("max_length", detail, "name"));
        }
        patch.name = Some(name.to_owned());
    }
    if let Some(timezone) = body.get("timezone") {
        let known = timezone.as_str().and_then(|name| name.parse().ok());
        patch.timezone = Some(known.ok_or_else(|| {
            ApiError::validation(
                "invalid_choice",
                format!("{timezone} is not a valid time zone."),
                "timezone",
            )
        })?);
    }
    match body.get("week_start_day") {
        None => {}
        Some(Value::Null) => patch.week_start = Some(WeekStart::Sunday),
        Some(day) => {
            patch.week_start = Some(match day.as_i64() {
                Some(0) => WeekStart::Sunday,
                Some(1) => WeekStart::Monday,
                _ => {
                    return Err(ApiError::validation(
                        "invalid_choice",
                        "0 is Sunday, 1 is Monday.",
                        "week_start_day",
                    ));
                }
            });
        }
    }
    if let Some(filters) = body.get("test_account_filters") {
        if !filters.is_array() {
            return Err(invalid(
                "test_account_filters",
                "Expected a list of property filters.",
            ));
        }
        ::insights::check_properties(filters, "test_account_filters", &context.context())?;
        patch.test_account_filters = Some(filters.clone());
    }
    if let Some(filters) = body.get("path_cleaning_filters") {
        if !filters.is_array() {
            return Err(invalid("path_cleaning_filters", "Expected a list."));
        }
        ::insights::paths::check_cleaning_filters(filters)?;
        patch.path_cleaning_filters = Some(filters.clone());
    }
    if let Some(flag) = body.get("anonymize_ips") {
        patch.anonymize_ips = Some(
            flag.as_bool()
                .ok_or_else(|| invalid("anonymize_ips", "Must be a valid boolean."))?,
        );
    }
    Ok(patch)
}

fn project_json(project: &Project) -> Value {
    json!({
        "id": project.id,
        "uuid": project.uuid,
        "name": project.name,
        "api_token": project.api_token,
        "created_at": project.created_at,
        "updated_at": project.updated_at,
        "timezone": project.timezone.name(),
        "week_start_day": match project.week_start { WeekStart::Sunday => 0, WeekStart::Monday => 1 },
        "test_account_filters": project.test_account_filters,
        "path_cleaning_filters": project.path_cleaning_filters,
        "anonymize_ips": project.anonymize_ips,
        "ingested_event": project.ingested_event,
        "completed_snippet_onboarding": project.ingested_event,
        "is_demo": false,
        "access_control": false,
    })
}
