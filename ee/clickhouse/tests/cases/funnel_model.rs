//! What a funnel is, word for word and event by event, to compare a store with.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Months, TimeDelta, Utc};
use insights::{
    ActorKind, Attribution, Condition, ConversionWindow, CorrelationItem, FunnelGroup, FunnelOrder,
    FunnelQuery, FunnelStep, FunnelSteps, PropertyTest,
};
use model::GroupTypeIndex;

/// An event with what its conditions may ask for.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: &'static str,
    pub at: DateTime<Utc>,
    /// Nobody, when its distinct id has none.
    pub person: Option<String>,
    pub group: Option<String>,
    pub properties: BTreeMap<&'static str, String>,
}

impl Event {
    fn text(&self, key: &str) -> String {
        self.properties.get(key).cloned().unwrap_or_default()
    }

    fn actor(&self, kind: ActorKind) -> Option<&String> {
        match kind {
            ActorKind::Person => self.person.as_ref(),
            ActorKind::Group(index) => {
                assert_eq!(Some(index), GroupTypeIndex::new(0));
                self.group.as_ref()
            }
        }
    }
}

pub fn holds(condition: &Condition, event: &Event) -> bool {
    match condition {
        Condition::All(all) => all.iter().all(|inner| holds(inner, event)),
        Condition::Any(any) => any.iter().any(|inner| holds(inner, event)),
        Condition::Not(inner) => !holds(inner, event),
        Condition::EventName(name) => event.name == name,
        Condition::Property {
            key,
            test: PropertyTest::AnyOf(values),
            ..
        } => values.contains(&event.text(key)),
        other => panic!("the model does not know {other:?}"),
    }
}

/// The times of an entrance's steps, as far as they were reached.
pub type Chain = Vec<DateTime<Utc>>;

fn deadline(window: ConversionWindow, at: DateTime<Utc>) -> DateTime<Utc> {
    match window {
        ConversionWindow::Span(span) => at + span,
        ConversionWindow::Months(months) => at + Months::new(months),
    }
}

/// All entrances that are not discarded, in order.
fn chains(query: &FunnelQuery, events: &[Event]) -> Vec<Chain> {
    let times = |condition: &Condition| -> Vec<DateTime<Utc>> {
        let matching = events.iter().filter(|event| holds(condition, event));
        matching.map(|event| event.at).collect()
    };
    let earliest_after = |condition: &Condition, at| times(condition).into_iter().filter(|&t| t > at).min();
    let mut chains = Vec::new();
    match query.order {
        FunnelOrder::Ordered | FunnelOrder::Strict => {
            for entrance in times(&query.steps[0]) {
                let mut chain = vec![entrance];
                for step in &query.steps[1..] {
                    let last = chain[chain.len() - 1];
                    let Some(next) = earliest_after(step, last) else {
                        break;
                    };
                    let between = |t: &DateTime<Utc>| *t > last && *t < next;
                    let disturbed =
                        query.order == FunnelOrder::Strict && times(&query.between).iter().any(between);
                    if disturbed || next > deadline(query.window, entrance) {
                        break;
                    }
                    chain.push(next);
                }
                chains.push(chain);
            }
        }
        FunnelOrder::Unordered => {
            for (i, step) in query.steps.iter().enumerate() {
                for entrance in times(step) {
                    let others = query.steps.iter().enumerate().filter(|(j, _)| *j != i);
                    let mut chain: Vec<_> = others
                        .filter_map(|(_, other)| earliest_after(other, entrance))
                        .filter(|&t| t <= deadline(query.window, entrance))
                        .collect();
                    chain.push(entrance);
                    chain.sort();
                    chains.push(chain);
                }
            }
        }
    }
    let last = query.steps.len() - 1;
    chains.retain(|chain| {
        query.exclusions.iter().all(|exclusion| {
            let (from, to) = match query.order {
                FunnelOrder::Unordered => (0, last),
                FunnelOrder::Ordered | FunnelOrder::Strict => (exclusion.from_step, exclusion.to_step),
            };
            let Some(&start) = chain.get(from) else {
                return true;
            };
            let end = chain
                .get(to)
                .copied()
                .unwrap_or_else(|| deadline(query.window, start));
            !times(&exclusion.condition).iter().any(|&t| t > start && t < end)
        })
    });
    chains.sort();
    chains
}

/// What each actor did, by group.
pub type Entered = BTreeMap<(Option<FunnelGroup>, String), Vec<Chain>>;

