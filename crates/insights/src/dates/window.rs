//! A time axis, and that of the period before.

use chrono::{DateTime, Utc};
use model::{Interval, TimeRange};

use super::calendar::Calendar;
use super::range::DateRange;
use super::ticks::{tick_days, tick_labels, ticks};
use crate::field_error::FieldError;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    /// Widened to whole buckets where the rules of the insight ask for it.
    pub(crate) range: TimeRange,
    pub(crate) ticks: Vec<DateTime<Utc>>,
    pub(crate) days: Vec<String>,
    pub(crate) labels: Vec<String>,
}

/// The window of a trend: with weeks and months, and when at least two intervals long, the first bucket counts as a whole.
pub(crate) fn current(
    asked: DateRange,
    interval: Interval,
    calendar: Calendar,
) -> Result<Window, FieldError> {
    let TimeRange { from, to } = asked.range;
    let start = calendar.truncate(from, interval);
    let widened = match interval {
        Interval::Week | Interval::Month => true,
        // Two intervals on, in real time: the day of a clock change is a day.
        Interval::Hour | Interval::Day => to - from >= calendar.step(start, interval, 2) - start,
    };
    window(
        TimeRange {
            from: if widened { start } else { from },
            to,
        },
        interval,
        calendar,
    )
}

/// The window just as asked.
pub(crate) fn exact(asked: DateRange, interval: Interval, calendar: Calendar) -> Result<Window, FieldError> {
    window(asked.range, interval, calendar)
}

/// The whole buckets that the window asked for touches.
pub(crate) fn whole(asked: DateRange, interval: Interval, calendar: Calendar) -> Result<Window, FieldError> {
    let TimeRange { from, to } = asked.range;
    let ticks = ticks(TimeRange { from, to }, interval, calendar)?;
    let last = ticks.last().copied().unwrap_or(from);
    window(
        TimeRange {
            from: calendar.truncate(from, interval),
            to: calendar.step(last, interval, 1).max(to),
        },
        interval,
        calendar,
    )
}

/// As many buckets directly before; where the window starts within a bucket, as much time directly before.
pub(crate) fn previous(
    current: &Window,
    interval: Interval,
    calendar: Calendar,
) -> Result<Window, FieldError> {
    let TimeRange { from, to } = current.range;
    let whole_buckets = current.ticks.first() == Some(&from);
    let before = if whole_buckets {
        let count = i64::try_from(current.ticks.len()).unwrap_or(i64::MAX);
        calendar.step(from, interval, -count)
    } else {
        from - (to - from)
    };
    window(
        TimeRange {
            from: before,
            to: from,
        },
        interval,
        calendar,
    )
}

fn window(range: TimeRange, interval: Interval, calendar: Calendar) -> Result<Window, FieldError> {
    let ticks = ticks(range, interval, calendar)?;
    let days = tick_days(&ticks, interval, calendar);
    let labels = tick_labels(&ticks, interval, calendar);
    Ok(Window {
        range,
        ticks,
        days,
        labels,
    })
}

impl Window {
    /// The part of the range that tick `index` counts.
    pub(crate) fn bucket(&self, index: usize, interval: Interval, calendar: Calendar) -> TimeRange {
        let tick = self.ticks[index];
        let end = self
            .ticks
            .get(index + 1)
            .copied()
            .unwrap_or_else(|| calendar.step(tick, interval, 1));
        TimeRange {
            from: tick.max(self.range.from),
            to: end.min(self.range.to),
        }
    }
}
