//! Random histories and funnels: the answers are those of the model.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use event_store::{Append, EventRow, EventStore};
use insights::{
    ActorKind, Attribution, Condition, ConversionWindow, CorrelationActorsQuery, CorrelationOf,
    CorrelationQuery, FunnelActorsQuery, FunnelBreakdown, FunnelExclusion, FunnelGroup, FunnelOrder,
    FunnelQuery, FunnelTimesQuery, FunnelTrendsQuery, PropertySource,
};
use model::{Interval, ProjectId, TimeRange, WeekStart};
use serde_json::json;

use super::funnel_model::{self, Event};
use super::funnels::named;
use super::{any_of, day, group, id, mapping, person, property, range};
use crate::Case;

/// A pipe of numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).expect("small")
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}

const ROUNDS: usize = 240;
/// A question takes a server much longer than the engine.
const ROUNDS_ON_A_SERVER: usize = 60;

fn history(dice: &mut Dice) -> Vec<Event> {
    let mut events = Vec::new();
    for n in 0..2 + dice.below(6) {
        // Few instants, so that many events are simultaneous.
        let instants = dice.of(&[4_u64, 12, 40]);
        for _ in 0..dice.below(12) {
            let at = day("2020-01-01")
                + TimeDelta::minutes(i64::try_from(dice.below(instants) * 90).expect("small"));
            let mut properties = BTreeMap::new();
            for (key, values) in [
                ("v", ["", "x", "y", "z"]),
                ("w", ["", "1", "2", ""]),
                ("g", ["1", "1", "1", "0"]),
            ] {
                let value = dice.of(&values);
                if !value.is_empty() {
                    properties.insert(key, value.to_owned());
                }
            }
            let group = dice.of(&["", "g1", "g2", "g3"]);
            if !group.is_empty() {
                properties.insert("$group_0", group.to_owned());
            }
            events.push(Event {
                name: dice.of(&["a", "a", "b", "b", "c", "x", "y"]),
                at,
                // The last one has mappings to nobody.
                person: (n < 6).then(|| id(u128::from(n) + 1).to_string()),
                group: (!group.is_empty()).then(|| group.to_owned()),
                properties,
            });
        }
    }
    events
}

