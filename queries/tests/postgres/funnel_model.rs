//! What a funnel must answer, said as plainly as can be: every entrance looks at all events again.
//!
//! Follows the words of `insights::FunnelQuery`, and knows nothing of stores. Of conditions it knows names and texts of
//! event properties.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Months, Utc};
use insights::{
    Attribution, Condition, ConversionWindow, CorrelationItem, FunnelActorsQuery, FunnelBreakdown,
    FunnelGroup, FunnelOrder, FunnelQuery, FunnelStep, FunnelSteps, FunnelTime, FunnelTimesQuery,
    FunnelTrendsPoint, FunnelTrendsQuery, PropertySource, PropertyTest,
};

/// An event of somebody.
#[derive(Clone, Debug)]
pub struct Happened {
    pub actor: String,
    pub at: DateTime<Utc>,
    pub name: String,
    /// Texts of properties; what is absent has none.
    pub properties: BTreeMap<String, String>,
}

impl Happened {
    pub fn text(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(String::as_str)
    }

    pub fn meets(&self, condition: &Condition) -> bool {
        match condition {
            Condition::All(all) => all.iter().all(|one| self.meets(one)),
            Condition::Any(any) => any.iter().any(|one| self.meets(one)),
            Condition::Not(one) => !self.meets(one),
            Condition::EventName(name) => self.name == *name,
            Condition::Property {
                source: PropertySource::Event,
                key,
                test: PropertyTest::AnyOf(texts),
            } => texts
                .iter()
                .any(|text| text == self.text(key).unwrap_or_default()),
            other => panic!("the model does not know {other:?}"),
        }
    }
}

/// An entrance that no exclusion discarded: when its steps were reached.
type Chain = Vec<DateTime<Utc>>;

/// The entrances of an actor under a breakdown value.
struct Part {
    actor: String,
    group: Option<FunnelGroup>,
    chains: Vec<Chain>,
}

pub fn funnel(query: &FunnelQuery, events: &[Happened]) -> Vec<FunnelSteps> {
    let parts = parts(query, events);
    let mut groups = listed_groups(query, events);
    groups.retain(|group| group.is_none() || parts.iter().any(|part| part.group == *group));
    groups
        .into_iter()
        .map(|group| {
            let best: Vec<Vec<&Chain>> = parts
                .iter()
                .filter(|part| part.group == group)
                .map(|part| best(&part.chains))
                .collect();
            let steps = (0..query.steps.len()).map(|step| {
                let seconds: Vec<Vec<f64>> = best
                    .iter()
                    .filter(|chains| step > 0 && chains[0].len() > step)
                    .map(|chains| {
                        let took = |chain: &&Chain| (chain[step] - chain[step - 1]).as_seconds_f64();
                        chains.iter().map(took).collect()
                    })
                    .collect();
                FunnelStep {
                    count: count(best.iter().filter(|chains| chains[0].len() > step)),
                    average: mean(&seconds.iter().filter_map(|one| mean(one)).collect::<Vec<_>>()),
                    median: median(&seconds.iter().filter_map(|one| median(one)).collect::<Vec<_>>()),
                }
            });
            FunnelSteps {
                steps: steps.collect(),
                group,
            }
        })
        .collect()
}

/// In the order of the groups, then of the ticks.
pub fn trends(query: &FunnelTrendsQuery, events: &[Happened]) -> Vec<FunnelTrendsPoint> {
    let parts = parts(&query.funnel, events);
    let mut points = Vec::new();
    for group in listed_groups(&query.funnel, events) {
        for tick in 0..query.ticks.len() {
            let starts_at = query.ticks[tick];
            let ends_at = query.ticks.get(tick + 1);
            let most: Vec<usize> = parts
                .iter()
                .filter(|part| part.group == group)
                .filter_map(|part| {
                    let of_tick = part
                        .chains
                        .iter()
                        .filter(|chain| chain[0] >= starts_at && ends_at.is_none_or(|end| chain[0] < *end));
                    of_tick.map(Vec::len).max()
                })
                .collect();
            let point = FunnelTrendsPoint {
                group: group.clone(),
                tick,
                reached_from: count(most.iter().filter(|&&most| most >= query.from)),
                reached_to: count(most.iter().filter(|&&most| most >= query.to)),
            };
            if point.reached_from > 0 {
                points.push(point);
            }
        }
    }
    points
}

pub fn times(query: &FunnelTimesQuery, events: &[Happened]) -> Vec<FunnelTime> {
    let mut times: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for part in parts(&query.funnel, events) {
        let best = best(&part.chains);
        if best[0].len() <= query.to {
            continue;
        }
        // Microseconds: means of these are exact where means of seconds are not.
        let micros: i64 = best
            .iter()
            .map(|chain| {
                (chain[query.to] - chain[query.from])
                    .num_microseconds()
                    .expect("short")
            })
            .sum();
        let seconds = micros as f64 / best.len() as f64 / 1e6;
        times.entry(seconds.floor() as u64).or_default().push(seconds);
    }
    times
        .into_iter()
        .map(|(second, times)| FunnelTime {
            second,
            count: count(&times),
            sum: times.iter().sum(),
            max: times.iter().copied().fold(0.0, f64::max),
        })
        .collect()
}

