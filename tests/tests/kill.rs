//! kill -9 at random moments: what was acknowledged is there exactly once, and persons are those of a run never killed.

use std::time::Duration;

use anyhow::{Context, ensure};
use axum::http::{Method, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tests::server_process::{ServerProcess, TOKEN};
use tests::{Backend, Project, Running, TestResult};

const ROUNDS: usize = 100;
const EVENTS_PER_REQUEST: usize = 5;

/// Request `number`: a few persons who act, are identified, merged, and belong to groups. The same number, the same bytes.
fn request(number: usize) -> Vec<Value> {
    let mut rng = StdRng::seed_from_u64(number as u64);
    (0..EVENTS_PER_REQUEST)
        .map(|n| {
            let who = rng.random_range(0..12);
            let known = format!("user-{who}");
            let anonymous = format!("anon-{}-{who}", number / 20);
            let (event, distinct_id, properties) = match rng.random_range(0..6) {
                0 => (
                    "$identify",
                    known,
                    json!({"$anon_distinct_id": anonymous, "$set": {"last": number, "n": n}}),
                ),
                1 => (
                    "seen",
                    known,
                    json!({"$set": {"last": number}, "$set_once": {"first": number}}),
                ),
                2 => (
                    "seen",
                    known,
                    json!({"$unset": ["n"], "$groups": {"organization": format!("org-{}", who % 3)}}),
                ),
                3 => (
                    "$groupidentify",
                    known,
                    json!({"$group_type": "organization", "$group_key": format!("org-{}", who % 3),
                    "$group_set": {"last": number}}),
                ),
                _ => ("seen", anonymous, json!({"n": n})),
            };
            let minute = number % 60;
            json!({
                "uuid": uuid::Builder::from_random_bytes(rng.random()).into_uuid(),
                "event": event,
                "distinct_id": distinct_id,
                "timestamp": format!("2024-01-01T{:02}:{minute:02}:{n:02}Z", (number / 60) % 24),
                "properties": properties,
            })
        })
        .collect()
}

fn body(token: &str, number: usize) -> Value {
    json!({"api_key": token, "batch": request(number)})
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_a_hundred_times() -> TestResult {
    let data = tempfile::tempdir()?;
    let mut rng = StdRng::seed_from_u64(11);
    let mut next = 0;
    for _ in 0..ROUNDS {
        let mut server = ServerProcess::start(data.path())?;
        let patience = Duration::from_millis(rng.random_range(5..150));
        let sending = async {
            loop {
                // A request that got no answer is sent again by the next round, as an SDK would.
                match server.capture(&body(TOKEN, next)).await {
                    Ok(StatusCode::OK) => next += 1,
                    Ok(status) => anyhow::bail!("capture answered {status}"),
                    Err(_) => return Ok(()),
                }
            }
        };
        let outcome = tokio::time::timeout(patience, sending).await;
        if let Ok(ended) = outcome {
            ended?;
        }
        server.kill()?;
    }
    ensure!(next > ROUNDS, "only {next} requests were acknowledged");

    let server = ServerProcess::start(data.path())?;
    // The last one may or may not have been stored; sent again, it is.
    ensure!(server.capture(&body(TOKEN, next)).await? == StatusCode::OK);
    let rows = server
        .all("events/?limit=1000&after=2000-01-01T00:00:00Z")
        .await?;
    let mut found: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    found.sort_unstable();
    let mut sent: Vec<String> = (0..=next)
        .flat_map(request)
        .map(|event| {
            event["uuid"]
                .as_str()
                .map(str::to_owned)
                .context("an event has a uuid")
        })
        .collect::<anyhow::Result<_>>()?;
    sent.sort_unstable();
    ensure!(
        found == sent,
        "{} events stored, {} sent",
        found.len(),
        sent.len()
    );

    let ledger = server.get("ledger/").await?;
    let (received, stored, repeated) = (&ledger["received"], &ledger["stored"], &ledger["repeated"]);
    ensure!(stored.as_u64() == Some(sent.len() as u64), "{ledger}");
    ensure!(
        received.as_u64() == Some(stored.as_u64().unwrap_or(0) + repeated.as_u64().unwrap_or(0)),
        "{ledger}"
    );

    let persons = server.all("persons/?limit=1000").await?;
    let groups = server.all("groups/?group_type_index=0").await?;
    let (reference_persons, reference_groups) = uninterrupted(next).await?;
    ensure!(
        sorted(persons) == sorted(reference_persons),
        "persons differ from a run that was never killed"
    );
    ensure!(
        sorted(groups) == sorted(reference_groups),
        "groups differ from a run that was never killed"
    );
    Ok(())
}

/// Persons and groups after requests `0..=last`, in a process that is not killed.
async fn uninterrupted(last: usize) -> anyhow::Result<(Vec<Value>, Vec<Value>)> {
    let running = Running::start(Backend::Columnar).await?;
    let project = Project::create(&running.app, "reference").await?;
    for number in 0..=last {
        let (status, answer) = project
            .send(Method::POST, "/batch/", Some(&body(&project.token, number)))
            .await?;
        ensure!(status == StatusCode::OK, "{answer}");
    }
    let mut persons = project.get("persons/?limit=1000").await?;
    let mut groups = project.get("groups/?group_type_index=0").await?;
    running.app.close().await?;
    let take = |page: &mut Value| {
        page["results"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    };
    Ok((take(&mut persons), take(&mut groups)))
}

fn sorted(rows: Vec<Value>) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    rows.sort_unstable();
    rows
}
