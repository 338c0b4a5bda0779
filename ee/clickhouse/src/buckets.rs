//! The number of the bucket that an instant falls in: computed in local time, so that days of 23 and 25 hours are days.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use model::{Interval, WeekStart};
use sql_builder::{Expr, func, literal, param};

/// Whole intervals from `start` (the start of bucket 0) to `instant`, which is not before it.
pub fn bucket(interval: Interval, timezone: Tz, start: DateTime<Utc>, instant: Expr) -> Expr {
    let first_day = day_number(start.with_timezone(&timezone).date_naive());
    match interval {
        Interval::Hour => func(
            "intDiv",
            [
                func("toInt64", [func("toUnixTimestamp", [instant])]) - param(start.timestamp()),
                literal(3600),
            ],
        ),
        Interval::Day => local_day(timezone, instant) - param(first_day),
        Interval::Week => func(
            "intDiv",
            [local_day(timezone, instant) - param(first_day), literal(7)],
        ),
        Interval::Month => {
            let first = start.with_timezone(&timezone);
            let first = i64::from(first.year()) * 12 + i64::from(first.month());
            local_month(timezone, instant) - param(first)
        }
    }
}

/// A number that the instants of one calendar interval have in common, wherever a range (which starts at `from`) begins.
pub fn calendar_interval(
    interval: Interval,
    timezone: Tz,
    week_start: WeekStart,
    from: DateTime<Utc>,
    instant: Expr,
) -> Expr {
    match interval {
        // Told by instants, as one may come twice on a local clock.
        Interval::Hour => {
            let local = from.with_timezone(&timezone);
            let within = i64::from(local.minute() * 60 + local.second());
            bucket(interval, timezone, from - TimeDelta::seconds(within), instant)
        }
        Interval::Day => local_day(timezone, instant),
        Interval::Week => {
            // 1970-01-01 was a Thursday.
            let days_of_first_week = match week_start {
                WeekStart::Sunday => 4,
                WeekStart::Monday => 3,
            };
            let day = local_day(timezone, instant);
            func("intDiv", [day + literal(days_of_first_week), literal(7)])
        }
        Interval::Month => local_month(timezone, instant),
    }
}

fn local_month(timezone: Tz, instant: Expr) -> Expr {
    let local = local(timezone, instant);
    func("toInt64", [func("toYear", [local.clone()])]) * literal(12)
        + func("toInt64", [func("toMonth", [local])])
}

/// Days from 1970-01-01 to the local day of `instant`.
pub fn local_day(timezone: Tz, instant: Expr) -> Expr {
    func("toInt64", [func("toDate", [local(timezone, instant)])])
}

/// Days from 1970-01-01.
pub fn day_number(day: NaiveDate) -> i64 {
    i64::from(day.to_epoch_days())
}

fn local(timezone: Tz, instant: Expr) -> Expr {
    func("toTimeZone", [instant, literal(timezone.name())])
}

/// The first instant of a local day: midnight, or where clocks skip it the first instant behind it.
pub fn day_start(timezone: Tz, day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    (0..=4)
        .find_map(|half_hours| {
            let local = midnight + TimeDelta::minutes(30 * half_hours);
            timezone.from_local_datetime(&local).earliest()
        })
        .map_or_else(|| midnight.and_utc(), |start| start.to_utc())
}
