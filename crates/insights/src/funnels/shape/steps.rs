//! Steps with their counts and times.

use serde_json::{Map, Value, json};

use crate::funnels::plan::{Answer, Shown, Split};
use crate::funnels::selection::StepNumber;
use crate::funnels::slice::Slice;
use crate::funnels::step::Step;
use crate::request::EntityKind;
use crate::resolved::{FunnelOrder, FunnelStep, FunnelSteps};

/// A list of steps; broken down, a list of those: values ascending, then the others together; cohorts as asked for, those
/// that nobody of entered left out.
pub(super) fn result(shown: &Shown, answers: &[Answer]) -> Value {
    let mut funnels: Vec<(Slice, &FunnelSteps)> = Vec::new();
    for (index, answer) in answers.iter().enumerate() {
        let Answer::Steps(rows) = answer else { continue };
        let mut rows: Vec<&FunnelSteps> = rows.iter().collect();
        rows.sort_by(|left, right| left.group.cmp(&right.group));
        for row in rows {
            funnels.push((shown.slice(index, row.group.as_ref()), row));
        }
    }
    match shown.split {
        Split::Whole => match funnels.first() {
            Some((slice, row)) => funnel(shown, slice, &row.steps),
            None => funnel(shown, &Slice::Whole, &[]),
        },
        Split::Groups { .. } | Split::Members(_) => funnels
            .iter()
            .filter(|(_, row)| row.steps.first().is_some_and(|first| first.count > 0))
            .map(|(slice, row)| funnel(shown, slice, &row.steps))
            .collect(),
    }
}

fn funnel(shown: &Shown, slice: &Slice, numbers: &[FunnelStep]) -> Value {
    shown
        .steps
        .iter()
        .enumerate()
        .map(|(order, step)| {
            let numbers = numbers.get(order).copied().unwrap_or_default();
            let mut answer = named(shown.order, order, step);
            answer.insert("order".to_owned(), json!(order));
            answer.insert("people".to_owned(), json!([]));
            answer.insert("count".to_owned(), json!(numbers.count));
            let kind = match step.kind {
                EntityKind::Action(_) => "actions",
                EntityKind::AnyEvent | EntityKind::Event(_) => "events",
            };
            answer.insert("type".to_owned(), json!(kind));
            answer.insert("average_conversion_time".to_owned(), json!(numbers.average));
            answer.insert("median_conversion_time".to_owned(), json!(numbers.median));
            let url = |number: StepNumber| {
                let mut parameters = vec![number.parameter()];
                parameters.extend(slice.parameters());
                json!(shown.people_url.with(&parameters))
            };
            answer.insert(
                "converted_people_url".to_owned(),
                url(StepNumber::Reached(order + 1)),
            );
            let dropped = match order {
                0 => Value::Null,
                _ => url(StepNumber::LostBefore(order + 1)),
            };
            answer.insert("dropped_people_url".to_owned(), dropped);
            slice.name(&mut answer);
            Value::Object(answer)
        })
        .collect()
}

/// Unordered, no step is any entity in particular: it is so many of them.
fn named(order: FunnelOrder, index: usize, step: &Step) -> Map<String, Value> {
    let (id, name, custom_name) = match order {
        FunnelOrder::Ordered | FunnelOrder::Strict => {
            let id = match &step.kind {
                EntityKind::AnyEvent => Value::Null,
                EntityKind::Event(name) => json!(name),
                EntityKind::Action(id) => json!(id.0),
            };
            (id, json!(step.name), json!(step.custom_name))
        }
        FunnelOrder::Unordered => {
            let plural = if index == 0 { "" } else { "s" };
            let name = format!("Completed {} step{plural}", index + 1);
            (Value::Null, json!(name), Value::Null)
        }
    };
    Map::from_iter([
        ("action_id".to_owned(), id),
        ("name".to_owned(), name),
        ("custom_name".to_owned(), custom_name),
    ])
}
