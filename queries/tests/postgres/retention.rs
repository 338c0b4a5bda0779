//! Retention tables and their actors.

use event_store::EventStore;
use insights::{
    ActorKind, PropertySource, RetentionActorsQuery, RetentionBreakdown, RetentionKind, RetentionQuery,
};
use model::{Interval, TimeRange, WeekStart};
use serde_json::json;

use crate::database::*;

fn question(days: usize) -> RetentionQuery {
    let start = at("2020-06-18");
    let day = |i: usize| start + chrono::TimeDelta::days(i64::try_from(i).expect("small"));
    RetentionQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        intervals: (0..days)
            .map(|i| TimeRange {
                from: day(i),
                to: day(i + 1),
            })
            .collect(),
        kind: RetentionKind::Recurring,
        target: named("view"),
        returning: named("view"),
        actor: ActorKind::Person,
        breakdown: None,
        first_interval_only: false,
    }
}

/// `row: counts…`, one line a row.
async fn table(db: &Database, query: &RetentionQuery) -> Vec<String> {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for cell in db.store.retention(query).await.expect("answered") {
        let name = match &cell.breakdown {
            Some(parts) => format!("{}@{}", parts.join("::"), cell.base),
            None => cell.base.to_string(),
        };
        if rows.last().is_none_or(|(last, _)| *last != name) {
            rows.push((name, Vec::new()));
        }
        rows.last_mut()
            .expect("pushed")
            .1
            .push(format!("{}={}", cell.offset, cell.count));
    }
    rows.into_iter()
        .map(|(name, cells)| format!("{name}: {}", cells.join(" ")))
        .collect()
}

/// The example of the contract: p1 on 18, 19, 20; p2 on 18, 20; p3 on 19.
async fn example() -> Database {
    let db = Database::new().await;
    db.person(1, &["p1", "p1b"], json!({"plan": "pro"})).await;
    db.person(2, &["p2"], json!({"plan": "free"})).await;
    db.person(3, &["p3"], json!({})).await;
    db.group(0, "acme", json!({"size": "big"})).await;
    db.events([
        event(
            "view",
            "p1",
            "2020-06-18 10:00",
            json!({"b": "x", "$group_0": "acme"}),
        ),
        event(
            "view",
            "p1b",
            "2020-06-19 10:00",
            json!({"b": "y", "$group_0": "acme"}),
        ),
        event("view", "p1", "2020-06-20 10:00", json!({"$group_0": "beta"})),
        event(
            "view",
            "p2",
            "2020-06-18 23:59",
            json!({"b": "y", "$group_0": "beta"}),
        ),
        event("view", "p2", "2020-06-20 00:00", json!({})),
        event("view", "p3", "2020-06-19 12:00", json!({})),
        event("view", "nobody", "2020-06-18 12:00", json!({})),
        event("view", "nobody", "2020-06-19 12:00", json!({})),
        event("buy", "p3", "2020-06-20 12:00", json!({})),
    ])
    .await;
    db
}

