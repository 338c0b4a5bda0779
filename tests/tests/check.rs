//! `granary check` on the files of a server that ran: whole, damaged inside, and damaged beyond opening.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use axum::http::StatusCode;
use serde_json::{Value, json};
use tests::TestResult;
use tests::server_process::{ServerProcess, TOKEN, binary};

/// Whether the store is whole, and what was printed.
fn check(data: &Path) -> Result<(bool, String)> {
    let output = Command::new(binary()?)
        .args(["check", "--data-dir"])
        .arg(data)
        .output()?;
    Ok((output.status.success(), String::from_utf8(output.stdout)?))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Flips a bit in the middle of the file `name` of an events part; answers its path.
fn damage(data: &Path, name: &str) -> Result<PathBuf> {
    let mut found = Vec::new();
    files(&data.join("store"), &mut found)?;
    let wanted = |path: &PathBuf| path.ends_with(name) && path.with_file_name("properties.bin").exists();
    let events = |path: &PathBuf| path.with_file_name("elements_chain.bin").exists();
    let path = found
        .into_iter()
        .find(|path| wanted(path) && events(path))
        .with_context(|| format!("no part of events has `{name}`"))?;
    let mut bytes = std::fs::read(&path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes)?;
    Ok(path)
}

async fn filled(data: &Path) -> TestResult {
    let server = ServerProcess::start(data)?;
    let events: Vec<Value> = (0..100)
        .map(|n| json!({"event": "seen", "distinct_id": format!("user-{n}"), "properties": {"n": n}}))
        .collect();
    let status = server
        .capture(&json!({"api_key": TOKEN, "batch": events}))
        .await?;
    ensure!(status == StatusCode::OK, "capture answered {status}");
    server.stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_store_is_whole() -> TestResult {
    let data = tempfile::tempdir()?;
    filled(data.path()).await?;
    let (whole, printed) = check(data.path())?;
    ensure!(whole, "{printed}");
    ensure!(
        printed.contains("ok ") && printed.contains("0 damaged, 0 set aside"),
        "{printed}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_inside_names_part_file_and_offset() -> TestResult {
    let data = tempfile::tempdir()?;
    filled(data.path()).await?;
    damage(data.path(), "properties.bin")?;
    let (whole, printed) = check(data.path())?;
    ensure!(!whole, "{printed}");
    let line = printed.lines().find(|line| line.starts_with("DAMAGED"));
    let line = line.with_context(|| printed.clone())?;
    ensure!(
        line.contains("properties.bin") && line.contains("offset"),
        "{line}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_cannot_be_opened_is_set_aside_and_the_server_goes_on() -> TestResult {
    let data = tempfile::tempdir()?;
    filled(data.path()).await?;
    damage(data.path(), "primary.idx")?;
    let server = ServerProcess::start(data.path())?;
    ensure!(
        server.all("events/").await?.is_empty(),
        "the only part was damaged"
    );
    ensure!(
        server.all("persons/").await?.len() == 100,
        "persons are in another table"
    );
    server.stop()?;
    let (whole, printed) = check(data.path())?;
    ensure!(
        !whole && printed.contains("ASIDE") && printed.contains("1 set aside"),
        "{printed}"
    );
    Ok(())
}
