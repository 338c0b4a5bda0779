//! New, returning, resurrecting, dormant.

use chrono::{DateTime, Utc};
use event_store::{Append, EventStore};
use insights::{ActorKind, LifecycleActorsQuery, LifecycleQuery, LifecycleStatus};
use model::{Interval, WeekStart};
use serde_json::json;

use crate::database::*;

const STATUSES: [LifecycleStatus; 4] = [
    LifecycleStatus::New,
    LifecycleStatus::Returning,
    LifecycleStatus::Resurrecting,
    LifecycleStatus::Dormant,
];

fn days(from: &str, to: &str, ticks: &[&str]) -> LifecycleQuery {
    LifecycleQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        ticks: ticks.iter().map(|tick| at(tick)).collect(),
        range: range(from, to),
        condition: named("x"),
        actor: ActorKind::Person,
    }
}

/// Counts by status and tick; every one of them is checked against its list of actors.
async fn counts(db: &Database, query: &LifecycleQuery) -> [Vec<u64>; 4] {
    let points = db.store.lifecycle(query).await.expect("answered");
    let mut counts = STATUSES.map(|_| vec![0; query.ticks.len()]);
    for point in points {
        let place = STATUSES.iter().position(|status| *status == point.status);
        counts[place.expect("one of four")][point.tick] = point.count;
    }
    for (status, counts) in STATUSES.into_iter().zip(&counts) {
        for (tick, count) in counts.iter().enumerate() {
            let actors = actors(db, query, status, tick).await;
            assert_eq!(actors.len() as u64, *count, "{status:?} {tick}: {actors:?}");
        }
    }
    counts
}

async fn actors(db: &Database, query: &LifecycleQuery, status: LifecycleStatus, tick: usize) -> Vec<String> {
    let query = LifecycleActorsQuery {
        query: query.clone(),
        status,
        tick,
        limit: 100,
        offset: 0,
    };
    db.store.lifecycle_actors(&query).await.expect("answered")
}

async fn person(db: &Database, n: u128, id: &str, created: &str) {
    let mut row = person_row(n, json!({}), 1);
    row.created_at = at(created);
    db.append(Append {
        persons: vec![row],
        distinct_ids: vec![mapping(id, n, 1)],
        ..Append::default()
    })
    .await;
}

fn seen(id: &str, time: &str) -> event_store::EventRow {
    event("x", id, time, json!({}))
}

#[tokio::test]
async fn days_of_two() {
    let db = Database::new().await;
    person(&db, 1, "p1", "2020-01-11 08:00").await;
    person(&db, 2, "p2", "2020-01-12 08:00").await;
    // A deleted person and an unknown one do not count.
    let mut gone = person_row(3, json!({}), 1);
    gone.is_deleted = true;
    db.append(Append {
        persons: vec![gone],
        distinct_ids: vec![mapping("p3", 3, 1)],
        ..Append::default()
    })
    .await;
    let days_of = |id: &'static str, days: &[u32]| {
        let times: Vec<_> = days.iter().map(|day| format!("2020-01-{day} 12:00")).collect();
        times.into_iter().map(move |time| seen(id, &time))
    };
    db.events(
        days_of("p1", &[11, 12, 12, 13])
            .chain(days_of("p2", &[12, 14]))
            .chain(days_of("p3", &[12, 13]))
            .chain(days_of("nobody", &[12]))
            .chain([event("y", "p1", "2020-01-14 12:00", json!({}))]),
    )
    .await;
    let query = days(
        "2020-01-11",
        "2020-01-15",
        &["2020-01-12", "2020-01-13", "2020-01-14"],
    );
    assert_eq!(
        counts(&db, &query).await,
        [vec![1, 0, 0], vec![1, 1, 0], vec![0, 0, 1], vec![0, 1, 1]]
    );
    assert_eq!(
        actors(&db, &query, LifecycleStatus::Dormant, 1).await,
        [person_id(2).to_string()]
    );
    assert!(
        db.store
            .lifecycle(&days("2020-01-11", "2020-01-11", &[]))
            .await
            .expect("answered")
            .is_empty()
    );
    // Beyond the intervals there is nothing to list.
    assert!(actors(&db, &query, LifecycleStatus::Dormant, 3).await.is_empty());
}

#[tokio::test]
async fn ticks_say_what_an_interval_is() {
    let db = Database::new().await;
    let ticks: Vec<DateTime<Utc>> = [
        "2020-03-28T23:00:00Z",
        "2020-03-29T22:00:00Z",
        "2020-03-30T22:00:00Z",
    ]
    .map(at)
    .to_vec();
    // In Berlin: Sunday has 23 hours.
    person(&db, 1, "p1", "2020-03-28T22:59:59Z").await;
    person(&db, 2, "p2", "2020-03-28T23:00:00Z").await;
    person(&db, 3, "p3", "2020-04-05").await;
    db.events([
        seen("p1", "2020-03-28T22:59:59Z"),
        seen("p1", "2020-03-28T23:00:00Z"),
        seen("p2", "2020-03-29T21:59:59.999999Z"),
        seen("p2", "2020-03-29T22:00:00Z"),
        // Created later than it did something.
        seen("p3", "2020-03-30T22:00:00Z"),
    ])
    .await;
    let query = LifecycleQuery {
        timezone: chrono_tz::Europe::Berlin,
        ticks,
        range: range("2020-03-27T23:00:00Z", "2020-03-31T22:00:00Z"),
        ..days("2020-03-27", "2020-03-31", &[])
    };
    assert_eq!(
        counts(&db, &query).await,
        [vec![1, 0, 0], vec![1, 1, 0], vec![0, 0, 1], vec![0, 1, 1]]
    );
}

#[tokio::test]
async fn groups_have_a_life_too() {
    let db = Database::new().await;
    // Created 2019-01-01.
    db.group(0, "acme", json!({})).await;
    let mut young = group_row(0, "new", json!({}), 1);
    young.created_at = at("2020-01-13 05:00");
    db.append(Append {
        groups: vec![young],
        ..Append::default()
    })
    .await;
    let of_group = |key: &str, time: &str| event("x", "anyone", time, json!({"$group_0": key}));
    db.events([
        of_group("acme", "2020-01-12"),
        of_group("acme", "2020-01-13"),
        of_group("new", "2020-01-13"),
        of_group("unknown", "2020-01-13"),
        seen("anyone", "2020-01-13"),
    ])
    .await;
    let query = LifecycleQuery {
        actor: ActorKind::Group(group_type(0)),
        ..days(
            "2020-01-11",
            "2020-01-15",
            &["2020-01-12", "2020-01-13", "2020-01-14"],
        )
    };
    assert_eq!(
        counts(&db, &query).await,
        [vec![0, 1, 0], vec![0, 1, 0], vec![1, 0, 0], vec![0, 0, 2]]
    );
    assert_eq!(
        actors(&db, &query, LifecycleStatus::Dormant, 2).await,
        ["acme", "new"]
    );
    let page = LifecycleActorsQuery {
        query,
        status: LifecycleStatus::Dormant,
        tick: 2,
        limit: 1,
        offset: 1,
    };
    assert_eq!(db.store.lifecycle_actors(&page).await.expect("answered"), ["new"]);
}
