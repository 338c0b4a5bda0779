//! Random histories and funnels: the answers are those of a model that follows the words of the contract.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use event_store::{Append, EventStore};
use insights::{
    ActorKind, Attribution, Condition, ConversionWindow, Correlation, CorrelationOf, CorrelationQuery,
    FunnelActorsQuery, FunnelBreakdown, FunnelExclusion, FunnelGroup, FunnelOrder, FunnelQuery, FunnelSteps,
    FunnelTimesQuery, FunnelTrendsQuery, PropertySource, PropertyTest,
};
use model::ProjectId;
use serde_json::{Value, json};

use crate::database::*;
use crate::funnel_model::{self, Happened};
use crate::funnels::trends_of;
use crate::random::Random;

/// A small history of one project: persons `p1` … `p4`, groups `g1`, `g2`, few names, times that often meet.
pub struct History {
    pub project: ProjectId,
    events: Vec<(String, Value)>,
    times: Vec<chrono::DateTime<chrono::Utc>>,
    names: Vec<&'static str>,
}

impl History {
    pub async fn new(db: &Database, random: &mut Random, round: u32, names: &[&'static str]) -> Self {
        let project = ProjectId(1000 + i64::from(round));
        let unit = if random.chance(4) {
            TimeDelta::days(3)
        } else {
            TimeDelta::minutes(1)
        };
        let span = random.below(25) + 3;
        let mut history = Self {
            project,
            events: vec![],
            times: vec![],
            names: vec![],
        };
        for _ in 0..random.below(20) + random.below(50) {
            let who = format!("p{}", random.of(&[1, 1, 1, 2, 2, 3, 4]));
            let mut properties = json!({});
            for key in ["k", "l"] {
                if random.chance(2) {
                    properties[key] = (*random.of(&["", "u", "v", "w"])).into();
                }
            }
            properties["$group_0"] = (*random.of(&["", "g1", "g2"])).into();
            properties["$current_url"] = (*random.of(&["/", "/a", "/a/", "/b", "/c/d"])).into();
            history.events.push((who, properties));
            let steps = i32::try_from(random.below(span)).expect("small");
            history.times.push(at("2020-01-30") + unit * steps);
            history.names.push(*random.of(names));
        }
        let rows = history.events.iter().zip(&history.times).zip(&history.names);
        let rows = rows.map(|(((who, properties), time), name)| {
            let mut row = event(name, who, "2020-01-01", properties.clone());
            row.project = project;
            row.timestamp = *time;
            row
        });
        db.append(Append {
            events: rows.collect(),
            distinct_ids: (1..=4)
                .map(|n| {
                    let mut row = mapping(&format!("p{n}"), n, 1);
                    row.project = project;
                    row
                })
                .collect(),
            persons: (1..=4)
                .map(|n| {
                    let mut row = person_row(n, json!({}), 1);
                    row.project = project;
                    row
                })
                .collect(),
            ..Append::default()
        })
        .await;
        history
    }

    /// What happened to actors of this kind.
    pub fn of(&self, kind: ActorKind) -> Vec<Happened> {
        let all = self.events.iter().zip(&self.times).zip(&self.names);
        all.filter_map(|(((who, properties), time), name)| {
            let properties: BTreeMap<String, String> = object(properties.clone())
                .into_iter()
                .map(|(key, value)| (key, value.as_str().expect("a text").to_owned()))
                .collect();
            let actor = match kind {
                ActorKind::Person => person_id(who[1..].parse().expect("a number")).to_string(),
                ActorKind::Group(_) => properties.get("$group_0").filter(|key| !key.is_empty())?.clone(),
            };
            Some(Happened {
                actor,
                at: *time,
                name: (*name).to_owned(),
                properties,
            })
        })
        .collect()
    }
}

/// Any funnel over such a history.
pub fn some_funnel(random: &mut Random, project: ProjectId) -> FunnelQuery {
    let condition = |random: &mut Random| {
        let name = |random: &mut Random| named(random.of::<&str>(&["a", "b", "c"]));
        match random.below(8) {
            0 => Condition::Any(vec![name(random), name(random)]),
            1 => Condition::All(vec![
                name(random),
                Condition::Property {
                    source: PropertySource::Event,
                    key: "k".to_owned(),
                    test: PropertyTest::AnyOf(vec!["u".to_owned(), "v".to_owned()]),
                },
            ]),
            _ => name(random),
        }
    };
    let order = *random.of(&[FunnelOrder::Ordered, FunnelOrder::Strict, FunnelOrder::Unordered]);
    let steps: Vec<Condition> = (0..=random.below(4)).map(|_| condition(random)).collect();
    let last = steps.len() - 1;
    let exclusions = if last == 0 || order == FunnelOrder::Strict {
        0
    } else {
        random.below(3)
    };
    let exclusions = (0..exclusions).map(|_| {
        let from_step = match order {
            FunnelOrder::Ordered | FunnelOrder::Strict => random.below(last),
            FunnelOrder::Unordered => 0,
        };
        FunnelExclusion {
            condition: named(random.of::<&str>(&["x", "c"])),
            from_step,
            to_step: match order {
                FunnelOrder::Ordered | FunnelOrder::Strict => from_step + 1 + random.below(last - from_step),
                FunnelOrder::Unordered => last,
            },
        }
    });
    let exclusions = exclusions.collect();
    let window = match random.below(4) {
        0 => ConversionWindow::Months(1 + u32::try_from(random.below(2)).expect("small")),
        _ => ConversionWindow::Span(TimeDelta::minutes(
            i64::try_from(1 + random.below(20)).expect("small"),
        )),
    };
    let breakdown = random.chance(2).then(|| FunnelBreakdown {
        source: PropertySource::Event,
        keys: random
            .of(&[vec!["k"], vec!["k", "l"]])
            .iter()
            .map(|&key| key.to_owned())
            .collect(),
        attribution: match random.below(4) {
            0 => Attribution::FirstTouch,
            1 => Attribution::LastTouch,
            2 => Attribution::AllEvents,
            _ => Attribution::Step(random.below(last + 1)),
        },
        limit: u32::try_from(random.below(5)).expect("small"),
    });
    FunnelQuery {
        project,
        timezone: chrono_tz::UTC,
        range: *random.of(&[
            range("2020-01-01", "2021-01-01"),
            range("2020-01-30 00:02", "2020-01-30 00:20"),
            range("2020-01-01", "2021-01-01"),
        ]),
        actor: *random.of(&[ActorKind::Person, ActorKind::Group(group_type(0))]),
        order,
        window,
        steps,
        between: random
            .of(&[
                anything(),
                Condition::Any(vec![named("a"), named("b"), named("c")]),
            ])
            .clone(),
        exclusions,
        breakdown,
    }
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * a.abs().max(1.0),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn same_funnels(found: &[FunnelSteps], expected: &[FunnelSteps]) -> bool {
    found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| {
            found.group == expected.group
                && found.steps.len() == expected.steps.len()
                && found.steps.iter().zip(&expected.steps).all(|(found, expected)| {
                    found.count == expected.count
                        && same(found.average, expected.average)
                        && same(found.median, expected.median)
                })
        })
}

#[tokio::test]
async fn random_histories_agree_with_the_model() {
    let db = Database::new().await;
    let mut random = Random::new(3);
    // Funnels of several steps that somebody went through, and those that an exclusion or the window made smaller.
    let (mut converted_some, mut lost_some) = (0, 0);
    for round in 0..120 {
        let history = History::new(&db, &mut random, round, &["a", "a", "b", "b", "c", "x", "y"]).await;
        for _ in 0..4 {
            let funnel = some_funnel(&mut random, history.project);
            let events = history.of(funnel.actor);
            let found = db.store.funnel(&funnel).await.expect("answered");
            let expected = funnel_model::funnel(&funnel, &events);
            assert!(
                same_funnels(&found, &expected),
                "round {round}\n{funnel:?}\n{events:#?}\nfound {found:#?}\nexpected {expected:#?}"
            );

            let last = funnel.steps.len();
            let reached = |step: usize| {
                expected
                    .iter()
                    .map(|funnel| funnel.steps[step].count)
                    .sum::<u64>()
            };
            converted_some += u32::from(last > 1 && reached(last - 1) > 0);
            lost_some += u32::from(last > 1 && reached(last - 1) < reached(0));
            let from = 1 + random.below(last);
            let ticks =
                [0, 5, 9, 1440, 20_000].map(|minutes| funnel.range.from + TimeDelta::minutes(minutes));
            let trends = FunnelTrendsQuery {
                ticks: ticks[..1 + random.below(5)].to_vec(),
                to: from + random.below(last - from + 1),
                ..trends_of(funnel.clone(), 0, from, last)
            };
            let found = db.store.funnel_trends(&trends).await.expect("answered");
            assert_eq!(
                found,
                funnel_model::trends(&trends, &events),
                "{trends:?}\n{events:#?}"
            );

            let groups: Vec<Option<FunnelGroup>> = expected.into_iter().map(|funnel| funnel.group).collect();
            let mut groups_asked = vec![None];
            if funnel.breakdown.is_some() {
                groups_asked.extend(groups);
            }
            let actors = FunnelActorsQuery {
                funnel: funnel.clone(),
                group: random.of(&groups_asked).clone(),
                reached: (1..=last).filter(|_| random.chance(2)).collect(),
                entrance: random
                    .chance(2)
                    .then(|| range("2020-01-30 00:04", "2020-02-10 00:00")),
                limit: 3,
                offset: u32::try_from(random.below(2)).expect("small"),
            };
            let found = db.store.funnel_actors(&actors).await.expect("answered");
            assert_eq!(
                found,
                funnel_model::actors(&actors, &events),
                "{actors:?}\n{events:#?}"
            );

            let whole = FunnelQuery {
                breakdown: None,
                ..funnel
            };
            let excluded = vec!["y".to_owned()];
            let correlation = CorrelationQuery {
                funnel: whole.clone(),
                of: CorrelationOf::Events {
                    excluded: excluded.clone(),
                },
            };
            let found = db.store.correlation(&correlation).await.expect("answered");
            let (converted, lost, items) = funnel_model::correlated_events(&whole, &excluded, &events);
            let expected = Correlation {
                converted,
                lost,
                items,
            };
            assert_eq!(found, expected, "{correlation:?}\n{events:#?}");

            if last < 2 {
                continue;
            }
            let from = random.below(last - 1);
            let times = FunnelTimesQuery {
                funnel: whole,
                from,
                to: from + 1 + random.below(last - from - 1),
            };
            let found = db.store.funnel_times(&times).await.expect("answered");
            let expected = funnel_model::times(&times, &events);
            let close = found.len() == expected.len()
                && found.iter().zip(&expected).all(|(found, expected)| {
                    (found.second, found.count) == (expected.second, expected.count)
                        && same(Some(found.sum), Some(expected.sum))
                        && same(Some(found.max), Some(expected.max))
                });
            assert!(
                close,
                "{times:?}\n{events:#?}\nfound {found:?}\nexpected {expected:?}"
            );
        }
    }
    // Seeds may change, empty answers prove nothing.
    assert!(
        converted_some > 100 && lost_some > 100,
        "{converted_some} {lost_some}"
    );
}
