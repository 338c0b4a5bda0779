//! An event as an SDK sent it, decoded and checked but not yet interpreted.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::ProjectId;

/// What `capture` hands to `ingest`.
#[derive(Clone, Debug, PartialEq)]
pub struct CapturedEvent {
    pub project: ProjectId,
    /// From the client, or fresh (UUIDv7) when it sent none.
    pub uuid: Uuid,
    /// Non-empty, at most 200 UTF-16 units.
    pub event: String,
    /// Non-blank, at most 200 characters, NUL replaced by U+FFFD.
    pub distinct_id: String,
    /// As sent; `$set`/`$set_once` of the top level are already merged over the same keys in here.
    pub properties: Map<String, Value>,
    /// `timestamp` as sent: text, or a number (unix seconds or milliseconds).
    pub timestamp: Option<Value>,
    /// Age in milliseconds, in place of a timestamp.
    pub offset_ms: Option<i64>,
    /// When the client sent the request, by its own clock.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the server received the request.
    pub received_at: DateTime<Utc>,
    /// Client address, for `$ip`.
    pub ip: Option<String>,
}
