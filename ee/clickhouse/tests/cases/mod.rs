//! One function a behaviour, over any event store.

mod cohorts;
mod funnel_model;
mod funnels;
mod lifecycle;
mod paths;
mod related;
mod session_lengths;
mod stickiness;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use event_store::{
    Append, DistinctIdRow, EventRow, EventStore, GroupRow, LedgerCount, LedgerOutcome, LedgerRow, PersonRow,
};
use insights::{
    ActorKind, Aggregate, Breakdown, Comparison, Condition, DateTest, ElementTest, EventsQuery, GroupKey,
    Histogram, Math, PersonSet, PersonsQuery, PropertySource, PropertyTest, RetentionActorsQuery,
    RetentionBreakdown, RetentionKind, RetentionQuery, TrendActorsQuery, TrendsQuery, TrendsShape,
    ValuesQuery,
};
use model::{CohortId, GroupTypeIndex, Interval, ProjectId, TimeRange, WeekStart};
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use cohorts::*;
pub use funnels::*;
pub use lifecycle::*;
pub use paths::*;
pub use related::*;
pub use session_lengths::*;
pub use stickiness::*;

use crate::Case;

const PROJECT: ProjectId = ProjectId(7);

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn day(text: &str) -> DateTime<Utc> {
    time(&format!("{text}T00:00:00Z"))
}

fn range(from: &str, to: &str) -> TimeRange {
    TimeRange {
        from: day(from),
        to: day(to),
    }
}