/// The values that are listed, and the chains of each actor in each of its groups.
pub fn entered(query: &FunnelQuery, events: &[Event]) -> (Vec<Vec<String>>, Entered) {
    let mut of_actor: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in events {
        let inside = event.at >= query.range.from && event.at < query.range.to;
        if let (true, Some(actor)) = (inside, event.actor(query.actor)) {
            of_actor.entry(actor.clone()).or_default().push(event.clone());
        }
    }
    let mut entered = Entered::new();
    let Some(breakdown) = &query.breakdown else {
        for (actor, events) in of_actor {
            let chains = chains(query, &events);
            if !chains.is_empty() {
                entered.insert((None, actor), chains);
            }
        }
        return (Vec::new(), entered);
    };
    let value = |event: &Event| -> Vec<String> { breakdown.keys.iter().map(|key| event.text(key)).collect() };
    let is_step = |event: &&Event| query.steps.iter().any(|step| holds(step, event));
    let mut times: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for event in of_actor.values().flatten() {
        let counts = match breakdown.attribution {
            Attribution::FirstTouch | Attribution::LastTouch => is_step(&event),
            Attribution::AllEvents => match query.order {
                FunnelOrder::Ordered | FunnelOrder::Strict => holds(&query.steps[0], event),
                FunnelOrder::Unordered => is_step(&event),
            },
            Attribution::Step(step) => holds(&query.steps[step], event),
        };
        if counts {
            *times.entry(value(event)).or_default() += 1;
        }
    }
    let mut listed: Vec<_> = times.into_iter().collect();
    listed.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    listed.truncate(breakdown.limit as usize);
    let listed: Vec<_> = listed.into_iter().map(|(value, _)| value).collect();
    let group = |value: Vec<String>| {
        if listed.contains(&value) {
            FunnelGroup::Value(value)
        } else {
            FunnelGroup::Other
        }
    };
    let has_text = |value: &[String]| value.iter().any(|text| !text.is_empty());
    for (actor, events) in of_actor {
        let touches = || {
            events
                .iter()
                .filter(is_step)
                .map(|event| (event.at, value(event)))
                .filter(|(_, value)| has_text(value))
        };
        let none = || vec![String::new(); breakdown.keys.len()];
        let all = |groups: BTreeSet<FunnelGroup>| -> Vec<(FunnelGroup, Vec<Event>)> {
            groups.into_iter().map(|group| (group, events.clone())).collect()
        };
        let parts = match breakdown.attribution {
            Attribution::FirstTouch => {
                all([group(touches().min().map_or_else(none, |(_, value)| value))].into())
            }
            Attribution::LastTouch => {
                all([group(touches().max().map_or_else(none, |(_, value)| value))].into())
            }
            Attribution::Step(step) => {
                let at_step = events.iter().filter(|event| holds(&query.steps[step], event));
                all(at_step.map(|event| group(value(event))).collect())
            }
            Attribution::AllEvents => {
                let mut parts: BTreeMap<FunnelGroup, Vec<Event>> = BTreeMap::new();
                for event in &events {
                    parts.entry(group(value(event))).or_default().push(event.clone());
                }
                parts.into_iter().collect()
            }
        };
        for (group, events) in parts {
            let chains = chains(query, &events);
            if !chains.is_empty() {
                entered.insert((Some(group), actor.clone()), chains);
            }
        }
    }
    (listed, entered)
}

pub fn steps_of(chains: &[Chain]) -> usize {
    chains.iter().map(Vec::len).max().unwrap_or_default()
}

/// The entrances that reached the most.
fn best(chains: &[Chain]) -> Vec<&Chain> {
    let steps = steps_of(chains);
    chains.iter().filter(|chain| chain.len() == steps).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = [
        values.get(values.len().checked_sub(1)? / 2)?,
        values.get(values.len() / 2)?,
    ];
    Some((middle[0] + middle[1]) / 2.0)
}

fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).num_microseconds().expect("short") as f64 / 1e6
}

pub fn funnel(query: &FunnelQuery, events: &[Event]) -> Vec<FunnelSteps> {
    let (listed, entered) = entered(query, events);
    let groups: Vec<_> = if query.breakdown.is_none() {
        vec![None]
    } else {
        let listed = listed.into_iter().map(FunnelGroup::Value);
        listed.chain([FunnelGroup::Other]).map(Some).collect()
    };
    let mut answer = Vec::new();
    for group in groups {
        let actors: Vec<_> = entered
            .iter()
            .filter(|((of, _), _)| *of == group)
            .map(|(_, chains)| best(chains))
            .collect();
        if actors.is_empty() && group.is_some() {
            continue;
        }
        let steps = (0..query.steps.len()).map(|step| {
            let reached: Vec<_> = actors.iter().filter(|best| best[0].len() > step).collect();
            let times: Vec<Vec<f64>> = if step == 0 {
                Vec::new()
            } else {
                let of_actor = |best: &&Vec<&Chain>| {
                    best.iter()
                        .map(|chain| seconds(chain[step - 1], chain[step]))
                        .collect()
                };
                reached.iter().copied().map(|best| of_actor(&best)).collect()
            };
            let means: Vec<_> = times.iter().filter_map(|times| mean(times)).collect();
            let medians: Vec<_> = times.into_iter().filter_map(median).collect();
            FunnelStep {
                count: reached.len() as u64,
                average: mean(&means),
                median: median(medians),
            }
        });
        answer.push(FunnelSteps {
            steps: steps.collect(),
            group,
        });
    }
    answer
}

