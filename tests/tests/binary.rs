//! The one binary alone: a data folder is all that it needs to store events and to answer from them.

use anyhow::{Context, ensure};
use axum::http::StatusCode;
use serde_json::{Value, json};
use tests::TestResult;
use tests::server_process::{ServerProcess, TOKEN};

async fn send(server: &ServerProcess, days: &[u32]) -> TestResult {
    let events: Vec<Value> = days
        .iter()
        .map(|day| {
            json!({"event": "seen", "distinct_id": format!("user-{day}"), "properties": {"day": day},
                   "timestamp": format!("2024-01-{day:02}T10:00:00Z")})
        })
        .collect();
    let body = json!({"api_key": TOKEN, "batch": events});
    let status = server.capture(&body).await?;
    ensure!(status == StatusCode::OK, "capture answered {status}");
    Ok(())
}

/// `seen` by day, and the days of the events, the last first.
async fn check(server: &ServerProcess, counts: Value, days: Value) -> TestResult {
    let answer = server
        .get("insights/trend/?events=%5B%7B%22id%22%3A%22seen%22%7D%5D&date_from=2024-01-01&date_to=2024-01-03")
        .await?;
    let found = &answer["result"][0]["data"];
    let as_floats =
        |list: &Value| -> Option<Vec<f64>> { list.as_array()?.iter().map(Value::as_f64).collect() };
    ensure!(
        as_floats(found).is_some() && as_floats(found) == as_floats(&counts),
        "{answer}, expected {counts}"
    );
    let events = server.all("events/?after=2000-01-01T00:00:00Z").await?;
    let found: Value = events
        .iter()
        .map(|event| event["properties"]["day"].clone())
        .collect();
    ensure!(found == days, "events of {found}, expected {days}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn e_bin_one_binary_and_an_empty_folder_are_all_it_takes() -> TestResult {
    let data = tempfile::tempdir()?;
    ensure!(
        std::fs::read_dir(data.path())?.next().is_none(),
        "the folder is empty"
    );
    let server = ServerProcess::start_alone(data.path())?;
    send(&server, &[1, 2, 1]).await?;
    check(&server, json!([2, 1, 0]), json!([2, 1, 1])).await?;
    server.stop().context("the first stop")?;

    // Stopped cleanly, it left nothing behind that must be replayed or moved aside.
    let server = ServerProcess::start_alone(data.path())?;
    check(&server, json!([2, 1, 0]), json!([2, 1, 1])).await?;
    send(&server, &[3]).await?;
    check(&server, json!([2, 1, 1]), json!([3, 2, 1, 1])).await?;
    server.stop().context("the second stop")?;

    let server = ServerProcess::start_alone(data.path())?;
    check(&server, json!([2, 1, 1]), json!([3, 2, 1, 1])).await?;
    server.stop().context("the third stop")
}