pub fn actors(query: &FunnelActorsQuery, events: &[Happened]) -> Vec<String> {
    let mut actors = BTreeSet::new();
    for part in parts(&query.funnel, events) {
        if query.group.is_some() && query.group != part.group {
            continue;
        }
        let entrances = part.chains.iter().filter(|chain| {
            query
                .entrance
                .is_none_or(|range| chain[0] >= range.from && chain[0] < range.to)
        });
        if entrances
            .map(Vec::len)
            .max()
            .is_some_and(|most| query.reached.contains(&most))
        {
            actors.insert(part.actor);
        }
    }
    actors
        .into_iter()
        .skip(query.offset as usize)
        .take(query.limit as usize)
        .collect()
}

/// Converted and lost actors, and those who did an event in their time, by its name; all names, however rare.
pub fn correlated_events(
    query: &FunnelQuery,
    excluded: &[String],
    events: &[Happened],
) -> (u64, u64, Vec<CorrelationItem>) {
    let (mut converted, mut lost) = (0, 0);
    let mut items: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (actor, chain) in chains(query, events) {
        let all = chain.len() == query.steps.len();
        let until = if all {
            chain[all_but_one(&chain)]
        } else {
            deadline(query, chain[0])
        };
        *(if all { &mut converted } else { &mut lost }) += 1;
        let did: BTreeSet<&str> = events
            .iter()
            .filter(|event| event.actor == actor && in_range(query, event))
            .filter(|event| event.at > chain[0] && event.at < until)
            .filter(|event| !query.steps.iter().any(|step| event.meets(step)))
            .filter(|event| !excluded.contains(&event.name))
            .map(|event| event.name.as_str())
            .collect();
        for name in did {
            let item = items.entry(name.to_owned()).or_default();
            *(if all { &mut item.0 } else { &mut item.1 }) += 1;
        }
    }
    let items = items
        .into_iter()
        .map(|(event, (converted, lost))| CorrelationItem {
            event,
            key: String::new(),
            value: String::new(),
            converted,
            lost,
        });
    (converted, lost, items.collect())
}

/// Of each actor the chain of its earliest entrance among those that reached its most.
pub fn chains(query: &FunnelQuery, events: &[Happened]) -> Vec<(String, Chain)> {
    let whole = FunnelQuery {
        breakdown: None,
        ..query.clone()
    };
    parts(&whole, events)
        .into_iter()
        .map(|part| {
            let earliest = best(&part.chains).into_iter().min().expect("an entrance").clone();
            (part.actor, earliest)
        })
        .collect()
}

/// Everybody with an entrance left.
fn parts(query: &FunnelQuery, events: &[Happened]) -> Vec<Part> {
    let listed = listed_values(query, events);
    let actors: BTreeSet<&str> = events.iter().map(|event| event.actor.as_str()).collect();
    let mut parts = Vec::new();
    for actor in actors {
        let own: Vec<&Happened> = events
            .iter()
            .filter(|event| event.actor == actor && in_range(query, event))
            .collect();
        for (group, counting) in split(query, &listed, own) {
            let chains = entrances(query, &counting);
            if !chains.is_empty() {
                parts.push(Part {
                    actor: actor.to_owned(),
                    group,
                    chains,
                });
            }
        }
    }
    parts
}

/// Which of an actor's events count under which values.
fn split<'a>(
    query: &FunnelQuery,
    listed: &[Vec<String>],
    own: Vec<&'a Happened>,
) -> Vec<(Option<FunnelGroup>, Vec<&'a Happened>)> {
    let Some(by) = &query.breakdown else {
        return vec![(None, own)];
    };
    let group = |value: Vec<String>| {
        if listed.contains(&value) {
            FunnelGroup::Value(value)
        } else {
            FunnelGroup::Other
        }
    };
    let touches = || {
        own.iter()
            .filter(|event| query.steps.iter().any(|step| event.meets(step)))
            .map(|event| (event.at, value(by, event)))
            .filter(|(_, value)| value.iter().any(|text| !text.is_empty()))
    };
    let picked = |touch: Option<(DateTime<Utc>, Vec<String>)>| {
        let value = touch.map_or_else(|| vec![String::new(); by.keys.len()], |(_, value)| value);
        vec![(Some(group(value)), own.clone())]
    };
    match by.attribution {
        Attribution::FirstTouch => picked(touches().min()),
        Attribution::LastTouch => picked(touches().max()),
        Attribution::AllEvents => {
            let mut groups: BTreeMap<FunnelGroup, Vec<&Happened>> = BTreeMap::new();
            for &event in &own {
                groups.entry(group(value(by, event))).or_default().push(event);
            }
            groups
                .into_iter()
                .map(|(group, events)| (Some(group), events))
                .collect()
        }
        Attribution::Step(step) => {
            let groups: BTreeSet<FunnelGroup> = own
                .iter()
                .filter(|event| event.meets(&query.steps[step]))
                .map(|event| group(value(by, event)))
                .collect();
            groups
                .into_iter()
                .map(|group| (Some(group), own.clone()))
                .collect()
        }
    }
}

