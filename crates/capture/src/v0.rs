//! The handler of all legacy paths: every path takes every shape.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ingest::{Reason, Refusal};
use model::{CapturedEvent, Project};
use serde_json::{Value, json};

use crate::batch::{Batch, batch};
use crate::client_address::client_address;
use crate::decode::{Decoded, Wire, decode};
use crate::error::CaptureError;
use crate::event::{Arrival, Refused, event};
use crate::query::Pairs;
use crate::state::CaptureState;
use crate::{body, token};

/// A refused event as the reply lists it.
#[derive(Debug)]
struct Named {
    index: usize,
    uuid: Option<String>,
    event: Option<String>,
    reason: Reason,
}

pub(crate) async fn capture(State(state): State<CaptureState>, request: Request) -> Response {
    let is_beacon = query_of(request.uri().query()).get("beacon") == Some("1");
    match store(&state, request).await {
        Ok(_) if is_beacon => StatusCode::NO_CONTENT.into_response(),
        Ok(refused) if refused.is_empty() => Json(json!({"status": 1})).into_response(),
        Ok(refused) => Json(json!({"status": 1, "refused": list(&refused)})).into_response(),
        Err(Failure::Request(error)) => error.into_response(),
        Err(Failure::AllRefused(refused)) => all_refused(&refused),
    }
}

enum Failure {
    Request(CaptureError),
    /// Every event is malformed: the client is told with 400, as for a malformed body.
    AllRefused(Vec<Named>),
}

impl<E: Into<CaptureError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Request(error.into())
    }
}

async fn store(state: &CaptureState, request: Request) -> Result<Vec<Named>, Failure> {
    let received_at = (state.clock)();
    let (parts, incoming) = request.into_parts();
    let query = query_of(parts.uri.query());
    let Batch {
        token,
        sent_at,
        events,
    } = read(&parts.headers, query, incoming, state, batch).await?;
    let project = state
        .projects
        .by_token(&token)
        .await?
        .ok_or(CaptureError::UnknownToken)?;

    let ip = client_address(&parts);
    let arrival = Arrival {
        project: &project,
        sent_at,
        received_at,
        ip: ip.as_deref(),
        is_engage: parts.uri.path().starts_with("/engage"),
    };
    let Sorted {
        good,
        good_indexes,
        mut refused,
    } = sort(events, &arrival);
    let labels: Vec<_> = good
        .iter()
        .map(|event| (event.uuid, event.event.clone()))
        .collect();
    let malformed: Vec<Refusal> = refused
        .iter()
        .map(|named| Refusal {
            project: project.id,
            reason: named.reason,
            at: received_at,
        })
        .collect();
    let nothing_good = good.is_empty();
    let outcome = state.ingest.submit(good, malformed).await?;
    if nothing_good {
        return Err(Failure::AllRefused(refused));
    }
    for (index, reason) in outcome.refused {
        if let (Some((uuid, event)), Some(&sent_index)) = (labels.get(index), good_indexes.get(index)) {
            let (uuid, event) = (Some(uuid.to_string()), Some(event.clone()));
            refused.push(Named {
                index: sent_index,
                uuid,
                event,
                reason,
            });
        }
    }
    refused.sort_by_key(|named| named.index);
    if !refused.is_empty() {
        tracing::warn!(
            project = project.id.0,
            events.refused = refused.len(),
            reason = refused[0].reason.code(),
            "Refused {} events of a request",
            refused.len()
        );
    }
    Ok(refused)
}

struct Sorted {
    good: Vec<CapturedEvent>,
    /// Where each good event was in the request.
    good_indexes: Vec<usize>,
    refused: Vec<Named>,
}

fn sort(events: Vec<Value>, arrival: &Arrival<'_>) -> Sorted {
    let mut sorted = Sorted {
        good: Vec::with_capacity(events.len()),
        good_indexes: Vec::new(),
        refused: Vec::new(),
    };
    for (index, sent) in events.into_iter().enumerate() {
        match event(sent, arrival) {
            Ok(event) => {
                sorted.good.push(event);
                sorted.good_indexes.push(index);
            }
            Err(Refused { uuid, event, reason }) => sorted.refused.push(Named {
                index,
                uuid,
                event,
                reason,
            }),
        }
    }
    sorted
}

fn list(refused: &[Named]) -> Value {
    refused
        .iter()
        .map(|named| {
            json!({
                "index": named.index,
                "uuid": named.uuid,
                "event": named.event,
                "reason": named.reason.code(),
                "detail": named.reason.detail(),
                "attr": named.reason.attr(),
            })
        })
        .collect()
}

fn all_refused(refused: &[Named]) -> Response {
    let Some(first) = refused.first() else {
        return CaptureError::NoEvents.into_response();
    };
    let error = CaptureError::AllRefused(first.reason);
    let mut body = error.body();
    body["refused"] = list(refused);
    error.with_body(body)
}

pub(crate) fn query_of(query: Option<&str>) -> Pairs {
    Pairs::parse(query.unwrap_or_default().as_bytes())
}

fn text_header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// Reads and decodes a body, then makes of it what `shape` says.
pub(crate) async fn read<T: Send + 'static>(
    headers: &HeaderMap,
    query: Pairs,
    incoming: axum::body::Body,
    state: &CaptureState,
    shape: impl FnOnce(Decoded, &Pairs) -> Result<T, CaptureError> + Send + 'static,
) -> Result<T, CaptureError> {
    let content_type = text_header(headers, header::CONTENT_TYPE);
    let content_encoding = text_header(headers, header::CONTENT_ENCODING);
    let limits = &state.limits;
    let bytes = body::read(incoming, limits.wire_bytes_max, limits, &state.shared).await?;
    let limits = limits.clone();
    body::work(bytes, &state.shared, move |bytes| {
        let wire = Wire {
            query: &query,
            content_type: content_type.as_deref(),
            content_encoding: content_encoding.as_deref(),
            body: bytes,
        };
        shape(decode(&wire, &limits)?, &query)
    })
    .await
}

/// The project of the token in a decoded body, for the endpoints that only want to know whose it is.
pub(crate) async fn project_of(
    state: &CaptureState,
    headers: &HeaderMap,
    query: Pairs,
    incoming: axum::body::Body,
) -> Result<Arc<Project>, CaptureError> {
    let token = read(headers, query, incoming, state, |decoded, query| {
        let object = decoded.json.as_object().ok_or(CaptureError::NoToken)?;
        let token = token::in_object(object)
            .or_else(|| decoded.form.non_empty("token"))
            .or_else(|| decoded.form.non_empty("api_key"))
            .or_else(|| query.non_empty("token"))
            .ok_or(CaptureError::NoToken)?;
        token::check(token).map(str::to_owned)
    })
    .await?;
    state
        .projects
        .by_token(&token)
        .await?
        .ok_or(CaptureError::UnknownToken)
}
