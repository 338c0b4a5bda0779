//! The window of time that a request asks for.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use model::{Interval, TimeRange};

use super::calendar::{Calendar, days_later};
use super::grammar::{DateText, Precision, read_date};
use crate::context::Context;
use crate::field_error::FieldError;
use crate::request::{Request, field};

/// What stores can hold, with room for what is counted back and forth from there.
const YEARS: std::ops::RangeInclusive<i32> = 1902..=2200;

/// Two hundred years. Stores keep times as microseconds since the start of the window, with room for more beside them.
const DAYS_MAX: i64 = 200 * 366;

/// The window as asked, before any widening to whole buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateRange {
    pub(crate) range: TimeRange,
    /// `date_from` was `all`.
    pub(crate) unbounded: bool,
}

/// `interval`: hour, day, week or month; `minute` is read as hour; absent means day.
pub(crate) fn read_interval(request: &Request) -> Result<Interval, FieldError> {
    match field::text(request, "interval", "interval")?.as_deref() {
        Some("hour" | "minute") => Ok(Interval::Hour),
        None | Some("day") => Ok(Interval::Day),
        Some("week") => Ok(Interval::Week),
        Some("month") => Ok(Interval::Month),
        Some(other) => Err(FieldError::invalid(
            "interval",
            format!("`interval` must be hour, day, week or month, not {other:?}."),
        )),
    }
}

/// `date_from` and `date_to`: by default seven days ago up to the end of today (with hours: up to now).
pub(crate) fn read_range(
    request: &Request,
    interval: Interval,
    context: &Context<'_>,
) -> Result<DateRange, FieldError> {
    let calendar = Calendar::of(context.project);
    let today = calendar.date(context.now);
    let (from, unbounded) = match read_bound(request, "date_from", context)? {
        None => (calendar.midnight(days_later(today, -7)), false),
        Some(DateText::At { instant, .. }) => (instant, false),
        Some(DateText::All) => (earliest(calendar, context), true),
    };
    let to = read_end(request, "date_to", context)?.unwrap_or_else(|| match interval {
        Interval::Hour => context.now,
        Interval::Day | Interval::Week | Interval::Month => calendar.midnight(days_later(today, 1)),
    });
    if from >= to {
        return Err(FieldError::invalid(
            "date_from",
            "`date_from` must lie before `date_to`.",
        ));
    }
    if to - from > TimeDelta::days(DAYS_MAX) {
        return Err(FieldError::invalid(
            if unbounded { "date_to" } else { "date_from" },
            "`date_from` and `date_to` must not lie further apart than two hundred years.",
        ));
    }
    Ok(DateRange {
        range: TimeRange { from, to },
        unbounded,
    })
}

/// The exclusive end that a date's text asks for: a whole day includes all of it.
pub(crate) fn read_end(
    request: &Request,
    key: &str,
    context: &Context<'_>,
) -> Result<Option<DateTime<Utc>>, FieldError> {
    let calendar = Calendar::of(context.project);
    match read_bound(request, key, context)? {
        None => Ok(None),
        Some(DateText::All) => Err(FieldError::invalid(key, format!("`{key}` cannot be \"all\"."))),
        Some(DateText::At {
            instant,
            precision: Precision::Instant,
        }) => Ok(Some(instant)),
        Some(DateText::At {
            instant,
            precision: Precision::Day,
        }) => Ok(Some(calendar.step(instant, Interval::Day, 1))),
    }
}

/// A date field; unknown text is an error, not "now", and so is a time that no store can hold.
pub(crate) fn read_bound(
    request: &Request,
    key: &str,
    context: &Context<'_>,
) -> Result<Option<DateText>, FieldError> {
    let Some(text) = field::text(request, key, key)? else {
        return Ok(None);
    };
    match read_date(&text, Calendar::of(context.project), context.now) {
        None => Err(FieldError::invalid(key, format!("`{key}` is no date: {text:?}."))),
        Some(DateText::At { instant, .. }) if !YEARS.contains(&instant.year()) => Err(FieldError::invalid(
            key,
            format!(
                "`{key}` must lie between the years {} and {}.",
                YEARS.start(),
                YEARS.end()
            ),
        )),
        Some(date) => Ok(Some(date)),
    }
}

/// The day of the earliest event; a week ago when there is none (or only events that claim the future).
fn earliest(calendar: Calendar, context: &Context<'_>) -> DateTime<Utc> {
    let instant = context
        .earliest_event
        .filter(|earliest| *earliest <= context.now)
        .unwrap_or(context.now - TimeDelta::days(7));
    calendar.truncate(instant, Interval::Day)
}
