//! A client of the API with a project of its own.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use jobs::{CohortJobs, CohortJobsConfig};
use metadata::{Metadata, NewProject};
use model::{CohortId, ProjectId, WeekStart};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::fake_store::{Canned, FakeStore};
use crate::{ApiState, ResultCache, router};

thread_local! {
    /// Seconds since noon of 2023-11-15. A test has one thread, and so a clock of its own.
    static CLOCK: Cell<i64> = const { Cell::new(0) };
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_049_600, 0).unwrap() + TimeDelta::seconds(CLOCK.get())
}

pub struct Client {
    router: Router,
    pub store: Arc<FakeStore>,
    pub metadata: Metadata,
    pub jobs: CohortJobs,
    pub project: ProjectId,
    key: String,
    _dir: tempfile::TempDir,
}

impl Client {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let metadata = Metadata::open_sqlite(&dir.path().join("metadata.sqlite"))
            .await
            .unwrap();
        let new = NewProject {
            name: "p".to_owned(),
            api_token: None,
            timezone: chrono_tz::UTC,
            week_start: WeekStart::Sunday,
        };
        let project = metadata.create_project(new, now()).await.unwrap().id;
        let (_, key) = metadata.create_api_key("test", None, now()).await.unwrap();
        let store = Arc::new(FakeStore::default());
        let jobs = start_jobs(&store, &metadata).await;
        let router = router(ApiState {
            store: store.clone(),
            metadata: metadata.clone(),
            results: ResultCache::new(1_000_000),
            cohorts: jobs.clone(),
            now,
        });
        Self {
            router,
            store,
            metadata,
            jobs,
            project,
            key,
            _dir: dir,
        }
    }

    /// What the store says, and what it was asked.
    pub fn canned(&self) -> parking_lot::MutexGuard<'_, Canned> {
        self.store.canned.lock()
    }

    pub fn wait(&self, seconds: i64) {
        CLOCK.set(CLOCK.get() + seconds);
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ok(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.ok(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Value {
        self.ok(Method::PATCH, path, Some(body)).await
    }

    async fn ok(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.send(method, path, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// 400 about this field.
    pub async fn refused(&self, method: Method, path: &str, body: Option<Value>, attr: &str) {
        let shown = format!("{method} {path} {}", body.clone().unwrap_or_default());
        let (status, answer) = self.send(method, path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{shown}: {answer}");
        assert_eq!(answer["attr"], attr, "{shown}: {answer}");
        assert_eq!(answer["type"], "validation_error", "{shown}: {answer}");
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let body = body.map(|body| ("application/json".to_owned(), body.to_string().into_bytes()));
        let (status, text) = self.send_bytes(method, path, body).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// A form with these fields, and a file `csv`.
    pub async fn send_form(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        csv: &str,
    ) -> (StatusCode, Value) {
        let mut form = String::new();
        for (name, value) in fields {
            form += &format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        form += "--b0\r\nContent-Disposition: form-data; name=\"csv\"; filename=\"m.csv\"\r\nContent-Type: text/csv\r\n\r\n";
        form += &format!("{csv}\r\n--b0--\r\n");
        let body = ("multipart/form-data; boundary=b0".to_owned(), form.into_bytes());
        let (status, text) = self.send_bytes(method, path, Some(body)).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// `path` is below the project; or whole, as links are.
    pub async fn send_bytes(
        &self,
        method: Method,
        path: &str,
        body: Option<(String, Vec<u8>)>,
    ) -> (StatusCode, String) {
        let path = match path.strip_prefix("http://host") {
            Some(path) => path.to_owned(),
            None if path.starts_with("api/") => format!("/{path}"),
            None if path.is_empty() => format!("/api/projects/{}", self.project),
            None => format!("/api/projects/{}/{path}", self.project),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "host")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        let request = match body {
            Some((kind, bytes)) => request.header(header::CONTENT_TYPE, kind).body(Body::from(bytes)),
            None => request.body(Body::empty()),
        };
        let answer = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Waits for the workers.
    pub async fn settled(&self, cohort: &Value) {
        let id = CohortId(cohort["id"].as_i64().unwrap());
        self.jobs.settled(self.project, id, Duration::from_secs(20)).await;
        assert!(!self.jobs.is_busy(self.project, id));
    }
}

pub async fn start_jobs(store: &Arc<FakeStore>, metadata: &Metadata) -> CohortJobs {
    let config = CohortJobsConfig {
        time_max: Duration::from_millis(200),
        look_every: Duration::from_millis(20),
        ..CohortJobsConfig::default()
    };
    CohortJobs::start(store.clone(), metadata.clone(), now, config)
        .await
        .unwrap()
}

/// `a=b&c=…`, lists and objects as JSON text, as a client makes it of a body.
pub fn query_string(body: &Value) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in body.as_object().unwrap() {
        match value {
            Value::String(text) => query.append_pair(name, text),
            other => query.append_pair(name, &other.to_string()),
        };
    }
    query.finish()
}

/// A trend of one event over the last week.
pub fn trend() -> Value {
    json!({"events": [{"id": "e", "type": "events"}], "date_from": "-7d"})
}
