//! Series of trends, and the actors behind them.

use std::collections::BTreeMap;

use event_store::{Append, EventStore, StoreError};
use insights::{
    ActorKind, Aggregate, Breakdown, Comparison, Condition, GroupKey, Histogram, Math, PropertySource,
    PropertyTest, TrendActorsQuery, TrendsQuery, TrendsShape,
};
use model::{Interval, TimeRange, WeekStart};
use serde_json::{Value, json};

use crate::database::*;

const ANN: &str = "ann";
const BOB: &str = "bob";

/// Ticks of `days` days in UTC.
fn daily(from: &str, days: i64) -> TrendsQuery {
    let start = at(from);
    let day = |i| start + chrono::TimeDelta::days(i);
    TrendsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        range: TimeRange {
            from: start,
            to: day(days),
        },
        interval: Interval::Day,
        ticks: (0..days).map(day).collect(),
        condition: named("e"),
        math: Math::Total,
        shape: TrendsShape::Series,
        breakdown: None,
    }
}

/// Ticks that begin at these instants; the last one ends at `end`.
fn ticked(interval: Interval, zone: chrono_tz::Tz, ticks: &[&str], end: &str) -> TrendsQuery {
    TrendsQuery {
        timezone: zone,
        interval,
        ticks: ticks.iter().map(|tick| at(tick)).collect(),
        range: range(ticks[0], end),
        ..daily("2020-01-01", 1)
    }
}

fn name(group: Option<&GroupKey>) -> String {
    match group {
        None => "-".to_owned(),
        Some(GroupKey::Value(value)) => value.clone(),
        Some(GroupKey::Other) => "<other>".to_owned(),
        Some(GroupKey::Null) => "<null>".to_owned(),
    }
}

/// `line: tick=value …`, by line; values with up to three decimals.
async fn lines(db: &Database, query: &TrendsQuery) -> Vec<String> {
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for point in db.store.trends(query).await.expect("answered") {
        let value = (point.value * 1000.0).round() / 1000.0;
        let line = lines.entry(name(point.group.as_ref())).or_default();
        line.push_str(&format!(" {}={value}", point.tick));
    }
    lines
        .into_iter()
        .map(|(name, points)| format!("{name}:{points}"))
        .collect()
}

async fn check(db: &Database, query: TrendsQuery, expected: &[&str]) {
    assert_eq!(lines(db, &query).await, expected, "{query:?}");
}

fn by(source: PropertySource, key: &str) -> Breakdown {
    Breakdown {
        source,
        key: key.to_owned(),
        limit: 25,
        histogram: None,
        normalize_url: false,
    }
}

/// Ann (two distinct ids) and Bob over three days, and somebody without a person.
async fn example() -> Database {
    let db = Database::new().await;
    db.person(1, &[ANN, "anon"], json!({"plan": "pro", "seats": 10}))
        .await;
    db.person(2, &[BOB], json!({"plan": "free", "seats": "4"})).await;
    db.group(0, "acme", json!({"size": "big", "staff": 50})).await;
    db.events([
        event(
            "e",
            ANN,
            "2020-01-01 00:00",
            json!({"n": 1, "b": "x", "$group_0": "acme", "$session_id": "s1"}),
        ),
        event(
            "e",
            "anon",
            "2020-01-01T00:00:10Z",
            json!({"n": "2.5", "b": "y", "$session_id": "s1"}),
        ),
        event(
            "e",
            BOB,
            "2020-01-01 23:59",
            json!({"n": "none", "b": "x", "$group_0": "beta"}),
        ),
        event(
            "e",
            ANN,
            "2020-01-02 12:00",
            json!({"n": 4, "$group_0": "acme", "$session_id": "s2"}),
        ),
        event(
            "e",
            ANN,
            "2020-01-02T12:01:00Z",
            json!({"n": 6, "b": "y", "$session_id": "s2"}),
        ),
        event("e", "nobody", "2020-01-03 12:00", json!({"n": -1, "b": "z"})),
        event("other", BOB, "2020-01-02 12:00", json!({"n": 99})),
        // Just outside.
        event("e", BOB, "2020-01-04 00:00", json!({"n": 99})),
        event("e", BOB, "2019-12-31T23:59:59.999999Z", json!({"n": 99})),
    ])
    .await;
    db
}

