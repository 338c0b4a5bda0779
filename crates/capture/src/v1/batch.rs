//! The body of v1: what fails the whole batch, what drops one event, what is put back into the properties.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use ingest::Reason;
use model::{CapturedEvent, Project};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::V1Error;
use super::headers::Headers;

const NAME_BYTES_MAX: usize = 200;
const DISTINCT_ID_BYTES_MAX: usize = 200;

#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    pub headers: &'a Headers,
    pub project: &'a Project,
    pub received_at: DateTime<Utc>,
    pub ip: Option<&'a str>,
}

#[derive(Debug, Default)]
pub(super) struct Batch {
    pub events: Vec<CapturedEvent>,
    pub dropped: Vec<(Uuid, Reason)>,
    /// Stored, but under a placeholder id, so that they make no person.
    pub without_person: Vec<Uuid>,
}

/// The fields that every event must have, as text.
struct Required {
    event: String,
    uuid: Uuid,
    distinct_id: String,
    timestamp: String,
}

pub(super) fn batch(body: Value, arrival: &Arrival<'_>) -> Result<Batch, V1Error> {
    let Value::Object(mut body) = body else {
        return Err(V1Error::bad_request(
            "invalid_payload",
            "The body must be a JSON object.",
        ));
    };
    let created_at = body.get("created_at").and_then(Value::as_str);
    if created_at
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .is_none()
    {
        return Err(V1Error::bad_request(
            "invalid_created_at",
            "`created_at` must be an RFC 3339 time.",
        ));
    }
    let Some(Value::Array(sent)) = body.get_mut("batch").map(Value::take) else {
        return Err(V1Error::bad_request(
            "missing_required_field",
            "`batch` must be a list of events.",
        ));
    };
    if sent.is_empty() {
        return Err(V1Error::bad_request("empty_batch", "The batch is empty."));
    }
    // Anything wrong here fails the batch before any event of it is looked at closer.
    let mut seen = HashSet::with_capacity(sent.len());
    let mut required = Vec::with_capacity(sent.len());
    for (index, event) in sent.iter().enumerate() {
        let fields = read_required(event, index)?;
        if !seen.insert(fields.uuid) {
            let description = format!("`batch[{index}].uuid` occurs twice in the batch.");
            return Err(V1Error::bad_request("duplicate_event_uuid", description));
        }
        required.push(fields);
    }
    let mut batch = Batch::default();
    for (sent, fields) in sent.into_iter().zip(required) {
        let uuid = fields.uuid;
        match read_event(sent, fields, arrival) {
            Ok(read) => {
                if read.is_placeholder {
                    batch.without_person.push(uuid);
                }
                batch.events.push(read.event);
            }
            Err(reason) => batch.dropped.push((uuid, reason)),
        }
    }
    Ok(batch)
}

fn read_required(event: &Value, index: usize) -> Result<Required, V1Error> {
    let text = |key: &str| {
        event.get(key).and_then(Value::as_str).ok_or_else(|| {
            let description = format!("`batch[{index}].{key}` is missing or no text.");
            V1Error::bad_request("missing_required_field", description)
        })
    };
    let uuid = text("uuid")?.trim();
    let uuid = Uuid::parse_str(uuid).map_err(|_| {
        V1Error::bad_request(
            "invalid_event_uuid",
            format!("`batch[{index}].uuid` is not a uuid."),
        )
    })?;
    Ok(Required {
        event: text("event")?.to_owned(),
        uuid,
        distinct_id: text("distinct_id")?.trim().to_owned(),
        timestamp: text("timestamp")?.to_owned(),
    })
}

struct Read {
    event: CapturedEvent,
    is_placeholder: bool,
}

fn read_event(mut sent: Value, fields: Required, arrival: &Arrival<'_>) -> Result<Read, Reason> {
    let Required {
        event,
        uuid,
        distinct_id,
        timestamp,
    } = fields;
    if event.is_empty() {
        return Err(Reason::NoEventName);
    }
    if event.len() > NAME_BYTES_MAX {
        return Err(Reason::EventNameTooLong);
    }
    if distinct_id.is_empty() {
        return Err(Reason::NoDistinctId);
    }
    if distinct_id.len() > DISTINCT_ID_BYTES_MAX {
        return Err(Reason::DistinctIdTooLong);
    }
    if ingest::parse_time(&timestamp).is_none() {
        return Err(Reason::TimestampUnreadable);
    }
    let mut properties = match sent.get_mut("properties").map(Value::take) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(properties)) => properties,
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(Reason::PropertiesNotObject);
        }
    };
    for (key, property) in [("session_id", "$session_id"), ("window_id", "$window_id")] {
        match sent.get_mut(key).map(Value::take) {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) => {
                properties.insert(property.to_owned(), Value::String(id));
            }
            Some(_) => return Err(Reason::OptionUnreadable),
        }
    }
    put_options_back(sent.get_mut("options").map(Value::take), &mut properties)?;
    for (key, value) in [
        ("$lib", &arrival.headers.lib),
        ("$lib_version", &arrival.headers.lib_version),
    ] {
        properties.insert(key.to_owned(), Value::String(value.clone()));
    }
    let is_placeholder = is_placeholder(&distinct_id);
    if is_placeholder {
        properties.insert("$process_person_profile".to_owned(), Value::Bool(false));
    }
    let ip = if arrival.project.anonymize_ips {
        properties.shift_remove("$ip");
        None
    } else {
        arrival.ip.map(str::to_owned)
    };
    let event = CapturedEvent {
        project: arrival.project.id,
        uuid,
        event,
        distinct_id: distinct_id.replace('\0', "\u{FFFD}"),
        properties,
        timestamp: Some(Value::String(timestamp)),
        offset_ms: None,
        sent_at: Some(arrival.headers.sent_at),
        received_at: arrival.received_at,
        ip,
    };
    Ok(Read {
        event,
        is_placeholder,
    })
}

/// Options are properties that the client took out; unknown ones are ignored.
fn put_options_back(options: Option<Value>, properties: &mut Map<String, Value>) -> Result<(), Reason> {
    let mut options = match options {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(options)) => options,
        Some(_) => return Err(Reason::OptionUnreadable),
    };
    for (key, property) in [
        ("cookieless_mode", "$cookieless_mode"),
        ("disable_skew_correction", "$ignore_sent_at"),
        ("process_person_profile", "$process_person_profile"),
    ] {
        match options.get(key) {
            None | Some(Value::Null) => {}
            Some(&Value::Bool(flag)) => {
                properties.insert(property.to_owned(), Value::Bool(flag));
            }
            Some(_) => return Err(Reason::OptionUnreadable),
        }
    }
    match options.get_mut("product_tour_id").map(Value::take) {
        None | Some(Value::Null) => {}
        Some(Value::String(id)) => {
            properties.insert("$product_tour_id".to_owned(), Value::String(id));
        }
        Some(_) => return Err(Reason::OptionUnreadable),
    }
    Ok(())
}

/// The ids that never merge, and some more that v1 knows.
fn is_placeholder(distinct_id: &str) -> bool {
    const MORE: [&str; 6] = [
        "00000000-0000-0000-0000-000000000000",
        "anonymous-user",
        "backend",
        "nan",
        "system",
        "user",
    ];
    !ingest::may_merge(distinct_id) || MORE.iter().any(|id| id.eq_ignore_ascii_case(distinct_id))
}
