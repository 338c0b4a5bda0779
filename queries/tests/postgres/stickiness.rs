//! In how many intervals.

use event_store::EventStore;
use insights::{ActorKind, StickinessActorsQuery, StickinessQuery};
use model::{Interval, WeekStart};
use serde_json::json;

use crate::database::*;

fn query(interval: Interval) -> StickinessQuery {
    StickinessQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        range: range("2020-01-01", "2021-01-01"),
        interval,
        condition: named("x"),
        actor: ActorKind::Person,
    }
}

/// Pairs of (intervals, actors); each is checked against its list of actors.
async fn answer(db: &Database, query: &StickinessQuery) -> Vec<(usize, u64)> {
    let points = db.store.stickiness(query).await.expect("answered");
    for point in &points {
        let actors = actors(db, query, point.intervals).await;
        assert_eq!(actors.len() as u64, point.actors);
    }
    points
        .iter()
        .map(|point| (point.intervals, point.actors))
        .collect()
}

async fn actors(db: &Database, query: &StickinessQuery, intervals: usize) -> Vec<String> {
    let query = StickinessActorsQuery {
        query: query.clone(),
        intervals,
        limit: 100,
        offset: 0,
    };
    db.store.stickiness_actors(&query).await.expect("answered")
}

#[tokio::test]
async fn each_actor_is_where_its_number_is() {
    let db = Database::new().await;
    for (n, id) in [(1, "a"), (2, "b"), (3, "c")] {
        db.person(n, &[id], json!({})).await;
    }
    let x = |id: &str, time: &str| event("x", id, time, json!({"$group_0": "acme"}));
    db.events([
        x("a", "2020-01-01 01:00"),
        x("a", "2020-01-02"),
        x("a", "2020-01-03"),
        x("b", "2020-01-01 01:00"),
        x("b", "2020-01-01 23:00"),
        x("c", "2020-01-01 12:00"),
        x("c", "2020-01-03"),
        x("nobody", "2020-01-04"),
        event("y", "b", "2020-01-02", json!({})),
        x("b", "2019-12-31T23:59:59Z"),
    ])
    .await;
    let days = query(Interval::Day);
    assert_eq!(answer(&db, &days).await, [(1, 1), (2, 1), (3, 1)]);
    assert_eq!(actors(&db, &days, 2).await, [person_id(3).to_string()]);
    assert_eq!(
        answer(
            &db,
            &StickinessQuery {
                actor: ActorKind::Group(group_type(0)),
                ..days
            }
        )
        .await,
        [(4, 1)]
    );
    assert_eq!(answer(&db, &query(Interval::Month)).await, [(1, 3)]);
    assert_eq!(answer(&db, &query(Interval::Hour)).await, [(2, 2), (3, 1)]);
}

#[tokio::test]
async fn intervals_are_the_projects() {
    let db = Database::new().await;
    db.person(1, &["a"], json!({})).await;
    let x = |time: &str| event("x", "a", time, json!({}));
    // The night of 2020-10-25 in Berlin shows 02:00 to 03:00 twice.
    db.events([x("2020-10-25T00:30:00Z"), x("2020-10-25T01:30:00Z")])
        .await;
    let berlin = |interval| StickinessQuery {
        timezone: chrono_tz::Europe::Berlin,
        ..query(interval)
    };
    assert_eq!(answer(&db, &berlin(Interval::Hour)).await, [(2, 1)]);
    assert_eq!(answer(&db, &berlin(Interval::Day)).await, [(1, 1)]);
    // 2020-10-24T22:00Z begins that Sunday; UTC's one is two hours later.
    db.events([x("2020-10-24T22:00:00Z")]).await;
    assert_eq!(answer(&db, &berlin(Interval::Day)).await, [(1, 1)]);
    assert_eq!(answer(&db, &query(Interval::Day)).await, [(2, 1)]);
    assert_eq!(answer(&db, &berlin(Interval::Week)).await, [(1, 1)]);
    assert_eq!(answer(&db, &query(Interval::Week)).await, [(2, 1)]);
    // A Monday: of another week only where weeks begin on Monday.
    db.events([x("2020-10-26T12:00:00Z")]).await;
    assert_eq!(answer(&db, &berlin(Interval::Week)).await, [(1, 1)]);
    let monday = StickinessQuery {
        week_start: WeekStart::Monday,
        ..berlin(Interval::Week)
    };
    assert_eq!(answer(&db, &monday).await, [(2, 1)]);
    db.events([x("2020-10-31T23:00:00Z")]).await;
    assert_eq!(answer(&db, &berlin(Interval::Month)).await, [(2, 1)]);
    assert_eq!(answer(&db, &query(Interval::Month)).await, [(1, 1)]);
}