#[tokio::test]
async fn tables() {
    let db = example().await;
    let recurring = question(3);
    let first_time = RetentionQuery {
        kind: RetentionKind::FirstTime,
        ..question(3)
    };
    let groups = ActorKind::Group(group_type(0));
    let breakdown = |source, keys: &[&str]| {
        Some(RetentionBreakdown {
            source,
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
        })
    };
    for (query, expected) in [
        (recurring.clone(), vec!["0: 0=2 1=1 2=2", "1: 0=2 1=1", "2: 0=2"]),
        (first_time.clone(), vec!["0: 0=2 1=1 2=2", "1: 0=1"]),
        (
            RetentionQuery {
                first_interval_only: true,
                ..recurring.clone()
            },
            vec!["0: 0=2 1=1 2=2"],
        ),
        (
            RetentionQuery {
                returning: named("buy"),
                ..recurring.clone()
            },
            vec!["0: 0=2", "1: 0=2 1=1", "2: 0=2"],
        ),
        (
            RetentionQuery {
                actor: groups,
                ..recurring.clone()
            },
            vec!["0: 0=2 1=1 2=1", "1: 0=1", "2: 0=1"],
        ),
        // Only the 19th and 20th: first time looks back without limit.
        (
            RetentionQuery {
                intervals: recurring.intervals[1..].to_vec(),
                ..first_time.clone()
            },
            vec!["0: 0=1"],
        ),
        (
            RetentionQuery {
                breakdown: breakdown(PropertySource::Person, &["plan"]),
                ..recurring.clone()
            },
            vec!["@0: 0=1", "free@0: 0=1 2=1", "pro@0: 0=1 1=1 2=1"],
        ),
        (
            RetentionQuery {
                breakdown: breakdown(PropertySource::Event, &["b", "none"]),
                ..recurring.clone()
            },
            vec!["::@0: 0=1", "x::@0: 0=1 1=1 2=1", "y::@0: 0=1 2=1"],
        ),
        (
            RetentionQuery {
                breakdown: breakdown(PropertySource::Group(group_type(0)), &["size"]),
                intervals: recurring.intervals[1..].to_vec(),
                ..first_time
            },
            vec!["@0: 0=1"],
        ),
        (
            RetentionQuery {
                intervals: vec![],
                ..recurring.clone()
            },
            vec![],
        ),
        (
            RetentionQuery {
                target: named("never"),
                ..recurring
            },
            vec![],
        ),
    ] {
        assert_eq!(table(&db, &query).await, expected, "{query:?}");
    }
}

#[tokio::test]
async fn actors_of_a_row() {
    let db = example().await;
    let ask = |query: RetentionQuery, base, offset, breakdown: Option<&str>| RetentionActorsQuery {
        query,
        base,
        offset,
        breakdown: breakdown.map(|part| vec![part.to_owned()]),
        limit: 10,
        skip: 0,
    };
    let split = || RetentionQuery {
        breakdown: Some(RetentionBreakdown {
            source: PropertySource::Person,
            keys: vec!["plan".to_owned()],
        }),
        ..question(3)
    };
    let first = ask(question(3), 0, None, None);
    let groups = RetentionQuery {
        actor: ActorKind::Group(group_type(0)),
        ..question(3)
    };
    for (query, expected) in [
        (first.clone(), vec![("1", vec![0, 1, 2]), ("2", vec![0, 2])]),
        (
            RetentionActorsQuery {
                limit: 1,
                skip: 1,
                ..first.clone()
            },
            vec![("2", vec![0, 2])],
        ),
        // As many returns: the greater actor first.
        (
            ask(question(3), 2, None, None),
            vec![("2", vec![0]), ("1", vec![0])],
        ),
        (ask(question(3), 0, Some(1), None), vec![("1", vec![0, 1, 2])]),
        (
            ask(question(3), 0, Some(0), None),
            vec![("1", vec![0, 1, 2]), ("2", vec![0, 2])],
        ),
        (ask(split(), 0, None, Some("free")), vec![("2", vec![0, 2])]),
        (ask(split(), 0, None, Some("")), vec![("3", vec![0])]),
        (ask(split(), 0, Some(2), Some("pro")), vec![("1", vec![0, 1, 2])]),
        (
            ask(groups, 0, None, None),
            vec![("beta", vec![0, 2]), ("acme", vec![0, 1])],
        ),
    ] {
        let found = db.store.retention_actors(&query).await.expect("answered");
        let found: Vec<_> = found
            .into_iter()
            .map(|actor| (actor.actor, actor.offsets))
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, offsets)| {
                let name = name.parse().map_or(name.to_owned(), |n| person_id(n).to_string());
                (name, offsets)
            })
            .collect();
        assert_eq!(found, expected, "{query:?}");
    }
}