#[tokio::test]
async fn every_math_as_series_and_as_one_number() {
    let db = example().await;
    let person = ActorKind::Person;
    let group = ActorKind::Group(group_type(0));
    let of = |source, key: &str, aggregate| Math::Property {
        source,
        key: key.to_owned(),
        aggregate,
    };
    let n = |aggregate| of(PropertySource::Event, "n", aggregate);
    let per = |actor, aggregate| Math::CountPerActor { actor, aggregate };
    for (math, series, single) in [
        (Math::Total, "0=3 1=2 2=1", "6"),
        (Math::UniqueActors(person), "0=2 1=1", "2"),
        (Math::UniqueActors(group), "0=2 1=1", "2"),
        // No session is a session.
        (Math::UniqueSessions, "0=2 1=1 2=1", "3"),
        // Per day 1, 2.5; 4, 6; -1.
        (n(Aggregate::Sum), "0=3.5 1=10 2=-1", "12.5"),
        (n(Aggregate::Avg), "0=1.75 1=5 2=-1", "2.5"),
        (n(Aggregate::Min), "0=1 1=4 2=-1", "-1"),
        (n(Aggregate::Max), "0=2.5 1=6 2=-1", "6"),
        (n(Aggregate::Median), "0=1.75 1=5 2=-1", "2.5"),
        (n(Aggregate::P90), "0=2.35 1=5.8 2=-1", "5.2"),
        (n(Aggregate::P95), "0=2.425 1=5.9 2=-1", "5.6"),
        (n(Aggregate::P99), "0=2.485 1=5.98 2=-1", "5.92"),
        (of(PropertySource::Event, "absent", Aggregate::Sum), "", ""),
        (
            of(PropertySource::Person, "seats", Aggregate::Sum),
            "0=24 1=20",
            "44",
        ),
        (
            of(PropertySource::Group(group_type(0)), "staff", Aggregate::Avg),
            "0=50 1=50",
            "50",
        ),
        // Each session once: 10 s and 60 s.
        (
            of(PropertySource::Session, "$session_duration", Aggregate::Sum),
            "0=10 1=60",
            "70",
        ),
        (
            of(PropertySource::Session, "$session_duration", Aggregate::Median),
            "0=10 1=60",
            "35",
        ),
        // First day Ann 2, Bob 1; second Ann 2. In all Ann 4, Bob 1.
        (per(person, Aggregate::Avg), "0=1.5 1=2", "2.5"),
        (per(person, Aggregate::Min), "0=1 1=2", "1"),
        (per(person, Aggregate::Max), "0=2 1=2", "4"),
        (per(person, Aggregate::Median), "0=1.5 1=2", "2.5"),
        (per(person, Aggregate::P90), "0=1.9 1=2", "3.7"),
        (per(group, Aggregate::Avg), "0=1 1=1", "1.5"),
        (
            Math::Active {
                actor: person,
                days: 7,
            },
            "0=2 1=2 2=2",
            "2",
        ),
        (
            Math::Active {
                actor: group,
                days: 1,
            },
            "0=2 1=1",
            "",
        ),
    ] {
        let query = TrendsQuery {
            math: math.clone(),
            ..daily("2020-01-01", 3)
        };
        let expected: Vec<String> = [series]
            .iter()
            .filter(|s| !s.is_empty())
            .map(|s| format!("-: {s}"))
            .collect();
        assert_eq!(lines(&db, &query).await, expected, "{math:?}");
        let query = TrendsQuery {
            shape: TrendsShape::Single,
            ..query
        };
        let expected: Vec<String> = [single]
            .iter()
            .filter(|s| !s.is_empty())
            .map(|s| format!("-: 0={s}"))
            .collect();
        assert_eq!(lines(&db, &query).await, expected, "single {math:?}");
    }
}

