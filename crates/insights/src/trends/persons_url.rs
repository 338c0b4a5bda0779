//! Paths to the actors behind the numbers of a trend.

use chrono::{DateTime, TimeDelta, Utc};
use model::{Interval, TimeRange};
use serde_json::{Map, Value, json};

use super::breakdown::BreakdownBy;
use super::display::Display;
use super::line::Part;
use super::plan::Series;
use crate::context::Context;
use crate::dates::{Calendar, Window};
use crate::request::Request;
use crate::resolved::{GroupKey, Math, PropertySource};
use crate::url::{handed_on, instant, with_query};

/// What of a request every path to its actors repeats.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PersonsUrl {
    path: String,
    handed_on: Vec<(String, Value)>,
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
        Self {
            path: format!("api/projects/{}/persons/trends/", context.project.id),
            handed_on: handed_on(
                request,
                &[
                    "properties",
                    "property_groups",
                    "filter_test_accounts",
                    "display",
                    "interval",
                ],
            ),
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
        let mut filter = Map::new();
        let action = series.entity.shown();
        for (key, field) in [
            ("entity_id", "id"),
            ("entity_type", "type"),
            ("entity_math", "math"),
        ] {
            filter.insert(key.to_owned(), action[field].clone());
        }
        filter.insert("date_from".to_owned(), json!(instant(range.from)));
        filter.insert("date_to".to_owned(), json!(instant(range.to)));
        if let Some(part) = part {
            filter.insert("breakdown_value".to_owned(), part.breakdown_value());
            filter.insert("breakdown_type".to_owned(), json!(breakdown_type(by)));
        }
        let mut parameters: Vec<(String, Value)> = filter
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        parameters.push((series.entity.list().to_owned(), json!([action])));
        parameters.extend(self.handed_on.iter().cloned());
        if let (Some(part), Some(BreakdownBy::Property(breakdown))) = (part, by) {
            parameters.push(("breakdown".to_owned(), json!(breakdown.key)));
            if let PropertySource::Group(index) = breakdown.source {
                parameters.push(("breakdown_group_type_index".to_owned(), json!(index.get())));
            }
            if let Some(histogram) = breakdown.histogram {
                parameters.push(("breakdown_histogram_bin_count".to_owned(), json!(histogram.bins)));
            }
            if breakdown.normalize_url {
                parameters.push(("breakdown_normalize_url".to_owned(), json!(true)));
            }
            if *part == Part::Group(GroupKey::Other) {
                // Other is whatever has no line of its own.
                parameters.push(("breakdown_values".to_owned(), json!(named)));
            }
        }
        json!({ "filter": filter, "url": with_query(&self.path, &parameters) })
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