/// (second, actors, sum, greatest)
pub fn times(query: &FunnelQuery, events: &[Event], from: usize, to: usize) -> Vec<(u64, u64, f64, f64)> {
    let mut by_second: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for chains in entered(query, events).1.values() {
        if steps_of(chains) > to {
            let times: Vec<_> = best(chains)
                .iter()
                .map(|chain| seconds(chain[from], chain[to]))
                .collect();
            let time = mean(&times).expect("one at least");
            by_second.entry(time as u64).or_default().push(time);
        }
    }
    by_second
        .into_iter()
        .map(|(second, times)| {
            let max = times.iter().copied().fold(0.0, f64::max);
            (second, times.len() as u64, times.iter().sum(), max)
        })
        .collect()
}

/// An actor's time: (converted, its chain, end).
pub type Span = (bool, Chain, DateTime<Utc>);

pub fn spans(query: &FunnelQuery, events: &[Event]) -> BTreeMap<String, Span> {
    let entered = entered(query, events).1.into_iter();
    entered
        .map(|((_, actor), chains)| {
            let chain = best(&chains)[0].clone();
            let converted = chain.len() == query.steps.len();
            let end = if converted {
                chain[chain.len() - 1]
            } else {
                deadline(query.window, chain[0])
            };
            (actor, (converted, chain, end))
        })
        .collect()
}

/// The events in their actor's time that are no steps.
pub fn in_time<'a>(
    query: &FunnelQuery,
    events: &'a [Event],
    spans: &BTreeMap<String, Span>,
) -> Vec<(String, bool, &'a Event)> {
    events
        .iter()
        .filter(|event| event.at >= query.range.from && event.at < query.range.to)
        .filter(|event| !query.steps.iter().any(|step| holds(step, event)))
        .filter_map(|event| {
            let actor = event.actor(query.actor)?;
            let (converted, chain, end) = spans.get(actor)?;
            (event.at > chain[0] && event.at < *end).then(|| (actor.clone(), *converted, event))
        })
        .collect()
}

/// Items by what `keys` says of an event, those that occur more than `rare` times; no threshold.
pub fn items(
    found: &[(String, bool, &Event)],
    rare: usize,
    keys: impl Fn(&Event) -> Vec<(String, String)>,
) -> Vec<CorrelationItem> {
    type Actors = (BTreeSet<String>, BTreeSet<String>, usize);
    let mut items: BTreeMap<(String, String, String), Actors> = BTreeMap::new();
    for (actor, converted, event) in found {
        for (key, value) in keys(event) {
            let item = items.entry((event.name.to_owned(), key, value)).or_default();
            let actors = if *converted { &mut item.0 } else { &mut item.1 };
            actors.insert(actor.clone());
            item.2 += 1;
        }
    }
    items
        .into_iter()
        .filter(|(_, (.., times))| *times > rare)
        .map(|((event, key, value), (converted, lost, _))| CorrelationItem {
            event,
            key,
            value,
            converted: converted.len() as u64,
            lost: lost.len() as u64,
        })
        .collect()
}

/// (period, reached `from`, reached `to`) of a funnel without a breakdown, by periods of so many hours.
pub fn trends(
    query: &FunnelQuery,
    events: &[Event],
    hours: i64,
    from: usize,
    to: usize,
) -> Vec<(usize, u64, u64)> {
    let period = TimeDelta::hours(hours);
    let mut most: BTreeMap<(i64, String), usize> = BTreeMap::new();
    for ((_, actor), chains) in entered(query, events).1 {
        for chain in chains {
            let tick = (chain[0] - query.range.from).num_microseconds().expect("short")
                / period.num_microseconds().expect("short");
            let steps = most.entry((tick, actor.clone())).or_default();
            *steps = (*steps).max(chain.len());
        }
    }
    let mut points: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for ((tick, _), steps) in most {
        let point = points.entry(tick).or_default();
        point.0 += u64::from(steps >= from);
        point.1 += u64::from(steps >= to);
    }
    points
        .into_iter()
        .map(|(tick, (from, to))| (usize::try_from(tick).expect("in range"), from, to))
        .collect()
}
