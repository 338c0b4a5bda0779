//! The answer to a trends request, from the rows of its queries.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::display::Display;
use super::line::{Line, Part, grouped, whole};
use super::plan::{Plan, Series};
use super::smoothing::{cumulated, smoothed};
use crate::resolved::{GroupKey, TrendsPoint};

pub(super) fn result(plan: &Plan, rows: &[Vec<TrendsPoint>]) -> Value {
    let lines = Lines::read(plan, rows);
    let answer = match &plan.formula {
        Some(formula) => (0..plan.windows.len())
            .flat_map(|period| {
                lines
                    .combined(plan, period)
                    .into_iter()
                    .map(move |(part, values)| {
                        let value = |index: usize| {
                            let each: Vec<f64> = values.iter().map(|values| values[index]).collect();
                            formula.value(&each)
                        };
                        let values = (0..plan.length(period)).map(value).collect();
                        formula_series(plan, period, &Line { part, values })
                    })
            })
            .collect(),
        None => {
            let mut answer = Vec::new();
            for (index, series) in plan.entities.iter().enumerate() {
                for period in 0..plan.windows.len() {
                    let lines = lines.of(index, period);
                    let named = named(lines);
                    answer.extend(
                        lines
                            .iter()
                            .map(|line| entity_series(plan, series, period, line, &named)),
                    );
                }
            }
            answer
        }
    };
    Value::Array(answer)
}

/// The values that have a line of their own.
fn named(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .filter_map(|line| match &line.part {
            Some(Part::Group(GroupKey::Value(value))) => Some(value.clone()),
            Some(Part::Group(GroupKey::Other | GroupKey::Null) | Part::Member(_)) | None => None,
        })
        .collect()
}

/// Lines by entity and period, in the order of the answer.
struct Lines(BTreeMap<(usize, usize), Vec<Line>>);

impl Lines {
    fn read(plan: &Plan, rows: &[Vec<TrendsPoint>]) -> Self {
        let mut lines: BTreeMap<(usize, usize), Vec<Line>> = BTreeMap::new();
        for ((slot, query), points) in plan.slots.iter().zip(&plan.queries).zip(rows) {
            let length = plan.length(slot.period);
            let of_slot = lines.entry((slot.series, slot.period)).or_default();
            if query.breakdown.is_some() {
                of_slot.extend(grouped(points, length));
            } else {
                of_slot.push(whole(points, Plan::part(&slot.member), length));
            }
        }
        for lines in lines.values_mut() {
            // All users come last; the cohorts stay as they were asked for.
            lines.sort_by_key(|line| {
                matches!(line.part, Some(Part::Member(super::breakdown::Member::AllUsers)))
            });
        }
        Self(lines)
    }

    fn of(&self, series: usize, period: usize) -> &[Line] {
        self.0.get(&(series, period)).map_or(&[], Vec::as_slice)
    }

    /// For a formula: the union of the lines of all entities, and for each the values of every entity (0 where it has none).
    fn combined(&self, plan: &Plan, period: usize) -> Vec<(Option<Part>, Vec<Vec<f64>>)> {
        let mut parts: Vec<Option<Part>> = Vec::new();
        for series in 0..plan.entities.len() {
            for line in self.of(series, period) {
                if !parts.contains(&line.part) {
                    parts.push(line.part.clone());
                }
            }
        }
        if plan.breakdown.is_some() {
            let values_first = |part: &Option<Part>| match part {
                Some(Part::Group(group)) => Some(group.clone()),
                Some(Part::Member(_)) | None => None,
            };
            parts.sort_by_key(values_first);
        } else if parts.is_empty() && !plan.entities.is_empty() {
            parts.push(None);
        }
        parts
            .into_iter()
            .map(|part| {
                let values = (0..plan.entities.len())
                    .map(|series| {
                        let line = self.of(series, period).iter().find(|line| line.part == part);
                        line.map_or_else(|| vec![0.0; plan.length(period)], |line| line.values.clone())
                    })
                    .collect();
                (part, values)
            })
            .collect()
    }
}