#[tokio::test]
async fn actors_count_where_first_seen() {
    let db = example().await;
    let first = |math| TrendsQuery {
        math,
        shape: TrendsShape::FirstSeen,
        ..daily("2020-01-01", 4)
    };
    check(&db, first(Math::UniqueActors(ActorKind::Person)), &["-: 0=2"]).await;
    let late = TrendsQuery {
        range: range("2020-01-02", "2020-01-05"),
        ..first(Math::UniqueActors(ActorKind::Person))
    };
    check(&db, late, &["-: 1=1 3=1"]).await;
    let split = TrendsQuery {
        breakdown: Some(by(PropertySource::Event, "b")),
        ..first(Math::UniqueActors(ActorKind::Person))
    };
    check(&db, split, &["<null>: 1=1 3=1", "x: 0=2", "y: 0=1"]).await;
    let error = db.store.trends(&first(Math::Total)).await.expect_err("no actors");
    assert!(matches!(error, StoreError::Failed(_)), "{error}");
}

#[tokio::test]
async fn rolling_actives_look_back() {
    let db = Database::new().await;
    db.person(1, &["u1"], json!({"plan": "pro"})).await;
    db.person(2, &["u2"], json!({"plan": "free"})).await;
    db.events([
        event("e", "u1", "2019-12-26 10:00", json!({})),
        event("e", "u1", "2020-01-01 10:00", json!({})),
        event("e", "u2", "2020-01-05 10:00", json!({})),
    ])
    .await;
    let active = |days| TrendsQuery {
        math: Math::Active {
            actor: ActorKind::Person,
            days,
        },
        ..daily("2020-01-01", 9)
    };
    check(&db, active(7), &["-: 0=1 1=1 2=1 3=1 4=2 5=2 6=2 7=1 8=1"]).await;
    check(&db, active(1), &["-: 0=1 4=1"]).await;
    // The window of the first tick begins on 26 December.
    let alone = TrendsQuery {
        ticks: vec![at("2019-12-31"), at("2020-01-01")],
        ..active(7)
    };
    check(
        &db,
        TrendsQuery {
            range: range("2019-12-31", "2020-01-01 09:00"),
            ..alone
        },
        &["-: 0=1 1=1"],
    )
    .await;
    let split = TrendsQuery {
        breakdown: Some(by(PropertySource::Person, "plan")),
        ..active(7)
    };
    check(
        &db,
        split,
        &["free: 4=1 5=1 6=1 7=1 8=1", "pro: 0=1 1=1 2=1 3=1 4=1 5=1 6=1"],
    )
    .await;
    // On one number: the days that end with the range; a day that has begun counts.
    let single = |to: &str| TrendsQuery {
        shape: TrendsShape::Single,
        range: range("2020-01-01", to),
        ..active(7)
    };
    check(&db, single("2020-01-09"), &["-: 0=1"]).await;
    check(&db, single("2020-01-08"), &["-: 0=2"]).await;
    check(&db, single("2020-01-07 09:00"), &["-: 0=2"]).await;
    check(&db, single("2020-01-08 09:00"), &["-: 0=1"]).await;
}

