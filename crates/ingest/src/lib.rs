//! Captured event to rows: timestamps, identity, groups, definitions, one atomic append.
//!
//! `Ingest::submit` returns when the events are durable and visible. Each event is first *prepared*, a pure function of
//! the event alone; then one writer task takes all requests that wait, reads the state they touch in a few batches,
//! applies them in order to that state, and appends what changed in one step.

mod changes;
mod clock;
mod definitions;
mod directory;
mod elements;
mod groups;
mod identities;
mod lift;
mod merge;
mod prepare;
mod profile;
mod refusal;
mod repeats;
mod rows;
mod step;
mod text;
mod writer;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use clock::parse as parse_time;
pub use directory::{Directory, DirectoryError};
pub use merge::may_merge;
pub use refusal::{Reason, Refusal};
pub use text::{first_chars, text_of};
pub use writer::{Ingest, IngestConfig, IngestError, Outcome};
