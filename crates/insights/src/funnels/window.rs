//! How long an actor has from the entrance on.

use chrono::TimeDelta;

use crate::field_error::FieldError;
use crate::request::{Request, field};
use crate::resolved::ConversionWindow;

const DAYS_DEFAULT: i64 = 14;
/// A hundred years: nobody means more, and sums of times stay far from the end of every calendar.
const SECONDS_MAX: i64 = 36_525 * 86_400;
const MONTHS_MAX: u32 = 1_200;

/// `funnel_window_days`, or else `funnel_window_interval` in `funnel_window_interval_unit`s.
pub(super) fn window(request: &Request) -> Result<ConversionWindow, FieldError> {
    let days = "funnel_window_days";
    match field::integer(request, days, days)? {
        // What older clients send when it is not set.
        None | Some(0) => {}
        Some(count) => return span(days, count, 86_400),
    }
    let interval = "funnel_window_interval";
    let unit = "funnel_window_interval_unit";
    let count = field::integer(request, interval, interval)?.unwrap_or(DAYS_DEFAULT);
    match field::text(request, unit, unit)?.as_deref() {
        Some("second") => span(interval, count, 1),
        Some("minute") => span(interval, count, 60),
        Some("hour") => span(interval, count, 3_600),
        None | Some("day") => span(interval, count, 86_400),
        Some("week") => span(interval, count, 7 * 86_400),
        Some("month") => u32::try_from(count)
            .ok()
            .filter(|months| (1..=MONTHS_MAX).contains(months))
            .map(ConversionWindow::Months)
            .ok_or_else(|| unusable(interval, count)),
        Some(other) => Err(FieldError::invalid(
            unit,
            format!("`{unit}` must be second, minute, hour, day, week or month, not {other:?}."),
        )),
    }
}

fn span(key: &str, count: i64, seconds: i64) -> Result<ConversionWindow, FieldError> {
    count
        .checked_mul(seconds)
        .filter(|seconds| (1..=SECONDS_MAX).contains(seconds))
        .map(|seconds| ConversionWindow::Span(TimeDelta::seconds(seconds)))
        .ok_or_else(|| unusable(key, count))
}

fn unusable(key: &str, count: i64) -> FieldError {
    FieldError::invalid(
        key,
        format!("`{key}` must be at least 1 and no more than a hundred years, not {count}."),
    )
}
