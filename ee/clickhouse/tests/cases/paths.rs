//! Paths: worked out by hand, and against a model.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use event_store::{Append, EventRow, EventStore};
use insights::{
    ActorKind, Condition, ConversionWindow, FunnelExclusion, FunnelOrder, FunnelPart, FunnelPlace,
    FunnelQuery, PathActorsQuery, PathRewrite, PathsQuery, PropertySource,
};
use model::ProjectId;
use serde_json::{Value, json};

use super::{PROJECT, any_of, day, events, group, id, mapping, person, property, range, time};
use crate::Case;

fn paths() -> PathsQuery {
    PathsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        range: range("2020-01-01", "2020-01-08"),
        actor: ActorKind::Person,
        condition: Condition::All(Vec::new()),
        rewrite: PathRewrite::None,
        excluded: Vec::new(),
        start: None,
        end: None,
        step_limit: 5,
        visit_gap: TimeDelta::minutes(30),
        min_weight: None,
        max_weight: None,
        edge_limit: None,
        funnel: None,
    }
}

type Asked<T> = Result<T, event_store::StoreError>;

/// `source target value`
async fn edges<S: EventStore>(store: &S, query: &PathsQuery) -> Asked<Vec<String>> {
    let edges = store.paths(query).await?;
    Ok(edges
        .iter()
        .map(|edge| format!("{} {} {}", edge.source, edge.target, edge.value))
        .collect())
}

fn persons(append: &mut Append, count: u128) {
    append.persons = (1..=count).map(|n| person(n, json!({}))).collect();
    append.distinct_ids = (1..=count).map(|n| mapping(&format!("p{n}"), n, 1)).collect();
}

/// One event a minute from ten o'clock on, named by the words.
fn walk(distinct_id: &'static str, words: &'static str) -> Vec<(&'static str, &'static str, String, Value)> {
    let words = words.split(' ').zip(0..);
    words
        .map(|(name, minute)| {
            (
                name,
                distinct_id,
                format!("2020-01-01T10:{minute:02}:00Z"),
                json!({}),
            )
        })
        .collect()
}

fn walks(list: &[(&'static str, &'static str)]) -> Append {
    let all: Vec<_> = list.iter().flat_map(|(id, words)| walk(id, words)).collect();
    let all: Vec<_> = all
        .iter()
        .map(|(name, id, at, properties)| (*name, *id, at.as_str(), properties.clone()))
        .collect();
    let mut append = events(&all);
    persons(&mut append, list.len() as u128);
    append
}

fn names(ids: &[u128]) -> Vec<String> {
    ids.iter().map(|&n| id(n).to_string()).collect()
}

pub async fn path_items_and_visits<S: EventStore>(store: &S) -> Case {
    let page = |url: &str| json!({"$current_url": url, "$screen_name": "no", "$group_0": "org"});
    let mut append = events(&[
        ("$pageview", "p1", "2020-01-01T10:00:00Z", page("/a")),
        ("$pageview", "p1", "2020-01-01T10:05:00Z", page("/a/")),
        ("$pageview", "p1", "2020-01-01T10:10:00Z", page("/b")),
        ("$pageview", "p1", "2020-01-01T11:00:00Z", page("/c")),
        // Just under half an hour; simultaneous ones by name; a page, a screen and a name that end in a slash.
        ("$pageview", "p2", "2020-01-02T10:00:00Z", page("/")),
        (
            "$screen",
            "p2",
            "2020-01-02T10:29:59.999999Z",
            json!({"$screen_name": "s/"}),
        ),
        ("z/", "p2", "2020-01-02T10:30:00Z", json!({})),
        ("y", "p2", "2020-01-02T10:30:00Z", json!({})),
        ("late", "p2", "2020-01-02T11:00:00Z", json!({})),
        ("a", "p9", "2020-01-02T11:00:00Z", json!({"$group_0": "org"})),
        ("b", "p9", "2020-01-02T11:01:00Z", json!({"$group_0": "org"})),
    ]);
    persons(&mut append, 2);
    store.append(append).await?;
    let found = store.paths(&paths()).await?;
    let found: Vec<_> = found
        .iter()
        .map(|e| (e.source.as_str(), e.target.as_str(), e.value, e.average_time))
        .collect();
    assert_eq!(
        found,
        [
            ("1_/", "2_s/", 1, 1_799_999.999),
            ("1_/a", "2_/b", 1, 300_000.0),
            ("2_s/", "3_y", 1, 0.001),
            ("3_y", "4_z/", 1, 0.0),
        ]
    );
    let mut query = paths();
    query.actor = ActorKind::Group(group(0));
    query.range = range("2020-01-02", "2020-01-03");
    assert_eq!(edges(store, &query).await?, ["1_a 2_b 1"]);
    Ok(())
}

