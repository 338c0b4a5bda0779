//! `/i/v1/analytics/events`: strict headers and fields, and a result for every event.

mod batch;
mod headers;

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ingest::{Reason, Refusal};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::body;
use crate::client_address::client_address;
use crate::error::CaptureError;
use crate::state::CaptureState;
use batch::{Batch, batch};
use headers::Headers;

const REQUEST_ID: &str = "posthog-request-id";

/// The tag is for programs, the description for people.
#[derive(Clone, Debug, PartialEq)]
struct V1Error {
    status: StatusCode,
    tag: &'static str,
    description: String,
}

impl V1Error {
    fn bad_request(tag: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            tag,
            description: description.into(),
        }
    }
}

impl From<CaptureError> for V1Error {
    fn from(error: CaptureError) -> Self {
        Self {
            status: error.status(),
            tag: error.code(),
            description: error.to_string(),
        }
    }
}

impl IntoResponse for V1Error {
    fn into_response(self) -> Response {
        let body = json!({"error": self.tag, "error_description": self.description, "error_uri": null});
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::REQUEST_TIMEOUT || self.status.is_server_error() {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

pub(crate) async fn capture(State(state): State<CaptureState>, request: Request) -> Response {
    let request_id = request.headers().get(REQUEST_ID).cloned();
    let mut response = match store(&state, request).await {
        Ok(results) => Json(json!({"results": results})).into_response(),
        Err(error) => error.into_response(),
    };
    if let Some(request_id) = request_id {
        response.headers_mut().insert(REQUEST_ID, request_id);
    }
    response
}

async fn store(state: &CaptureState, request: Request) -> Result<Map<String, Value>, V1Error> {
    let received_at = (state.clock)();
    let (parts, incoming) = request.into_parts();
    let headers = Headers::read(&parts.headers)?;
    let project = state
        .projects
        .by_token(&headers.token)
        .await
        .map_err(CaptureError::from)?
        .ok_or(CaptureError::UnknownToken)?;
    let limits = &state.limits;
    let bytes = body::read(incoming, limits.v1_wire_bytes_max, limits, &state.shared).await?;
    let (encoding, decoded_bytes_max, values_max) =
        (headers.encoding, limits.v1_decoded_bytes_max, limits.values_max);
    let json = body::work(bytes, &state.shared, move |bytes| {
        crate::decode::parse(&encoding.decode(bytes, decoded_bytes_max)?, values_max)
    })
    .await?;

    let ip = client_address(&parts);
    let arrival = batch::Arrival {
        headers: &headers,
        project: &project,
        received_at,
        ip: ip.as_deref(),
    };
    let Batch {
        events,
        dropped,
        without_person,
    } = batch(json, &arrival)?;
    let mut results: HashMap<Uuid, Value> = HashMap::new();
    let refusals = dropped
        .iter()
        .map(|&(_, reason)| Refusal {
            project: project.id,
            reason,
            at: received_at,
        })
        .collect();
    let sent: Vec<Uuid> = events.iter().map(|event| event.uuid).collect();
    let outcome = state
        .ingest
        .submit(events, refusals)
        .await
        .map_err(CaptureError::from)?;
    for &uuid in &sent {
        results.insert(uuid, json!({"result": "ok"}));
    }
    for uuid in without_person {
        results.insert(
            uuid,
            json!({"result": "ok", "details": "person_processing_disabled"}),
        );
    }
    for (uuid, reason) in dropped {
        results.insert(uuid, drop_result(reason));
    }
    for (index, reason) in outcome.refused {
        if let Some(&uuid) = sent.get(index) {
            results.insert(uuid, drop_result(reason));
        }
    }
    Ok(results
        .into_iter()
        .map(|(uuid, result)| (uuid.to_string(), result))
        .collect())
}

fn drop_result(reason: Reason) -> Value {
    json!({"result": "drop", "details": reason.code()})
}
