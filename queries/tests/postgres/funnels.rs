//! Funnels in all their views, worked out by hand.

use chrono::TimeDelta;
use event_store::EventStore;
use insights::{
    ActorKind, Attribution, Condition, ConversionWindow, FunnelActorsQuery, FunnelBreakdown, FunnelExclusion,
    FunnelGroup, FunnelOrder, FunnelQuery, FunnelSteps, FunnelTime, FunnelTimesQuery, FunnelTrendsQuery,
    PropertySource,
};
use model::{Interval, WeekStart};
use serde_json::json;

use crate::database::*;

pub fn steps_of(names: &[&str]) -> FunnelQuery {
    FunnelQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        range: range("2020-01-01", "2020-02-01"),
        actor: ActorKind::Person,
        order: FunnelOrder::Ordered,
        window: ConversionWindow::Span(TimeDelta::days(1)),
        steps: names.iter().map(|name| named(name)).collect(),
        between: anything(),
        exclusions: Vec::new(),
        breakdown: None,
    }
}

fn ordered_as(order: FunnelOrder, names: &[&str]) -> FunnelQuery {
    FunnelQuery {
        order,
        ..steps_of(names)
    }
}

fn excluding(name: &str, from_step: usize, to_step: usize, query: FunnelQuery) -> FunnelQuery {
    let exclusion = FunnelExclusion {
        condition: named(name),
        from_step,
        to_step,
    };
    FunnelQuery {
        exclusions: vec![exclusion],
        ..query
    }
}

fn by(keys: &[&str], attribution: Attribution, limit: u32, query: FunnelQuery) -> FunnelQuery {
    FunnelQuery {
        breakdown: Some(FunnelBreakdown {
            source: PropertySource::Event,
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            attribution,
            limit,
        }),
        ..query
    }
}

fn group_name(group: &FunnelGroup) -> String {
    match group {
        FunnelGroup::Value(parts) => parts.join("::"),
        FunnelGroup::Other => "<other>".to_owned(),
    }
}

/// `group: count(average/median) …`
fn line(funnel: &FunnelSteps) -> String {
    let steps: Vec<String> = funnel
        .steps
        .iter()
        .map(|step| match (step.average, step.median) {
            (Some(average), Some(median)) => format!("{}({average}/{median})", step.count),
            (None, None) => step.count.to_string(),
            halves => panic!("{halves:?}"),
        })
        .collect();
    let name = funnel.group.as_ref().map_or("-".to_owned(), group_name);
    format!("{name}: {}", steps.join(" "))
}

async fn check(db: &Database, query: &FunnelQuery, expected: &[&str]) {
    let found = db.store.funnel(query).await.expect("answered");
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expected, "{query:?}");
}

async fn people(names: &[&str]) -> Database {
    let db = Database::new().await;
    for (n, name) in (1..).zip(names) {
        db.person(n, &[name], json!({})).await;
    }
    db
}

/// `who name at`, the time on the first of January or in full.
async fn history(db: &Database, events: &[(&str, &str, &str)]) {
    let full = |time: &str| match time.len() {
        5 => format!("2020-01-01 {time}"),
        _ => time.to_owned(),
    };
    db.events(
        events
            .iter()
            .map(|(who, name, time)| event(name, who, &full(time), json!({}))),
    )
    .await;
}

#[tokio::test]
async fn the_three_orders() {
    let db = people(&["p1", "p2", "p3"]).await;
    history(
        &db,
        &[
            ("p1", "A", "10:00"),
            ("p1", "B", "10:10"),
            ("p1", "C", "10:40"),
            ("p2", "A", "09:00"),
            ("p2", "B", "2020-01-02 09:30"),
            ("p3", "B", "08:00"),
            ("p3", "A", "09:00"),
            ("nobody", "A", "09:00"),
        ],
    )
    .await;
    let names = &["A", "B", "C"];
    check(&db, &steps_of(names), &["-: 3 1(600/600) 1(1800/1800)"]).await;
    check(
        &db,
        &ordered_as(FunnelOrder::Unordered, names),
        &["-: 3 2(2100/2100) 1(1800/1800)"],
    )
    .await;
    check(
        &db,
        &ordered_as(FunnelOrder::Strict, names),
        &["-: 3 1(600/600) 1(1800/1800)"],
    )
    .await;
    check(&db, &steps_of(&["C", "A"]), &["-: 1 0"]).await;
    check(&db, &steps_of(&["A"]), &["-: 3"]).await;
    check(&db, &steps_of(&["never", "A"]), &["-: 0 0"]).await;
}

