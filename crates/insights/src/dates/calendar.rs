//! Buckets of time in a project's zone: where they start, and the steps between them.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use model::{Interval, Project, TimeRange, WeekStart};

/// A project's zone and week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    pub(crate) timezone: Tz,
    pub(crate) week_start: WeekStart,
}

impl Calendar {
    pub(crate) fn of(project: &Project) -> Self {
        Self {
            timezone: project.timezone,
            week_start: project.week_start,
        }
    }

    pub(crate) fn local(self, instant: DateTime<Utc>) -> DateTime<Tz> {
        instant.with_timezone(&self.timezone)
    }

    pub(crate) fn date(self, instant: DateTime<Utc>) -> NaiveDate {
        self.local(instant).date_naive()
    }

    /// The first instant of a local day. Where midnight falls into a clock change it is the first instant that exists.
    pub(crate) fn midnight(self, date: NaiveDate) -> DateTime<Utc> {
        self.instant(date.and_time(NaiveTime::MIN))
    }

    /// The instant that a local clock shows so: the earlier of two, and behind a gap the end of the gap.
    pub(crate) fn instant(self, local: NaiveDateTime) -> DateTime<Utc> {
        // Gaps are at most a day (a change of the date line), in steps of a quarter of an hour.
        for quarters in 0..=96 {
            let later = local + TimeDelta::minutes(15 * quarters);
            if let Some(found) = self.timezone.from_local_datetime(&later).earliest() {
                let found = found.with_timezone(&Utc);
                return if quarters == 0 {
                    found
                } else {
                    self.end_of_gap(found)
                };
            }
        }
        Utc.from_utc_datetime(&local)
    }

    /// The offset changes between a quarter of an hour before `after` and `after`; changes lie on whole minutes or, long
    /// ago, on seconds.
    fn end_of_gap(self, after: DateTime<Utc>) -> DateTime<Utc> {
        let date = self.local(after).naive_local();
        let mut first = after;
        for seconds in 1..=900 {
            let candidate = after - TimeDelta::seconds(seconds);
            if self.local(candidate).naive_local() != date - TimeDelta::seconds(seconds) {
                break;
            }
            first = candidate;
        }
        first
    }

    /// Start of the bucket that holds `instant`.
    pub(crate) fn truncate(self, instant: DateTime<Utc>, interval: Interval) -> DateTime<Utc> {
        let local = self.local(instant);
        let date = local.date_naive();
        match interval {
            Interval::Hour => {
                let within = i64::from(local.minute() * 60 + local.second());
                let cut = instant - TimeDelta::seconds(within);
                cut.with_nanosecond(0).unwrap_or(cut)
            }
            Interval::Day => self.midnight(date),
            Interval::Week => self.midnight(self.first_of_week(date)),
            Interval::Month => self.midnight(first_of_month(date)),
        }
    }

    fn first_of_week(self, date: NaiveDate) -> NaiveDate {
        let past = match self.week_start {
            WeekStart::Sunday => date.weekday().num_days_from_sunday(),
            WeekStart::Monday => date.weekday().num_days_from_monday(),
        };
        days_later(date, -i64::from(past))
    }

    /// The start of the bucket `count` buckets after the one that starts at `start` (before it, when negative).
    pub(crate) fn step(self, start: DateTime<Utc>, interval: Interval, count: i64) -> DateTime<Utc> {
        let date = self.date(start);
        match interval {
            Interval::Hour => start + TimeDelta::hours(count),
            Interval::Day => {
                let found = self.midnight(days_later(date, count));
                // A date that a zone left out (Samoa, 30 December 2011) begins with the day after it: going back, pass it by.
                if count < 0 && found >= start {
                    self.midnight(days_later(date, count - 1))
                } else {
                    found
                }
            }
            Interval::Week => self.midnight(days_later(date, count.saturating_mul(7))),
            Interval::Month => self.midnight(months_later(date, count)),
        }
    }

    /// The bucket that holds `instant`.
    pub(crate) fn bucket(self, instant: DateTime<Utc>, interval: Interval) -> TimeRange {
        let from = self.truncate(instant, interval);
        TimeRange {
            from,
            to: self.step(from, interval, 1),
        }
    }
}

pub(crate) fn days_later(date: NaiveDate, count: i64) -> NaiveDate {
    let days = Days::new(count.unsigned_abs());
    let moved = if count < 0 {
        date.checked_sub_days(days)
    } else {
        date.checked_add_days(days)
    };
    moved.unwrap_or(date)
}

/// Clamped to the end of the month.
pub(crate) fn months_later(date: NaiveDate, count: i64) -> NaiveDate {
    let months = Months::new(u32::try_from(count.unsigned_abs()).unwrap_or(u32::MAX));
    let moved = if count < 0 {
        date.checked_sub_months(months)
    } else {
        date.checked_add_months(months)
    };
    moved.unwrap_or(date)
}

pub(crate) fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}
