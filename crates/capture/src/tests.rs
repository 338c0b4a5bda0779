//! Whole requests against the router, with an in-memory store behind real ingestion.

mod bad_inputs;
mod other_paths;
mod recorded;
mod v1;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use chrono::{DateTime, Utc};
use event_store::{EventRow, LedgerOutcome};
use ingest::testing::{MemoryDirectory, MemoryStore};
use ingest::{Ingest, IngestConfig};
use model::{Project, ProjectId, WeekStart};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::{CaptureLimits, CaptureState, Projects, ProjectsError, router};

const TOKEN: &str = "phc_test";

struct OneProject(Option<Arc<Project>>);

#[async_trait]
impl Projects for OneProject {
    async fn by_token(&self, token: &str) -> Result<Option<Arc<Project>>, ProjectsError> {
        match &self.0 {
            Some(project) => Ok(Some(Arc::clone(project)).filter(|project| project.api_token == token)),
            None => Err(ProjectsError::Unavailable("asked to fail".to_owned())),
        }
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-21T12:56:05Z".parse().unwrap()
}

fn project() -> Project {
    Project {
        id: ProjectId(1),
        uuid: Uuid::from_u128(1),
        name: "shop".to_owned(),
        api_token: TOKEN.to_owned(),
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        test_account_filters: json!([]),
        path_cleaning_filters: json!([]),
        anonymize_ips: false,
        ingested_event: false,
        created_at: now(),
        updated_at: now(),
    }
}

struct Server {
    store: Arc<MemoryStore>,
    state: CaptureState,
}

#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {:?}", String::from_utf8_lossy(&self.body)))
    }
}

impl Server {
    fn new() -> Self {
        Self::with(Some(project()), IngestConfig::default())
    }

    fn with(project: Option<Project>, config: IngestConfig) -> Self {
        let store = Arc::new(MemoryStore::default());
        let ingest = Ingest::start(store.clone(), Arc::new(MemoryDirectory::default()), config);
        let limits = CaptureLimits {
            wire_bytes_max: 300_000,
            decoded_bytes_max: 200_000,
            v1_wire_bytes_max: 100_000,
            v1_decoded_bytes_max: 200_000,
            ..CaptureLimits::default()
        };
        let projects = Arc::new(OneProject(project.map(Arc::new)));
        Self {
            store,
            state: CaptureState::new(projects, ingest, limits).with_clock(now),
        }
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = router(self.state.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    async fn call(
        &self,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn post(&self, uri: &str, body: impl Into<Body>) -> Reply {
        self.call(Method::POST, uri, &[], body).await
    }

    fn events(&self) -> Vec<EventRow> {
        self.store.stored().events
    }

    fn properties(&self, event: usize) -> Value {
        serde_json::from_str(&self.events()[event].properties).unwrap()
    }

    /// Outcome to count.
    fn ledger(&self) -> HashMap<String, u64> {
        let name = |outcome: LedgerOutcome| match outcome {
            LedgerOutcome::Stored => "stored".to_owned(),
            LedgerOutcome::Repeated => "repeated".to_owned(),
            LedgerOutcome::Refused(reason) => reason,
        };
        self.store
            .stored()
            .ledger
            .into_iter()
            .map(|((_, outcome), count)| (name(outcome), count))
            .collect()
    }
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}