fn days(from: &str, count: i64) -> Vec<DateTime<Utc>> {
    (0..count).map(|i| day(from) + TimeDelta::days(i)).collect()
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn group(index: u8) -> GroupTypeIndex {
    GroupTypeIndex::new(index).expect("an index")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// Events with the uuids 1, 2, 3, … of (name, distinct id, time, properties).
fn events(list: &[(&str, &str, &str, Value)]) -> Append {
    let events = list
        .iter()
        .zip(1..)
        .map(|((event, distinct_id, at, properties), n)| EventRow {
            project: PROJECT,
            uuid: id(n),
            event: (*event).to_owned(),
            distinct_id: (*distinct_id).to_owned(),
            properties: properties.to_string(),
            elements_chain: properties["chain"].as_str().unwrap_or_default().to_owned(),
            timestamp: time(at),
            created_at: time("2024-01-01T00:00:00Z"),
        })
        .collect();
    Append {
        events,
        token: "events".to_owned(),
        ..Append::default()
    }
}

fn person(n: u128, properties: Value) -> PersonRow {
    PersonRow {
        project: PROJECT,
        id: id(n),
        created_at: day("2020-01-01") + TimeDelta::microseconds(i64::try_from(n).expect("small")),
        properties: object(properties),
        is_identified: n.is_multiple_of(2),
        is_deleted: false,
        version: 1,
    }
}

fn mapping(distinct_id: &str, person: u128, version: u64) -> DistinctIdRow {
    DistinctIdRow {
        project: PROJECT,
        distinct_id: distinct_id.to_owned(),
        person_id: id(person),
        is_deleted: false,
        version,
    }
}

/// Ann is 100 with plan pro, Bob 200 with plan free; Cat has no person.
fn people(append: &mut Append) {
    append.persons = vec![
        person(100, json!({"plan": "pro", "age": 30, "name": "Ann \"A\" X"})),
        person(200, json!({"plan": "free", "age": "7", "nothing": null})),
    ];
    append.distinct_ids = vec![mapping("ann", 100, 1), mapping("bob", 200, 1)];
}

fn trend(math: Math) -> TrendsQuery {
    TrendsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        range: range("2020-01-01", "2020-01-04"),
        interval: Interval::Day,
        ticks: days("2020-01-01", 3),
        condition: Condition::EventName("buy".to_owned()),
        math,
        shape: TrendsShape::Series,
        breakdown: None,
    }
}

async fn series<S: EventStore>(store: &S, query: &TrendsQuery) -> Result<Vec<f64>, event_store::StoreError> {
    let mut values = vec![0.0; query.ticks.len()];
    for point in store.trends(query).await? {
        assert_eq!(point.group, None);
        values[point.tick] += point.value;
    }
    Ok(values)
}

async fn lines<S: EventStore>(
    store: &S,
    query: &TrendsQuery,
) -> Result<Vec<(GroupKey, Vec<f64>)>, event_store::StoreError> {
    let mut lines: BTreeMap<GroupKey, Vec<f64>> = BTreeMap::new();
    for point in store.trends(query).await? {
        let group = point.group.expect("a group");
        lines.entry(group).or_insert_with(|| vec![0.0; query.ticks.len()])[point.tick] += point.value;
    }
    Ok(lines.into_iter().collect())
}

async fn single<S: EventStore>(store: &S, query: &TrendsQuery) -> Result<f64, event_store::StoreError> {
    let mut query = query.clone();
    query.shape = TrendsShape::Single;
    let points = store.trends(&query).await?;
    assert!(points.len() <= 1, "{points:?}");
    Ok(points.first().map_or(0.0, |point| point.value))
}

fn value(text: &str) -> GroupKey {
    GroupKey::Value(text.to_owned())
}

fn breakdown(source: PropertySource, key: &str) -> Breakdown {
    Breakdown {
        source,
        key: key.to_owned(),
        limit: 25,
        histogram: None,
        normalize_url: false,
    }
}

fn property(source: PropertySource, key: &str, test: PropertyTest) -> Condition {
    Condition::Property {
        source,
        key: key.to_owned(),
        test,
    }
}

fn any_of(values: &[&str]) -> PropertyTest {
    PropertyTest::AnyOf(values.iter().map(|&value| value.to_owned()).collect())
}

fn none_of(values: &[&str]) -> PropertyTest {
    PropertyTest::NoneOf(values.iter().map(|&value| value.to_owned()).collect())
}

pub async fn appends_are_found_once<S: EventStore>(store: &S) -> Case {
    store.ready().await?;
    assert_eq!(store.earliest_event(PROJECT, day("2015-01-01")).await?, None);
    let mut append = events(&[
        (
            "buy",
            "ann",
            "2020-01-01T00:00:00.000001Z",
            json!({"a": "ü\n\"'\\"}),
        ),
        ("buy", "ann", "2020-01-02T00:00:00Z", json!({})),
    ]);
    append.ledger = vec![
        LedgerRow {
            project: PROJECT,
            at: day("2024-01-01"),
            outcome: LedgerOutcome::Stored,
            count: 2,
        },
        LedgerRow {
            project: PROJECT,
            at: day("2024-01-01"),
            outcome: LedgerOutcome::Refused("too_old".to_owned()),
            count: 3,
        },
    ];
    store.append(append.clone()).await?;
    store.append(append.clone()).await?;

    assert_eq!(store.known_events(PROJECT, &[id(1), id(9)]).await?, [id(1)]);
    assert!(store.known_events(ProjectId(8), &[id(1)]).await?.is_empty());
    assert_eq!(
        store.earliest_event(PROJECT, day("2015-01-01")).await?,
        Some(time("2020-01-01T00:00:00.000001Z"))
    );
    assert_eq!(
        store.earliest_event(PROJECT, day("2020-01-02")).await?,
        Some(day("2020-01-02"))
    );
    let found = store.event(PROJECT, id(1)).await?.expect("the event");
    assert_eq!(found.row, append.events[0]);
    assert_eq!(found.person, None);
    assert_eq!(store.event(PROJECT, id(9)).await?, None);
    assert_eq!(
        store.ledger(PROJECT).await?,
        [
            LedgerCount {
                outcome: LedgerOutcome::Refused("too_old".to_owned()),
                count: 3
            },
            LedgerCount {
                outcome: LedgerOutcome::Stored,
                count: 2
            },
        ]
    );
    assert_eq!(series(store, &trend(Math::Total)).await?, [1.0, 1.0, 0.0]);
    Ok(())
}

pub async fn identities_follow_versions<S: EventStore>(store: &S) -> Case {
    let mut append = Append {
        token: "one".to_owned(),
        ..Append::default()
    };
    people(&mut append);
    append.distinct_ids.push(mapping("gone", 100, 1));
    store.append(append.clone()).await?;
    let mut changed = append.persons[0].clone();
    changed.version = 2;
    changed.properties = object(json!({"plan": "team"}));
    let mut deleted = mapping("gone", 100, 2);
    deleted.is_deleted = true;
    store
        .append(Append {
            persons: vec![changed.clone()],
            distinct_ids: vec![mapping("bob", 100, 2), deleted],
            token: "two".to_owned(),
            ..Append::default()
        })
        .await?;

    let asked: Vec<_> = ["ann", "bob", "gone", "new"].map(str::to_owned).to_vec();
    let mut found = store.identities(PROJECT, &asked).await?;
    found.sort_by(|a, b| a.distinct_id.cmp(&b.distinct_id));
    let seen: Vec<_> = found
        .iter()
        .map(|i| (i.distinct_id.as_str(), i.version, i.person.as_ref()))
        .collect();
    assert_eq!(
        seen,
        [
            ("ann", 1, Some(&changed)),
            ("bob", 2, Some(&changed)),
            ("gone", 2, None)
        ]
    );
    let mut ids = store.distinct_ids(PROJECT, &[id(100), id(200)]).await?;
    ids.sort_by(|a, b| a.distinct_id.cmp(&b.distinct_id));
    assert_eq!(ids, [mapping("ann", 100, 1), mapping("bob", 100, 2)]);
    Ok(())
}

pub async fn groups_follow_versions<S: EventStore>(store: &S) -> Case {
    let row = |key: &str, properties: Value, version| GroupRow {
        project: PROJECT,
        group_type: group(1),
        key: key.to_owned(),
        properties: object(properties),
        created_at: day("2020-01-01"),
        version,
    };
    let old = [row("b:1", json!({"n": 1}), 1), row("a:1", json!({}), 1)];
    let new = row("b:1", json!({"n": 2}), 2);
    for (token, groups) in [("1", old.to_vec()), ("2", vec![new.clone()])] {
        store
            .append(Append {
                groups,
                token: token.to_owned(),
                ..Append::default()
            })
            .await?;
    }
    let listed = store.groups(PROJECT, group(1), None, 10, 0).await?;
    assert_eq!(listed, [old[1].clone(), new.clone()]);
    assert_eq!(
        store.groups(PROJECT, group(1), Some("b:"), 10, 0).await?,
        std::slice::from_ref(&new)
    );
    assert_eq!(store.groups(PROJECT, group(0), None, 10, 0).await?, []);
    let keys = [(group(1), "b:1".to_owned()), (group(1), "c".to_owned())];
    assert_eq!(store.groups_by_key(PROJECT, &keys).await?, [new]);
    Ok(())
}

pub async fn counts_per_day_in_a_zone<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("buy", "ann", "2020-03-07T23:30:00Z", json!({})),
            ("buy", "ann", "2020-03-08T04:59:59Z", json!({})),
            ("buy", "ann", "2020-03-08T05:00:00Z", json!({})),
            ("buy", "ann", "2020-03-09T03:59:59.999999Z", json!({})),
            ("buy", "ann", "2020-03-09T04:00:00Z", json!({})),
            ("look", "ann", "2020-03-08T12:00:00Z", json!({})),
        ]))
        .await?;
    let mut query = trend(Math::Total);
    query.timezone = chrono_tz::America::New_York;
    // 8 March has 23 hours there.
    query.ticks = [
        "2020-03-07T05:00:00Z",
        "2020-03-08T05:00:00Z",
        "2020-03-09T04:00:00Z",
    ]
    .map(time)
    .to_vec();
    query.range = TimeRange {
        from: query.ticks[0],
        to: time("2020-03-10T04:00:00Z"),
    };
    assert_eq!(series(store, &query).await?, [2.0, 2.0, 1.0]);
    assert_eq!(single(store, &query).await?, 5.0);
    query.interval = Interval::Hour;
    query.ticks = (0..2)
        .map(|hour| time("2020-03-08T04:00:00Z") + TimeDelta::hours(hour))
        .collect();
    query.range = TimeRange {
        from: query.ticks[0],
        to: time("2020-03-08T06:00:00Z"),
    };
    assert_eq!(series(store, &query).await?, [1.0, 1.0]);
    Ok(())
}

