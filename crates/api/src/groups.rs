//! Group types and groups.

use ::insights::{PropertySource, ValuesQuery};
use axum::Json;
use axum::extract::State;
use metadata::NamedGroupType;
use serde_json::{Map, Value, json};

use crate::definitions::group_type_index;
use crate::insight_context::InsightContext;
use crate::page::Address;
use crate::params::{Params, Rows};
use crate::people;
use crate::person_json::group_json;
use crate::persons::named_counts;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

/// Values of one property that are listed.
const VALUES_MAX: u32 = 10_000;
const NAME_MAX: usize = 400;

pub async fn types(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
) -> Result<Json<Value>, ApiError> {
    let types = state.metadata.named_group_types(project.id).await?;
    Ok(Json(types.iter().map(type_json).collect()))
}

/// Sets the names that group types are shown by: a list of `{group_type_index, name_singular, name_plural}`. What a row does
/// not say stays.
pub async fn update_types(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Rows(rows): Rows,
) -> Result<Json<Value>, ApiError> {
    let mut types = state.metadata.named_group_types(project.id).await?;
    let mut changed = Vec::new();
    for (row, fields) in rows.into_iter().enumerate() {
        let attr = |field: &str| format!("{row}__{field}");
        let index = fields.get("group_type_index").and_then(Value::as_u64);
        let named = types
            .iter_mut()
            .find(|named| Some(u64::from(named.group_type.group_type_index.get())) == index)
            .ok_or_else(|| {
                ApiError::validation(
                    "does_not_exist",
                    "The project has no such group type.",
                    attr("group_type_index"),
                )
            })?;
        for (field, name) in [
            ("name_singular", &mut named.name_singular),
            ("name_plural", &mut named.name_plural),
        ] {
            if let Some(given) = name_field(&fields, field, attr(field))? {
                *name = given;
            }
        }
        changed.push(named.clone());
    }
    // All rows are sound by now: nothing is written of a list of which a part is wrong.
    for named in &changed {
        state.metadata.name_group_type(project.id, named).await?;
    }
    Ok(Json(types.iter().map(type_json).collect()))
}

pub async fn list(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let group_type = group_type_index(&params)?;
    let search = params.text("search").or_else(|| params.text("group_key"));
    let page = params.page(100, 1000)?;
    let groups = state
        .store
        .groups(
            project.id,
            group_type,
            search.as_deref(),
            page.rows_asked(),
            page.offset,
        )
        .await?;
    Ok(Json(page.answer(&groups, group_json, &address)))
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

/// Persons and groups that share a recent event with a group (`id`, `group_type_index`) or a person (`id` alone).
pub async fn related(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Params(request): Params,
) -> Result<Json<Value>, ApiError> {
    let read = InsightContext::read(&state, &project, &request).await?;
    let query = ::insights::related(&request, &read.context())?;
    let actors = state.store.related(&query).await?;
    Ok(Json(Value::Array(
        people::mixed(&state, &project, &actors).await?,
    )))
}

/// Names of the properties that groups have, by group type.
pub async fn property_definitions(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
) -> Result<Json<Value>, ApiError> {
    let mut answer = Map::new();
    for group_type in state.metadata.group_types(project.id).await? {
        let index = group_type.group_type_index;
        let names = state
            .store
            .property_names(project.id, PropertySource::Group(index))
            .await?;
        answer.insert(index.get().to_string(), named_counts(names));
    }
    Ok(Json(Value::Object(answer)))
}

/// Values of a property of groups, in their order as texts.
pub async fn property_values(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let query = ValuesQuery {
        project: project.id,
        source: PropertySource::Group(group_type_index(&params)?),
        key: params.required("key")?,
        search: params.text("value"),
        since: None,
        limit: VALUES_MAX,
    };
    let mut values = state.store.property_values(&query).await?;
    values.sort();
    let names = values.into_iter().map(|(name, _)| json!({"name": name}));
    Ok(Json(names.collect()))
}

/// A name to set, or to take away (null, or nothing but spaces); `None` when the field is absent.
fn name_field(
    fields: &Map<String, Value>,
    field: &str,
    attr: String,
) -> Result<Option<Option<String>>, ApiError> {
    match fields.get(field) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(name)) if name.chars().count() > NAME_MAX => {
            let detail = format!("Ensure this field has no more than {NAME_MAX} characters.");
            Err(ApiError::validation("max_length", detail, attr))
        }
        Some(Value::String(name)) => Ok(Some(Some(name.trim().to_owned()).filter(|name| !name.is_empty()))),
        Some(_) => Err(ApiError::validation("invalid_input", "Not a valid string.", attr)),
    }
}

fn type_json(named: &NamedGroupType) -> Value {
    json!({
        "group_type": named.group_type.group_type,
        "group_type_index": named.group_type.group_type_index,
        "name_singular": named.name_singular,
        "name_plural": named.name_plural,
    })
}