pub async fn path_cuts<S: EventStore>(store: &S) -> Case {
    store
        .append(walks(&[
            ("p1", "a b c d e f g"),
            ("p2", "x b c b d y"),
            ("p3", "c c c"),
        ]))
        .await?;
    let mut query = paths();
    query.step_limit = 3;
    assert_eq!(
        edges(store, &query).await?,
        ["2_b 3_c 2", "1_a 2_b 1", "1_x 2_b 1"]
    );
    query.start = Some("b".to_owned());
    assert_eq!(
        edges(store, &query).await?,
        ["1_b 2_c 2", "2_c 3_b 1", "2_c 3_d 1"]
    );
    query.start = None;
    query.end = Some("d".to_owned());
    assert_eq!(
        edges(store, &query).await?,
        ["1_b 2_c 1", "1_c 2_b 1", "2_b 3_d 1", "2_c 3_d 1"]
    );
    query.start = Some("a".to_owned());
    query.end = Some("f".to_owned());
    query.step_limit = 4;
    assert_eq!(
        edges(store, &query).await?,
        ["1_a 2_b 1", "2_b 3_... 1", "3_... 4_e 1", "4_e 5_f 1"]
    );
    let times: Vec<_> = store
        .paths(&query)
        .await?
        .iter()
        .map(|e| e.average_time)
        .collect();
    assert_eq!(times, [60_000.0, 60_000.0, 120_000.0, 60_000.0]);
    query.step_limit = 1;
    assert!(store.paths(&query).await?.is_empty());
    query.step_limit = 6;
    assert_eq!(store.paths(&query).await?.len(), 5);

    let mut query = paths();
    query.min_weight = Some(2);
    assert_eq!(edges(store, &query).await?, ["2_b 3_c 2"]);
    query.min_weight = None;
    query.max_weight = Some(1);
    query.edge_limit = Some(2);
    assert_eq!(edges(store, &query).await?, ["1_a 2_b 1", "1_x 2_b 1"]);

    let actors = async |from: Option<&str>, to: Option<&str>, dropoff: Option<&str>| {
        store
            .path_actors(&PathActorsQuery {
                paths: paths(),
                from: from.map(str::to_owned),
                to: to.map(str::to_owned),
                dropoff: dropoff.map(str::to_owned),
                limit: 10,
                offset: 0,
            })
            .await
    };
    assert_eq!(actors(None, Some("2_b"), None).await?, names(&[1, 2]));
    assert_eq!(actors(Some("2_b"), Some("3_c"), None).await?, names(&[1, 2]));
    assert_eq!(actors(Some("3_c"), Some("4_b"), None).await?, names(&[2]));
    assert_eq!(actors(Some("1_x"), None, None).await?, names(&[2]));
    assert!(actors(Some("1_c"), None, None).await?.is_empty());
    assert!(actors(None, Some("1_c"), None).await?.is_empty());
    assert_eq!(actors(None, None, Some("1_c")).await?, names(&[3]));
    assert_eq!(actors(None, None, Some("5_e")).await?, names(&[1]));
    assert!(actors(Some("1_a"), Some("3_c"), None).await?.is_empty());
    Ok(())
}