#[tokio::test]
async fn strict_suffers_nothing_in_between() {
    let db = people(&["p1", "p2", "p3", "p4"]).await;
    history(
        &db,
        &[
            ("p1", "A", "10:00"),
            ("p1", "X", "10:01"),
            ("p1", "B", "10:02"),
            ("p2", "A", "10:00"),
            ("p2", "B", "10:01"),
            ("p2", "X", "10:02"),
            // At one time with a step is neither before nor after it.
            ("p3", "A", "10:00"),
            ("p3", "X", "10:00"),
            ("p3", "X", "10:01"),
            ("p3", "B", "10:01"),
            // A second entrance is itself in between.
            ("p4", "A", "10:00"),
            ("p4", "A", "10:01"),
            ("p4", "B", "10:02"),
        ],
    )
    .await;
    let strict = ordered_as(FunnelOrder::Strict, &["A", "B"]);
    check(&db, &strict, &["-: 4 3(60/60)"]).await;
    let filtered = FunnelQuery {
        between: Condition::Any(vec![named("A"), named("B")]),
        ..strict
    };
    check(&db, &filtered, &["-: 4 4(75/60)"]).await;
}

#[tokio::test]
async fn ties_and_windows() {
    let db = people(&["tied", "exact", "late", "month", "again"]).await;
    history(
        &db,
        &[
            // Strictly later: the second of the two counts.
            ("tied", "A", "10:00"),
            ("tied", "B", "10:00"),
            ("tied", "B", "10:05"),
            // The end of the window is part of it.
            ("exact", "A", "2020-01-01T10:00:00.000001Z"),
            ("exact", "B", "2020-01-02T10:00:00.000001Z"),
            ("late", "A", "2020-01-01T10:00:00.000001Z"),
            ("late", "B", "2020-01-02T10:00:00.000002Z"),
            ("month", "A", "2020-01-31 10:00"),
            ("month", "B", "2020-02-29 10:00"),
            // The window is that of the entrance, and a later entrance may get further.
            ("again", "A", "2020-01-01 10:00"),
            ("again", "A", "2020-01-05 10:00"),
            ("again", "B", "2020-01-05 10:10"),
        ],
    )
    .await;
    let query = steps_of(&["A", "B"]);
    check(&db, &query, &["-: 5 3(29100/600)"]).await;
    let months = |months| FunnelQuery {
        range: range("2020-01-01", "2020-04-01"),
        window: ConversionWindow::Months(months),
        ..query.clone()
    };
    let reached = |months| FunnelActorsQuery {
        funnel: months,
        group: None,
        reached: vec![2],
        entrance: None,
        limit: 10,
        offset: 0,
    };
    for (months, expected) in [(months(1), vec![1, 2, 3, 4, 5])] {
        let found = db.store.funnel_actors(&reached(months)).await.expect("answered");
        assert_eq!(found, ids(&expected));
    }
    // A completion behind the range does not count, even within the window.
    let cut = FunnelQuery {
        range: range("2020-01-01", "2020-01-01 10:05"),
        ..query
    };
    check(&db, &cut, &["-: 4 0"]).await;
}

pub fn ids(persons: &[u128]) -> Vec<String> {
    persons.iter().map(|n| person_id(*n).to_string()).collect()
}

#[tokio::test]
async fn months_are_clamped_to_their_end() {
    let db = people(&["in", "out"]).await;
    history(
        &db,
        &[
            ("in", "A", "2019-01-31 10:00"),
            ("in", "B", "2019-02-28 10:00"),
            ("out", "A", "2019-01-31 10:00"),
            ("out", "B", "2019-02-28 10:01"),
        ],
    )
    .await;
    let query = FunnelQuery {
        range: range("2019-01-01", "2019-06-01"),
        window: ConversionWindow::Months(1),
        ..steps_of(&["A", "B"])
    };
    check(&db, &query, &["-: 2 1(2419200/2419200)"]).await;
}

#[tokio::test]
async fn one_event_may_not_be_two_steps() {
    let db = people(&["once", "twice"]).await;
    history(
        &db,
        &[
            ("once", "A", "10:00"),
            ("twice", "A", "10:00"),
            ("twice", "A", "10:01"),
        ],
    )
    .await;
    check(&db, &steps_of(&["A", "A"]), &["-: 2 1(60/60)"]).await;
    check(
        &db,
        &ordered_as(FunnelOrder::Unordered, &["A", "A"]),
        &["-: 2 1(60/60)"],
    )
    .await;
}

