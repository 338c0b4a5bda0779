//! Paths and the actors on them, by hand and as a model says.

use chrono::TimeDelta;
use event_store::EventStore;
use insights::{
    ActorKind, Condition, FunnelPart, FunnelPlace, PathActorsQuery, PathEdge, PathRewrite, PathsQuery,
};
use serde_json::json;

use crate::database::*;
use crate::funnel_random::{History, some_funnel};
use crate::funnels::steps_of;
use crate::path_model;
use crate::random::Random;

fn question() -> PathsQuery {
    PathsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        range: range("2020-01-01", "2020-02-01"),
        actor: ActorKind::Person,
        condition: anything(),
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

fn line(edge: &PathEdge) -> String {
    let PathEdge {
        source,
        target,
        value,
        average_time,
    } = edge;
    format!("{source} > {target}: {value} in {average_time}")
}

async fn check(db: &Database, query: &PathsQuery, expected: &[&str]) {
    let found = db.store.paths(query).await.expect("answered");
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expected, "{query:?}");
}

fn view(who: &str, url: &str, minute: i64) -> event_store::EventRow {
    let mut row = event("$pageview", who, "2020-01-01", json!({"$current_url": url}));
    row.timestamp = at("2020-01-01 10:00") + TimeDelta::minutes(minute);
    row
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[tokio::test]
async fn items_and_visits() {
    let db = Database::new().await;
    db.person(1, &["p1", "p1b"], json!({})).await;
    db.person(2, &["p2"], json!({})).await;
    let mut screen = view("p2", "", 6);
    screen.event = "$screen".to_owned();
    screen.properties = json!({"$screen_name": "Home"}).to_string();
    let mut custom = view("p2", "/ignored", 7);
    custom.event = "signed up".to_owned();
    db.events([
        view("p1", "/a", 0),
        view("p1b", "/a/", 5),
        view("p1", "/b", 10),
        // A gap of half an hour begins a new visit.
        view("p1", "/c", 60),
        view("p1", "/d", 90),
        view("p2", "/", 0),
        view("p2", "//", 5),
        screen,
        custom,
        view("p2", "/b", 36),
        view("nobody", "/a", 0),
        view("nobody", "/b", 1),
    ])
    .await;
    let query = question();
    check(
        &db,
        &query,
        &[
            "1_/ > 2_Home: 1 in 60000",
            "1_/a > 2_/b: 1 in 300000",
            "2_Home > 3_signed up: 1 in 60000",
            "3_signed up > 4_/b: 1 in 1740000",
        ],
    )
    .await;
    let views = PathsQuery {
        condition: named("$pageview"),
        excluded: texts(&["/"]),
        ..question()
    };
    check(&db, &views, &["1_/a > 2_/b: 1 in 300000"]).await;
    let few = PathsQuery {
        step_limit: 2,
        edge_limit: Some(1),
        ..question()
    };
    check(&db, &few, &["1_/ > 2_Home: 1 in 60000"]).await;
}

/// Three walks through one site.
async fn walks() -> Database {
    let db = Database::new().await;
    for n in 1..=3 {
        db.person(n, &[&format!("p{n}")], json!({})).await;
    }
    let walk = |who: &'static str, pages: &[&str]| {
        let pages: Vec<_> = pages
            .iter()
            .zip(0..)
            .map(|(page, i)| view(who, page, i))
            .collect();
        pages
    };
    db.events(walk("p1", &["/a", "/b", "/c", "/d", "/e", "/f", "/b"]))
        .await;
    db.events(walk("p2", &["/x", "/b", "/c", "/d"])).await;
    db.events(walk("p3", &["/c", "/b"])).await;
    db
}

#[tokio::test]
async fn starts_and_ends() {
    let db = walks().await;
    let from_b = PathsQuery {
        start: Some("/b".to_owned()),
        step_limit: 3,
        ..question()
    };
    check(
        &db,
        &from_b,
        &["1_/b > 2_/c: 2 in 60000", "2_/c > 3_/d: 2 in 60000"],
    )
    .await;
    let to_d = PathsQuery {
        end: Some("/d".to_owned()),
        step_limit: 3,
        ..question()
    };
    check(
        &db,
        &to_d,
        &["1_/b > 2_/c: 2 in 60000", "2_/c > 3_/d: 2 in 60000"],
    )
    .await;
    let both = |start: &str, end: &str, step_limit| PathsQuery {
        start: Some(start.to_owned()),
        end: Some(end.to_owned()),
        step_limit,
        ..question()
    };
    check(
        &db,
        &both("/c", "/b", 5),
        &[
            "1_/c > 2_/b: 1 in 60000",
            "1_/c > 2_/d: 1 in 60000",
            "2_/d > 3_/e: 1 in 60000",
            "3_/e > 4_/f: 1 in 60000",
            "4_/f > 5_/b: 1 in 60000",
        ],
    )
    .await;
    check(
        &db,
        &both("/a", "/f", 4),
        &[
            "1_/a > 2_/b: 1 in 60000",
            "2_/b > 3_...: 1 in 60000",
            // From the first of what the dots stand for.
            "3_... > 4_/e: 1 in 120000",
            "4_/e > 5_/f: 1 in 60000",
        ],
    )
    .await;
    check(&db, &both("/a", "/f", 1), &[]).await;
}

