//! What every handler needs.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ingest::Ingest;

use crate::Projects;
use crate::body::Shared;

#[derive(Clone, Debug)]
pub struct CaptureLimits {
    /// Of the body as it arrives. More than the decoded limit, for base64 and url-encoding make it larger.
    pub wire_bytes_max: usize,
    /// Of the body after all decoding, and of each step on the way.
    pub decoded_bytes_max: usize,
    pub v1_wire_bytes_max: usize,
    pub v1_decoded_bytes_max: usize,
    /// JSON values of a body: a list of small numbers needs forty times its text in memory.
    pub values_max: usize,
    /// Of all bodies that arrive or wait to be decoded; beyond it requests get 503.
    pub held_bytes_max: usize,
    /// Large bodies that are decoded at a time.
    pub decoders_max: usize,
    /// For the whole body to arrive.
    pub body_timeout: Duration,
}

impl Default for CaptureLimits {
    fn default() -> Self {
        Self {
            wire_bytes_max: 32 << 20,
            decoded_bytes_max: 20 << 20,
            v1_wire_bytes_max: 10 << 20,
            v1_decoded_bytes_max: 50 << 20,
            values_max: 2_000_000,
            held_bytes_max: 256 << 20,
            decoders_max: 4,
            body_timeout: Duration::from_secs(30),
        }
    }
}

#[derive(Clone)]
pub struct CaptureState {
    pub(crate) projects: Arc<dyn Projects>,
    pub(crate) ingest: Ingest,
    pub(crate) limits: CaptureLimits,
    pub(crate) shared: Arc<Shared>,
    /// When a request arrives.
    pub(crate) clock: fn() -> DateTime<Utc>,
}

impl CaptureState {
    pub fn new(projects: Arc<dyn Projects>, ingest: Ingest, limits: CaptureLimits) -> Self {
        let shared = Arc::new(Shared::new(&limits));
        Self {
            projects,
            ingest,
            limits,
            shared,
            clock: system_time,
        }
    }

    /// The same with another clock, for tests that need to know what time it is.
    pub fn with_clock(self, clock: fn() -> DateTime<Utc>) -> Self {
        Self { clock, ..self }
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge where the clock is read")]
fn system_time() -> DateTime<Utc> {
    Utc::now()
}