#[tokio::test]
async fn ticks_are_local() {
    let db = Database::new().await;
    let berlin = chrono_tz::Europe::Berlin;
    db.events([
        // Clocks went back on 25 October 2020, 03:00 to 02:00: a day of 25 hours.
        event("e", "a", "2020-10-24T21:59:59Z", json!({})),
        event("e", "a", "2020-10-24T22:00:00Z", json!({})),
        event("e", "a", "2020-10-25T00:30:00Z", json!({})),
        event("e", "a", "2020-10-25T01:30:00Z", json!({})),
        event("e", "a", "2020-10-25T22:59:59Z", json!({})),
        event("e", "a", "2020-10-25T23:00:00Z", json!({})),
        event("e", "a", "2020-11-01T12:00:00Z", json!({})),
    ])
    .await;
    let days = [
        "2020-10-23T22:00:00Z",
        "2020-10-24T22:00:00Z",
        "2020-10-25T23:00:00Z",
    ];
    let end = "2020-10-26T23:00:00Z";
    check(
        &db,
        ticked(Interval::Day, berlin, &days, end),
        &["-: 0=1 1=4 2=1"],
    )
    .await;
    // 02:00 comes twice.
    let hours = [
        "2020-10-24T23:00:00Z",
        "2020-10-25T00:00:00Z",
        "2020-10-25T01:00:00Z",
        "2020-10-25T02:00:00Z",
    ];
    check(
        &db,
        ticked(Interval::Hour, berlin, &hours, "2020-10-25T03:00:00Z"),
        &["-: 1=1 2=1"],
    )
    .await;
    // Weeks from Sunday (25 October), and from Monday.
    let sundays = [
        "2020-10-17T22:00:00Z",
        "2020-10-24T22:00:00Z",
        "2020-10-31T23:00:00Z",
    ];
    check(
        &db,
        ticked(Interval::Week, berlin, &sundays, "2020-11-07T23:00:00Z"),
        &["-: 0=1 1=5 2=1"],
    )
    .await;
    let mondays = ["2020-10-18T22:00:00Z", "2020-10-25T23:00:00Z"];
    check(
        &db,
        ticked(Interval::Week, berlin, &mondays, "2020-11-01T23:00:00Z"),
        &["-: 0=5 1=2"],
    )
    .await;
    let months = ["2020-09-30T22:00:00Z", "2020-10-31T23:00:00Z"];
    check(
        &db,
        ticked(Interval::Month, berlin, &months, "2020-11-30T23:00:00Z"),
        &["-: 0=6 1=1"],
    )
    .await;
    let none = TrendsQuery {
        ticks: vec![],
        ..daily("2020-10-25", 1)
    };
    check(&db, none, &[]).await;
}

#[tokio::test]
async fn breakdowns_by_every_source() {
    let db = example().await;
    let split = |source, key: &str, math| TrendsQuery {
        math,
        breakdown: Some(by(source, key)),
        ..daily("2020-01-01", 3)
    };
    let unique = || Math::UniqueActors(ActorKind::Person);
    for (query, expected) in [
        (
            split(PropertySource::Event, "b", Math::Total),
            vec!["<null>: 1=1", "x: 0=2", "y: 0=1 1=1", "z: 2=1"],
        ),
        (
            split(PropertySource::Event, "b", unique()),
            vec!["<null>: 1=1", "x: 0=2", "y: 0=1 1=1"],
        ),
        (
            split(PropertySource::Event, "none", Math::Total),
            vec!["<null>: 0=3 1=2 2=1"],
        ),
        // Who has no person is in no line.
        (
            split(PropertySource::Person, "plan", Math::Total),
            vec!["free: 0=1", "pro: 0=2 1=2"],
        ),
        (
            split(PropertySource::Person, "none", Math::Total),
            vec!["<null>: 0=3 1=2"],
        ),
        // Who has no group stays.
        (
            split(PropertySource::Group(group_type(0)), "size", Math::Total),
            vec!["<null>: 0=2 1=1 2=1", "big: 0=1 1=1"],
        ),
        (
            split(PropertySource::Session, "$session_duration", Math::Total),
            vec!["10: 0=2", "60: 1=2", "<null>: 0=1 2=1"],
        ),
        (
            split(
                PropertySource::Event,
                "b",
                Math::Property {
                    source: PropertySource::Event,
                    key: "n".to_owned(),
                    aggregate: Aggregate::Sum,
                },
            ),
            vec!["<null>: 1=4", "x: 0=1", "y: 0=2.5 1=6", "z: 2=-1"],
        ),
        (
            split(
                PropertySource::Event,
                "b",
                Math::Property {
                    source: PropertySource::Session,
                    key: String::new(),
                    aggregate: Aggregate::Sum,
                },
            ),
            vec!["<null>: 1=60", "x: 0=10", "y: 0=10 1=60"],
        ),
        (
            split(
                PropertySource::Event,
                "b",
                Math::CountPerActor {
                    actor: ActorKind::Person,
                    aggregate: Aggregate::Max,
                },
            ),
            vec!["<null>: 1=1", "x: 0=1", "y: 0=1 1=1"],
        ),
        (
            TrendsQuery {
                shape: TrendsShape::Single,
                ..split(PropertySource::Event, "b", Math::Total)
            },
            vec!["<null>: 0=1", "x: 0=2", "y: 0=2", "z: 0=1"],
        ),
    ] {
        check(&db, query, &expected).await;
    }
}

