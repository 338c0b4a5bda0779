//! Rolling actives: distinct actors in the days that end with a tick's day.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use event_store::Result;
use insights::{ActorKind, TrendsQuery};
use model::TimeRange;
use sql_builder::{Select, and, cast, col, from_function, func, literal, of, param, subquery};

use super::{Events, breakdown, distinct_count, keys};
use crate::conditions::Actor;

/// First distinct (day, actor), then each tick counts the days of its window: an event is read once, not once a window.
pub(crate) fn per_tick(
    query: &TrendsQuery,
    kind: ActorKind,
    days: u32,
    part: Option<breakdown::Part<'_>>,
) -> Result<Select> {
    let windows = Windows::new(query, days);
    let mut events = Events::new(query, windows.range, part)?;
    let Actor { id, present } = events.scope.actor(kind);
    events.filters.extend(present);
    let day = cast(
        func("width_bucket", [of("e", "timestamp"), param(windows.midnights)]),
        "bigint",
    );
    let active = events.select([(day, "day"), (id, "actor")]).distinct();
    let ticks = from_function(
        func("unnest", [param(windows.first_days), param(windows.last_days)]),
        "w",
        ["first_day", "last_day", "n"],
    )
    .with_ordinality();
    let with_part = query.breakdown.is_some();
    let mut select = Select::from(subquery(active, "a").inner_join(
        ticks,
        and([
            of("a", "day").ge(of("w", "first_day")),
            of("a", "day").le(of("w", "last_day")),
        ]),
    ));
    if with_part {
        select = select.expr(col("part"));
    }
    Ok(select
        .column(of("w", "n") - literal(1), "tick")
        .column(distinct_count(of("a", "actor")), "value")
        .group_by(keys(with_part, &["tick"])))
}

/// The `days` local days that end with the range; the last one may be cut short.
pub(crate) fn last_days(query: &TrendsQuery, days: u32) -> TimeRange {
    let last = (query.range.to - TimeDelta::microseconds(1)).with_timezone(&query.timezone);
    let first = last.date_naive() - TimeDelta::days(i64::from(days.max(1)) - 1);
    TimeRange {
        from: start_of_day(first, query.timezone),
        to: query.range.to,
    }
}

/// All that the windows of the ticks take in.
pub(crate) fn scanned(query: &TrendsQuery, days: u32) -> TimeRange {
    Windows::new(query, days).range
}

/// Days are numbered from 1, as `width_bucket` does.
struct Windows {
    /// Starts of all days of all windows.
    midnights: Vec<DateTime<Utc>>,
    first_days: Vec<i64>,
    last_days: Vec<i64>,
    range: TimeRange,
}

impl Windows {
    fn new(query: &TrendsQuery, days: u32) -> Self {
        let days = i64::from(days.max(1));
        let dates: Vec<NaiveDate> = query
            .ticks
            .iter()
            .map(|tick| tick.with_timezone(&query.timezone).date_naive())
            .collect();
        let (first, last) = match (dates.first(), dates.last()) {
            (Some(first), Some(last)) => (*first - TimeDelta::days(days - 1), *last),
            _ => (NaiveDate::default(), NaiveDate::default()),
        };
        let midnights: Vec<DateTime<Utc>> = first
            .iter_days()
            .take_while(|date| *date <= last)
            .map(|date| start_of_day(date, query.timezone))
            .collect();
        let last_days: Vec<i64> = dates.iter().map(|date| (*date - first).num_days() + 1).collect();
        let end = start_of_day(last + TimeDelta::days(1), query.timezone);
        Self {
            range: TimeRange {
                from: midnights.first().copied().unwrap_or(query.range.from),
                to: end.min(query.range.to),
            },
            midnights,
            first_days: last_days.iter().map(|last| last - days + 1).collect(),
            last_days,
        }
    }
}

/// The first instant of a local day: not midnight where clocks are put forward at midnight.
fn start_of_day(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = date.and_time(NaiveTime::MIN);
    (0..=12)
        .find_map(|quarters| {
            zone.from_local_datetime(&(midnight + TimeDelta::minutes(15 * quarters)))
                .earliest()
        })
        .map_or_else(|| midnight.and_utc(), |start| start.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::start_of_day;

    #[test]
    fn days_start_when_they_start() {
        for (zone, date, start) in [
            ("UTC", "2020-01-01", "2020-01-01T00:00:00Z"),
            ("Europe/Berlin", "2020-07-01", "2020-06-30T22:00:00Z"),
            // The clock went from 00:00 to 01:00.
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
        ] {
            let zone = zone.parse().expect("a zone");
            let date = date.parse().expect("a date");
            assert_eq!(
                start_of_day(date, zone),
                start.parse::<chrono::DateTime<chrono::Utc>>().expect("a time")
            );
        }
    }
}