pub async fn path_rewrites<S: EventStore>(store: &S) -> Case {
    store
        .append(walks(&[
            ("p1", "/user/12 /user/34 /home /shop/a/1"),
            ("p2", "/home /user/5 noise /shop/b"),
        ]))
        .await?;
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    let mut query = paths();
    query.excluded = vec!["noise".to_owned()];
    query.rewrite = PathRewrite::Groupings(pairs(&[
        ("/user/.*", "/user/*"),
        ("/user/5", "never"),
        ("/shop/", "/shop/*"),
    ]));
    assert_eq!(
        edges(store, &query).await?,
        [
            "1_/home 2_/user/* 1",
            "1_/user/* 2_/home 1",
            "2_/home 3_/shop/* 1",
            "2_/user/* 3_/shop/* 1"
        ]
    );
    query.excluded.push("/shop/*".to_owned());
    assert_eq!(
        edges(store, &query).await?,
        ["1_/home 2_/user/* 1", "1_/user/* 2_/home 1"]
    );
    query.excluded.clear();
    query.rewrite =
        PathRewrite::Replacements(pairs(&[("[0-9]", "N"), ("NN", r"\0$1"), ("^noise$", "/user/N")]));
    assert_eq!(
        edges(store, &query).await?,
        [
            r"1_/home 2_/user/N 1",
            r"1_/user/\0$1 2_/home 1",
            r"2_/home 3_/shop/a/N 1",
            r"2_/user/N 3_/shop/b 1",
        ]
    );
    query.rewrite = PathRewrite::Replacements(pairs(&[("", "-"), ("/-", "")]));
    assert_eq!(edges(store, &query).await?[0], "1_-h-o-m-e- 2_-u-s-e-r-5- 1");
    let many: Vec<_> = (0..100)
        .map(|n| (format!("nothing{n}"), "x".to_owned()))
        .collect();
    query.rewrite = PathRewrite::Replacements(many);
    assert_eq!(edges(store, &query).await?.len(), 6);
    let many: Vec<_> = (0..100)
        .map(|n| (format!("nothing{n}"), "x".to_owned()))
        .collect();
    query.rewrite = PathRewrite::Groupings(many);
    assert_eq!(edges(store, &query).await?.len(), 6);
    Ok(())
}