#[tokio::test]
async fn rewriting_and_weights() {
    let db = walks().await;
    let grouped = PathsQuery {
        rewrite: PathRewrite::Groupings(vec![
            ("/[ab]".to_owned(), "/ab*".to_owned()),
            ("/".to_owned(), "/*".to_owned()),
        ]),
        ..question()
    };
    check(
        &db,
        &grouped,
        &[
            "1_/* > 2_/ab*: 2 in 60000",
            "1_/ab* > 2_/*: 1 in 240000",
            "2_/* > 3_/ab*: 1 in 60000",
            "2_/ab* > 3_/*: 1 in 120000",
        ],
    )
    .await;
    let replaced = PathsQuery {
        rewrite: PathRewrite::Replacements(vec![
            (r"/(a|b|c)".to_owned(), r"\1&$".to_owned()),
            ("[d-f]".to_owned(), String::new()),
        ]),
        min_weight: Some(2),
        ..question()
    };
    check(&db, &replaced, &[r"2_\1&$ > 3_/: 1 in 180000"][..0]).await;
    let at_most = PathsQuery {
        max_weight: Some(1),
        edge_limit: Some(2),
        ..question()
    };
    check(
        &db,
        &at_most,
        &["1_/a > 2_/b: 1 in 60000", "1_/c > 2_/b: 1 in 60000"],
    )
    .await;
    // The first alternative, not the longest; a match as short as may be; an alias without a meaning.
    let first = PathsQuery {
        rewrite: PathRewrite::Replacements(vec![
            ("/|/a".to_owned(), "$0".to_owned()),
            ("^(.)0+?".to_owned(), String::new()),
        ]),
        step_limit: 2,
        ..question()
    };
    check(
        &db,
        &first,
        &[
            "1_a > 2_b: 1 in 60000",
            "1_c > 2_b: 1 in 60000",
            "1_x > 2_b: 1 in 60000",
        ],
    )
    .await;
    let whole = PathsQuery {
        min_weight: None,
        ..replaced
    };
    let found = db.store.paths(&whole).await.expect("answered");
    assert!(found.iter().all(|edge| !edge.source.contains("/a")), "{found:?}");
    assert!(
        found
            .iter()
            .any(|edge| edge.source == r"1_\1&$" && edge.target == "2_/"),
        "{found:?}"
    );
}

