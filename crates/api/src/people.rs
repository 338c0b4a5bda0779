//! Actors as the API shows them, from their ids.

use std::collections::HashMap;

use ::insights::{Actor, ActorKind, Condition, PersonsQuery};
use model::{GroupTypeIndex, Project};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::person_json::{group_json, person_json};
use crate::{ApiError, ApiState};

/// Shown in the order of `ids`. Every counted actor is shown, so that a page is as full as its number says: one whose record
/// is gone by now appears with its id alone.
pub async fn actors(
    state: &ApiState,
    project: &Project,
    kind: ActorKind,
    ids: Vec<String>,
) -> Result<Vec<Value>, ApiError> {
    match kind {
        ActorKind::Person => {
            let uuids: Vec<Uuid> = ids.iter().filter_map(|id| id.parse().ok()).collect();
            let found = persons(state, project, uuids).await?;
            let bare = |id: &String| json!({"type": "person", "id": id, "uuid": id, "name": id, "distinct_ids": [], "properties": {}});
            let shown = |id: &String| id.parse().ok().and_then(|uuid: Uuid| found.get(&uuid).cloned());
            Ok(ids
                .iter()
                .map(|id| shown(id).unwrap_or_else(|| bare(id)))
                .collect())
        }
        ActorKind::Group(group_type) => {
            let keys: Vec<_> = ids.into_iter().map(|key| (group_type, key)).collect();
            groups(state, project, &keys).await
        }
    }
}

/// Of both kinds, in their order.
pub async fn mixed(state: &ApiState, project: &Project, actors: &[Actor]) -> Result<Vec<Value>, ApiError> {
    let (mut ids, mut keys) = (Vec::new(), Vec::new());
    for actor in actors {
        match actor {
            Actor::Person(id) => ids.push(id.to_string()),
            Actor::Group(group_type, key) => keys.push((*group_type, key.clone())),
        }
    }
    let mut persons = self::actors(state, project, ActorKind::Person, ids)
        .await?
        .into_iter();
    let mut groups = groups(state, project, &keys).await?.into_iter();
    let shown = actors.iter().filter_map(|actor| match actor {
        Actor::Person(_) => persons.next(),
        Actor::Group(..) => groups.next(),
    });
    Ok(shown.collect())
}

async fn groups(
    state: &ApiState,
    project: &Project,
    keys: &[(GroupTypeIndex, String)],
) -> Result<Vec<Value>, ApiError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let found = state.store.groups_by_key(project.id, keys).await?;
    let found: HashMap<(GroupTypeIndex, &str), Value> = found
        .iter()
        .map(|row| ((row.group_type, row.key.as_str()), group_json(row)))
        .collect();
    let bare = |group_type, key: &str| json!({"type": "group", "id": key, "group_key": key, "group_type_index": group_type, "group_properties": {}, "properties": {}, "created_at": null});
    Ok(keys
        .iter()
        .map(|(group_type, key)| {
            let known = found.get(&(*group_type, key.as_str()));
            known.cloned().unwrap_or_else(|| bare(*group_type, key))
        })
        .collect())
}

/// Those of `ids` that live.
pub async fn persons(
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
