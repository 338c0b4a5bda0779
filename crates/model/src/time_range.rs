//! An absolute half-open range of time.

use chrono::{DateTime, Utc};

/// `from <= t < to`, with microsecond precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}
