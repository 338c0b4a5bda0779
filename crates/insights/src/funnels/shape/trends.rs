//! Rates over time, by the period of the entrance.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::dates::Window;
use crate::funnels::actors::{DROP_OFF, ENTRANCE};
use crate::funnels::plan::{Answer, Shown, Split};
use crate::funnels::slice::Slice;
use crate::resolved::{FunnelGroup, FunnelTrendsPoint};
use crate::url::instant;

/// A list of lines: one, or one for each part of the breakdown that somebody entered.
///
/// `persons_urls` has for each tick `converted_people_url`, those of the period who came as far as `funnel_to_step`, and
/// `dropped_people_url`, those who came as far as `funnel_from_step` and no further than before `funnel_to_step`: together
/// they are whom the rate is of.
pub(super) fn result(shown: &Shown, answers: &[Answer]) -> Value {
    let Some(periods) = &shown.periods else {
        return Value::Array(Vec::new());
    };
    let mut lines = Vec::new();
    for (index, answer) in answers.iter().enumerate() {
        let Answer::Trends(points) = answer else { continue };
        let mut groups: BTreeMap<Option<&FunnelGroup>, Vec<&FunnelTrendsPoint>> = BTreeMap::new();
        for point in points {
            groups.entry(point.group.as_ref()).or_default().push(point);
        }
        if shown.split == Split::Whole {
            groups.entry(None).or_default();
        }
        for (group, points) in groups {
            lines.push(line(shown, periods, &shown.slice(index, group), &points));
        }
    }
    Value::Array(lines)
}

fn line(shown: &Shown, periods: &Window, slice: &Slice, points: &[&FunnelTrendsPoint]) -> Value {
    let mut data = vec![0.0; periods.ticks.len()];
    for point in points {
        if let Some(rate) = data.get_mut(point.tick) {
            *rate = percentage(point.reached_to, point.reached_from);
        }
    }
    let mut answer = Map::new();
    answer.insert("count".to_owned(), json!(periods.ticks.len()));
    answer.insert("data".to_owned(), json!(data));
    answer.insert("days".to_owned(), json!(periods.days));
    answer.insert("labels".to_owned(), json!(periods.labels));
    slice.name(&mut answer);
    let urls: Vec<Value> = periods
        .ticks
        .iter()
        .map(|tick| {
            json!({
                "converted_people_url": url(shown, slice, *tick, false),
                "dropped_people_url": url(shown, slice, *tick, true),
            })
        })
        .collect();
    answer.insert("persons_urls".to_owned(), Value::Array(urls));
    Value::Object(answer)
}

fn url(shown: &Shown, slice: &Slice, tick: DateTime<Utc>, drop_off: bool) -> String {
    let mut parameters = vec![
        (ENTRANCE.to_owned(), json!(instant(tick))),
        (DROP_OFF.to_owned(), json!(drop_off)),
    ];
    parameters.extend(slice.parameters());
    shown.people_url.with(&parameters)
}

/// With two decimals; of nobody 0.
fn percentage(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    (part as f64 / whole as f64 * 10_000.0).round() / 100.0
}
