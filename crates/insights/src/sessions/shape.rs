//! Session lengths as a series of means, and as a distribution.

use serde_json::{Value, json};

use crate::dates::Window;
use crate::resolved::SessionLengths;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;

/// Lengths of more than the class before up to so many seconds, both whole: rows are rounded up.
const CLASSES: [(&str, u64); 10] = [
    ("0 seconds (1 event)", 0),
    ("0-3 seconds", 3),
    ("3-10 seconds", 10),
    ("10-30 seconds", 30),
    ("30-60 seconds", 60),
    ("1-3 minutes", 3 * 60),
    ("3-10 minutes", 10 * 60),
    ("10-30 minutes", 30 * 60),
    ("30-60 minutes", 60 * 60),
    ("1+ hours", u64::MAX),
];

/// One series, in the largest unit that the overall mean has one of; none when there is no session longer than nothing.
pub(super) fn average(window: &Window, rows: &[SessionLengths]) -> Value {
    let mut ticks = vec![(0.0_f64, 0_u64); window.ticks.len()];
    for row in rows {
        if let Some((sum, sessions)) = ticks.get_mut(row.tick) {
            *sum += row.sum;
            *sessions += row.sessions;
        }
    }
    let means: Vec<f64> = ticks
        .into_iter()
        .map(|(sum, sessions)| {
            if sessions == 0 {
                0.0
            } else {
                sum / as_float(sessions)
            }
        })
        .collect();
    let long: Vec<f64> = means.iter().copied().filter(|mean| *mean > 0.0).collect();
    if long.is_empty() {
        return json!([]);
    }
    let overall = long.iter().sum::<f64>() / as_float(long.len() as u64);
    let (unit, seconds) = if overall >= HOUR {
        ("hours", HOUR)
    } else if overall >= MINUTE {
        ("minutes", MINUTE)
    } else {
        ("seconds", 1.0)
    };
    let data: Vec<f64> = means.iter().map(|mean| mean / seconds).collect();
    let label = format!("Average Session Length ({unit})");
    json!([{
        "data": data,
        "days": window.days,
        "labels": window.labels,
        "count": whole(overall / seconds),
        "label": label,
        "chartLabel": label,
    }])
}

/// Ten classes of length: the lower bound is outside of a class, the upper one inside.
pub(super) fn distribution(rows: &[SessionLengths]) -> Value {
    let mut counts = [0_u64; CLASSES.len()];
    for row in rows {
        let class = CLASSES.iter().position(|(_, most)| row.seconds <= *most);
        if let Some(count) = class.and_then(|class| counts.get_mut(class)) {
            *count += row.sessions;
        }
    }
    let classes = CLASSES
        .iter()
        .zip(counts)
        .map(|((label, _), count)| json!({"label": label, "count": count}));
    Value::Array(classes.collect())
}

/// Numbers of sessions lie far below 2^53.
fn as_float(count: u64) -> f64 {
    count as f64
}

/// A length is never negative.
fn whole(length: f64) -> u64 {
    length.floor() as u64
}
