//! The retention table, from its cells.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use model::Interval;
use serde_json::{Value, json};

use super::plan::Plan;
use crate::resolved::RetentionCell;

pub(super) fn result(plan: &Plan, cells: &[RetentionCell]) -> Value {
    if plan.query.breakdown.is_some() {
        broken_down(plan, cells)
    } else {
        triangle(plan, cells)
    }
}

/// One row for each interval; row i has as many values as there are intervals from it on.
fn triangle(plan: &Plan, cells: &[RetentionCell]) -> Value {
    let counts: BTreeMap<(usize, usize), u64> = cells
        .iter()
        .map(|cell| ((cell.base, cell.offset), cell.count))
        .collect();
    let intervals = &plan.query.intervals;
    let rows = intervals.iter().enumerate().map(|(base, interval)| {
        let values: Vec<Value> = (0..intervals.len() - base)
            .map(|offset| {
                let count = counts.get(&(base, offset)).copied().unwrap_or(0);
                value(count, plan.people_url.row(base, Some(offset), None))
            })
            .collect();
        let date = plan
            .calendar
            .local(interval.from)
            .to_rfc3339_opts(SecondsFormat::Secs, true);
        json!({
            "values": values,
            "label": format!("{} {base}", period_name(plan.query.interval)),
            "date": date,
            "people_url": plan.people_url.row(base, None, None),
        })
    });
    Value::Array(rows.collect())
}

/// One row for each value of the breakdown, in text order; every row has a value for each interval.
fn broken_down(plan: &Plan, cells: &[RetentionCell]) -> Value {
    let length = plan.query.intervals.len();
    let mut rows: BTreeMap<&[String], Vec<u64>> = BTreeMap::new();
    for cell in cells {
        let Some(parts) = &cell.breakdown else { continue };
        let counts = rows.entry(parts).or_insert_with(|| vec![0; length]);
        if let Some(count) = counts.get_mut(cell.offset) {
            *count += cell.count;
        }
    }
    let rows = rows.into_iter().map(|(parts, counts)| {
        let values: Vec<Value> = counts
            .into_iter()
            .enumerate()
            .map(|(offset, count)| value(count, plan.people_url.row(0, Some(offset), Some(parts))))
            .collect();
        json!({
            "values": values,
            "label": parts.join("::"),
            "breakdown_values": parts,
            "people_url": plan.people_url.row(0, None, Some(parts)),
        })
    });
    Value::Array(rows.collect())
}

fn value(count: u64, people_url: String) -> Value {
    json!({ "count": count, "people": [], "people_url": people_url })
}

fn period_name(period: Interval) -> &'static str {
    match period {
        Interval::Hour => "Hour",
        Interval::Day => "Day",
        Interval::Week => "Week",
        Interval::Month => "Month",
    }
}