pub async fn uniques_follow_merges<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("buy", "ann", "2020-01-01T00:00:00Z", json!({"$group_0": "x"})),
        ("buy", "ann", "2020-01-01T01:00:00Z", json!({"$group_0": "y"})),
        ("buy", "bob", "2020-01-01T02:00:00Z", json!({})),
        ("buy", "cat", "2020-01-02T02:00:00Z", json!({"$group_0": "x"})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let persons = trend(Math::UniqueActors(ActorKind::Person));
    assert_eq!(series(store, &persons).await?, [2.0, 0.0, 0.0]);
    assert_eq!(series(store, &trend(Math::Total)).await?, [3.0, 1.0, 0.0]);
    let groups = trend(Math::UniqueActors(ActorKind::Group(group(0))));
    assert_eq!(series(store, &groups).await?, [2.0, 1.0, 0.0]);
    assert_eq!(single(store, &groups).await?, 2.0);

    let mut actors = TrendActorsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        range: range("2020-01-01", "2020-01-03"),
        condition: Condition::EventName("buy".to_owned()),
        actor: ActorKind::Person,
        limit: 10,
        offset: 0,
    };
    assert_eq!(
        store.trend_actors(&actors).await?,
        [id(100).to_string(), id(200).to_string()]
    );
    actors.actor = ActorKind::Group(group(0));
    assert_eq!(store.trend_actors(&actors).await?, ["x", "y"]);
    actors.offset = 1;
    assert_eq!(store.trend_actors(&actors).await?, ["y"]);

    store
        .append(Append {
            distinct_ids: vec![mapping("bob", 100, 2), mapping("cat", 100, 2)],
            token: "merge".to_owned(),
            ..Append::default()
        })
        .await?;
    assert_eq!(series(store, &persons).await?, [1.0, 1.0, 0.0]);
    assert_eq!(single(store, &persons).await?, 1.0);
    Ok(())
}

pub async fn property_math<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("buy", "ann", "2020-01-01T00:00:00Z", json!({"amount": 1})),
        ("buy", "ann", "2020-01-01T00:00:00Z", json!({"amount": "2.5"})),
        ("buy", "bob", "2020-01-01T00:00:00Z", json!({"amount": 4})),
        ("buy", "bob", "2020-01-02T00:00:00Z", json!({"amount": "many"})),
        ("buy", "bob", "2020-01-03T00:00:00Z", json!({"amount": -3})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let math = |aggregate| {
        trend(Math::Property {
            source: PropertySource::Event,
            key: "amount".to_owned(),
            aggregate,
        })
    };
    assert_eq!(series(store, &math(Aggregate::Sum)).await?, [7.5, 0.0, -3.0]);
    assert_eq!(series(store, &math(Aggregate::Avg)).await?, [2.5, 0.0, -3.0]);
    assert_eq!(series(store, &math(Aggregate::Min)).await?, [1.0, 0.0, -3.0]);
    assert_eq!(single(store, &math(Aggregate::Max)).await?, 4.0);
    assert_eq!(single(store, &math(Aggregate::Median)).await?, 1.75);
    let p90 = single(store, &math(Aggregate::P90)).await?;
    assert!((p90 - 3.55).abs() < 1e-9, "{p90}");

    let age = Math::Property {
        source: PropertySource::Person,
        key: "age".to_owned(),
        aggregate: Aggregate::Sum,
    };
    assert_eq!(series(store, &trend(age)).await?, [67.0, 7.0, 7.0]);
    let counts = |aggregate| {
        trend(Math::CountPerActor {
            actor: ActorKind::Person,
            aggregate,
        })
    };
    assert_eq!(series(store, &counts(Aggregate::Avg)).await?, [1.5, 1.0, 1.0]);
    assert_eq!(single(store, &counts(Aggregate::Max)).await?, 3.0);
    assert_eq!(single(store, &counts(Aggregate::Median)).await?, 2.5);
    Ok(())
}