pub async fn paths_around_funnels<S: EventStore>(store: &S) -> Case {
    store
        .append(walks(&[
            ("p1", "k a l m b n o"),
            ("p2", "k a l"),
            ("p3", "k l b n"),
        ]))
        .await?;
    let funnel = FunnelQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        range: range("2019-12-31", "2020-01-09"),
        actor: ActorKind::Person,
        order: FunnelOrder::Ordered,
        window: ConversionWindow::Span(TimeDelta::days(1)),
        steps: ["a", "b"]
            .map(|name| Condition::EventName(name.to_owned()))
            .to_vec(),
        between: Condition::All(Vec::new()),
        exclusions: Vec::new(),
        breakdown: None,
    };
    let part = |reached: &[usize], at| {
        let mut query = paths();
        query.funnel = Some(FunnelPart {
            funnel: funnel.clone(),
            reached: reached.to_vec(),
            at,
        });
        query
    };
    let before = part(&[2], FunnelPlace::Before(1));
    assert_eq!(
        edges(store, &before).await?,
        ["1_k 2_a 1", "2_a 3_l 1", "3_l 4_m 1", "4_m 5_b 1"]
    );
    let between = part(&[2], FunnelPlace::Between(1));
    assert_eq!(
        edges(store, &between).await?,
        ["1_a 2_l 1", "2_l 3_m 1", "3_m 4_b 1"]
    );
    let after = part(&[1, 2], FunnelPlace::After(0));
    assert_eq!(
        edges(store, &after).await?,
        ["1_a 2_l 2", "2_l 3_m 1", "3_m 4_b 1", "4_b 5_n 1"]
    );
    let dropped = part(&[1], FunnelPlace::After(0));
    assert_eq!(edges(store, &dropped).await?, ["1_a 2_l 1"]);
    assert!(edges(store, &part(&[1], FunnelPlace::After(1))).await?.is_empty());
    // Everything at once: a high statement.
    let mut high = part(&[2], FunnelPlace::Between(1));
    let with_person = Condition::Not(Box::new(property(
        PropertySource::Person,
        "plan",
        any_of(&["none"]),
    )));
    let funnel_part = high.funnel.as_mut().expect("a part");
    for step in &mut funnel_part.funnel.steps {
        *step = Condition::All(vec![
            step.clone(),
            Condition::Any(vec![with_person.clone(), with_person.clone()]),
        ]);
    }
    funnel_part.funnel.order = FunnelOrder::Unordered;
    funnel_part.funnel.exclusions = vec![FunnelExclusion {
        condition: Condition::EventName("none".to_owned()),
        from_step: 0,
        to_step: 1,
    }];
    high.rewrite =
        PathRewrite::Replacements((0..100).map(|n| (format!("nothing{n}"), String::new())).collect());
    high.excluded = vec!["none".to_owned()];
    high.start = Some("a".to_owned());
    high.end = Some("b".to_owned());
    assert_eq!(
        edges(store, &high).await?,
        ["1_a 2_l 1", "2_l 3_m 1", "3_m 4_b 1"]
    );
    let actors = store
        .path_actors(&PathActorsQuery {
            paths: after,
            from: Some("1_a".to_owned()),
            to: None,
            dropoff: None,
            limit: 1,
            offset: 1,
        })
        .await?;
    assert_eq!(actors, names(&[2]));
    Ok(())
}

type Step = (DateTime<Utc>, String);

/// Visits word for word.
fn visits(query: &PathsQuery, mut steps: Vec<Step>) -> Vec<Vec<Step>> {
    steps.retain(|(_, item)| !query.excluded.contains(item));
    steps.sort();
    let mut visits: Vec<Vec<Step>> = Vec::new();
    for step in steps {
        match visits.last_mut() {
            Some(visit) if step.0 - visit[visit.len() - 1].0 < query.visit_gap => visit.push(step),
            _ => visits.push(vec![step]),
        }
    }
    let limit = query.step_limit as usize;
    let cut = |visit: Vec<Step>| -> Option<Vec<Step>> {
        let mut runs: Vec<Step> = Vec::new();
        for step in visit {
            if runs.last().is_some_and(|last| last.1 == step.1) {
                runs.pop();
            }
            runs.push(step);
        }
        if let Some(start) = &query.start {
            let from = runs.iter().position(|(_, item)| item == start)?;
            runs.drain(..from);
        }
        if let Some(end) = &query.end {
            let to = runs.iter().position(|(_, item)| item == end)?;
            runs.truncate(to + 1);
        }
        if runs.len() > limit {
            match (&query.start, &query.end) {
                (_, None) => runs.truncate(limit),
                (None, Some(_)) => {
                    runs.drain(..runs.len() - limit);
                }
                (Some(_), Some(_)) => {
                    let half = limit / 2;
                    let gap = (runs[half].0, "...".to_owned());
                    let tail = runs.split_off(runs.len() - half);
                    runs.truncate(half);
                    runs.push(gap);
                    runs.extend(tail);
                }
            }
        }
        Some(runs)
    };
    visits.into_iter().filter_map(cut).collect()
}

const ROUNDS: usize = 150;
/// A question takes a server much longer than the engine.
const ROUNDS_ON_A_SERVER: usize = 50;

