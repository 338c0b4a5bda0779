//! Requests: put together from parts, asked by GET as well as by POST.

use anyhow::{Context, Result, ensure};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::Project;

/// `base` with the fields of `extra`, which win.
pub fn merged(base: &Value, extra: Value) -> Value {
    let mut request = base.clone();
    if let Value::Object(fields) = extra {
        for (key, value) in fields {
            request[key] = value;
        }
    }
    request
}

/// Events by their names, in this order.
pub fn events(names: &[&str]) -> Value {
    names
        .iter()
        .enumerate()
        .map(|(order, name)| json!({"id": name, "order": order}))
        .collect()
}

/// The request's fields as a query string: texts as they are, anything else as JSON. Null is nothing.
pub fn query_string(request: &Value) -> String {
    let mut text = String::new();
    for (key, value) in request.as_object().into_iter().flatten() {
        if value.is_null() {
            continue;
        }
        if !text.is_empty() {
            text.push('&');
        }
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.push_str(key);
        text.push('=');
        text.extend(value.bytes().map(|byte| format!("%{byte:02X}")));
    }
    text
}

/// What an actor is known by: a group's key, or a person's first distinct id.
pub fn names(actors: &[Value]) -> Vec<String> {
    let mut names: Vec<String> = actors
        .iter()
        .map(|actor| {
            let name = match actor.get("group_key") {
                Some(key) => key,
                None => &actor["distinct_ids"][0],
            };
            name.as_str().unwrap_or_default().to_owned()
        })
        .collect();
    names.sort();
    names
}

impl Project {
    /// The answer's `result`, which must be the same by GET and by POST.
    pub async fn either_way(&self, insight: &str, request: &Value) -> Result<Value> {
        let result = self.insight(insight, request.clone()).await?;
        let path = format!("insights/{insight}/?{}", query_string(request));
        let by_get = self.get(&path).await?;
        ensure!(
            by_get["result"] == result,
            "GET answers {}, POST {result}, for {request}",
            by_get["result"]
        );
        Ok(result)
    }

    /// Behind the link are exactly so many actors, each once. Answers their names.
    pub async fn check_link(&self, link: &Value, count: f64) -> Result<Vec<String>> {
        let found = self.people(link).await?;
        let mut ids: Vec<String> = found.iter().map(|actor| actor["id"].to_string()).collect();
        ids.sort();
        ids.dedup();
        ensure!(
            ids.len() == found.len() && found.len() as f64 == count,
            "{count} counted, {} ({} different ones) behind {link}",
            found.len(),
            ids.len()
        );
        Ok(names(&found))
    }

    /// By GET and by POST the request must be refused with 400, naming `attr`.
    pub async fn check_refused_either_way(&self, path: &str, request: Value, attr: &str) -> Result<()> {
        let address = format!("/api/projects/{}/{path}?{}", self.id, query_string(&request));
        let (status, answer) = self.send(Method::GET, &address, None).await?;
        ensure!(
            status == StatusCode::BAD_REQUEST && answer["attr"] == attr,
            "GET {path} answered {status} {answer}, expected 400 for `{attr}`, for {request}"
        );
        self.check_refused(path, request, attr)
            .await
            .with_context(|| format!("POST {path}"))
    }
}
