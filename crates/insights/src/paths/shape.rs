//! The answer to a paths request, from its edges.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::plan::Plan;
use crate::resolved::PathEdge;

pub(super) fn result(plan: &Plan, edges: &[PathEdge]) -> Value {
    let reached = reached(edges);
    let kept = edges
        .iter()
        .filter(|edge| plan.is_bounded() || reached.contains(edge.source.as_str()));
    let shown = kept.map(|edge| {
        let own = [
            ("path_start_key".to_owned(), json!(edge.source)),
            ("path_end_key".to_owned(), json!(edge.target)),
        ];
        json!({
            "source": edge.source,
            "target": edge.target,
            "value": edge.value,
            "average_conversion_time": edge.average_time,
            // One actor may have come this way more than once.
            "people_url": plan.actors_url.with(&own),
        })
    });
    Value::Array(shown.collect())
}

/// The nodes that the edges lead to from the first step: of an edge that came too late for the limit, what follows hangs in
/// the air.
fn reached(edges: &[PathEdge]) -> BTreeSet<&str> {
    let mut onward: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in edges {
        onward.entry(&edge.source).or_default().push(&edge.target);
    }
    let mut open: Vec<&str> = onward
        .keys()
        .copied()
        .filter(|node| node.starts_with("1_"))
        .collect();
    let mut reached = BTreeSet::new();
    while let Some(node) = open.pop() {
        if reached.insert(node) {
            open.extend(onward.get(node).into_iter().flatten());
        }
    }
    reached
}
