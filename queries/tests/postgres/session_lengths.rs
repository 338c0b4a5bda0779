//! Runs of a distinct id's events.

use event_store::EventStore;
use insights::SessionLengthsQuery;
use model::{Interval, WeekStart};
use serde_json::json;

use crate::database::*;

async fn answer(db: &Database, query: &SessionLengthsQuery) -> Vec<(usize, u64, u64, f64)> {
    let found = db.store.session_lengths(query).await.expect("answered");
    found
        .iter()
        .map(|row| (row.tick, row.seconds, row.sessions, row.sum))
        .collect()
}

#[tokio::test]
async fn half_an_hour_of_silence_ends_a_run() {
    let db = Database::new().await;
    let x = |id: &str, time: &str| event("x", id, time, json!({}));
    let query = SessionLengthsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        range: range("2020-01-01", "2020-01-03"),
        interval: Interval::Day,
        ticks: vec![at("2020-01-01"), at("2020-01-02")],
        condition: named("x"),
    };
    assert!(answer(&db, &query).await.is_empty());
    db.events([
        x("a", "2020-01-01 10:00"),
        x("a", "2020-01-01 10:10"),
        x("a", "2020-01-01 10:45"),
        x("a", "2020-01-01 12:00"),
        event("y", "a", "2020-01-01 12:20", json!({})),
        // Outside the range.
        x("a", "2019-12-31T23:59:59Z"),
    ])
    .await;
    assert_eq!(answer(&db, &query).await, [(0, 0, 2, 0.0), (0, 600, 1, 600.0)]);
    // Exactly 30 minutes do not end it; several at one instant are one; it is of the day that it begins on.
    db.events([
        x("b", "2020-01-01 23:40"),
        x("b", "2020-01-01 23:40"),
        x("b", "2020-01-02 00:10"),
        x("b", "2020-01-02 00:10"),
        x("b", "2020-01-02T00:40:00.000001Z"),
        x("b", "2020-01-02T00:40:02.500000Z"),
        x("c", "2020-01-02 12:00"),
    ])
    .await;
    assert_eq!(
        answer(&db, &query).await,
        [
            (0, 0, 2, 0.0),
            (0, 600, 1, 600.0),
            (0, 1800, 1, 1800.0),
            (1, 0, 1, 0.0),
            (1, 3, 1, 2.499999)
        ]
    );
}