pub async fn breakdowns_rank_and_rest<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": "b"})),
            ("buy", "a", "2020-01-02T00:00:00Z", json!({"plan": "b"})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": "c"})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": "a"})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": true})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": "true"})),
            ("buy", "a", "2020-01-03T00:00:00Z", json!({"plan": null})),
            ("buy", "a", "2020-01-03T00:00:00Z", json!({})),
            ("buy", "a", "2020-01-03T00:00:00Z", json!({"plan": ""})),
        ]))
        .await?;
    let mut query = trend(Math::Total);
    query.breakdown = Some(breakdown(PropertySource::Event, "plan"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value(""), vec![0.0, 0.0, 1.0]),
            (value("a"), vec![1.0, 0.0, 0.0]),
            (value("b"), vec![1.0, 1.0, 0.0]),
            (value("c"), vec![1.0, 0.0, 0.0]),
            (value("null"), vec![0.0, 0.0, 1.0]),
            (value("true"), vec![2.0, 0.0, 0.0]),
            (GroupKey::Null, vec![0.0, 0.0, 1.0]),
        ]
    );
    // "b" and "true" have two, then by value.
    query.breakdown = Some(Breakdown {
        limit: 3,
        ..breakdown(PropertySource::Event, "plan")
    });
    assert_eq!(
        lines(store, &query).await?,
        [
            (value(""), vec![0.0, 0.0, 1.0]),
            (value("b"), vec![1.0, 1.0, 0.0]),
            (value("true"), vec![2.0, 0.0, 0.0]),
            (GroupKey::Other, vec![2.0, 0.0, 1.0]),
            (GroupKey::Null, vec![0.0, 0.0, 1.0]),
        ]
    );
    Ok(())
}

pub async fn breakdowns_by_person_and_group<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        (
            "buy",
            "ann",
            "2020-01-01T00:00:00Z",
            json!({"$group_0": "x", "url": "https://a.b/c//?q=1#f"}),
        ),
        (
            "buy",
            "ann",
            "2020-01-02T00:00:00Z",
            json!({"$group_0": "y", "url": "https://a.b/c"}),
        ),
        ("buy", "bob", "2020-01-01T00:00:00Z", json!({})),
        ("buy", "cat", "2020-01-01T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.groups = vec![GroupRow {
        project: PROJECT,
        group_type: group(0),
        key: "x".to_owned(),
        properties: object(json!({"size": 5})),
        created_at: day("2020-01-01"),
        version: 1,
    }];
    store.append(append).await?;
    let mut query = trend(Math::UniqueActors(ActorKind::Person));
    query.breakdown = Some(breakdown(PropertySource::Person, "plan"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("free"), vec![1.0, 0.0, 0.0]),
            (value("pro"), vec![1.0, 1.0, 0.0])
        ]
    );
    let mut query = trend(Math::Total);
    query.breakdown = Some(breakdown(PropertySource::Group(group(0)), "size"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("5"), vec![1.0, 0.0, 0.0]),
            (GroupKey::Null, vec![2.0, 1.0, 0.0])
        ]
    );
    query.breakdown = Some(Breakdown {
        normalize_url: true,
        ..breakdown(PropertySource::Event, "url")
    });
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("https://a.b/c"), vec![1.0, 1.0, 0.0]),
            (GroupKey::Null, vec![2.0, 0.0, 0.0])
        ]
    );
    Ok(())
}

pub async fn histograms<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"size": 10})),
            ("buy", "a", "2020-01-03T00:00:00Z", json!({"size": 10})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"size": "20"})),
            ("buy", "a", "2020-01-02T00:00:00Z", json!({"size": 40})),
            ("buy", "a", "2020-01-02T00:00:00Z", json!({"size": "big"})),
        ]))
        .await?;
    let mut query = trend(Math::Total);
    query.breakdown = Some(Breakdown {
        histogram: Some(Histogram { bins: 2 }),
        ..breakdown(PropertySource::Event, "size")
    });
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("[10.0,20.0]"), vec![1.0, 0.0, 1.0]),
            (value("[20.0,40.01]"), vec![1.0, 1.0, 0.0]),
            (GroupKey::Null, vec![0.0, 1.0, 0.0]),
        ]
    );
    query.condition = Condition::EventName("none".to_owned());
    assert_eq!(lines(store, &query).await?, []);
    Ok(())
}

