//! One line of the chart: its numbers, dense, and what they belong to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::breakdown::{Member, bin};
use crate::resolved::{GroupKey, TrendsPoint};

pub(crate) const OTHER: &str = "$$_posthog_breakdown_other_$$";
pub(crate) const NULL: &str = "$$_posthog_breakdown_null_$$";

/// What a line of a breakdown stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Group(GroupKey),
    Member(Member),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// `None`: the series as a whole.
    pub(crate) part: Option<Part>,
    /// One value a tick; a single one for single numbers.
    pub(crate) values: Vec<f64>,
}

impl Part {
    pub(crate) fn breakdown_value(&self) -> Value {
        match self {
            Self::Group(GroupKey::Value(value)) => json!(shown(value)),
            Self::Group(GroupKey::Other) => json!(OTHER),
            Self::Group(GroupKey::Null) => json!(NULL),
            Self::Member(Member::Cohort { id, .. }) => json!(id.0),
            Self::Member(Member::AllUsers) => json!("all"),
        }
    }

    pub(crate) fn label(&self) -> String {
        match self {
            Self::Group(GroupKey::Value(value)) => shown(value),
            Self::Group(GroupKey::Other) => "Other".to_owned(),
            Self::Group(GroupKey::Null) => "None".to_owned(),
            Self::Member(Member::Cohort { name, .. }) => name.clone(),
            Self::Member(Member::AllUsers) => "all users".to_owned(),
        }
    }
}

/// Bins are shown with decimals, `[10.0,17.5]`, however a store prints its numbers.
fn shown(value: &str) -> String {
    match bin(value) {
        Some((low, high)) => format!("[{low:?},{high:?}]"),
        None => value.to_owned(),
    }
}

/// One line for each group that has rows: values ascending, then Other, then None.
pub(crate) fn grouped(points: &[TrendsPoint], length: usize) -> Vec<Line> {
    let mut groups: BTreeMap<&GroupKey, Vec<f64>> = BTreeMap::new();
    for point in points {
        let Some(group) = &point.group else { continue };
        let values = groups.entry(group).or_insert_with(|| vec![0.0; length]);
        set(values, point);
    }
    let mut lines: Vec<Line> = groups
        .into_iter()
        .map(|(group, values)| Line {
            part: Some(Part::Group(group.clone())),
            values,
        })
        .collect();
    // Stable: text order stays among what are no bins.
    lines.sort_by(|left, right| edge(left).total_cmp(&edge(right)));
    lines
}

/// The lower edge of a bin; texts stand before all bins, Other and None behind them.
fn edge(line: &Line) -> f64 {
    match &line.part {
        Some(Part::Group(GroupKey::Value(value))) => bin(value).map_or(f64::NEG_INFINITY, |(low, _)| low),
        Some(Part::Group(GroupKey::Other | GroupKey::Null)) => f64::INFINITY,
        Some(Part::Member(_)) | None => f64::NEG_INFINITY,
    }
}

/// The numbers of a query without groups.
pub(crate) fn whole(points: &[TrendsPoint], part: Option<Part>, length: usize) -> Line {
    let mut values = vec![0.0; length];
    for point in points {
        set(&mut values, point);
    }
    Line { part, values }
}

fn set(values: &mut [f64], point: &TrendsPoint) {
    if let Some(value) = values.get_mut(point.tick) {
        // An aggregate over nothing is 0 in an answer.
        *value = if point.value.is_finite() { point.value } else { 0.0 };
    }
}