#[tokio::test]
async fn exclusions() {
    let db = people(&["p1", "p2", "p3", "p4"]).await;
    history(
        &db,
        &[
            ("p1", "A", "10:00"),
            ("p1", "X", "10:05"),
            ("p1", "B", "10:10"),
            ("p1", "A", "11:00"),
            ("p1", "B", "11:10"),
            ("p2", "A", "10:00"),
            ("p2", "X", "10:05"),
            // At the time of a step is not in between.
            ("p3", "A", "10:00"),
            ("p3", "X", "10:00"),
            ("p3", "X", "10:10"),
            ("p3", "B", "10:10"),
            // Before what it is about.
            ("p4", "A", "10:00"),
            ("p4", "B", "10:10"),
            ("p4", "X", "10:20"),
            ("p4", "C", "10:30"),
        ],
    )
    .await;
    let two = steps_of(&["A", "B"]);
    let three = steps_of(&["A", "B", "C"]);
    check(&db, &excluding("X", 0, 1, two.clone()), &["-: 3 3(600/600)"]).await;
    check(
        &db,
        &excluding("X", 0, 1, three.clone()),
        &["-: 3 3(600/600) 1(1200/1200)"],
    )
    .await;
    check(&db, &excluding("X", 1, 2, three), &["-: 3 2(600/600) 0"]).await;
    let unordered = FunnelQuery {
        order: FunnelOrder::Unordered,
        ..two
    };
    // p1 gets from its first B to its second A too, p4 no further than B.
    check(&db, &excluding("X", 0, 1, unordered), &["-: 3 3(1000/600)"]).await;
}

/// Two browsers and a plan that comes late.
async fn browsers() -> Database {
    let db = people(&["p1", "p2", "p3"]).await;
    db.events([
        event("A", "p1", "2020-01-01 10:00", json!({"b": "firefox", "v": 1})),
        event("B", "p1", "2020-01-01 10:10", json!({"b": "chrome", "v": 1})),
        event("A", "p1", "2020-01-01 11:00", json!({"b": "chrome", "v": 2})),
        event("B", "p1", "2020-01-01 11:20", json!({"b": "chrome", "v": 2})),
        event("A", "p2", "2020-01-01 10:00", json!({})),
        event("B", "p2", "2020-01-01 10:10", json!({"b": "safari", "v": "x::y"})),
        event("A", "p3", "2020-01-01 10:00", json!({})),
        event("other", "p3", "2020-01-01 10:10", json!({"b": "safari"})),
    ])
    .await;
    db
}

#[tokio::test]
async fn attributions() {
    let db = browsers().await;
    let ask = |attribution, limit| by(&["b"], attribution, limit, steps_of(&["A", "B"]));
    let first = ask(Attribution::FirstTouch, 25);
    // By number of events: chrome 3, '' 2, then firefox and safari.
    check(
        &db,
        &first,
        &[": 1 0", "firefox: 1 1(900/900)", "safari: 1 1(600/600)"],
    )
    .await;
    let last = ask(Attribution::LastTouch, 25);
    check(
        &db,
        &last,
        &["chrome: 1 1(900/900)", ": 1 0", "safari: 1 1(600/600)"],
    )
    .await;
    // Of the entrances alone: '' 2, chrome 1, firefox 1.
    let all = ask(Attribution::AllEvents, 25);
    check(&db, &all, &[": 2 0", "chrome: 1 1(1200/1200)", "firefox: 1 0"]).await;
    let step = ask(Attribution::Step(0), 25);
    check(
        &db,
        &step,
        &[": 2 1(600/600)", "chrome: 1 1(900/900)", "firefox: 1 1(900/900)"],
    )
    .await;
    let second = ask(Attribution::Step(1), 25);
    check(&db, &second, &["chrome: 1 1(900/900)", "safari: 1 1(600/600)"]).await;
    // Chrome is listed; what was picked for p1 is not.
    let first = ask(Attribution::FirstTouch, 1);
    check(&db, &first, &["<other>: 3 2(750/750)"]).await;
    let step = ask(Attribution::Step(0), 1);
    check(&db, &step, &[": 2 1(600/600)", "<other>: 1 1(900/900)"]).await;
    let second = ask(Attribution::Step(1), 0);
    check(&db, &second, &["<other>: 2 2(750/750)"]).await;
}