pub async fn rolling_actives<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("buy", "ann", "2020-01-01T10:00:00Z", json!({})),
        ("buy", "bob", "2020-01-05T10:00:00Z", json!({})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let mut query = trend(Math::Active {
        actor: ActorKind::Person,
        days: 7,
    });
    query.range = range("2020-01-03", "2020-01-13");
    query.ticks = days("2020-01-03", 10);
    assert_eq!(
        series(store, &query).await?,
        [1.0, 1.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    );
    query.range.to = day("2020-01-08");
    assert_eq!(single(store, &query).await?, 2.0);
    query.range.to = day("2020-01-09");
    assert_eq!(single(store, &query).await?, 1.0);
    Ok(())
}

pub async fn cumulative_uniques<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("buy", "ann", "2020-01-01T10:00:00Z", json!({"plan": "x"})),
        ("buy", "ann", "2020-01-02T10:00:00Z", json!({"plan": "y"})),
        ("buy", "bob", "2020-01-03T10:00:00Z", json!({"plan": "x"})),
        ("buy", "bob", "2020-01-02T10:00:00Z", json!({"plan": "x"})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let mut query = trend(Math::UniqueActors(ActorKind::Person));
    query.shape = TrendsShape::FirstSeen;
    assert_eq!(series(store, &query).await?, [1.0, 1.0, 0.0]);
    query.breakdown = Some(breakdown(PropertySource::Event, "plan"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("x"), vec![1.0, 1.0, 0.0]),
            (value("y"), vec![0.0, 1.0, 0.0])
        ]
    );
    Ok(())
}

pub async fn sessions<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("open", "u", "2019-12-31T23:59:50Z", json!({"$session_id": "s1"})),
            ("buy", "u", "2020-01-01T00:00:00Z", json!({"$session_id": "s1"})),
            ("buy", "u", "2020-01-01T00:00:05Z", json!({"$session_id": "s1"})),
            ("buy", "u", "2020-01-01T00:00:00Z", json!({"$session_id": "s2"})),
            ("buy", "u", "2020-01-01T00:01:00Z", json!({})),
        ]))
        .await?;
    let durations = Math::Property {
        source: PropertySource::Session,
        key: "$session_duration".to_owned(),
        aggregate: Aggregate::Median,
    };
    assert_eq!(series(store, &trend(durations)).await?, [7.5, 0.0, 0.0]);
    let mut query = trend(Math::UniqueSessions);
    query.condition = Condition::All(vec![
        query.condition,
        property(
            PropertySource::Session,
            "$session_duration",
            PropertyTest::Compare {
                op: Comparison::Greater,
                value: 0.0,
            },
        ),
    ]);
    assert_eq!(series(store, &query).await?, [1.0, 0.0, 0.0]);
    let mut query = trend(Math::Total);
    query.breakdown = Some(breakdown(PropertySource::Session, "$session_duration"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("0"), vec![1.0, 0.0, 0.0]),
            (value("15"), vec![2.0, 0.0, 0.0]),
            (GroupKey::Null, vec![1.0, 0.0, 0.0]),
        ]
    );
    Ok(())
}

