//! Names of events and properties that a project has seen.

use axum::Json;
use axum::extract::State;
use model::{GroupTypeIndex, PropertyKind};
use serde_json::{Value, json};

use crate::page::Address;
use crate::params::Params;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

pub async fn events(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let rows = state.metadata.event_definitions(project.id).await?;
    let rows = rows.into_iter().map(|row| {
        (
            row.name.clone(),
            json!({"id": row.id, "name": row.name, "created_at": row.created_at, "last_seen_at": row.last_seen_at}),
        )
    });
    page(rows.collect(), &address, &params)
}

/// `type`: event (default), person, group (with `group_type_index`).
pub async fn properties(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let kind = match params.text("type").as_deref() {
        None | Some("event") => PropertyKind::Event,
        Some("person") => PropertyKind::Person,
        Some("group") => PropertyKind::Group(group_type_index(&params)?),
        Some(other) => {
            let detail = format!("\"{other}\" is not a valid choice.");
            return Err(ApiError::validation("invalid_choice", detail, "type"));
        }
    };
    let rows = state.metadata.property_definitions(project.id, kind).await?;
    let rows = rows.into_iter().map(|row| {
        let is_numerical = row.property_type.as_deref() == Some("Numeric");
        let shown = json!({
            "id": row.id,
            "name": row.name,
            "property_type": row.property_type,
            "is_numerical": is_numerical,
        });
        (row.name, shown)
    });
    page(rows.collect(), &address, &params)
}

/// The required `group_type_index`, 0..=4.
pub fn group_type_index(params: &Params) -> Result<GroupTypeIndex, ApiError> {
    let text = params.required("group_type_index")?;
    text.parse().ok().and_then(GroupTypeIndex::new).ok_or_else(|| {
        ApiError::validation(
            "invalid_input",
            "A group type index is between 0 and 4.",
            "group_type_index",
        )
    })
}

/// Rows whose name holds every word of `search`, a limit/offset page of them.
fn page(rows: Vec<(String, Value)>, address: &Address, params: &Params) -> Result<Json<Value>, ApiError> {
    let search = params.text("search").unwrap_or_default().to_lowercase();
    let matching: Vec<Value> = rows
        .into_iter()
        .filter(|(name, _)| {
            let name = name.to_lowercase();
            search.split_whitespace().all(|word| name.contains(word))
        })
        .map(|(_, row)| row)
        .collect();
    let page = params.page(100, 10_000)?;
    Ok(Json(page.of_all(&matching, Value::clone, address)))
}
