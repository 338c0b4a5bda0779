//! A project of a running application: send events, ask, check.

use anyhow::{Context, Result, ensure};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use chrono::DateTime;
use metadata::NewProject;
use model::WeekStart;
use serde_json::{Value, json};
use server::app::App;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::Event;

type Service = BoxCloneSyncService<Request<Body>, axum::response::Response, std::convert::Infallible>;

#[derive(Clone)]
pub struct Project {
    service: Service,
    key: String,
    pub id: i64,
    pub token: String,
}

impl Project {
    pub async fn create(app: &App, name: &str) -> Result<Self> {
        let now = DateTime::from_timestamp(1_577_836_800, 0).context("2020 is a time")?;
        let new = NewProject {
            name: name.to_owned(),
            api_token: None,
            timezone: chrono_tz::UTC,
            week_start: WeekStart::Sunday,
        };
        let project = app.metadata().create_project(new, now).await?;
        let (_, key) = app.metadata().create_api_key("test", None, now).await?;
        let service = BoxCloneSyncService::new(app.service());
        Ok(Self {
            service,
            key,
            id: project.id.0,
            token: project.api_token,
        })
    }

    /// One request to `/batch/`; all events must be stored.
    pub async fn events(&self, events: impl IntoIterator<Item = Event>) -> Result<()> {
        let batch: Vec<Value> = events.into_iter().map(|event| event.wire()).collect();
        let body = json!({"api_key": self.token, "batch": batch});
        let (status, answer) = self.send(Method::POST, "/batch/", Some(&body)).await?;
        ensure!(status == StatusCode::OK, "capture answered {status}: {answer}");
        Ok(())
    }

    /// A person with these properties, as an `$identify` at the given time.
    pub async fn person(&self, distinct_id: &str, at: &str, properties: Value) -> Result<()> {
        self.events([crate::event("$identify")
            .by(distinct_id)
            .at(at)
            .with("$set", properties)])
            .await
    }

    pub async fn group(&self, group_type: &str, key: &str, at: &str, properties: Value) -> Result<()> {
        let event = crate::event("$groupidentify").by("groups").at(at);
        let event = event
            .with("$group_type", group_type)
            .with("$group_key", key)
            .with("$group_set", properties);
        self.events([event]).await
    }

    pub async fn patch(&self, body: Value) -> Result<()> {
        let (status, answer) = self
            .send(Method::PATCH, &format!("/api/projects/{}/", self.id), Some(&body))
            .await?;
        ensure!(
            status == StatusCode::OK,
            "the project's change answered {status}: {answer}"
        );
        Ok(())
    }

    /// GET below the project; must succeed.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    /// POST below the project; must succeed.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(&body)).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let full = self.path(path);
        let (status, answer) = self.send(method, &full, body).await?;
        ensure!(status.is_success(), "{full} answered {status}: {answer}");
        Ok(answer)
    }

    fn path(&self, path: &str) -> String {
        match path.strip_prefix('/') {
            Some(absolute) => format!("/{absolute}"),
            None if path.starts_with("api/") => format!("/{path}"),
            None => format!("/api/projects/{}/{path}", self.id),
        }
    }

    /// The answer's `result` for an insight.
    pub async fn insight(&self, insight: &str, request: Value) -> Result<Value> {
        let mut answer = self.post(&format!("insights/{insight}/"), request).await?;
        Ok(answer["result"].take())
    }

    /// Asks a trend and compares `field` of every series in the answer.
    pub async fn check_trend(&self, request: Value, field: &str, expected: Value) -> Result<()> {
        let result = self.insight("trend", request.clone()).await?;
        let series = result.as_array().context("a trend is a list of series")?;
        let found: Vec<Value> = series.iter().map(|series| series[field].clone()).collect();
        let found = Value::Array(found);
        ensure!(
            alike(&found, &expected),
            "`{field}` is {found}, expected {expected}, for {request}"
        );
        Ok(())
    }

    /// The request must be refused with 400, naming `attr`.
    pub async fn check_refused(&self, path: &str, request: Value, attr: &str) -> Result<()> {
        let (status, answer) = self.send(Method::POST, &self.path(path), Some(&request)).await?;
        ensure!(
            status == StatusCode::BAD_REQUEST && answer["attr"] == attr,
            "answered {status} {answer}, expected 400 for `{attr}`, for {request}"
        );
        Ok(())
    }

    /// Any request, with the personal API key.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))?;
        let response = self.service.clone().oneshot(request).await?;
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
        let answer = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)?
        };
        Ok((status, answer))
    }
}

/// Equal, numbers by value: 3 is 3.0.
pub fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0),
            _ => a == b,
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        _ => a == b,
    }
}
