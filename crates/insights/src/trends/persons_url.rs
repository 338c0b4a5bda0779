//! Paths to the actors behind the numbers of a trend.

use chrono::{DateTime, TimeDelta, Utc};
use model::{Interval, TimeRange};
use serde_json::{Value, json};

use super::breakdown::BreakdownBy;
use super::display::Display;
use super::line::Part;
use super::plan::Series;
use crate::context::Context;
use crate::dates::{Calendar, Window};
use crate::request::Request;
use crate::resolved::{GroupKey, Math, PropertySource};
use crate::url::{ActorsUrl, instant};

/// What of a request every path to its actors repeats.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PersonsUrl {
    actors_url: ActorsUrl,
    display: Display,
    interval: Interval,
    calendar: Calendar,
}

impl PersonsUrl {
    pub(super) fn new(
        request: &Request,
        context: &Context<'_>,
        display: Display,
        interval: Interval,
        calendar: Calendar,
    ) -> Self {
        let keys = [
            "properties",
            "property_groups",
            "filter_test_accounts",
            "display",
            "interval",
        ];
        Self {
            actors_url: ActorsUrl::new("trends", request, &keys, context),
            display,
            interval,
            calendar,
        }
    }

    /// `{filter, url}` for tick `index` of a line, or for its single number.
    pub(super) fn point(
        &self,
        series: &Series,
        window: &Window,
        index: usize,
        part: Option<&Part>,
        by: Option<&BreakdownBy>,
        named: &[String],
    ) -> Value {
        let range = self.range(&series.math, window, index);
        let mut own = vec![
            ("date_from", json!(instant(range.from))),
            ("date_to", json!(instant(range.to))),
        ];
        if let Some(part) = part {
            own.push(("breakdown_value", part.breakdown_value()));
            own.push(("breakdown_type", json!(breakdown_type(by))));
        }
        let mut further: Vec<(&str, Value)> = Vec::new();
        if let (Some(part), Some(BreakdownBy::Property(breakdown))) = (part, by) {
            further.push(("breakdown", json!(breakdown.key)));
            if let PropertySource::Group(index) = breakdown.source {
                further.push(("breakdown_group_type_index", json!(index.get())));
            }
            if let Some(histogram) = breakdown.histogram {
                further.push(("breakdown_histogram_bin_count", json!(histogram.bins)));
            }
            if breakdown.normalize_url {
                further.push(("breakdown_normalize_url", json!(true)));
            }
            if *part == Part::Group(GroupKey::Other) {
                // Other is whatever has no line of its own.
                further.push(("breakdown_values", json!(named)));
            }
        }
        self.actors_url.point(&series.entity, &own, &further)
    }

    /// The time whose actors a number counts.
    fn range(&self, math: &Math, window: &Window, index: usize) -> TimeRange {
        let calendar = self.calendar;
        let rolling = match math {
            Math::Active { days, .. } => Some(i64::from(*days)),
            Math::Total
            | Math::UniqueActors(_)
            | Math::UniqueSessions
            | Math::Property { .. }
            | Math::CountPerActor { .. } => None,
        };
        // The whole days that end with this one.
        let days_to = |end: DateTime<Utc>, days: i64| TimeRange {
            from: calendar.step(end, Interval::Day, -days),
            to: end,
        };
        let day_end = |tick: DateTime<Utc>| calendar.step(tick, Interval::Day, 1);
        match (self.display, rolling) {
            (Display::Series, None) => window.bucket(index, self.interval, calendar),
            (Display::Series, Some(days)) => days_to(day_end(window.ticks[index]), days),
            (Display::Cumulative, None) => TimeRange {
                from: window.range.from,
                to: window.bucket(index, self.interval, calendar).to,
            },
            // Everybody who was active on any day so far.
            (Display::Cumulative, Some(days)) => TimeRange {
                from: days_to(day_end(window.ticks[0]), days).from,
                to: day_end(window.ticks[index]),
            },
            (Display::Single | Display::WorldMap, None) => window.range,
            (Display::Single | Display::WorldMap, Some(days)) => {
                let last_day = calendar.truncate(window.range.to - TimeDelta::microseconds(1), Interval::Day);
                TimeRange {
                    from: days_to(day_end(last_day), days).from,
                    to: window.range.to,
                }
            }
        }
    }
}

fn breakdown_type(by: Option<&BreakdownBy>) -> &'static str {
    match by {
        Some(BreakdownBy::Cohorts(_)) => "cohort",
        Some(BreakdownBy::Property(breakdown)) => match breakdown.source {
            PropertySource::Event => "event",
            PropertySource::Person => "person",
            PropertySource::Group(_) => "group",
            PropertySource::Session => "session",
        },
        None => "event",
    }
}

/// The value that a path's `breakdown_value` names, undone: the inverse of [`Part::breakdown_value`].
pub(super) fn group_named(value: &str) -> GroupKey {
    match value {
        super::line::OTHER => GroupKey::Other,
        super::line::NULL => GroupKey::Null,
        other => GroupKey::Value(other.to_owned()),
    }
}
