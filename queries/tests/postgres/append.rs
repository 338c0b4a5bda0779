//! Appends, identities, and what they leave.

use std::time::Duration;

use event_store::{
    Append, EventStore, Identity, LedgerCount, LedgerOutcome, LedgerRow, PersonRow, StoreError,
};
use model::{CohortId, ProjectId};
use queries::{PostgresStore, Settings};
use serde_json::json;

use crate::database::*;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[tokio::test]
async fn a_repeated_token_changes_nothing() {
    let db = Database::new().await;
    let ledger = |count| LedgerRow {
        project: PROJECT,
        at: at("2020-01-01"),
        outcome: LedgerOutcome::Stored,
        count,
    };
    let first = event("a", "ann", "2020-01-01", json!({}));
    let second = event("b", "ann", "2020-01-02", json!({}));
    let append = |event: &event_store::EventRow, n, token: &str| Append {
        events: vec![event.clone()],
        persons: vec![person_row(n, json!({}), 1)],
        distinct_ids: vec![mapping(&format!("id{n}"), n, 1)],
        groups: vec![group_row(0, &format!("g{n}"), json!({}), 1)],
        ledger: vec![ledger(n as u64)],
        token: token.to_owned(),
    };
    db.store.append(append(&first, 1, "t")).await.expect("appended");
    db.store.append(append(&second, 2, "t")).await.expect("repeated");
    let known = db
        .store
        .known_events(PROJECT, &[first.uuid, second.uuid])
        .await
        .expect("known");
    assert_eq!(known, [first.uuid]);
    assert_eq!(
        db.store
            .identities(PROJECT, &texts(&["id1", "id2"]))
            .await
            .expect("identities")
            .len(),
        1
    );
    assert_eq!(
        db.store
            .groups(PROJECT, group_type(0), None, 9, 0)
            .await
            .expect("groups")
            .len(),
        1
    );
    let sum = db.store.ledger(PROJECT).await.expect("ledger");
    assert_eq!(
        sum,
        [LedgerCount {
            outcome: LedgerOutcome::Stored,
            count: 1
        }]
    );

    db.store.append(append(&second, 2, "u")).await.expect("appended");
    let known = db
        .store
        .known_events(PROJECT, &[first.uuid, second.uuid])
        .await
        .expect("known");
    assert_eq!(known, [first.uuid, second.uuid]);
    assert!(
        db.store
            .known_events(ProjectId(8), &known)
            .await
            .expect("known")
            .is_empty()
    );
}

