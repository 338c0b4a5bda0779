//! The answer to a lifecycle request, from the rows of its queries.

use serde_json::{Value, json};

use super::plan::Plan;
use crate::request::Entity;
use crate::resolved::{LifecyclePoint, LifecycleStatus};
use crate::url::instant;

pub(super) fn result(plan: &Plan, rows: &[Vec<LifecyclePoint>]) -> Value {
    let mut answer = Vec::with_capacity(LifecycleStatus::ALL.len() * plan.series.len());
    for ((entity, label), points) in plan.series.iter().zip(rows) {
        answer.extend(LifecycleStatus::ALL.map(|status| series(plan, entity, label, points, status)));
    }
    Value::Array(answer)
}

fn series(
    plan: &Plan,
    entity: &Entity,
    label: &str,
    points: &[LifecyclePoint],
    status: LifecycleStatus,
) -> Value {
    // Those who went are shown below the axis.
    let sign = match status {
        LifecycleStatus::New | LifecycleStatus::Returning | LifecycleStatus::Resurrecting => 1,
        LifecycleStatus::Dormant => -1,
    };
    let mut data = vec![0_i64; plan.window.ticks.len()];
    for point in points.iter().filter(|point| point.status == status) {
        if let Some(value) = data.get_mut(point.tick) {
            *value = sign * i64::try_from(point.count).unwrap_or(i64::MAX);
        }
    }
    let urls: Vec<Value> = plan
        .window
        .ticks
        .iter()
        .map(|tick| {
            let own = [
                ("target_date", json!(instant(*tick))),
                ("lifecycle_type", json!(status.name())),
            ];
            plan.actors_url.point(entity, &own, &[])
        })
        .collect();
    json!({
        "action": entity.shown(),
        "label": format!("{label} - {}", status.name()),
        "status": status.name(),
        "days": plan.window.days,
        "labels": plan.window.labels,
        "count": data.iter().sum::<i64>(),
        "data": data,
        "persons_urls": urls,
    })
}
