//! The answer to a correlation request: what speaks most for and most against going through.

use std::cmp::Ordering;

use model::parse_elements_chain;
use serde_json::{Value, json};

use super::parameters::{PERSON_CONVERTED, autocaptured, name, of_item};
use super::plan::CorrelationPlan;
use crate::element_json::element_json;
use crate::resolved::{Correlation, CorrelationItem, CorrelationQuery};

/// So many of each kind.
const SHOWN: usize = 10;
/// Where one side is so much larger than the other, the odds say little.
const SKEW_MAX: f64 = 10.0;

/// `events`: up to ten that go with success, the strongest first, then up to ten that go with failure, likewise. Without
/// successes, or without failures, there is nothing to compare.
pub(super) fn result(plan: &CorrelationPlan, correlation: &Correlation) -> Value {
    let (converted, lost) = (correlation.converted as f64, correlation.lost as f64);
    if correlation.converted == 0 || correlation.lost == 0 {
        return json!({ "events": [], "skewed": true });
    }
    // What fewer have is chance.
    let enough = CorrelationQuery::actors_min(correlation.converted.saturating_add(correlation.lost));
    let (mut successes, mut failures): (Vec<Rated<'_>>, Vec<Rated<'_>>) = correlation
        .items
        .iter()
        .filter(|item| item.converted + item.lost >= enough)
        .map(|item| Rated {
            item,
            odds: odds(correlation, item),
        })
        .partition(|rated| rated.odds > 1.0);
    successes.sort_by(|left, right| right.odds.total_cmp(&left.odds).then(left.by_name(right)));
    failures.sort_by(|left, right| left.odds.total_cmp(&right.odds).then(left.by_name(right)));
    let events: Vec<Value> = successes
        .iter()
        .take(SHOWN)
        .map(|rated| shown(plan, rated, "success"))
        .chain(
            failures
                .iter()
                .take(SHOWN)
                .map(|rated| shown(plan, rated, "failure")),
        )
        .collect();
    json!({
        "events": events,
        "skewed": converted / lost > SKEW_MAX || lost / converted > SKEW_MAX,
    })
}

struct Rated<'a> {
    item: &'a CorrelationItem,
    odds: f64,
}

impl Rated<'_> {
    fn by_name(&self, other: &Self) -> Ordering {
        let names = |item: &CorrelationItem| (item.event.clone(), item.key.clone(), item.value.clone());
        names(self.item).cmp(&names(other.item))
    }
}

/// How much more likely success is with it than without; one actor more in each field, so that none is empty.
fn odds(all: &Correlation, item: &CorrelationItem) -> f64 {
    let more = |count: u64| (count + 1) as f64;
    let without = |all: u64, with: u64| more(all.saturating_sub(with));
    (more(item.converted) * without(all.lost, item.lost))
        / (without(all.converted, item.converted) * more(item.lost))
}

fn shown(plan: &CorrelationPlan, rated: &Rated<'_>, kind: &str) -> Value {
    let item = rated.item;
    let url = |converted: bool| {
        plan.people_url.with(&[
            of_item(&plan.query.of, item),
            (PERSON_CONVERTED.to_owned(), json!(converted)),
        ])
    };
    json!({
        "event": event(plan, item),
        "success_count": item.converted,
        "failure_count": item.lost,
        "odds_ratio": rated.odds,
        "correlation_type": kind,
        "success_people_url": url(true),
        "failure_people_url": url(false),
    })
}

/// `{event, properties, elements}`; the latter two are of autocaptured events only.
fn event(plan: &CorrelationPlan, item: &CorrelationItem) -> Value {
    let (properties, elements) = match autocaptured(item) {
        Some((event_type, chain)) => {
            let elements: Vec<Value> = parse_elements_chain(chain)
                .iter()
                .enumerate()
                .map(|(order, element)| element_json(None, order, element))
                .collect();
            (json!({ "$event_type": event_type }), elements)
        }
        None => (json!({}), Vec::new()),
    };
    json!({
        "event": name(&plan.query.of, item),
        "properties": properties,
        "elements": elements,
    })
}
