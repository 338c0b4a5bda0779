//! One event of a v0 body: its fields, checked and brought to one form.

use chrono::{DateTime, Utc};
use ingest::{Reason, first_chars, text_of};
use model::{CapturedEvent, Project};
use serde_json::{Map, Value};
use uuid::Uuid;

const NAME_UNITS_MAX: usize = 200;
const DISTINCT_ID_CHARS_MAX: usize = 200;

/// What all events of a request have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub project: &'a Project,
    pub sent_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub ip: Option<&'a str>,
    /// `/engage`: an object without `event` is an `$identify`.
    pub is_engage: bool,
}

/// An event that is not stored, as the reply names it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub uuid: Option<String>,
    pub event: Option<String>,
    pub reason: Reason,
}

pub(crate) fn event(sent: Value, arrival: &Arrival<'_>) -> Result<CapturedEvent, Refused> {
    let Value::Object(mut sent) = sent else {
        return Err(Refused {
            uuid: None,
            event: None,
            reason: Reason::EventNotObject,
        });
    };
    read(&mut sent, arrival).map_err(|reason| Refused {
        uuid: sent.get("uuid").and_then(Value::as_str).map(str::to_owned),
        event: sent.get("event").and_then(Value::as_str).map(str::to_owned),
        reason,
    })
}

fn read(sent: &mut Map<String, Value>, arrival: &Arrival<'_>) -> Result<CapturedEvent, Reason> {
    let event = name(sent.get("event"), arrival.is_engage)?;
    let mut properties = match sent.get_mut("properties").map(Value::take) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(properties)) => properties,
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(Reason::PropertiesNotObject);
        }
    };
    let distinct_id = distinct_id(sent, &properties)?;
    for key in ["$set", "$set_once"] {
        if let Some(Value::Object(outer)) = sent.get_mut(key).map(Value::take) {
            merge_over(&mut properties, key, outer);
        }
    }
    let ip = if arrival.project.anonymize_ips {
        properties.shift_remove("$ip");
        None
    } else {
        arrival.ip.map(str::to_owned)
    };
    Ok(CapturedEvent {
        project: arrival.project.id,
        uuid: uuid(sent.get("uuid")),
        event,
        distinct_id,
        properties,
        timestamp: sent
            .get_mut("timestamp")
            .map(Value::take)
            .filter(|timestamp| !timestamp.is_null()),
        offset_ms: sent.get("offset").and_then(milliseconds),
        sent_at: arrival.sent_at,
        received_at: arrival.received_at,
        ip,
    })
}

fn name(sent: Option<&Value>, is_engage: bool) -> Result<String, Reason> {
    match sent {
        None | Some(Value::Null) if is_engage => Ok("$identify".to_owned()),
        None | Some(Value::Null) => Err(Reason::NoEventName),
        Some(name) => {
            let name = text_of(name);
            if name.is_empty() {
                return Err(Reason::NoEventName);
            }
            Ok(first_units(&name, NAME_UNITS_MAX).to_owned())
        }
    }
}

/// The first UTF-16 units, but no half of a pair.
fn first_units(text: &str, units_max: usize) -> &str {
    if text.len() <= units_max {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find(|(_, character)| {
        units += character.len_utf16();
        units > units_max
    });
    end.map_or(text, |(end, _)| &text[..end])
}

fn distinct_id(sent: &Map<String, Value>, properties: &Map<String, Value>) -> Result<String, Reason> {
    let id = [
        sent.get("distinct_id"),
        sent.get("$distinct_id"),
        properties.get("distinct_id"),
    ]
    .into_iter()
    .flatten()
    .find(|id| !id.is_null())
    .ok_or(Reason::NoDistinctId)?;
    let id = text_of(id);
    if id.trim().is_empty() {
        return Err(Reason::NoDistinctId);
    }
    Ok(first_chars(&id, DISTINCT_ID_CHARS_MAX).replace('\0', "\u{FFFD}"))
}

/// A text that is no uuid, and the all-zero one that broken clients send with every event, count as none.
fn uuid(sent: Option<&Value>) -> Uuid {
    sent.and_then(Value::as_str)
        .and_then(|text| Uuid::parse_str(text.trim()).ok())
        .filter(|uuid| !uuid.is_nil())
        .unwrap_or_else(Uuid::now_v7)
}

/// The outer keys win.
fn merge_over(properties: &mut Map<String, Value>, key: &str, outer: Map<String, Value>) {
    match properties.get_mut(key) {
        Some(Value::Object(inner)) => inner.extend(outer),
        Some(other) => *other = Value::Object(outer),
        None => {
            properties.insert(key.to_owned(), Value::Object(outer));
        }
    }
}

fn milliseconds(offset: &Value) -> Option<i64> {
    offset
        .as_i64()
        .or_else(|| offset.as_f64().map(|offset| offset as i64))
}

#[cfg(test)]
mod tests;
