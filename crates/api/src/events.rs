//! The events list.

use ::insights::{PropertySource, ValuesQuery, element_json};
use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use event_store::EventRecord;
use model::parse_elements_chain;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::insight_context::InsightContext;
use crate::page::Address;
use crate::params::Params;
use crate::project_scope::ProjectScope;
use crate::{ApiError, ApiState};

/// Newest first unless ordered otherwise; `next` continues strictly behind the last row, ties included.
pub async fn list(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    address: Address,
    Params(request): Params,
) -> Result<Json<Value>, ApiError> {
    let read = InsightContext::read(&state, &project, &request).await?;
    let mut query = ::insights::events(&request, &read.context())?;
    query.cursor = cursor(&request)?;
    let limit = query.limit;
    query.limit = limit.saturating_add(1);
    let mut events = state.store.events(&query).await?;
    let more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let next = events.last().filter(|_| more).map(|last| {
        let cursor = format!("{}_{}", micro_text(last.row.timestamp), last.row.uuid);
        address.with(&[("cursor", cursor)])
    });
    let results: Vec<Value> = events.iter().map(event_json).collect();
    Ok(Json(json!({"next": next, "results": results})))
}

pub async fn get(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let not_found = || ApiError::not_found("Event not found.");
    let uuid: Uuid = id.parse().map_err(|_| not_found())?;
    let event = state.store.event(project.id, uuid).await?;
    event
        .as_ref()
        .map(|event| Json(event_json(event)))
        .ok_or_else(not_found)
}

/// Values of an event property in the last week.
pub async fn values(
    State(state): State<ApiState>,
    ProjectScope(project): ProjectScope,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let key = params.required("key")?;
    let search = params.text("value");
    if key == "custom_event" {
        let internal = ["$autocapture", "$pageview", "$identify", "$pageleave", "$screen"];
        let wanted = search.unwrap_or_default().to_lowercase();
        let names = state
            .metadata
            .event_definitions(project.id)
            .await?
            .into_iter()
            .map(|event| event.name);
        let names =
            names.filter(|name| !internal.contains(&name.as_str()) && name.to_lowercase().contains(&wanted));
        return Ok(Json(names.map(|name| json!({"name": name})).collect()));
    }
    let since = Some((state.now)() - TimeDelta::days(7));
    let query = ValuesQuery {
        project: project.id,
        source: PropertySource::Event,
        key,
        search,
        since,
        limit: 10,
    };
    let values = state.store.property_values(&query).await?;
    Ok(Json(
        values
            .into_iter()
            .map(|(name, _)| json!({"name": name}))
            .collect(),
    ))
}

/// `<time>_<uuid>`, as `next` links carry it.
fn cursor(request: &Map<String, Value>) -> Result<Option<(DateTime<Utc>, Uuid)>, ApiError> {
    let Some(text) = request.get("cursor").and_then(Value::as_str) else {
        return Ok(None);
    };
    let invalid = || ApiError::validation("invalid_input", "Not a cursor of this list.", "cursor");
    let (time, uuid) = text.split_once('_').ok_or_else(invalid)?;
    let time = DateTime::parse_from_rfc3339(time).map_err(|_| invalid())?;
    Ok(Some((time.to_utc(), uuid.parse().map_err(|_| invalid())?)))
}

fn micro_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn event_json(event: &EventRecord) -> Value {
    let row = &event.row;
    let properties: Value = serde_json::from_str(&row.properties).unwrap_or_else(|error| {
        // Ingestion writes nothing but JSON objects; show the damage instead of hiding the event.
        tracing::error!(event.uuid = %row.uuid, %error, "Stored properties are not JSON");
        json!({"$unreadable_properties": row.properties})
    });
    let person = event.person.as_ref().map(|person| {
        let shown = |key: &&str| {
            person
                .row
                .properties
                .get(*key)
                .map(|value| ((*key).to_owned(), value.clone()))
        };
        let properties: Map<String, Value> = ["email", "name", "username"].iter().filter_map(shown).collect();
        json!({
            "is_identified": person.row.is_identified,
            "distinct_ids": person.distinct_ids.first().into_iter().collect::<Vec<_>>(),
            "properties": properties,
        })
    });
    let elements: Vec<Value> = parse_elements_chain(&row.elements_chain)
        .iter()
        .enumerate()
        .map(|(order, element)| element_json(Some(&row.event), order, element))
        .collect();
    json!({
        "id": row.uuid,
        "distinct_id": row.distinct_id,
        "properties": properties,
        "event": row.event,
        "timestamp": row.timestamp.to_rfc3339_opts(SecondsFormat::Micros, false),
        "person": person,
        "elements": elements,
        "elements_chain": row.elements_chain,
    })
}
