//! Real SDK clients against the real binary: a current and an old posthog-python, a current and an old posthog-node.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::TestResult;
use tests::process::required_env;
use tests::server_process::{ServerProcess, TOKEN};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sdk");

/// Runs a client to its end; it must succeed.
fn run(command: &mut Command) -> TestResult {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(
        output.status.success() && out.contains("ok"),
        "{command:?} failed:\n{out}\n{err}"
    );
    Ok(())
}

async fn person(server: &ServerProcess, distinct_id: &str) -> anyhow::Result<Value> {
    let mut answer = server.get(&format!("persons/?distinct_id={distinct_id}")).await?;
    Ok(answer["results"][0].take())
}

#[tokio::test]
async fn sdks_of_python_and_node_are_served() -> TestResult {
    let python = required_env(
        "GRANARY_TEST_PYTHON",
        "a Python with the packages of tests/requirements.txt",
    )?;
    let node = required_env(
        "GRANARY_TEST_NODE",
        "a folder with the packages of tests/node/package-lock.json",
    )?;
    let old_sdk = Path::new(&python)
        .ancestors()
        .nth(3)
        .context("the Python is in a virtual environment")?
        .join("old-sdk");
    ensure!(old_sdk.exists(), "the old SDK is not in {}", old_sdk.display());
    let data = tempfile::tempdir()?;
    let server = ServerProcess::start(data.path())?;

    run(Command::new(&python)
        .arg(format!("{FOLDER}/current.py"))
        .args([&server.url, TOKEN]))?;
    run(Command::new(&python)
        .env("PYTHONPATH", &old_sdk)
        .arg(format!("{FOLDER}/old.py"))
        .args([&server.url, TOKEN]))?;
    for script in ["current.mjs", "old.cjs"] {
        // Node looks for packages beside the script.
        let copy = Path::new(&node).join(script);
        std::fs::copy(Path::new(FOLDER).join(script), &copy)?;
        run(Command::new("node").arg(&copy).args([&server.url, TOKEN]))?;
    }

    for (name, count) in [
        ("py signed up", 2),
        ("old py signed up", 1),
        ("node signed up", 2),
        ("old node signed up", 1),
    ] {
        let rows = server
            .all(&format!("events/?after=2024-01-01T00:00:00Z&event={name}"))
            .await?;
        ensure!(rows.len() == count, "{} of {count} events \"{name}\"", rows.len());
    }
    let rows = server
        .get("events/?after=2024-01-01T00:00:00Z&event=py signed up&distinct_id=py-user")
        .await?;
    ensure!(
        rows["results"][0]["properties"]["nested"] == json!({"a": [1, null]}),
        "{rows}"
    );
    for (distinct_id, email, ids) in [
        ("py-anon", "py@x.example", 2),
        ("old-py-anon", "old-py@x.example", 2),
        ("node-anon", "node@x.example", 2),
        ("old-node-anon", "old-node@x.example", 2),
    ] {
        let person = person(&server, distinct_id).await?;
        ensure!(person["properties"]["email"] == email, "{distinct_id}: {person}");
        ensure!(
            person["distinct_ids"]
                .as_array()
                .is_some_and(|list| list.len() == ids),
            "{distinct_id}: {person}"
        );
    }
    let group = server
        .get("groups/find/?group_type_index=0&group_key=acme")
        .await?;
    ensure!(
        group["group_properties"] == json!({"size": 12, "city": "Oslo"}),
        "{group}"
    );
    let ledger = server.get("ledger/").await?;
    ensure!(ledger["received"] == ledger["stored"], "{ledger}");
    Ok(())
}