fn entity_series(plan: &Plan, series: &Series, period: usize, line: &Line, named: &[String]) -> Value {
    let mut answer = Map::new();
    answer.insert("action".to_owned(), series.entity.shown());
    let label = match &line.part {
        Some(part) => format!("{} - {}", series.name, part.label()),
        None => series.name.clone(),
    };
    answer.insert("label".to_owned(), json!(label));
    let smoothing = if plan.breakdown.is_none() && !plan.display.is_single() {
        plan.smoothing
    } else {
        1
    };
    let values = smoothed(&line.values, smoothing);
    // The count is that of the ticks, before they are summed up.
    let count = values.iter().sum();
    let data = match plan.display {
        Display::Cumulative => cumulated(&values),
        Display::Series | Display::Single | Display::WorldMap => values,
    };
    numbers(plan, period, count, &data, &mut answer);
    split(plan, period, line, &mut answer);
    let window = &plan.windows[period];
    let point = |index| {
        plan.persons_url.point(
            series,
            window,
            index,
            line.part.as_ref(),
            plan.breakdown.as_ref(),
            named,
        )
    };
    if plan.display.is_single() {
        answer.insert("persons".to_owned(), point(0));
    } else {
        let points: Vec<Value> = (0..window.ticks.len()).map(point).collect();
        answer.insert("persons_urls".to_owned(), Value::Array(points));
    }
    answer.insert("filter".to_owned(), plan.filter.clone());
    Value::Object(answer)
}

fn formula_series(plan: &Plan, period: usize, line: &Line) -> Value {
    let mut answer = Map::new();
    let text = plan
        .formula
        .as_ref()
        .map(|formula| formula.text.as_str())
        .unwrap_or_default();
    let label = match &line.part {
        Some(part) => part.label(),
        None => format!("Formula ({text})"),
    };
    answer.insert("label".to_owned(), json!(label));
    let data = match plan.display {
        Display::Cumulative => cumulated(&line.values),
        Display::Series | Display::Single | Display::WorldMap => line.values.clone(),
    };
    numbers(plan, period, data.iter().sum(), &data, &mut answer);
    split(plan, period, line, &mut answer);
    answer.insert("filter".to_owned(), plan.filter.clone());
    Value::Object(answer)
}

fn numbers(plan: &Plan, period: usize, count: f64, data: &[f64], answer: &mut Map<String, Value>) {
    let window = &plan.windows[period];
    answer.insert("days".to_owned(), json!(window.days));
    if plan.display.is_single() {
        answer.insert("count".to_owned(), json!(0));
        answer.insert("data".to_owned(), json!([]));
        answer.insert("labels".to_owned(), json!([]));
        answer.insert(
            "aggregated_value".to_owned(),
            json!(data.first().copied().unwrap_or(0.0)),
        );
        return;
    }
    let labels = if plan.windows.len() > 1 {
        // The two periods share an axis.
        (0..window.ticks.len())
            .map(|index| format!("{} {index}", plan.interval.name()))
            .collect()
    } else {
        window.labels.clone()
    };
    answer.insert("count".to_owned(), json!(count));
    answer.insert("data".to_owned(), json!(data));
    answer.insert("labels".to_owned(), json!(labels));
}

/// What the line is a part of: a breakdown, a comparison.
fn split(plan: &Plan, period: usize, line: &Line, answer: &mut Map<String, Value>) {
    if let Some(part) = &line.part {
        answer.insert("breakdown_value".to_owned(), part.breakdown_value());
    }
    if plan.windows.len() > 1 {
        answer.insert("compare".to_owned(), json!(true));
        let label = if period == 0 { "current" } else { "previous" };
        answer.insert("compare_label".to_owned(), json!(label));
    }
}
