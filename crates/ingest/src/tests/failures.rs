//! Repeats, the ledger, and failures of the store.

use event_store::LedgerOutcome;
use serde_json::json;

use super::*;
use crate::testing::Failure;
use crate::{IngestError, Outcome, Reason, Refusal};

#[tokio::test]
async fn repeats_are_stored_once_also_after_a_restart() {
    let world = World::new();
    let seen = event(0, "seen", "a", json!({"$set": {"n": 1}}));
    let outcome = world.send([seen.clone(), seen.clone()]).await;
    assert_eq!(
        outcome,
        Outcome {
            stored: 1,
            repeated: 1,
            refused: vec![]
        }
    );
    let world = world.restarted();
    let outcome = world.send([seen]).await;
    assert_eq!(
        outcome,
        Outcome {
            stored: 0,
            repeated: 1,
            refused: vec![]
        }
    );
    let stored = world.store.stored();
    assert_eq!(stored.events.len(), 1);
    assert_eq!(stored.ledger[&(PROJECT, LedgerOutcome::Stored)], 1);
    assert_eq!(stored.ledger[&(PROJECT, LedgerOutcome::Repeated)], 2);
}

#[tokio::test]
async fn the_ledger_counts_every_event_once() {
    let world = World::new();
    let refused = Refusal {
        project: PROJECT,
        reason: Reason::NoDistinctId,
        at: event(0, "x", "a", json!({})).received_at,
    };
    let events = vec![
        event(0, "seen", "a", json!({})),
        event(1, "$$heatmap", "a", json!({})),
        event(2, "$identify", "a", json!({"$anon_distinct_id": 4})),
        event(0, "seen", "a", json!({})),
    ];
    let outcome = world.ingest.submit(events, vec![refused]).await.unwrap();
    assert_eq!(
        outcome,
        Outcome {
            stored: 1,
            repeated: 1,
            refused: vec![(1, Reason::NotAnalytics), (2, Reason::OtherIdNotText)]
        }
    );
    let ledger = world.store.stored().ledger;
    let count = |outcome: LedgerOutcome| ledger[&(PROJECT, outcome)];
    assert_eq!(count(LedgerOutcome::Stored), 1);
    assert_eq!(count(LedgerOutcome::Repeated), 1);
    for reason in [Reason::NoDistinctId, Reason::NotAnalytics, Reason::OtherIdNotText] {
        assert_eq!(count(LedgerOutcome::Refused(reason.code().to_owned())), 1);
    }
    assert_eq!(ledger.values().sum::<u64>(), 5);
}

#[tokio::test]
async fn a_failed_append_leaves_no_trace_in_memory() {
    for failure in [Failure::Before, Failure::After, Failure::Panic] {
        let world = World::new();
        world.send([event(0, "seen", "b", json!({}))]).await;
        let events = [
            event(1, "seen", "a", json!({"$set": {"n": 1}})),
            event(2, "$identify", "a", json!({"$anon_distinct_id": "b"})),
        ];
        world.store.fail_next(failure);
        let error = world
            .ingest
            .submit(events.to_vec(), Vec::new())
            .await
            .unwrap_err();
        assert!(matches!(error, IngestError::Unavailable(_)), "{error}");
        // The client sends it again; then all is as if it had gone well at once.
        world.send(events.clone()).await;
        let stored = world.store.stored();
        assert_eq!(stored.events.len(), 3, "{failure:?}");

        let calm = World::new();
        calm.send([event(0, "seen", "b", json!({}))]).await;
        calm.send(events).await;
        let calm = calm.store.stored();
        assert_eq!(
            (stored.persons, stored.distinct_ids),
            (calm.persons, calm.distinct_ids),
            "{failure:?}"
        );
    }
}

#[tokio::test]
async fn a_full_queue_is_busy_and_a_closed_one_says_so() {
    let config = IngestConfig {
        queue_events_max: 3,
        ..IngestConfig::default()
    };
    let world = World::with(config);
    let events = |from: u128, count: u128| {
        (from..from + count)
            .map(|n| event(n, "seen", "a", json!({})))
            .collect()
    };
    // More than the queue holds is taken when it is empty.
    let first = world.ingest.submit(events(0, 4), Vec::new());
    let second = world.ingest.submit(events(10, 1), Vec::new());
    // Both are polled before the writer runs (one thread), so the second finds the first waiting.
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().stored, 4);
    assert_eq!(second.unwrap_err(), IngestError::Busy);
    assert_eq!(world.ingest.waiting_events(), 0);
    assert_eq!(
        world
            .ingest
            .submit(events(10, 1), Vec::new())
            .await
            .unwrap()
            .stored,
        1
    );

    world.ingest.close().await;
    assert_eq!(
        world.ingest.submit(events(20, 1), Vec::new()).await.unwrap_err(),
        IngestError::Closed
    );
}

#[tokio::test]
async fn requests_that_wait_are_stored_in_one_step() {
    let world = World::new();
    let requests = (0..20).map(|n| {
        world
            .ingest
            .submit(vec![event(n, "seen", "a", json!({}))], Vec::new())
    });
    for outcome in futures::future::join_all(requests).await {
        assert_eq!(outcome.unwrap().stored, 1);
    }
    let stored = world.store.stored();
    assert_eq!(stored.events.len(), 20);
    assert!(stored.appends <= 2, "{} appends", stored.appends);
}