#[tokio::test]
async fn values_beyond_the_limit_are_one_line() {
    let db = Database::new().await;
    for (n, id) in (1..).zip(["a", "b", "c"]) {
        db.person(n, &[id], json!({})).await;
    }
    let v = |id: &str, value: Value| event("e", id, "2020-01-01", json!({"v": value}));
    db.events([
        v("a", json!("many")),
        v("a", json!("many")),
        v("a", json!("many")),
        v("a", json!("wide")),
        v("b", json!("wide")),
        // As many as `wide`, and behind it.
        v("a", json!("x")),
        v("a", json!("x")),
        v("a", json!(1)),
        v("b", json!("1")),
        v("c", json!(1.0)),
        v("a", json!("")),
        v("a", json!(null)),
        v("a", json!(true)),
        event("e", "a", "2020-01-01", json!({})),
    ])
    .await;
    let split = |limit, math| TrendsQuery {
        math,
        breakdown: Some(Breakdown {
            limit,
            ..by(PropertySource::Event, "v")
        }),
        ..daily("2020-01-01", 1)
    };
    // 1 and `many` three times, `wide` and x twice, the others once.
    check(
        &db,
        split(1, Math::Total),
        &["1: 0=3", "<null>: 0=1", "<other>: 0=10"],
    )
    .await;
    check(
        &db,
        split(3, Math::Total),
        &["1: 0=3", "<null>: 0=1", "<other>: 0=5", "many: 0=3", "wide: 0=2"],
    )
    .await;
    let all = [
        ": 0=1",
        "1: 0=3",
        "<null>: 0=1",
        "many: 0=3",
        "null: 0=1",
        "true: 0=1",
        "wide: 0=2",
        "x: 0=2",
    ];
    check(&db, split(7, Math::Total), &all).await;
    // By persons 1 has three, `wide` two, the others one; and the rest has one person in all.
    let unique = Math::UniqueActors(ActorKind::Person);
    check(
        &db,
        split(2, unique),
        &["1: 0=3", "<null>: 0=1", "<other>: 0=1", "wide: 0=2"],
    )
    .await;
}

#[tokio::test]
async fn urls_are_normalised() {
    let db = Database::new().await;
    let urls = [
        "http://x/a",
        "http://x/a/",
        "http://x/a//?q=/1#f",
        "http://x/a#f?",
        "/",
        "http://x/b/c/",
    ];
    db.events(urls.map(|url| event("e", "a", "2020-01-01", json!({"u": url}))))
        .await;
    let mut query = daily("2020-01-01", 1);
    query.breakdown = Some(Breakdown {
        normalize_url: true,
        ..by(PropertySource::Event, "u")
    });
    check(&db, query, &[": 0=1", "http://x/a: 0=4", "http://x/b/c: 0=1"]).await;
}

