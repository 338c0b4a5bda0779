//! Members of cohorts, what they did in order, and the names of their properties.

use chrono::TimeDelta;
use event_store::{Append, EventStore, StoreError};
use insights::{Condition, PersonSet, PropertySource, PropertyTest};
use model::{CohortId, ProjectId};
use serde_json::json;

use crate::database::*;

const COHORT: CohortId = CohortId(3);

fn pro() -> Condition {
    Condition::Property {
        source: PropertySource::Person,
        key: "plan".to_owned(),
        test: PropertyTest::AnyOf(vec!["pro".to_owned()]),
    }
}

async fn recalculated(db: &Database) -> u64 {
    db.store
        .recalculate_cohort(PROJECT, chrono_tz::UTC, COHORT, &pro())
        .await
        .expect("calculated")
}

async fn cohorts(db: &Database, n: u128) -> Vec<i64> {
    let cohorts = db.store.cohorts_of_person(PROJECT, person_id(n)).await;
    cohorts.expect("answered").iter().map(|cohort| cohort.0).collect()
}

async fn version(db: &Database) -> String {
    db.store.data_version(PROJECT).await.expect("answered")
}

async fn changed(db: &Database, n: u128, properties: serde_json::Value, deleted: bool) {
    let mut row = person_row(n, properties, 2);
    row.is_deleted = deleted;
    db.append(Append {
        persons: vec![row],
        ..Append::default()
    })
    .await;
}

#[tokio::test]
async fn a_recalculation_changes_what_changed() {
    let db = Database::new().await;
    assert_eq!(recalculated(&db).await, 0);
    for n in 1..=4 {
        let plan = if n == 4 { "free" } else { "pro" };
        db.person(n, &[&format!("id{n}")], json!({"plan": plan})).await;
    }
    assert_eq!(recalculated(&db).await, 3);
    assert_eq!(cohorts(&db, 1).await, [3]);
    assert!(cohorts(&db, 4).await.is_empty());
    // Again, without a change.
    let before = version(&db).await;
    assert_eq!(recalculated(&db).await, 3);
    assert_eq!(version(&db).await, before);
    // One leaves, one is deleted, one joins.
    changed(&db, 1, json!({"plan": "free"}), false).await;
    changed(&db, 2, json!({"plan": "pro"}), true).await;
    changed(&db, 4, json!({"plan": "pro"}), false).await;
    let before = version(&db).await;
    assert_eq!(recalculated(&db).await, 2);
    assert_ne!(version(&db).await, before);
    for (n, expected) in [(1, vec![]), (2, vec![]), (3, vec![3]), (4, vec![3])] {
        assert_eq!(cohorts(&db, n).await, expected, "{n}");
    }
    // Another cohort and another project are not touched.
    for (project, cohort) in [(PROJECT, CohortId(2)), (ProjectId(8), COHORT)] {
        let nobody = Condition::Any(Vec::new());
        let count = db
            .store
            .recalculate_cohort(project, chrono_tz::UTC, cohort, &nobody)
            .await
            .expect("calculated");
        assert_eq!(count, 0);
    }
    db.store
        .add_to_static_cohort(PROJECT, CohortId(1), &[person_id(3)])
        .await
        .expect("added");
    assert_eq!(cohorts(&db, 3).await, [1, 3]);
    assert!(
        db.store
            .cohorts_of_person(ProjectId(8), person_id(3))
            .await
            .expect("answered")
            .is_empty()
    );
    let count = |condition| {
        let store = db.store.clone();
        async move { store.count_persons(PROJECT, chrono_tz::UTC, &condition).await }
    };
    assert_eq!(count(pro()).await.expect("counted"), 2);
    assert_eq!(count(anything()).await.expect("counted"), 3);
    assert!(matches!(count(named("a")).await, Err(StoreError::Failed(_))));
}

#[tokio::test]
async fn concurrent_recalculations_agree() {
    let db = Database::new().await;
    for n in 1..=20 {
        db.person(n, &[], json!({"plan": "pro"})).await;
    }
    let tasks: Vec<_> = (0..6)
        .map(|n| {
            let store = db.store.clone();
            // Everyone, and every other one.
            let condition = if n % 2 == 0 {
                pro()
            } else {
                Condition::Person(PersonSet::Ids((1..=10).map(person_id).collect()))
            };
            tokio::spawn(async move {
                store
                    .recalculate_cohort(PROJECT, chrono_tz::UTC, COHORT, &condition)
                    .await
            })
        })
        .collect();
    let mut counts = Vec::new();
    for task in tasks {
        counts.push(task.await.expect("no panic").expect("calculated"));
    }
    counts.sort_unstable();
    assert_eq!(counts, [10, 10, 10, 20, 20, 20]);
    assert_eq!(recalculated(&db).await, 20);
    for n in 1..=20 {
        assert_eq!(cohorts(&db, n).await, [3], "{n}");
    }
}

