//! Exact de-duplication by (project, uuid): within a step, and against what is stored.

use std::collections::{HashMap, HashSet};

use event_store::{EventStore, StoreError};
use model::ProjectId;
use uuid::Uuid;

use crate::prepare::Prepared;

/// For each event, in order, whether it repeats a stored one or an earlier one.
pub(crate) async fn repeats(events: &[Prepared], store: &dyn EventStore) -> Result<Vec<bool>, StoreError> {
    let mut uuids: HashMap<ProjectId, Vec<Uuid>> = HashMap::new();
    for event in events {
        uuids.entry(event.project).or_default().push(event.uuid);
    }
    let mut seen: HashMap<ProjectId, HashSet<Uuid>> = HashMap::with_capacity(uuids.len());
    for (project, uuids) in uuids {
        seen.insert(
            project,
            store.known_events(project, &uuids).await?.into_iter().collect(),
        );
    }
    Ok(events
        .iter()
        .map(|event| !seen.entry(event.project).or_default().insert(event.uuid))
        .collect())
}