#[tokio::test]
async fn numbers_fall_into_bins() {
    let db = Database::new().await;
    let size = |value: Value| event("e", "a", "2020-01-01", json!({"size": value}));
    let sizes = [
        json!(10),
        json!(10),
        json!("10"),
        json!(20),
        json!(20.5),
        json!(30),
        json!(40),
        json!("big"),
    ];
    db.events(sizes.map(size)).await;
    db.events([event("e", "a", "2020-01-01", json!({}))]).await;
    let bins = |bins, key: &str| {
        let mut query = daily("2020-01-01", 1);
        query.breakdown = Some(Breakdown {
            histogram: Some(Histogram { bins }),
            ..by(PropertySource::Event, key)
        });
        query
    };
    // Distinct numbers 10, 20, 20.5, 30, 40: quartiles 20, 20.5, 30.
    check(
        &db,
        bins(4, "size"),
        &[
            "<null>: 0=2",
            "[10.0,20.0]: 0=3",
            "[20.0,20.5]: 0=1",
            "[20.5,30.0]: 0=1",
            "[30.0,40.01]: 0=2",
        ],
    )
    .await;
    check(&db, bins(1, "size"), &["<null>: 0=2", "[10.0,40.01]: 0=7"]).await;
    check(&db, bins(4, "none"), &["<null>: 0=9"]).await;
}

#[tokio::test]
async fn actors_of_a_point() {
    let db = example().await;
    db.append(Append {
        distinct_ids: vec![mapping("nobody", 2, 1)],
        ..Append::default()
    })
    .await;
    let query = TrendActorsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        range: range("2020-01-01", "2020-01-02"),
        condition: named("e"),
        actor: ActorKind::Person,
        limit: 10,
        offset: 0,
    };
    let n = Condition::All(vec![
        named("e"),
        Condition::Property {
            source: PropertySource::Event,
            key: "n".to_owned(),
            test: PropertyTest::Compare {
                op: Comparison::Greater,
                value: 2.0,
            },
        },
    ]);
    let groups = ActorKind::Group(group_type(0));
    let (ann, bob) = (person_id(1).to_string(), person_id(2).to_string());
    for (query, expected) in [
        (query.clone(), vec![ann.as_str(), &bob]),
        (
            TrendActorsQuery {
                limit: 1,
                ..query.clone()
            },
            vec![&ann],
        ),
        (
            TrendActorsQuery {
                limit: 1,
                offset: 1,
                ..query.clone()
            },
            vec![&bob],
        ),
        (
            TrendActorsQuery {
                condition: n,
                ..query.clone()
            },
            vec![&ann],
        ),
        (
            TrendActorsQuery {
                range: range("2020-01-03", "2020-01-04"),
                ..query.clone()
            },
            vec![&bob],
        ),
        (
            TrendActorsQuery {
                actor: groups,
                ..query
            },
            vec!["acme", "beta"],
        ),
    ] {
        assert_eq!(
            db.store.trend_actors(&query).await.expect("answered"),
            expected,
            "{query:?}"
        );
    }
}

#[tokio::test]
async fn a_merge_changes_history() {
    let db = example().await;
    let unique = TrendsQuery {
        math: Math::UniqueActors(ActorKind::Person),
        ..daily("2020-01-01", 3)
    };
    check(&db, unique.clone(), &["-: 0=2 1=1"]).await;
    db.append(Append {
        distinct_ids: vec![mapping(BOB, 1, 2), mapping("nobody", 1, 1)],
        ..Append::default()
    })
    .await;
    check(&db, unique.clone(), &["-: 0=1 1=1 2=1"]).await;
    let mut gone = mapping("anon", 1, 2);
    gone.is_deleted = true;
    let mut ann = mapping(ANN, 1, 2);
    ann.is_deleted = true;
    db.append(Append {
        distinct_ids: vec![gone, ann],
        ..Append::default()
    })
    .await;
    check(&db, unique, &["-: 0=1 2=1"]).await;
    // A plain total needs no person.
    check(&db, daily("2020-01-01", 3), &["-: 0=3 1=2 2=1"]).await;
}
