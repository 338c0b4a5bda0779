//! One function a behaviour, over any event store.

mod appends;
mod breakdowns;
mod cohorts;
mod conditions;
mod correlation;
mod funnel_model;
mod funnel_random;
mod funnels;
mod lifecycle;
mod lists;
mod paths;
mod related;
mod retention;
mod session_lengths;
mod stickiness;
mod trends;

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

pub use appends::*;
pub use breakdowns::*;
pub use cohorts::*;
pub use conditions::*;
pub use correlation::*;
pub use funnel_random::*;
pub use funnels::*;
pub use lifecycle::*;
pub use lists::*;
pub use paths::*;
pub use related::*;
pub use retention::*;
pub use session_lengths::*;
pub use stickiness::*;
pub use trends::*;

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