pub async fn conditions_on_everything<S: EventStore>(store: &S) -> Case {
    use PropertySource::{Event, Person};
    let org = PropertySource::Group(group(0));
    let mut append = events(&[
        (
            "buy",
            "ann",
            "2020-01-01T00:00:00Z",
            json!({"b": "Chrome", "n": "10", "d": "2020-05-01", "$group_0": "x", "chain": "a:text=\"Buy\""}),
        ),
        (
            "buy",
            "bob",
            "2020-01-01T00:00:00Z",
            json!({"b": "chrome 50%_x", "n": 3, "d": "2020-05-01T12:00:00Z"}),
        ),
        (
            "buy",
            "cat",
            "2020-01-01T00:00:00Z",
            json!({"b": null, "d": "5", "q": "it's \\ \"x\""}),
        ),
        ("old", "bob", "2019-06-01T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.groups = vec![GroupRow {
        project: PROJECT,
        group_type: group(0),
        key: "x".to_owned(),
        properties: object(json!({"size": "big"})),
        created_at: day("2020-01-01"),
        version: 1,
    }];
    store.append(append).await?;
    store
        .add_to_static_cohort(PROJECT, CohortId(5), &[id(200)])
        .await?;
    store
        .add_to_static_cohort(PROJECT, CohortId(5), &[id(200)])
        .await?;

    let contains = |text: &str, negated| PropertyTest::Contains {
        text: text.to_owned(),
        negated,
    };
    let regex = |pattern: &str, negated| PropertyTest::Regex {
        pattern: pattern.to_owned(),
        negated,
    };
    let compare = |op, value| PropertyTest::Compare { op, value };
    let performed = |name: &str, times| PersonSet::Performed {
        events: Box::new(Condition::EventName(name.to_owned())),
        range: range("2019-01-01", "2021-01-01"),
        count: Comparison::GreaterOrEqual,
        times,
    };
    // The `buy` events that pass, by their numbers.
    let cases: Vec<(Condition, &[u128])> = vec![
        (property(Event, "b", any_of(&["Chrome", "x"])), &[1]),
        (property(Event, "b", none_of(&["Chrome"])), &[2, 3]),
        (property(Event, "b", any_of(&["null"])), &[3]),
        (property(Event, "missing", any_of(&[""])), &[1, 2, 3]),
        (property(Event, "b", any_of(&["", "Chrome"])), &[1]),
        (property(Event, "b", any_of(&[])), &[]),
        (property(Event, "b", none_of(&[])), &[1, 2, 3]),
        (property(Event, "b", contains("CHROME", false)), &[1, 2]),
        (property(Event, "b", contains("50%_", false)), &[2]),
        (property(Event, "b", contains("5%", false)), &[]),
        (property(Event, "q", contains("'s \\ \"x", false)), &[3]),
        (property(Event, "b", contains("NUL", false)), &[3]),
        (property(Event, "n", contains("0", true)), &[2, 3]),
        (property(Event, "b", regex("^[Cc]hrome$", false)), &[1]),
        (property(Event, "b", regex("^[Cc]hrome$", true)), &[2, 3]),
        (property(Event, "missing", regex("^$", false)), &[1, 2, 3]),
        (property(Event, "n", compare(Comparison::Greater, 5.0)), &[1]),
        (property(Event, "n", compare(Comparison::LessOrEqual, 3.0)), &[2]),
        (
            Condition::Not(Box::new(property(Event, "n", compare(Comparison::Greater, 5.0)))),
            &[2, 3],
        ),
        (property(Event, "b", PropertyTest::IsSet), &[1, 2, 3]),
        (property(Event, "n", PropertyTest::IsNotSet), &[3]),
        (property(Event, "n", PropertyTest::Never), &[]),
        (
            property(
                Event,
                "d",
                PropertyTest::Date(DateTest::Within(range("2020-05-01", "2020-05-02"))),
            ),
            &[1, 2],
        ),
        (
            property(Event, "d", PropertyTest::Date(DateTest::After(day("2020-05-01")))),
            &[2],
        ),
        (
            property(
                Event,
                "d",
                PropertyTest::Date(DateTest::Before(day("2020-05-02"))),
            ),
            &[1, 2],
        ),
        (property(Person, "plan", any_of(&["pro"])), &[1]),
        (property(Person, "plan", none_of(&["pro"])), &[2]),
        (
            Condition::Any(vec![
                property(Person, "plan", any_of(&["pro"])),
                property(Event, "b", any_of(&["null"])),
            ]),
            &[1, 3],
        ),
        (
            Condition::All(vec![
                property(Person, "plan", any_of(&["free"])),
                property(Person, "age", compare(Comparison::Less, 10.0)),
            ]),
            &[2],
        ),
        (property(org, "size", any_of(&["big"])), &[1]),
        (property(org, "size", none_of(&["big"])), &[2, 3]),
        (property(org, "size", none_of(&["small"])), &[1, 2, 3]),
        (property(org, "size", regex("^$", false)), &[2, 3]),
        (property(org, "size", PropertyTest::IsSet), &[1]),
        (property(org, "size", PropertyTest::IsNotSet), &[2, 3]),
        (Condition::InGroup(group(0)), &[1]),
        (Condition::GroupIs(group(0), "y".to_owned()), &[]),
        (Condition::DistinctId("cat".to_owned()), &[3]),
        (
            Condition::Elements(ElementTest::Matches {
                pattern: "text=\"Buy\"".to_owned(),
                negated: false,
            }),
            &[1],
        ),
        (
            Condition::Elements(ElementTest::Matches {
                pattern: "text=\"Buy\"".to_owned(),
                negated: true,
            }),
            &[2, 3],
        ),
        (Condition::Elements(ElementTest::Never), &[]),
        (Condition::Person(PersonSet::StaticCohort(CohortId(5))), &[2]),
        (
            Condition::Not(Box::new(Condition::Person(PersonSet::StaticCohort(CohortId(5))))),
            &[1, 3],
        ),
        (Condition::Person(PersonSet::Ids(vec![id(100), id(9)])), &[1]),
        (Condition::Person(PersonSet::Ids(vec![])), &[]),
        (Condition::Person(performed("old", 1)), &[2]),
        (Condition::Person(performed("buy", 1)), &[1, 2]),
        (Condition::Person(performed("old", 2)), &[]),
        (
            Condition::Person(PersonSet::PerformedFirst {
                events: Box::new(Condition::All(vec![])),
                range: range("2020-01-01", "2020-01-02"),
            }),
            &[1],
        ),
        (Condition::Any(vec![]), &[]),
    ];
    for (condition, expected) in cases {
        let query = EventsQuery {
            project: PROJECT,
            timezone: chrono_tz::UTC,
            after: None,
            before: None,
            condition: Condition::All(vec![Condition::EventName("buy".to_owned()), condition.clone()]),
            ascending: true,
            cursor: None,
            limit: 10,
        };
        let found: Vec<_> = store
            .events(&query)
            .await?
            .into_iter()
            .map(|e| e.row.uuid.as_u128())
            .collect();
        assert_eq!(found, expected, "{condition:?}");
    }
    Ok(())
}

pub async fn weeks_and_months<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("buy", "a", "2020-01-05T00:00:00Z", json!({})),
            ("buy", "a", "2020-01-11T23:59:59Z", json!({})),
            ("buy", "a", "2020-01-12T00:00:00Z", json!({})),
            ("buy", "a", "2020-03-01T00:00:00Z", json!({})),
        ]))
        .await?;
    let mut query = trend(Math::Total);
    query.interval = Interval::Week;
    query.ticks = vec![day("2020-01-05"), day("2020-01-12")];
    query.range = range("2020-01-05", "2020-01-19");
    assert_eq!(series(store, &query).await?, [2.0, 1.0]);
    query.interval = Interval::Month;
    query.ticks = vec![
        day("2019-12-01"),
        day("2020-01-01"),
        day("2020-02-01"),
        day("2020-03-01"),
    ];
    query.range = range("2019-12-01", "2020-04-01");
    assert_eq!(series(store, &query).await?, [0.0, 3.0, 0.0, 1.0]);
    Ok(())
}

