//! The answer to a stickiness request, from the rows of its queries.

use serde_json::{Value, json};

use super::plan::{Plan, Slot};
use crate::resolved::StickinessPoint;
use crate::url::instant;

pub(super) fn result(plan: &Plan, rows: &[Vec<StickinessPoint>]) -> Value {
    let series = plan
        .slots
        .iter()
        .zip(rows)
        .map(|(slot, points)| series(plan, slot, points));
    Value::Array(series.collect())
}

fn series(plan: &Plan, slot: &Slot, points: &[StickinessPoint]) -> Value {
    let window = &plan.windows[slot.period];
    let days: Vec<usize> = (1..=window.ticks.len()).collect();
    let mut data = vec![0_u64; days.len()];
    for point in points {
        let value = point
            .intervals
            .checked_sub(1)
            .and_then(|index| data.get_mut(index));
        if let Some(value) = value {
            *value = point.actors;
        }
    }
    let labels: Vec<String> = days
        .iter()
        .map(|days| {
            let plural = if *days == 1 { "" } else { "s" };
            format!("{days} {}{plural}", plan.interval.name())
        })
        .collect();
    let urls: Vec<Value> = days
        .iter()
        .map(|days| {
            let own = [
                ("date_from", json!(instant(window.range.from))),
                ("date_to", json!(instant(window.range.to))),
                ("stickiness_days", json!(days)),
            ];
            plan.actors_url.point(&slot.entity, &own, &[])
        })
        .collect();
    let mut answer = json!({
        "action": slot.entity.shown(),
        "label": slot.label,
        "count": data.iter().sum::<u64>(),
        "data": data,
        "labels": labels,
        "days": days,
        "filter": plan.filter,
        "persons_urls": urls,
    });
    if plan.windows.len() > 1 {
        let label = if slot.period == 0 { "current" } else { "previous" };
        answer["compare"] = json!(true);
        answer["compare_label"] = json!(label);
    }
    answer
}
