//! What every handler can reach.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_store::EventStore;
use jobs::CohortJobs;
use metadata::Metadata;

use crate::result_cache::ResultCache;

#[derive(Clone)]
pub struct ApiState {
    pub store: Arc<dyn EventStore>,
    pub metadata: Metadata,
    /// Answers of insights and their actors.
    pub results: ResultCache,
    pub cohorts: CohortJobs,
    /// The clock: read once a request, and passed on as a value.
    pub now: fn() -> DateTime<Utc>,
}