#[tokio::test]
async fn several_keys() {
    let db = browsers().await;
    let ask = |attribution| by(&["b", "v"], attribution, 25, steps_of(&["A", "B"]));
    check(
        &db,
        &ask(Attribution::AllEvents),
        &["::: 2 0", "chrome::2: 1 1(1200/1200)", "firefox::1: 1 0"],
    )
    .await;
    let safari = FunnelGroup::Value(vec!["safari".to_owned(), "x::y".to_owned()]);
    let actors = |group: FunnelGroup, reached: &[usize]| FunnelActorsQuery {
        funnel: ask(Attribution::FirstTouch),
        group: Some(group),
        reached: reached.to_vec(),
        entrance: None,
        limit: 10,
        offset: 0,
    };
    for (group, reached, expected) in [
        (safari.clone(), &[2][..], vec![2]),
        (safari, &[1], vec![]),
        (FunnelGroup::Value(vec![String::new(); 2]), &[1, 2], vec![3]),
        (
            FunnelGroup::Value(vec!["safari".to_owned(), "x".to_owned()]),
            &[1, 2],
            vec![],
        ),
        (FunnelGroup::Other, &[1, 2], vec![]),
    ] {
        let query = actors(group, reached);
        let found = db.store.funnel_actors(&query).await.expect("answered");
        assert_eq!(found, ids(&expected), "{query:?}");
    }
}

#[tokio::test]
async fn breakdowns_by_person_and_by_group() {
    let db = Database::new().await;
    db.person(1, &["p1"], json!({"plan": "pro"})).await;
    db.person(2, &["p2"], json!({"plan": null})).await;
    db.group(0, "acme", json!({"size": "big"})).await;
    db.events([
        event("A", "p1", "2020-01-01 10:00", json!({"$group_0": "acme"})),
        event("B", "p1", "2020-01-01 10:10", json!({})),
        event("A", "p2", "2020-01-01 10:00", json!({})),
        event(
            "B",
            "p2",
            "2020-01-01 10:10",
            json!({"$group_0": "acme", "x\u{0}y": "a\u{0}b"}),
        ),
        event("A", "nobody", "2020-01-01 10:00", json!({"$group_0": "acme"})),
        event("A", "nobody", "2020-01-01 10:00", json!({"$group_0": "beta"})),
    ])
    .await;
    let ask = |source, key: &str| {
        let mut query = by(&[key], Attribution::FirstTouch, 25, steps_of(&["A", "B"]));
        if let Some(breakdown) = &mut query.breakdown {
            breakdown.source = source;
        }
        query
    };
    check(
        &db,
        &ask(PropertySource::Person, "plan"),
        &["null: 1 1(600/600)", "pro: 1 1(600/600)"],
    )
    .await;
    let group = PropertySource::Group(group_type(0));
    check(&db, &ask(group, "size"), &["big: 2 2(600/600)"]).await;
    check(&db, &ask(group, "none"), &[": 2 2(600/600)"]).await;
    check(
        &db,
        &ask(PropertySource::Event, "x\u{0}y"),
        &[": 1 1(600/600)", "a\u{0}b: 1 1(600/600)"],
    )
    .await;

    // Groups as actors: persons are of no concern.
    let groups = FunnelQuery {
        actor: ActorKind::Group(group_type(0)),
        ..steps_of(&["A", "B"])
    };
    check(&db, &groups, &["-: 2 1(600/600)"]).await;
    let actors = FunnelActorsQuery {
        funnel: groups,
        group: None,
        reached: vec![1, 2],
        entrance: None,
        limit: 10,
        offset: 0,
    };
    assert_eq!(
        db.store.funnel_actors(&actors).await.expect("answered"),
        ["acme", "beta"]
    );
    let second = FunnelActorsQuery {
        limit: 1,
        offset: 1,
        ..actors
    };
    assert_eq!(db.store.funnel_actors(&second).await.expect("answered"), ["beta"]);
}

pub fn trends_of(funnel: FunnelQuery, days: i64, from: usize, to: usize) -> FunnelTrendsQuery {
    let start = funnel.range.from;
    FunnelTrendsQuery {
        funnel,
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        ticks: (0..days).map(|day| start + TimeDelta::days(day)).collect(),
        from,
        to,
    }
}

