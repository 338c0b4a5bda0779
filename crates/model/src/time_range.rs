//! An absolute half-open range of time.

use chrono::{DateTime, Utc};

/// `from <= t < to`, with microsecond precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

impl TimeRange {
    /// The shortest range that holds all of `ranges`; none holds nothing.
    pub fn spanning(ranges: &[Self]) -> Option<Self> {
        Some(Self {
            from: ranges.iter().map(|range| range.from).min()?,
            to: ranges.iter().map(|range| range.to).max()?,
        })
    }
}
