//! Lifecycle: statuses by interval, and who has them.

use event_store::EventStore;
use insights::LifecycleStatus::{Dormant, New, Resurrecting, Returning};
use insights::{ActorKind, Condition, LifecycleActorsQuery, LifecycleQuery, LifecycleStatus};
use serde_json::json;

use super::*;

fn question() -> LifecycleQuery {
    LifecycleQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        ticks: days("2020-01-02", 4),
        range: range("2020-01-01", "2020-01-06"),
        condition: Condition::EventName("buy".to_owned()),
        actor: ActorKind::Person,
    }
}

async fn counts<S: EventStore>(
    store: &S,
    query: &LifecycleQuery,
) -> Result<Vec<(LifecycleStatus, usize, u64)>, event_store::StoreError> {
    let points = store.lifecycle(query).await?;
    for point in &points {
        let actors = LifecycleActorsQuery {
            query: query.clone(),
            status: point.status,
            tick: point.tick,
            limit: 100,
            offset: 0,
        };
        assert_eq!(
            store.lifecycle_actors(&actors).await?.len() as u64,
            point.count,
            "{point:?}"
        );
    }
    Ok(points
        .into_iter()
        .map(|point| (point.status, point.tick, point.count))
        .collect())
}

pub async fn lifecycles<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        // Ann was created long ago: active on the 1st (before the ticks), 2nd, 4th.
        ("buy", "ann", "2020-01-01T23:59:59Z", json!({})),
        ("buy", "ann", "2020-01-02T00:00:00Z", json!({})),
        ("buy", "ann", "2020-01-02T12:00:00Z", json!({})),
        ("buy", "ann2", "2020-01-04T12:00:00Z", json!({})),
        // Bob was created on the 3rd.
        ("buy", "bob", "2020-01-03T01:00:00Z", json!({})),
        ("buy", "bob", "2020-01-04T01:00:00Z", json!({})),
        ("buy", "bob", "2020-01-05T01:00:00Z", json!({})),
        // Nobody.
        ("buy", "cat", "2020-01-03T01:00:00Z", json!({})),
        // Deleted.
        ("buy", "dan", "2020-01-03T01:00:00Z", json!({})),
        ("look", "ann", "2020-01-03T01:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.distinct_ids.push(mapping("ann2", 100, 1));
    append.distinct_ids.push(mapping("dan", 300, 1));
    // Seen a month later first: the latest row counts.
    append.persons[1].created_at = time("2020-02-03T00:30:00Z");
    append.persons.push(person(300, json!({})));
    store.append(append.clone()).await?;
    let mut bob = append.persons[1].clone();
    bob.version = 2;
    bob.created_at = time("2020-01-03T00:30:00Z");
    let mut dan = append.persons[2].clone();
    dan.version = 2;
    dan.is_deleted = true;
    store
        .append(Append {
            persons: vec![bob, dan],
            token: "later".to_owned(),
            ..Append::default()
        })
        .await?;

    let query = question();
    assert_eq!(
        counts(store, &query).await?,
        [
            (New, 1, 1),
            (Returning, 0, 1),
            (Returning, 2, 1),
            (Returning, 3, 1),
            (Resurrecting, 2, 1),
            (Dormant, 1, 1),
            (Dormant, 3, 1),
        ]
    );
    let mut actors = LifecycleActorsQuery {
        query: query.clone(),
        status: Resurrecting,
        tick: 2,
        limit: 10,
        offset: 0,
    };
    assert_eq!(store.lifecycle_actors(&actors).await?, [id(100).to_string()]);
    actors.offset = 1;
    assert!(store.lifecycle_actors(&actors).await?.is_empty());
    Ok(())
}

pub async fn lifecycles_of_groups_by_week_and_hour<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        // Weeks begin on Sundays: the 5th, 12th, 19th. In New York the last hours of Saturday are Sunday's in UTC.
        ("buy", "ann", "2020-01-12T04:00:00Z", json!({"$group_1": "x"})),
        ("buy", "ann", "2020-01-12T06:00:00Z", json!({"$group_1": "y"})),
        ("buy", "bob", "2020-01-20T06:00:00Z", json!({"$group_1": "x"})),
        (
            "buy",
            "bob",
            "2020-01-20T06:00:00Z",
            json!({"$group_1": "unknown"}),
        ),
        ("buy", "bob", "2020-01-20T06:00:00Z", json!({})),
    ]);
    append.groups = [("x", "2019-01-01"), ("y", "2020-01-14")]
        .map(|(key, created)| GroupRow {
            project: PROJECT,
            group_type: group(1),
            key: key.to_owned(),
            properties: Map::new(),
            created_at: day(created),
            version: 1,
        })
        .to_vec();
    store.append(append).await?;
    let mut query = question();
    query.timezone = chrono_tz::America::New_York;
    query.interval = Interval::Week;
    query.actor = ActorKind::Group(group(1));
    query.ticks = ["2020-01-12T05:00:00Z", "2020-01-19T05:00:00Z"]
        .map(time)
        .to_vec();
    query.range = TimeRange {
        from: time("2020-01-05T05:00:00Z"),
        to: time("2020-01-26T05:00:00Z"),
    };
    assert_eq!(
        counts(store, &query).await?,
        [
            (New, 0, 1),
            (Resurrecting, 1, 1),
            (Dormant, 0, 1),
            (Dormant, 1, 1)
        ]
    );

    query.timezone = chrono_tz::UTC;
    query.interval = Interval::Hour;
    query.ticks = ["2020-01-12T05:00:00Z", "2020-01-12T06:00:00Z"]
        .map(time)
        .to_vec();
    query.range = TimeRange {
        from: time("2020-01-12T04:00:00Z"),
        to: time("2020-01-12T07:00:00Z"),
    };
    assert_eq!(
        counts(store, &query).await?,
        [(Resurrecting, 1, 1), (Dormant, 0, 1)]
    );
    Ok(())
}