fn question(dice: &mut Dice, project: ProjectId) -> FunnelQuery {
    let steps = 1 + dice.index(4);
    let global = dice.below(3) == 0;
    let globally = |condition: Condition| {
        let filter = property(PropertySource::Event, "g", any_of(&["1"]));
        if global {
            Condition::All(vec![condition, filter])
        } else {
            condition
        }
    };
    let order = dice.of(&[FunnelOrder::Ordered, FunnelOrder::Strict, FunnelOrder::Unordered]);
    let step = |dice: &mut Dice| match dice.below(8) {
        0 => Condition::Any(vec![named("a"), named("b")]),
        1 => Condition::Not(Box::new(named("x"))),
        2 | 3 => named("c"),
        4 | 5 => named("a"),
        _ => named("b"),
    };
    let conditions: Vec<_> = (0..steps).map(|_| globally(step(dice))).collect();
    let mut exclusions = Vec::new();
    if order != FunnelOrder::Strict && steps > 1 {
        for _ in 0..dice.below(3) {
            let (from_step, to_step) = if order == FunnelOrder::Unordered {
                (0, steps - 1)
            } else {
                let from = dice.index(steps - 1);
                (from, from + 1 + dice.index(steps - 1 - from))
            };
            exclusions.push(FunnelExclusion {
                condition: globally(named(dice.of(&["x", "y"]))),
                from_step,
                to_step,
            });
        }
    }
    let attribution = dice.of(&[
        Attribution::FirstTouch,
        Attribution::LastTouch,
        Attribution::AllEvents,
        Attribution::Step(steps - 1),
        Attribution::Step(0),
    ]);
    let keys: &[&str] = dice.of(&[&["v"], &["w"], &["v", "w"]]);
    let breakdown = FunnelBreakdown {
        source: PropertySource::Event,
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        attribution,
        limit: dice.of(&[1, 2, 25]),
    };
    FunnelQuery {
        project,
        timezone: chrono_tz::UTC,
        range: range("2020-01-01", dice.of(&["2020-01-02", "2020-01-03", "2020-01-05"])),
        actor: dice.of(&[ActorKind::Person, ActorKind::Person, ActorKind::Group(group(0))]),
        order,
        window: match dice.below(6) {
            0 => ConversionWindow::Months(1),
            n => ConversionWindow::Span(TimeDelta::minutes(90 * [1, 2, 4, 8, 100][n as usize - 1])),
        },
        steps: conditions,
        between: globally(Condition::All(Vec::new())),
        exclusions,
        breakdown: (dice.below(2) == 0).then_some(breakdown),
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

pub async fn funnels_are_those_of_the_model<S: EventStore>(store: &S) -> Case {
    let mut dice = Dice(3);
    let histories: Vec<_> = (0..ROUNDS).map(|_| history(&mut dice)).collect();
    let mut append = Append {
        token: "histories".to_owned(),
        ..Append::default()
    };
    let project = |round: usize| ProjectId(1_000 + i64::try_from(round).expect("small"));
    for (round, history) in histories.iter().enumerate() {
        let project = project(round);
        for n in 1..=6 {
            append.persons.push(event_store::PersonRow {
                project,
                ..person(n, json!({}))
            });
            append.distinct_ids.push(event_store::DistinctIdRow {
                project,
                ..mapping(&id(n).to_string(), n, 1)
            });
        }
        for event in history {
            append.events.push(EventRow {
                project,
                uuid: id(append.events.len() as u128 + 1),
                event: event.name.to_owned(),
                distinct_id: event.person.clone().unwrap_or_else(|| "nobody".to_owned()),
                properties: json!(event.properties).to_string(),
                elements_chain: String::new(),
                timestamp: event.at,
                created_at: day("2024-01-01"),
            });
        }
    }
    store.append(append).await?;
    let rounds = if store.name() == "columnar" {
        ROUNDS
    } else {
        ROUNDS_ON_A_SERVER
    };
    for (round, history) in histories.iter().enumerate().take(rounds) {
        let query = question(&mut dice, project(round));
        let context = || format!("round {round}: {query:#?}\n{history:#?}");
        let answer = store.funnel(&query).await?;
        let expected = funnel_model::funnel(&query, history);
        let same = answer.len() == expected.len()
            && answer.iter().zip(&expected).all(|(a, e)| {
                let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
                    (Some(a), Some(b)) => close(a, b),
                    (a, b) => a == b,
                };
                let same_step = |(a, e): (&insights::FunnelStep, &insights::FunnelStep)| {
                    a.count == e.count && near(a.average, e.average) && near(a.median, e.median)
                };
                a.group == e.group
                    && a.steps.len() == e.steps.len()
                    && a.steps.iter().zip(&e.steps).all(same_step)
            });
        assert!(same, "{}\n{answer:#?}\n{expected:#?}", context());
        actors_are_those_of_the_model(store, &mut dice, &query, history).await?;
        if round % 2 == 0 {
            let mut plain = query.clone();
            plain.breakdown = None;
            views_are_those_of_the_model(store, &mut dice, &plain, history).await?;
        }
    }
    Ok(())
}

async fn actors_are_those_of_the_model<S: EventStore>(
    store: &S,
    dice: &mut Dice,
    query: &FunnelQuery,
    history: &[Event],
) -> Case {
    let (listed, entered) = funnel_model::entered(query, history);
    let group = match dice.index(listed.len() + 2) {
        0 => None,
        _ if query.breakdown.is_none() => None,
        1 => Some(FunnelGroup::Other),
        n => Some(FunnelGroup::Value(listed[n - 2].clone())),
    };
    let reached: Vec<_> = (1..=query.steps.len()).filter(|_| dice.below(2) == 0).collect();
    let entrance = (dice.below(2) == 0).then(|| TimeRange {
        from: day("2020-01-01") + TimeDelta::minutes(90 * i64::try_from(dice.below(6)).expect("small")),
        to: day("2020-01-02"),
    });
    let actors = store
        .funnel_actors(&FunnelActorsQuery {
            funnel: query.clone(),
            group: group.clone(),
            reached: reached.clone(),
            entrance,
            limit: 100,
            offset: 0,
        })
        .await?;
    let mut expected: Vec<_> = entered
        .into_iter()
        .filter(|((of, _), _)| group.is_none() || *of == group)
        .map(|((_, actor), mut chains)| {
            chains.retain(|chain| entrance.is_none_or(|range| chain[0] >= range.from && chain[0] < range.to));
            (actor, funnel_model::steps_of(&chains))
        })
        .filter(|(_, steps)| reached.contains(steps))
        .map(|(actor, _)| actor)
        .collect();
    expected.sort();
    expected.dedup();
    assert_eq!(
        actors, expected,
        "{group:?} {reached:?} {entrance:?} {query:#?}\n{history:#?}"
    );
    Ok(())
}

async fn views_are_those_of_the_model<S: EventStore>(
    store: &S,
    dice: &mut Dice,
    query: &FunnelQuery,
    history: &[Event],
) -> Case {
    let context = || format!("{query:#?}\n{history:#?}");
    let last = query.steps.len();
    let from = 1 + dice.index(last);
    let (interval, hours) = dice.of(&[(Interval::Hour, 1), (Interval::Day, 24)]);
    let whole = (query.range.to - query.range.from).num_hours();
    let trends = FunnelTrendsQuery {
        funnel: query.clone(),
        week_start: WeekStart::Sunday,
        interval,
        ticks: (0..whole / hours)
            .map(|i| query.range.from + TimeDelta::hours(i * hours))
            .collect(),
        from,
        to: last,
    };
    let points: Vec<_> = store
        .funnel_trends(&trends)
        .await?
        .iter()
        .map(|p| (p.tick, p.reached_from, p.reached_to))
        .collect();
    assert_eq!(
        points,
        funnel_model::trends(query, history, hours, from, last),
        "{}",
        context()
    );

    if last > 1 {
        let to = 1 + dice.index(last - 1);
        let from = dice.index(to);
        let times = FunnelTimesQuery {
            funnel: query.clone(),
            from,
            to,
        };
        let times = store.funnel_times(&times).await?;
        let expected = funnel_model::times(query, history, from, to);
        let same = times.len() == expected.len()
            && times
                .iter()
                .zip(&expected)
                .all(|(a, e)| (a.second, a.count) == (e.0, e.1) && close(a.sum, e.2) && close(a.max, e.3));
        assert!(same, "{}\n{times:#?}\n{expected:#?}", context());
    }

    let spans = funnel_model::spans(query, history);
    let found = funnel_model::in_time(query, history, &spans);
    let converted = spans.values().filter(|(converted, ..)| *converted).count() as u64;
    let by_event = store
        .correlation(&CorrelationQuery {
            funnel: query.clone(),
            of: CorrelationOf::Events {
                excluded: vec!["y".to_owned()],
            },
        })
        .await?;
    assert_eq!(
        (by_event.converted, by_event.lost),
        (converted, spans.len() as u64 - converted),
        "{}",
        context()
    );
    let expected = funnel_model::items(&found, 0, |event| {
        let item = (event.name != "y").then(|| (String::new(), String::new()));
        item.into_iter().collect()
    });
    assert_eq!(by_event.items, expected, "{}", context());
    let by_property = store
        .correlation(&CorrelationQuery {
            funnel: query.clone(),
            of: CorrelationOf::EventProperties {
                events: vec!["x".to_owned(), "a".to_owned()],
                excluded_keys: vec!["g".to_owned()],
            },
        })
        .await?;
    let expected = funnel_model::items(&found, 2, |event| {
        let asked = event.name == "x" || event.name == "a";
        let keys = event.properties.iter().filter(|(key, _)| asked && **key != "g");
        keys.map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect()
    });
    assert_eq!(by_property.items, expected, "{}", context());
    let only = dice.of(&[None, Some(true), Some(false)]);
    let actors = store
        .correlation_actors(&CorrelationActorsQuery {
            funnel: query.clone(),
            converted: only,
            did: Some(named("x")),
            has: Vec::new(),
            limit: 100,
            offset: 0,
        })
        .await?;
    let mut expected: Vec<_> = found
        .iter()
        .filter(|(_, converted, event)| event.name == "x" && only.is_none_or(|only| only == *converted))
        .map(|(actor, ..)| actor.clone())
        .collect();
    expected.sort();
    expected.dedup();
    assert_eq!(actors, expected, "{}", context());
    Ok(())
}
