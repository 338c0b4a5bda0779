//! The points of the time axis, and their names.

use chrono::{DateTime, Utc};
use model::{Interval, TimeRange};

use super::calendar::Calendar;
use crate::field_error::FieldError;

/// More points than this are no chart (and far more work than any chart is worth).
const TICKS_MAX: usize = 20_000;

/// Starts of the buckets that overlap `range`, ascending.
pub(crate) fn ticks(
    range: TimeRange,
    interval: Interval,
    calendar: Calendar,
) -> Result<Vec<DateTime<Utc>>, FieldError> {
    let mut ticks = Vec::new();
    let mut tick = calendar.truncate(range.from, interval);
    while tick < range.to {
        if ticks.len() == TICKS_MAX {
            return Err(FieldError::invalid(
                "interval",
                format!(
                    "The range has more than {TICKS_MAX} intervals of one {}.",
                    interval.name()
                ),
            ));
        }
        ticks.push(tick);
        let next = calendar.step(tick, interval, 1);
        if next <= tick {
            // The end of the calendar.
            break;
        }
        tick = next;
    }
    Ok(ticks)
}

/// `2020-01-04`, with hours `2020-01-04 13:00:00`.
pub(crate) fn tick_days(ticks: &[DateTime<Utc>], interval: Interval, calendar: Calendar) -> Vec<String> {
    formatted(
        ticks,
        calendar,
        match interval {
            Interval::Hour => "%Y-%m-%d %H:%M:%S",
            Interval::Day | Interval::Week | Interval::Month => "%Y-%m-%d",
        },
    )
}

/// `4-Jan-2020`, with hours `4-Jan-2020 13:00`.
pub(crate) fn tick_labels(ticks: &[DateTime<Utc>], interval: Interval, calendar: Calendar) -> Vec<String> {
    formatted(
        ticks,
        calendar,
        match interval {
            Interval::Hour => "%-d-%b-%Y %H:%M",
            Interval::Day | Interval::Week | Interval::Month => "%-d-%b-%Y",
        },
    )
}

fn formatted(ticks: &[DateTime<Utc>], calendar: Calendar, format: &str) -> Vec<String> {
    ticks
        .iter()
        .map(|tick| calendar.local(*tick).format(format).to_string())
        .collect()
}