fn retention(kind: RetentionKind) -> RetentionQuery {
    let intervals = (18..=20).map(|n| {
        let from = day(&format!("2020-06-{n}"));
        TimeRange {
            from,
            to: from + TimeDelta::days(1),
        }
    });
    RetentionQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        intervals: intervals.collect(),
        kind,
        target: Condition::EventName("buy".to_owned()),
        returning: Condition::EventName("buy".to_owned()),
        actor: ActorKind::Person,
        breakdown: None,
        first_interval_only: false,
    }
}

/// The example of the contract: p1 on 18, 19, 20; p2 on 18, 20; p3 on 19.
fn returning_people() -> Append {
    let mut append = events(&[
        ("buy", "p1", "2020-06-18T01:00:00Z", json!({"b": "x"})),
        ("buy", "p1", "2020-06-19T01:00:00Z", json!({"b": "y"})),
        ("buy", "p1", "2020-06-20T01:00:00Z", json!({"b": "y"})),
        ("buy", "p2", "2020-06-18T01:00:00Z", json!({"b": "x"})),
        ("buy", "p2", "2020-06-20T01:00:00Z", json!({"b": "x"})),
        ("buy", "p3", "2020-06-19T01:00:00Z", json!({})),
        ("look", "p3", "2020-06-20T01:00:00Z", json!({})),
    ]);
    append.persons = vec![person(1, json!({})), person(2, json!({})), person(3, json!({}))];
    append.distinct_ids = vec![mapping("p1", 1, 1), mapping("p2", 2, 1), mapping("p3", 3, 1)];
    append
}

/// (breakdown, base, offset, count), sorted.
async fn table<S: EventStore>(
    store: &S,
    query: &RetentionQuery,
) -> Result<Vec<(String, usize, usize, u64)>, event_store::StoreError> {
    let mut cells: Vec<_> = store
        .retention(query)
        .await?
        .into_iter()
        .map(|cell| {
            (
                cell.breakdown.unwrap_or_default().join("::"),
                cell.base,
                cell.offset,
                cell.count,
            )
        })
        .collect();
    cells.sort();
    Ok(cells)
}

fn plain(cells: &[(usize, usize, u64)]) -> Vec<(String, usize, usize, u64)> {
    cells
        .iter()
        .map(|(base, offset, count)| (String::new(), *base, *offset, *count))
        .collect()
}

pub async fn retention_recurring<S: EventStore>(store: &S) -> Case {
    store.append(returning_people()).await?;
    let mut query = retention(RetentionKind::Recurring);
    let cells = [(0, 0, 2), (0, 1, 1), (0, 2, 2), (1, 0, 2), (1, 1, 1), (2, 0, 2)];
    assert_eq!(table(store, &query).await?, plain(&cells));

    let mut actors = RetentionActorsQuery {
        query: query.clone(),
        base: 0,
        offset: None,
        breakdown: None,
        limit: 10,
        skip: 0,
    };
    let list = |actors: Vec<insights::RetentionActor>| -> Vec<_> {
        actors
            .into_iter()
            .map(|actor| (actor.actor, actor.offsets))
            .collect()
    };
    let p1 = (id(1).to_string(), vec![0, 1, 2]);
    let p2 = (id(2).to_string(), vec![0, 2]);
    assert_eq!(list(store.retention_actors(&actors).await?), [p1.clone(), p2]);
    actors.offset = Some(1);
    assert_eq!(list(store.retention_actors(&actors).await?), [p1]);

    query.first_interval_only = true;
    assert_eq!(table(store, &query).await?, plain(&cells[..3]));
    query.first_interval_only = false;
    query.returning = Condition::EventName("look".to_owned());
    assert_eq!(
        table(store, &query).await?,
        plain(&[(0, 0, 2), (1, 0, 2), (1, 1, 1), (2, 0, 2)])
    );
    Ok(())
}

pub async fn retention_first_time_and_breakdown<S: EventStore>(store: &S) -> Case {
    let mut append = returning_people();
    append.events.push(EventRow {
        uuid: id(99),
        timestamp: day("2019-01-01"),
        ..append.events[3].clone()
    });
    store.append(append).await?;
    let mut query = retention(RetentionKind::FirstTime);
    assert_eq!(
        table(store, &query).await?,
        plain(&[(0, 0, 1), (0, 1, 1), (0, 2, 1), (1, 0, 1)])
    );
    query.breakdown = Some(RetentionBreakdown {
        source: PropertySource::Event,
        keys: vec!["b".to_owned(), "c".to_owned()],
    });
    let part = |value: &str, offset, count| (value.to_owned(), 0, offset, count);
    assert_eq!(
        table(store, &query).await?,
        [
            part("::", 0, 1),
            part("x::", 0, 1),
            part("x::", 1, 1),
            part("x::", 2, 1)
        ]
    );
    query.kind = RetentionKind::Recurring;
    assert_eq!(
        table(store, &query).await?,
        [
            part("::", 0, 1),
            part("x::", 0, 2),
            part("x::", 1, 1),
            part("x::", 2, 2)
        ]
    );
    Ok(())
}

