//! What every handler can reach.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_store::EventStore;
use metadata::Metadata;

#[derive(Clone)]
pub struct ApiState {
    pub store: Arc<dyn EventStore>,
    pub metadata: Metadata,
    /// The clock: read once a request, and passed on as a value.
    pub now: fn() -> DateTime<Utc>,
}
