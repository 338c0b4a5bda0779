//! Ingestion: nothing twice, nothing lost, everything accounted for.

use axum::http::{Method, StatusCode};
use serde_json::json;
use tests::{Project, TestResult, backend_suite, event};
use uuid::Uuid;

backend_suite!(
    a_repeat_changes_nothing,
    good_events_of_a_batch_are_kept,
    odd_values_come_back_as_sent
);

async fn a_repeat_changes_nothing(p: &Project) -> TestResult {
    let uuid = Uuid::new_v4();
    for _ in 0..3 {
        p.events([event("e").with_uuid(uuid), event("e").with_uuid(uuid)])
            .await?;
    }
    p.check_trend(
        json!({"events": [{"id": "e"}], "date_from": "2020-01-01", "date_to": "2020-01-01"}),
        "count",
        json!([1]),
    )
    .await?;
    let ledger = p.get("ledger/").await?;
    anyhow::ensure!(
        ledger == json!({"received": 6, "stored": 1, "repeated": 5, "refused": {}}),
        "{ledger}"
    );
    Ok(())
}

async fn good_events_of_a_batch_are_kept(p: &Project) -> TestResult {
    let body = json!({"api_key": p.token, "batch": [
        event("good").wire(),
        {"event": "no id"},
        {"distinct_id": "no name"},
        "not an object",
    ]});
    let (status, answer) = p.send(Method::POST, "/batch/", Some(&body)).await?;
    anyhow::ensure!(status == StatusCode::OK, "{status} {answer}");
    p.check_trend(
        json!({"events": [{"id": "good"}], "date_from": "2020-01-01", "date_to": "2020-01-01"}),
        "count",
        json!([1]),
    )
    .await?;
    let ledger = p.get("ledger/").await?;
    anyhow::ensure!(ledger["received"] == 4 && ledger["stored"] == 1, "{ledger}");
    let refused: u64 = ledger["refused"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, count)| count.as_u64())
        .sum();
    anyhow::ensure!(refused == 3, "{ledger}");
    Ok(())
}

async fn odd_values_come_back_as_sent(p: &Project) -> TestResult {
    let uuid = Uuid::new_v4();
    let odd = json!({"text": "naïve \"quoted\"\\ \n\t😀", "big": 9_007_199_254_740_993_i64, "small": 1e-7, "deep": [[[[{"a": {}}]]]], "": "empty key"});
    p.events([event("e").by("döner 😀").with_uuid(uuid).with("odd", odd.clone())])
        .await?;
    let found = p.get(&format!("events/{uuid}/")).await?;
    anyhow::ensure!(
        found["properties"]["odd"] == odd && found["distinct_id"] == "döner 😀",
        "{found}"
    );
    Ok(())
}
