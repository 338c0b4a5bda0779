//! SDK wire formats: decoding, limits, replies.
//!
//! Decoding is pure (`decode`, `batch`, `event`, `v1::batch`): bytes and headers in, events and refusals or one error
//! out. The handlers around it read the body, look the token up, and submit to ingestion.

mod batch;
mod body;
mod client_address;
mod cors;
mod decode;
mod error;
mod event;
mod flags;
mod projects;
mod query;
mod remote_config;
mod router;
mod state;
mod token;
mod unused;
mod v0;
mod v1;

#[cfg(test)]
mod tests;

pub use projects::{Projects, ProjectsError};
pub use router::router;
pub use state::{CaptureLimits, CaptureState};

/// How many events a v0 body holds; `None` when it is refused. The whole of decoding without a server around it, for
/// fuzzing and for tools.
pub fn count_events(
    query: &str,
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
    limits: &CaptureLimits,
) -> Option<usize> {
    let query = query::Pairs::parse(query.as_bytes());
    let wire = decode::Wire {
        query: &query,
        content_type,
        content_encoding,
        body,
    };
    let batch = batch::batch(decode::decode(&wire, limits).ok()?, &query).ok()?;
    Some(batch.events.len())
}