#[tokio::test]
async fn actors_on_the_way() {
    let db = walks().await;
    let ask = |from: Option<&str>, to: Option<&str>, dropoff: Option<&str>| PathActorsQuery {
        paths: question(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        dropoff: dropoff.map(str::to_owned),
        limit: 10,
        offset: 0,
    };
    for (query, expected) in [
        (ask(None, None, None), vec![1, 2, 3]),
        (ask(Some("2_/b"), None, None), vec![1, 2]),
        (ask(None, Some("2_/b"), None), vec![1, 2, 3]),
        (ask(Some("1_/x"), Some("2_/b"), None), vec![2]),
        (ask(Some("1_/x"), Some("3_/c"), None), vec![]),
        (ask(None, None, Some("4_/d")), vec![2]),
        (ask(Some("2_/b"), None, Some("4_/d")), vec![2]),
        (ask(Some("4_/d"), None, None), vec![1]),
        (ask(None, None, Some("5_/e")), vec![1]),
    ] {
        let found = db.store.path_actors(&query).await.expect("answered");
        let expected: Vec<String> = expected.iter().map(|n| person_id(*n).to_string()).collect();
        assert_eq!(found, expected, "{query:?}");
    }
    let second = PathActorsQuery {
        limit: 1,
        offset: 1,
        ..ask(None, None, None)
    };
    let found = db.store.path_actors(&second).await.expect("answered");
    assert_eq!(found, [person_id(2).to_string()]);
}

#[tokio::test]
async fn parts_of_a_funnel() {
    let db = walks().await;
    let page = |page: &str| {
        Condition::All(vec![
            named("$pageview"),
            Condition::Property {
                source: insights::PropertySource::Event,
                key: "$current_url".to_owned(),
                test: insights::PropertyTest::AnyOf(texts(&[page])),
            },
        ])
    };
    let mut funnel = steps_of(&[]);
    funnel.steps = vec![page("/b"), page("/d")];
    // Another origin of times than that of the paths.
    funnel.range = range("2019-12-30", "2020-02-01");
    let part = |reached: &[usize], place| PathsQuery {
        funnel: Some(FunnelPart {
            funnel: funnel.clone(),
            reached: reached.to_vec(),
            at: place,
        }),
        step_limit: 10,
        ..question()
    };
    check(
        &db,
        &part(&[1, 2], FunnelPlace::Before(0)),
        &[
            "1_/a > 2_/b: 1 in 60000",
            "1_/c > 2_/b: 1 in 60000",
            "1_/x > 2_/b: 1 in 60000",
        ],
    )
    .await;
    check(
        &db,
        &part(&[2], FunnelPlace::Between(1)),
        &["1_/b > 2_/c: 2 in 60000", "2_/c > 3_/d: 2 in 60000"],
    )
    .await;
    check(
        &db,
        &part(&[2], FunnelPlace::After(1)),
        &[
            "1_/d > 2_/e: 1 in 60000",
            "2_/e > 3_/f: 1 in 60000",
            "3_/f > 4_/b: 1 in 60000",
        ],
    )
    .await;
    check(&db, &part(&[1], FunnelPlace::Before(1)), &[]).await;
    check(&db, &part(&[1], FunnelPlace::After(0)), &[]).await;
}

#[tokio::test]
async fn random_histories_agree_with_the_model() {
    let db = Database::new().await;
    let mut random = Random::new(11);
    let (mut long, mut of_funnels) = (0, 0);
    for round in 0..120 {
        let history = History::new(
            &db,
            &mut random,
            round,
            &["$pageview", "$pageview", "$pageview", "a", "b", "c"],
        )
        .await;
        for _ in 0..4 {
            let page = |random: &mut Random| {
                random
                    .chance(4)
                    .then(|| (*random.of(&["/a", "/b", "a", "b"])).to_owned())
            };
            let pair = |text: &str, alias: &str| (text.to_owned(), alias.to_owned());
            let mut query = PathsQuery {
                project: history.project,
                range: *random.of(&[
                    range("2020-01-01", "2021-01-01"),
                    range("2020-01-30 00:02", "2020-01-30 00:20"),
                ]),
                actor: *random.of(&[ActorKind::Person, ActorKind::Group(group_type(0))]),
                condition: random
                    .of(&[anything(), Condition::Not(Box::new(named("c")))])
                    .clone(),
                rewrite: random
                    .of(&[
                        PathRewrite::None,
                        PathRewrite::Groupings(vec![pair("/c", "/*"), pair("/", "/**")]),
                        PathRewrite::Replacements(vec![pair("/d", r"\"), pair("a", "b"), pair("bb", "")]),
                    ])
                    .clone(),
                excluded: random.of(&[vec![], vec![], texts(&["b", "/b"])]).clone(),
                start: page(&mut random),
                end: page(&mut random),
                step_limit: u32::try_from(1 + random.below(6)).expect("small"),
                visit_gap: *random.of(&[TimeDelta::minutes(3), TimeDelta::minutes(30), TimeDelta::days(30)]),
                min_weight: random.chance(6).then_some(2),
                max_weight: random.chance(4).then_some(2),
                edge_limit: random.chance(4).then_some(3),
                ..question()
            };
            if random.chance(2) {
                let mut funnel = some_funnel(&mut random, history.project);
                funnel.actor = query.actor;
                funnel.breakdown = None;
                let last = funnel.steps.len() - 1;
                query.funnel = Some(FunnelPart {
                    reached: (1..=last + 1).filter(|_| random.chance(2)).collect(),
                    at: match random.below(3) {
                        1 if last > 0 => FunnelPlace::Between(1 + random.below(last)),
                        2 => FunnelPlace::After(random.below(last + 1)),
                        _ => FunnelPlace::Before(random.below(last + 1)),
                    },
                    funnel,
                });
            }
            let events = history.of(query.actor);
            let found = db.store.paths(&query).await.expect("answered");
            let expected = path_model::paths(&query, &events);
            let same = found.len() == expected.len()
                && found.iter().zip(&expected).all(|(found, expected)| {
                    (&found.source, &found.target, found.value)
                        == (&expected.source, &expected.target, expected.value)
                        && (found.average_time - expected.average_time).abs() < 1e-3
                });
            assert!(
                same,
                "{query:?}\n{events:#?}\nfound {found:#?}\nexpected {expected:#?}"
            );

            long += u32::from(expected.iter().any(|edge| edge.source.starts_with("2_")));
            of_funnels += u32::from(query.funnel.is_some() && !expected.is_empty());
            let node = |random: &mut Random| {
                let edge = (!expected.is_empty()).then(|| random.of(&expected))?;
                Some(random.of(&[edge.source.clone(), edge.target.clone()]).clone())
            };
            let mut actors = PathActorsQuery {
                paths: query,
                from: node(&mut random),
                to: node(&mut random),
                dropoff: node(&mut random),
                limit: 3,
                offset: 0,
            };
            for part in [&mut actors.from, &mut actors.to, &mut actors.dropoff] {
                if random.chance(2) {
                    *part = None;
                }
            }
            let found = db.store.path_actors(&actors).await.expect("answered");
            assert_eq!(
                found,
                path_model::actors(&actors, &events),
                "{actors:?}\n{events:#?}"
            );
        }
    }
    // Seeds may change, empty answers prove nothing.
    assert!(long > 50 && of_funnels > 20, "{long} {of_funnels}");
}
