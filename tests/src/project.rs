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

    /// PATCH below the project; must succeed.
    pub async fn change(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::PATCH, path, Some(&body)).await
    }

    /// A form with these fields and a file `csv`, as a browser sends it; must succeed.
    pub async fn upload(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        csv: &str,
    ) -> Result<Value> {
        const BOUNDARY: &str = "----granary-form";
        let mut body = String::new();
        for (name, value) in fields {
            body.push_str(&format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        body.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"csv\"; filename=\"ids.csv\"\r\n\
             Content-Type: text/csv\r\n\r\n{csv}\r\n--{BOUNDARY}--\r\n"
        ));
        let full = self.path(path);
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let (status, answer) = self
            .exchange(method, &full, &content_type, Body::from(body))
            .await?;
        ensure!(status.is_success(), "{full} answered {status}: {answer}");
        Ok(answer)
    }

    /// The people behind a `persons_url` of an answer, all pages of them.
    pub async fn people(&self, url: &Value) -> Result<Vec<Value>> {
        let mut next = url.as_str().or_else(|| url["url"].as_str()).map(str::to_owned);
        ensure!(next.is_some(), "there is no link: {url}");
        let mut found = Vec::new();
        while let Some(link) = next {
            // Links to further pages say the whole address.
            let path = match link.split_once("://").and_then(|(_, rest)| rest.split_once('/')) {
                Some((_, path)) => format!("/{path}"),
                None => link,
            };
            let page = self.get(&path).await?;
            let people = page["results"][0]["people"].as_array();
            found.extend(people.into_iter().flatten().cloned());
            next = page["next"].as_str().map(str::to_owned);
        }
        Ok(found)
    }

    /// Behind every number of every series there are exactly so many people; negative numbers count people too.
    pub async fn check_people(&self, result: &Value) -> Result<()> {
        for series in result.as_array().context("a list of series")? {
            let (data, urls) = (series["data"].as_array(), series["persons_urls"].as_array());
            let (data, urls) = (data.context("a series has data")?, urls.context("and links")?);
            ensure!(
                data.len() == urls.len(),
                "{} numbers, {} links",
                data.len(),
                urls.len()
            );
            for (value, url) in data.iter().zip(urls) {
                let found = self.people(url).await?.len();
                ensure!(
                    value.as_f64().map(f64::abs) == Some(found as f64),
                    "{value} counted, {found} behind {url}"
                );
            }
        }
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
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.exchange(method, path, "application/json", body).await
    }

    /// Any body below the project, whatever its content type says.
    pub async fn send_text(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Result<(StatusCode, Value)> {
        let body = Body::from(body.to_owned());
        self.exchange(method, &self.path(path), content_type, body).await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Body,
    ) -> Result<(StatusCode, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, content_type)
            .body(body)?;
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