#[tokio::test]
async fn trends_go_by_the_entrance() {
    let db = people(&["a", "b"]).await;
    history(
        &db,
        &[
            ("a", "A", "2020-01-01 12:00"),
            ("a", "B", "2020-01-02 12:00"),
            ("b", "A", "2020-01-01 00:00"),
            ("b", "A", "2020-01-03 00:00"),
            ("b", "A", "2020-01-03 23:59"),
            ("b", "B", "2020-01-04 00:00"),
        ],
    )
    .await;
    let points = |query: FunnelTrendsQuery| {
        let store = db.store.clone();
        async move {
            let points = store.funnel_trends(&query).await.expect("answered");
            points
                .into_iter()
                .map(|point| (point.tick, point.reached_from, point.reached_to))
                .collect::<Vec<_>>()
        }
    };
    let funnel = steps_of(&["A", "B"]);
    assert_eq!(
        points(trends_of(funnel.clone(), 4, 1, 2)).await,
        [(0, 2, 1), (2, 1, 1)]
    );
    assert_eq!(
        points(trends_of(funnel.clone(), 4, 2, 2)).await,
        [(0, 1, 1), (2, 1, 1)]
    );
    assert_eq!(points(trends_of(funnel.clone(), 0, 1, 2)).await, []);

    let of_first_day = |reached: &[usize]| FunnelActorsQuery {
        funnel: funnel.clone(),
        group: None,
        reached: reached.to_vec(),
        entrance: Some(range("2020-01-01", "2020-01-02")),
        limit: 10,
        offset: 0,
    };
    for (reached, expected) in [(&[1, 2][..], vec![1, 2]), (&[1], vec![2]), (&[2], vec![1])] {
        let found = db
            .store
            .funnel_actors(&of_first_day(reached))
            .await
            .expect("answered");
        assert_eq!(found, ids(&expected));
    }
}

#[tokio::test]
async fn times_to_convert() {
    let db = people(&["p1", "p2", "p3", "p4"]).await;
    history(
        &db,
        &[
            ("p1", "A", "10:00"),
            ("p1", "B", "2020-01-01T10:00:10Z"),
            ("p2", "A", "10:00"),
            ("p2", "B", "2020-01-01T10:00:20Z"),
            ("p2", "A", "2020-01-03 10:00"),
            ("p2", "B", "2020-01-03T10:00:20.5Z"),
            ("p3", "A", "10:00"),
            ("p3", "B", "2020-01-01T10:01:11Z"),
            ("p3", "C", "2020-01-01T10:01:15Z"),
            ("p4", "A", "10:00"),
        ],
    )
    .await;
    let time = |second, count, sum, max| FunnelTime {
        second,
        count,
        sum,
        max,
    };
    for (names, from, to, expected) in [
        (
            &["A", "B"][..],
            0,
            1,
            vec![
                time(10, 1, 10.0, 10.0),
                time(20, 1, 20.25, 20.25),
                time(71, 1, 71.0, 71.0),
            ],
        ),
        (&["A", "B", "C"], 0, 2, vec![time(75, 1, 75.0, 75.0)]),
        (&["A", "B", "C"], 1, 2, vec![time(4, 1, 4.0, 4.0)]),
        (&["A", "never"], 0, 1, vec![]),
    ] {
        let query = FunnelTimesQuery {
            funnel: steps_of(names),
            from,
            to,
        };
        assert_eq!(
            db.store.funnel_times(&query).await.expect("answered"),
            expected,
            "{query:?}"
        );
    }
}

#[tokio::test]
async fn fifty_steps() {
    let db = people(&["p1", "p2"]).await;
    let names: Vec<String> = (0..50).map(|i| format!("step {i}")).collect();
    let walk = |who: &'static str, steps: usize| {
        let start = at("2020-01-01 10:00");
        names.iter().zip(0..).take(steps).map(move |(name, i)| {
            let mut row = event(name, who, "2020-01-01", json!({"b": "x"}));
            row.timestamp = start + TimeDelta::seconds(i);
            row
        })
    };
    db.events(walk("p1", 50).chain(walk("p2", 49))).await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for order in [FunnelOrder::Ordered, FunnelOrder::Strict, FunnelOrder::Unordered] {
        let whole = ordered_as(order, &names);
        for query in [
            whole.clone(),
            by(&["b"], Attribution::FirstTouch, 25, whole.clone()),
            by(&["b"], Attribution::Step(49), 25, whole),
        ] {
            let found = db.store.funnel(&query).await.expect("answered");
            let counts: Vec<u64> = found[0].steps.iter().map(|step| step.count).collect();
            let last_only = matches!(
                query.breakdown,
                Some(FunnelBreakdown {
                    attribution: Attribution::Step(_),
                    ..
                })
            );
            let mut expected = if last_only { vec![1; 50] } else { vec![2; 50] };
            expected[49] = 1;
            assert_eq!(counts, expected, "{order:?}");
            assert_eq!(found[0].steps[49].average, Some(1.0));
        }
    }
}