#[tokio::test]
async fn one_thing_after_another() {
    let db = Database::new().await;
    for (n, id) in [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e"), (6, "f")] {
        db.person(n, &[id, &format!("{id}2")], json!({})).await;
    }
    db.events([
        // In order, by two distinct ids of one person.
        event("first", "a", "2020-01-01 10:00", json!({})),
        event("second", "a2", "2020-01-01 11:00", json!({})),
        // The wrong order, and both at once.
        event("second", "b", "2020-01-01 10:00", json!({})),
        event("first", "b", "2020-01-01 10:00", json!({})),
        event("both", "b", "2020-01-01 12:00", json!({})),
        // A microsecond too late for the first one, in time for the second one.
        event("first", "c", "2020-01-01 10:00", json!({})),
        event("first", "c", "2020-01-01 11:00", json!({})),
        event("second", "c", "2020-01-01 12:00", json!({})),
        event("first", "d", "2020-01-01 10:00", json!({})),
        event("second", "d", "2020-01-01T11:00:00.000001Z", json!({})),
        // Behind the range's end.
        event("first", "e", "2020-01-01T23:59:59Z", json!({})),
        event("second", "e", "2020-01-02 00:30", json!({})),
        // The first one outside the range.
        event("first", "f", "2020-01-02", json!({})),
        event("second", "f", "2020-01-02 00:30", json!({})),
    ])
    .await;
    let sequence = |first, second, within| {
        Condition::Person(PersonSet::PerformedSequence {
            first: Box::new(first),
            second: Box::new(second),
            range: range("2020-01-01", "2020-01-02"),
            within,
        })
    };
    let either = |name: &str| Condition::Any(vec![named(name), named("both")]);
    let hour = TimeDelta::hours(1);
    for (condition, expected) in [
        (sequence(named("first"), named("second"), hour), vec![1, 3, 5]),
        (
            sequence(named("first"), named("second"), hour + TimeDelta::microseconds(1)),
            vec![1, 3, 4, 5],
        ),
        (
            sequence(named("first"), named("second"), TimeDelta::MAX),
            vec![1, 3, 4, 5],
        ),
        (sequence(named("second"), named("first"), hour), vec![]),
        (sequence(named("both"), named("both"), hour), vec![]),
        (
            sequence(either("first"), either("second"), TimeDelta::hours(2)),
            vec![1, 2, 3, 4, 5],
        ),
        (
            sequence(anything(), anything(), TimeDelta::hours(9)),
            vec![1, 2, 3, 4, 5],
        ),
        (
            Condition::Not(Box::new(sequence(named("first"), named("second"), hour))),
            vec![2, 4, 6],
        ),
    ] {
        db.store
            .recalculate_cohort(PROJECT, chrono_tz::UTC, COHORT, &condition)
            .await
            .expect("calculated");
        let mut found = Vec::new();
        for n in 1..=6 {
            if !cohorts(&db, n).await.is_empty() {
                found.push(n);
            }
        }
        assert_eq!(found, expected, "{condition:?}");
    }
}

#[tokio::test]
async fn names_of_properties() {
    let db = Database::new().await;
    db.person(1, &[], json!({"b": 1, "a": null, "nul\u{0}": 1})).await;
    db.person(2, &[], json!({"b": 2, "c": []})).await;
    db.person(3, &[], json!({"b": 2, "z": 1})).await;
    changed(&db, 3, json!({"z": 1}), true).await;
    db.group(0, "acme", json!({"size": 1})).await;
    db.group(1, "p", json!({"other": 1})).await;
    let names = async |source| db.store.property_names(PROJECT, source).await;
    let named = |names: &[(&str, u64)]| -> Vec<(String, u64)> {
        names
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    };
    assert_eq!(
        names(PropertySource::Person).await.expect("answered"),
        named(&[("b", 2), ("a", 1), ("c", 1), ("nul\0", 1)])
    );
    assert_eq!(
        names(PropertySource::Group(group_type(0)))
            .await
            .expect("answered"),
        named(&[("size", 1)])
    );
    assert!(
        names(PropertySource::Group(group_type(2)))
            .await
            .expect("answered")
            .is_empty()
    );
    for source in [PropertySource::Event, PropertySource::Session] {
        assert!(matches!(names(source).await, Err(StoreError::Failed(_))));
    }
}

#[tokio::test]
async fn the_version_follows_the_data() {
    let db = Database::new().await;
    let mut before = version(&db).await;
    let other = db.store.data_version(ProjectId(8)).await.expect("answered");
    let appends = [
        Append {
            events: vec![event("a", "x", "2020-01-01", json!({}))],
            ..Append::default()
        },
        Append {
            persons: vec![person_row(1, json!({}), 1)],
            ..Append::default()
        },
        Append {
            distinct_ids: vec![mapping("x", 1, 1)],
            ..Append::default()
        },
        Append {
            groups: vec![group_row(0, "acme", json!({}), 1)],
            ..Append::default()
        },
    ];
    for append in appends {
        db.append(append).await;
        let after = version(&db).await;
        assert_ne!(after, before);
        before = after;
    }
    let add = async || {
        db.store
            .add_to_static_cohort(PROJECT, COHORT, &[person_id(1), person_id(1)])
            .await
            .expect("added");
    };
    add().await;
    let after = version(&db).await;
    assert_ne!(after, before);
    // Nothing new, nothing changed; a repeated token neither.
    add().await;
    let repeated = Append {
        events: vec![event("a", "x", "2020-01-01", json!({}))],
        token: "again".to_owned(),
        ..Append::default()
    };
    assert_eq!(version(&db).await, after);
    db.store.append(repeated.clone()).await.expect("appended");
    let after = version(&db).await;
    db.store.append(repeated).await.expect("repeated");
    assert_eq!(version(&db).await, after);
    assert_eq!(
        db.store.data_version(ProjectId(8)).await.expect("answered"),
        other
    );
    // Side by side, and every one of them is counted.
    let count = |version: &str| version.parse::<u64>().expect("a number");
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let store = db.store.clone();
            let append = Append {
                events: vec![event("a", "x", "2020-01-01", json!({}))],
                token: format!("side {n}"),
                ..Append::default()
            };
            tokio::spawn(async move { store.append(append).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("appended");
    }
    assert_eq!(count(&version(&db).await), count(&after) + 8);
}
