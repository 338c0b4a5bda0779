//! Stickiness: in how many intervals actors were active, and who.

use event_store::EventStore;
use insights::{ActorKind, Condition, StickinessActorsQuery, StickinessQuery};
use serde_json::json;

use super::*;

async fn counts<S: EventStore>(
    store: &S,
    query: &StickinessQuery,
) -> Result<Vec<(usize, u64)>, event_store::StoreError> {
    let points = store.stickiness(query).await?;
    Ok(points
        .into_iter()
        .map(|point| (point.intervals, point.actors))
        .collect())
}

pub async fn stickiness_by_every_interval<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("buy", "ann", "2020-01-04T00:00:00Z", json!({"$group_0": "x"})),
        ("buy", "ann", "2020-01-04T23:00:00Z", json!({"$group_0": "x"})),
        ("buy", "ann2", "2020-01-05T00:00:00Z", json!({"$group_0": "y"})),
        ("buy", "ann", "2020-02-01T00:00:00Z", json!({"$group_0": "x"})),
        ("buy", "bob", "2020-01-06T00:00:00Z", json!({"$group_0": ""})),
        ("buy", "bob", "2020-01-12T00:00:00Z", json!({})),
        ("buy", "cat", "2020-01-12T00:00:00Z", json!({})),
        ("look", "bob", "2020-01-20T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.distinct_ids.push(mapping("ann2", 100, 1));
    store.append(append).await?;
    let mut query = StickinessQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        // A Thursday: weeks are those of the calendar all the same.
        range: range("2020-01-02", "2020-02-02"),
        interval: Interval::Day,
        condition: Condition::EventName("buy".to_owned()),
        actor: ActorKind::Person,
    };
    assert_eq!(counts(store, &query).await?, [(2, 1), (3, 1)]);
    let mut actors = StickinessActorsQuery {
        query: query.clone(),
        intervals: 3,
        limit: 10,
        offset: 0,
    };
    assert_eq!(store.stickiness_actors(&actors).await?, [id(100).to_string()]);
    actors.intervals = 1;
    assert!(store.stickiness_actors(&actors).await?.is_empty());

    query.interval = Interval::Hour;
    assert_eq!(counts(store, &query).await?, [(2, 1), (4, 1)]);
    query.interval = Interval::Week;
    // Saturday the 4th, Sunday the 5th, February; Monday the 6th, Sunday the 12th.
    assert_eq!(counts(store, &query).await?, [(2, 1), (3, 1)]);
    query.week_start = WeekStart::Monday;
    assert_eq!(counts(store, &query).await?, [(1, 1), (2, 1)]);
    query.interval = Interval::Month;
    assert_eq!(counts(store, &query).await?, [(1, 1), (2, 1)]);

    query.interval = Interval::Day;
    query.actor = ActorKind::Group(group(0));
    assert_eq!(counts(store, &query).await?, [(1, 1), (2, 1)]);
    actors = StickinessActorsQuery {
        query,
        intervals: 1,
        limit: 10,
        offset: 0,
    };
    assert_eq!(store.stickiness_actors(&actors).await?, ["y"]);
    Ok(())
}