pub async fn events_page<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("a", "ann", "2020-01-01T00:00:00Z", json!({})),
        ("b", "ann", "2020-01-02T00:00:00Z", json!({})),
        ("c", "cat", "2020-01-02T00:00:00Z", json!({})),
        ("d", "ann", "2020-01-03T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.distinct_ids.push(mapping("ann2", 100, 1));
    store.append(append).await?;
    let mut query = EventsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        after: None,
        before: Some(day("2020-01-03")),
        condition: Condition::All(vec![]),
        ascending: false,
        cursor: None,
        limit: 2,
    };
    let page = store.events(&query).await?;
    let names: Vec<_> = page.iter().map(|record| record.row.event.as_str()).collect();
    assert_eq!(names, ["c", "b"]);
    assert_eq!(page[0].person, None);
    let ann = page[1].person.as_ref().expect("a person");
    assert_eq!(ann.row.properties["plan"], json!("pro"));
    assert_eq!(ann.distinct_ids, ["ann", "ann2"]);

    query.cursor = Some((day("2020-01-02"), id(3)));
    let page = store.events(&query).await?;
    let names: Vec<_> = page.iter().map(|record| record.row.event.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    query.ascending = true;
    query.before = None;
    query.after = Some(day("2020-01-01"));
    query.cursor = None;
    let page = store.events(&query).await?;
    let names: Vec<_> = page.iter().map(|record| record.row.event.as_str()).collect();
    assert_eq!(names, ["b", "c"]);
    Ok(())
}

pub async fn persons_are_listed<S: EventStore>(store: &S) -> Case {
    let mut append = Append {
        token: "people".to_owned(),
        ..Append::default()
    };
    people(&mut append);
    let mut gone = person(300, json!({"plan": "pro"}));
    gone.is_deleted = true;
    append.persons.push(gone);
    store.append(append.clone()).await?;
    let all = PersonsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        condition: Condition::All(vec![]),
        distinct_id: None,
        email: None,
        ids: None,
        search: None,
        limit: 10,
        offset: 0,
    };
    let listed = store.persons(&all).await?;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].row, append.persons[1]);
    assert_eq!(listed[0].distinct_ids, ["bob"]);
    assert_eq!(listed[1].row, append.persons[0]);

    let search = |text: &str| PersonsQuery {
        search: Some(text.to_owned()),
        ..all.clone()
    };
    let cases = [
        (
            PersonsQuery {
                distinct_id: Some("ann".to_owned()),
                ..all.clone()
            },
            vec![100],
        ),
        (
            PersonsQuery {
                distinct_id: Some("nobody".to_owned()),
                ..all.clone()
            },
            vec![],
        ),
        (
            PersonsQuery {
                ids: Some(vec![id(200), id(300)]),
                ..all.clone()
            },
            vec![200],
        ),
        (
            PersonsQuery {
                ids: Some(vec![]),
                ..all.clone()
            },
            vec![],
        ),
        (
            PersonsQuery {
                email: Some("x".to_owned()),
                ..all.clone()
            },
            vec![],
        ),
        (search("\"a\""), vec![100]),
        (search("BO"), vec![200]),
        (search("plan"), vec![]),
        (search("7"), vec![200]),
        (
            PersonsQuery {
                condition: property(PropertySource::Person, "plan", any_of(&["pro"])),
                ..all.clone()
            },
            vec![100],
        ),
        (
            PersonsQuery {
                condition: property(PropertySource::Person, "nothing", PropertyTest::IsSet),
                ..all.clone()
            },
            vec![200],
        ),
        (
            PersonsQuery {
                limit: 1,
                offset: 1,
                ..all.clone()
            },
            vec![100],
        ),
    ];
    for (query, expected) in cases {
        let found: Vec<_> = store
            .persons(&query)
            .await?
            .into_iter()
            .map(|p| p.row.id.as_u128())
            .collect();
        assert_eq!(found, expected, "{query:?}");
    }
    Ok(())
}

pub async fn values_are_ranked<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("a", "ann", "2020-01-01T00:00:00Z", json!({"b": "Chrome"})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({"b": "Chrome"})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({"b": 5})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({"b": "Arc"})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let mut query = ValuesQuery {
        project: PROJECT,
        source: PropertySource::Event,
        key: "b".to_owned(),
        search: None,
        since: None,
        limit: 2,
    };
    let text = |text: &str, times| (text.to_owned(), times);
    assert_eq!(
        store.property_values(&query).await?,
        [text("Chrome", 2), text("5", 1)]
    );
    query.search = Some("C".to_owned());
    query.since = Some(day("2020-01-02"));
    assert_eq!(
        store.property_values(&query).await?,
        [text("Arc", 1), text("Chrome", 1)]
    );
    query.source = PropertySource::Person;
    query.key = "plan".to_owned();
    query.search = None;
    assert_eq!(
        store.property_values(&query).await?,
        [text("free", 1), text("pro", 1)]
    );
    Ok(())
}