fn value(by: &FunnelBreakdown, event: &Happened) -> Vec<String> {
    by.keys
        .iter()
        .map(|key| event.text(key).unwrap_or_default().to_owned())
        .collect()
}

fn listed_values(query: &FunnelQuery, events: &[Happened]) -> Vec<Vec<String>> {
    let Some(by) = &query.breakdown else {
        return Vec::new();
    };
    let steps = match by.attribution {
        Attribution::FirstTouch | Attribution::LastTouch => &query.steps[..],
        Attribution::AllEvents => match query.order {
            FunnelOrder::Ordered | FunnelOrder::Strict => &query.steps[..1],
            FunnelOrder::Unordered => &query.steps[..],
        },
        Attribution::Step(step) => &query.steps[step..=step],
    };
    let mut counts: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for event in events.iter().filter(|event| in_range(query, event)) {
        if steps.iter().any(|step| event.meets(step)) {
            *counts.entry(value(by, event)).or_default() += 1;
        }
    }
    let mut values: Vec<_> = counts.into_iter().collect();
    values.sort_by(|(a, left), (b, right)| right.cmp(left).then(a.cmp(b)));
    values.truncate(by.limit as usize);
    values.into_iter().map(|(value, _)| value).collect()
}

/// All that there may be, in the order of the answer.
fn listed_groups(query: &FunnelQuery, events: &[Happened]) -> Vec<Option<FunnelGroup>> {
    if query.breakdown.is_none() {
        return vec![None];
    }
    let listed = listed_values(query, events).into_iter().map(FunnelGroup::Value);
    listed.chain([FunnelGroup::Other]).map(Some).collect()
}

/// The chains of one actor's events that no exclusion discards.
fn entrances(query: &FunnelQuery, events: &[&Happened]) -> Vec<Chain> {
    let earliest = |condition: &Condition, after: DateTime<Utc>| {
        let later = events
            .iter()
            .filter(|event| event.at > after && event.meets(condition));
        later.map(|event| event.at).min()
    };
    let entrances = |step: usize| {
        let events = events.iter().filter(move |event| event.meets(&query.steps[step]));
        events.map(|event| event.at)
    };
    let mut chains = Vec::new();
    match query.order {
        FunnelOrder::Ordered | FunnelOrder::Strict => {
            for entrance in entrances(0) {
                let mut chain = vec![entrance];
                for step in &query.steps[1..] {
                    let before = chain[all_but_one(&chain)];
                    let Some(at) = earliest(step, before).filter(|at| *at <= deadline(query, entrance))
                    else {
                        break;
                    };
                    let interrupted =
                        |event: &&Happened| event.at > before && event.at < at && event.meets(&query.between);
                    if query.order == FunnelOrder::Strict && events.iter().any(interrupted) {
                        break;
                    }
                    chain.push(at);
                }
                chains.push(chain);
            }
        }
        FunnelOrder::Unordered => {
            for step in 0..query.steps.len() {
                for entrance in entrances(step) {
                    let mut chain: Chain = (0..query.steps.len())
                        .filter(|&other| other != step)
                        .filter_map(|other| earliest(&query.steps[other], entrance))
                        .filter(|at| *at <= deadline(query, entrance))
                        .collect();
                    chain.sort();
                    chain.insert(0, entrance);
                    chains.push(chain);
                }
            }
        }
    }
    chains.retain(|chain| {
        !query.exclusions.iter().any(|exclusion| {
            let (from, to) = match query.order {
                FunnelOrder::Ordered | FunnelOrder::Strict => (exclusion.from_step, exclusion.to_step),
                FunnelOrder::Unordered => (0, query.steps.len() - 1),
            };
            let Some(&since) = chain.get(from) else {
                return false;
            };
            let until = chain.get(to).copied().unwrap_or_else(|| deadline(query, since));
            events
                .iter()
                .any(|event| event.at > since && event.at < until && event.meets(&exclusion.condition))
        })
    });
    chains
}

fn in_range(query: &FunnelQuery, event: &Happened) -> bool {
    event.at >= query.range.from && event.at < query.range.to
}

fn deadline(query: &FunnelQuery, at: DateTime<Utc>) -> DateTime<Utc> {
    match query.window {
        ConversionWindow::Span(span) => at + span,
        ConversionWindow::Months(months) => at + Months::new(months),
    }
}

fn best(chains: &[Chain]) -> Vec<&Chain> {
    let most = chains.iter().map(Vec::len).max().unwrap_or_default();
    chains.iter().filter(|chain| chain.len() == most).collect()
}

/// The place of the last one.
fn all_but_one(chain: &Chain) -> usize {
    chain.len() - 1
}

fn count<T>(all: impl IntoIterator<Item = T>) -> u64 {
    all.into_iter().map(|_| 1).sum()
}

fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}
