//! Whole ingestion against an in-memory store: persons, groups, repeats, failures, replay.

mod failures;
mod groups;
mod persons;
mod replay;

use std::sync::Arc;

use model::{CapturedEvent, ProjectId, person_uuid};
use serde_json::Value;
use uuid::Uuid;

use crate::testing::{MemoryDirectory, MemoryStore};
use crate::{Ingest, IngestConfig};

const PROJECT: ProjectId = ProjectId(1);

struct World {
    store: Arc<MemoryStore>,
    directory: Arc<MemoryDirectory>,
    ingest: Ingest,
}

impl World {
    fn new() -> Self {
        Self::with(IngestConfig::default())
    }

    fn with(config: IngestConfig) -> Self {
        let store = Arc::new(MemoryStore::default());
        let directory = Arc::new(MemoryDirectory::default());
        let ingest = Ingest::start(store.clone(), directory.clone(), config);
        Self {
            store,
            directory,
            ingest,
        }
    }

    /// A new process over the same data.
    fn restarted(&self) -> Self {
        let ingest = Ingest::start(
            self.store.clone(),
            self.directory.clone(),
            IngestConfig::default(),
        );
        Self {
            store: self.store.clone(),
            directory: self.directory.clone(),
            ingest,
        }
    }

    async fn send(&self, events: impl IntoIterator<Item = CapturedEvent>) -> crate::Outcome {
        self.ingest
            .submit(events.into_iter().collect(), Vec::new())
            .await
            .unwrap()
    }
}

/// Events get uuids and times by their number, so that a test is the same on every run.
fn event(number: u128, event: &str, distinct_id: &str, properties: Value) -> CapturedEvent {
    CapturedEvent {
        project: PROJECT,
        uuid: Uuid::from_u128(number + 1),
        event: event.to_owned(),
        distinct_id: distinct_id.to_owned(),
        properties: properties.as_object().unwrap().clone(),
        timestamp: Some(Value::String(format!("2020-01-01T12:{:02}:00Z", number % 60))),
        offset_ms: None,
        sent_at: None,
        received_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        ip: None,
    }
}

fn person(distinct_id: &str) -> Uuid {
    person_uuid(PROJECT, distinct_id)
}