#[tokio::test]
async fn concurrent_repeats_store_once() {
    let db = Database::new().await;
    let rows: Vec<_> = (0..50)
        .map(|_| event("a", "ann", "2020-01-01", json!({})))
        .collect();
    let ledger = vec![LedgerRow {
        project: PROJECT,
        at: at("2020-01-01"),
        outcome: LedgerOutcome::Stored,
        count: 50,
    }];
    let append = Append {
        events: rows,
        ledger,
        token: "one".to_owned(),
        ..Append::default()
    };
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (store, append) = (db.store.clone(), append.clone());
            tokio::spawn(async move { store.append(append).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("appended");
    }
    assert_eq!(db.store.ledger(PROJECT).await.expect("ledger")[0].count, 50);
}

#[tokio::test]
async fn a_repeated_event_stays_as_it_was() {
    let db = Database::new().await;
    let first = event("a", "ann", "2020-01-01", json!({"x": 1}));
    let mut again = first.clone();
    again.event = "b".to_owned();
    db.events([first.clone(), again.clone()]).await;
    db.events([again]).await;
    let stored = db
        .store
        .event(PROJECT, first.uuid)
        .await
        .expect("asked")
        .expect("found");
    assert_eq!(stored.row, first);
}

#[tokio::test]
async fn one_bad_row_stores_nothing() {
    let db = Database::new().await;
    let good = event("a", "ann", "2020-01-01", json!({}));
    let mut bad = event("b", "ann", "2020-01-01", json!({}));
    bad.properties = "[]".to_owned();
    let append = |events| Append {
        events,
        persons: vec![person_row(1, json!({}), 1)],
        distinct_ids: vec![mapping("ann", 1, 1)],
        token: "t".to_owned(),
        ..Append::default()
    };
    let error = db
        .store
        .append(append(vec![good.clone(), bad]))
        .await
        .expect_err("refused");
    assert!(matches!(error, StoreError::Failed(_)), "{error}");
    assert!(
        db.store
            .identities(PROJECT, &texts(&["ann"]))
            .await
            .expect("asked")
            .is_empty()
    );
    // The token was not used up.
    db.store
        .append(append(vec![good.clone()]))
        .await
        .expect("appended");
    assert_eq!(
        db.store.known_events(PROJECT, &[good.uuid]).await.expect("asked"),
        [good.uuid]
    );
}

#[tokio::test]
async fn the_greatest_version_wins() {
    let db = Database::new().await;
    let row = |n, name: &str, version| person_row(n, json!({"name": name}), version);
    // In one append, and in later ones, in any order.
    db.append(Append {
        persons: vec![
            row(1, "two", 2),
            row(1, "three", 3),
            row(1, "one", 1),
            row(2, "other", 1),
        ],
        distinct_ids: vec![mapping("ann", 1, 2), mapping("ann", 2, 1)],
        groups: vec![
            group_row(0, "g", json!({"v": 2}), 2),
            group_row(0, "g", json!({"v": 1}), 1),
        ],
        ..Append::default()
    })
    .await;
    let name = |identities: &[Identity]| {
        let person: &PersonRow = identities[0].person.as_ref().expect("lives");
        (
            person.id,
            person.properties["name"].as_str().expect("a name").to_owned(),
            identities[0].version,
        )
    };
    let ann = async || {
        db.store
            .identities(PROJECT, &texts(&["ann", "nobody"]))
            .await
            .expect("identities")
    };
    assert_eq!(name(&ann().await), (person_id(1), "three".to_owned(), 2));

    db.append(Append {
        persons: vec![row(1, "late", 2)],
        distinct_ids: vec![mapping("ann", 2, 1)],
        groups: vec![group_row(0, "g", json!({"v": 1}), 1)],
        ..Append::default()
    })
    .await;
    assert_eq!(name(&ann().await), (person_id(1), "three".to_owned(), 2));
    let groups = db
        .store
        .groups_by_key(PROJECT, &[(group_type(0), "g".to_owned())])
        .await
        .expect("groups");
    assert_eq!(groups, [group_row(0, "g", json!({"v": 2}), 2)]);

    db.append(Append {
        distinct_ids: vec![mapping("ann", 2, 3)],
        ..Append::default()
    })
    .await;
    assert_eq!(name(&ann().await), (person_id(2), "other".to_owned(), 3));

    // A deleted person, then a deleted mapping.
    let mut gone = row(2, "other", 9);
    gone.is_deleted = true;
    db.append(Append {
        persons: vec![gone],
        ..Append::default()
    })
    .await;
    assert_eq!(
        ann().await,
        [Identity {
            distinct_id: "ann".to_owned(),
            version: 3,
            person: None
        }]
    );
    let mut unmapped = mapping("ann", 1, 4);
    unmapped.is_deleted = true;
    db.append(Append {
        distinct_ids: vec![unmapped],
        ..Append::default()
    })
    .await;
    assert_eq!(
        ann().await,
        [Identity {
            distinct_id: "ann".to_owned(),
            version: 4,
            person: None
        }]
    );
}

#[tokio::test]
async fn persons_know_their_distinct_ids() {
    let db = Database::new().await;
    db.person(1, &["b", "a"], json!({})).await;
    db.person(2, &["c"], json!({})).await;
    let ids = db
        .store
        .distinct_ids(PROJECT, &[person_id(1), person_id(3)])
        .await
        .expect("asked");
    assert_eq!(ids, [mapping("a", 1, 1), mapping("b", 1, 1)]);
}

#[tokio::test]
async fn groups_are_listed_by_key() {
    let db = Database::new().await;
    for (index, key) in [(0, "b_x"), (0, "B%x"), (0, "a"), (1, "a")] {
        db.group(index, key, json!({"k": key})).await;
    }
    for (search, limit, offset, keys) in [
        (None, 9, 0, vec!["B%x", "a", "b_x"]),
        (None, 1, 1, vec!["a"]),
        (Some("B"), 9, 0, vec!["B%x"]),
        (Some("_"), 9, 0, vec!["b_x"]),
        (Some("%x"), 9, 0, vec!["B%x"]),
        (Some("%X"), 9, 0, vec![]),
    ] {
        let found = db
            .store
            .groups(PROJECT, group_type(0), search, limit, offset)
            .await
            .expect("groups");
        assert_eq!(
            found.iter().map(|group| group.key.as_str()).collect::<Vec<_>>(),
            keys,
            "{search:?}"
        );
    }
}

#[tokio::test]
async fn the_ledger_sums_by_outcome() {
    let db = Database::new().await;
    let refused = |why: &str| LedgerOutcome::Refused(why.to_owned());
    let row = |outcome, count| LedgerRow {
        project: PROJECT,
        at: at("2020-01-01"),
        outcome,
        count,
    };
    for rows in [
        vec![row(LedgerOutcome::Stored, 2), row(refused("too_old"), 1)],
        vec![
            row(LedgerOutcome::Stored, 3),
            row(LedgerOutcome::Repeated, 1),
            row(refused("no_distinct_id"), 4),
        ],
    ] {
        db.append(Append {
            ledger: rows,
            ..Append::default()
        })
        .await;
    }
    // By the outcome's name, then the reason.
    let count = |outcome, count| LedgerCount { outcome, count };
    assert_eq!(
        db.store.ledger(PROJECT).await.expect("ledger"),
        [
            count(refused("no_distinct_id"), 4),
            count(refused("too_old"), 1),
            count(LedgerOutcome::Repeated, 1),
            count(LedgerOutcome::Stored, 5),
        ]
    );
}

#[tokio::test]
async fn nul_survives() {
    let db = Database::new().await;
    db.person(1, &["a\0n"], json!({"k\0": "v\0"})).await;
    let mut sent = event("e\0", "a\0n", "2020-01-01", json!({"p": "x\0y", "n": 1.0}));
    sent.properties = r#"{"n": 1.0, "p":"x\u0000y", "n2":12345678901234567890123}"#.to_owned();
    sent.elements_chain = "a\0".to_owned();
    db.events([sent.clone()]).await;
    let stored = db
        .store
        .event(PROJECT, sent.uuid)
        .await
        .expect("asked")
        .expect("found");
    assert_eq!(stored.row, sent);
    let person = stored.person.expect("a person");
    assert_eq!(person.row, person_row(1, json!({"k\0": "v\0"}), 1));
    assert_eq!(person.distinct_ids, ["a\0n"]);
}

#[tokio::test]
async fn a_static_cohort_holds_each_person_once() {
    let db = Database::new().await;
    let ids = [person_id(1), person_id(2), person_id(1)];
    for _ in 0..2 {
        db.store
            .add_to_static_cohort(PROJECT, CohortId(3), &ids)
            .await
            .expect("added");
    }
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM person_static_cohort")
        .fetch_one(&sqlx::PgPool::connect(&db.url()).await.expect("connects"))
        .await
        .expect("counted");
    assert_eq!(count, 2);
}

#[tokio::test]
async fn the_earliest_event_is_the_projects() {
    let db = Database::new().await;
    assert_eq!(
        db.store
            .earliest_event(PROJECT, at("2015-01-01"))
            .await
            .expect("asked"),
        None
    );
    let mut other = event("a", "x", "2018-01-01", json!({}));
    other.project = ProjectId(8);
    db.events([
        event("a", "x", "2020-01-02", json!({})),
        event("a", "x", "2020-01-01", json!({})),
        event("a", "x", "1970-01-01", json!({})),
        other,
    ])
    .await;
    assert_eq!(
        db.store
            .earliest_event(PROJECT, at("2015-01-01"))
            .await
            .expect("asked"),
        Some(at("2020-01-01"))
    );
}

#[tokio::test]
async fn failures_have_their_kind() {
    let db = Database::new().await;
    let error = PostgresStore::connect("postgres://postgres@127.0.0.1:1/none")
        .await
        .expect_err("no server");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let error = PostgresStore::connect("nonsense").await.expect_err("no address");
    assert!(matches!(error, StoreError::Failed(_)), "{error}");

    let hurried = PostgresStore::connect_with(
        &db.url(),
        &Settings {
            statement_timeout: Duration::from_millis(20),
            ..Settings::default()
        },
    )
    .await
    .expect("connects");
    hurried.ready().await.expect("ready");
    // A lock that nobody gives up stands in for a long query.
    let pool = sqlx::PgPool::connect(&db.url()).await.expect("connects");
    let mut transaction = pool.begin().await.expect("begins");
    sqlx::query("LOCK TABLE events")
        .execute(&mut *transaction)
        .await
        .expect("locked");
    let error = hurried
        .earliest_event(PROJECT, at("2015-01-01"))
        .await
        .expect_err("timed out");
    assert!(matches!(error, StoreError::Limit(_)), "{error}");
    let append = Append {
        events: vec![event("a", "x", "2020-01-01", json!({}))],
        token: "t".to_owned(),
        ..Append::default()
    };
    let error = hurried.append(append).await.expect_err("timed out");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    transaction.rollback().await.expect("rolled back");

    hurried.close().await.expect("closed");
    assert!(matches!(hurried.ready().await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn old_tokens_are_forgotten() {
    let db = Database::new().await;
    let pool = sqlx::PgPool::connect(&db.url()).await.expect("connects");
    sqlx::query(
        "INSERT INTO append_token VALUES ('old', now() - interval '8 days'), ('young', now() - interval '6 days')",
    )
    .execute(&pool)
    .await
    .expect("inserted");
    db.store
        .append(Append {
            token: "new".to_owned(),
            ..Append::default()
        })
        .await
        .expect("appended");
    let tokens: Vec<String> = sqlx::query_scalar("SELECT token FROM append_token ORDER BY token")
        .fetch_all(&pool)
        .await
        .expect("selected");
    assert_eq!(tokens, ["new", "young"]);
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let db = Database::new().await;
    db.events([event("a", "x", "2020-01-01", json!({}))]).await;
    db.store.migrate().await.expect("migrated");
    assert!(
        db.store
            .earliest_event(PROJECT, at("2015-01-01"))
            .await
            .expect("asked")
            .is_some()
    );
}
