//! The columns of a retention table.

use chrono::TimeDelta;
use model::{Interval, TimeRange};

use crate::context::Context;
use crate::dates::range::read_bound;
use crate::dates::{Calendar, DateText, Precision};
use crate::field_error::FieldError;
use crate::request::{Request, field};

const INTERVALS_DEFAULT: u32 = 11;
const INTERVALS_MAX: u32 = 100;

/// `period`: Hour, Day, Week or Month.
pub(super) fn read_period(request: &Request) -> Result<Interval, FieldError> {
    match field::text(request, "period", "period")?.as_deref() {
        Some("Hour") => Ok(Interval::Hour),
        None | Some("Day") => Ok(Interval::Day),
        Some("Week") => Ok(Interval::Week),
        Some("Month") => Ok(Interval::Month),
        Some(other) => Err(FieldError::invalid(
            "period",
            format!("`period` must be Hour, Day, Week or Month, not {other:?}."),
        )),
    }
}

/// `total_intervals` whole periods; the last one holds `date_to`, or now. `date_from` has no say.
pub(super) fn read(
    request: &Request,
    period: Interval,
    context: &Context<'_>,
) -> Result<Vec<TimeRange>, FieldError> {
    let calendar = Calendar::of(context.project);
    let total = field::count(request, "total_intervals", 1..=INTERVALS_MAX, INTERVALS_DEFAULT)?;
    let last = match read_bound(request, "date_to", context)? {
        None => context.now,
        Some(DateText::All) => return Err(FieldError::invalid("date_to", "`date_to` cannot be \"all\".")),
        Some(DateText::At {
            instant,
            precision: Precision::Instant,
        }) => instant,
        // The last instant of the day: its last hour is the last interval.
        Some(DateText::At {
            instant,
            precision: Precision::Day,
        }) => calendar.step(instant, Interval::Day, 1) - TimeDelta::microseconds(1),
    };
    // It has no say, but a wrong one is wrong.
    if let Some(DateText::At { instant, .. }) = read_bound(request, "date_from", context)?
        && field::given(request, "date_to").is_some()
        && instant > last
    {
        return Err(FieldError::invalid(
            "date_from",
            "`date_from` must lie before `date_to`.",
        ));
    }
    let last = calendar.truncate(last, period);
    Ok((0..i64::from(total))
        .rev()
        .map(|back| TimeRange {
            from: calendar.step(last, period, -back),
            to: calendar.step(last, period, 1 - back),
        })
        .collect())
}