pub async fn paths_are_those_of_the_model<S: EventStore>(store: &S) -> Case {
    let mut seed = 7_u64;
    let mut below = |end: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % end
    };
    let mut append = Append {
        token: "walks".to_owned(),
        ..Append::default()
    };
    let mut histories: Vec<BTreeMap<u128, Vec<Step>>> = Vec::new();
    for round in 0..ROUNDS {
        let project = ProjectId(5_000 + i64::try_from(round).expect("small"));
        let mut history: BTreeMap<u128, Vec<Step>> = BTreeMap::new();
        for n in 1..=3 {
            append.persons.push(event_store::PersonRow {
                project,
                ..person(n, json!({}))
            });
            append.distinct_ids.push(event_store::DistinctIdRow {
                project,
                ..mapping(&format!("p{n}"), n, 1)
            });
            for _ in 0..below(14) {
                let at =
                    day("2020-01-01") + TimeDelta::minutes(i64::try_from(below(30) * 10).expect("small"));
                let item = ["a", "b", "c", "d"][below(4) as usize].to_owned();
                append.events.push(EventRow {
                    project,
                    uuid: id(append.events.len() as u128 + 1),
                    event: item.clone(),
                    distinct_id: format!("p{n}"),
                    properties: "{}".to_owned(),
                    elements_chain: String::new(),
                    timestamp: at,
                    created_at: time("2024-01-01T00:00:00Z"),
                });
                history.entry(n).or_default().push((at, item));
            }
        }
        histories.push(history);
    }
    store.append(append).await?;
    let rounds = if store.name() == "columnar" {
        ROUNDS
    } else {
        ROUNDS_ON_A_SERVER
    };
    for (round, history) in histories.iter().enumerate().take(rounds) {
        let mut item = |of: u64| (below(of) == 0).then(|| ["a", "b", "c"][below(3) as usize].to_owned());
        let query = PathsQuery {
            project: ProjectId(5_000 + i64::try_from(round).expect("small")),
            start: item(2),
            end: item(2),
            excluded: item(4).into_iter().collect(),
            step_limit: 1 + u32::try_from(below(6)).expect("small"),
            visit_gap: TimeDelta::minutes([10, 30, 60][below(3) as usize]),
            ..paths()
        };
        let mut expected: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
        let mut last: Vec<(String, u128)> = Vec::new();
        for (person, steps) in history {
            for visit in visits(&query, steps.clone()) {
                let node = |i: usize| format!("{}_{}", i + 1, visit[i].1);
                for i in 1..visit.len() {
                    let took = (visit[i].0 - visit[i - 1].0).num_milliseconds() as f64;
                    expected.entry((node(i - 1), node(i))).or_default().push(took);
                }
                last.extend(visit.len().checked_sub(1).map(|i| (node(i), *person)));
            }
        }
        let mut expected: Vec<_> = expected
            .into_iter()
            .map(|((source, target), times)| {
                let mean = times.iter().sum::<f64>() / times.len() as f64;
                (source, target, times.len() as u64, mean)
            })
            .collect();
        expected.sort_by_key(|(.., value, _)| std::cmp::Reverse(*value));
        let found = store.paths(&query).await?;
        let same = found.len() == expected.len()
            && found.iter().zip(&expected).all(|(a, e)| {
                (&a.source, &a.target, a.value) == (&e.0, &e.1, e.2) && (a.average_time - e.3).abs() < 1e-6
            });
        assert!(same, "{query:#?}\n{history:#?}\n{found:#?}\n{expected:#?}");
        if let Some((node, _)) = last.first() {
            let mut actors: Vec<_> = last
                .iter()
                .filter(|(of, _)| of == node)
                .map(|(_, person)| *person)
                .collect();
            actors.sort_unstable();
            actors.dedup();
            let found = store
                .path_actors(&PathActorsQuery {
                    paths: query.clone(),
                    from: None,
                    to: None,
                    dropoff: Some(node.clone()),
                    limit: 10,
                    offset: 0,
                })
                .await?;
            assert_eq!(found, names(&actors), "{node} {query:#?}\n{history:#?}");
        }
    }
    Ok(())
}
