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

/// Flips a bit in the middle of the file `name` of an events part: a section of its data file, for the part is small.
fn damage(data: &Path, name: &str) -> Result<()> {
    let mut found = Vec::new();
    files(&data.join("store"), &mut found)?;
    for path in found.iter().filter(|path| path.ends_with("checksums.txt")) {
        let text = std::fs::read_to_string(path)?;
        let sections: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        let section = |name: &str| sections.iter().find(|fields| fields[0] == name);
        let (Some(section), Some(_)) = (section(name), section("elements_chain.bin")) else {
            continue;
        };
        let [_, bytes, _, "data.bin", offset] = section[..] else {
            anyhow::bail!("`{name}` is a file of its own in {}", path.display());
        };
        let middle = offset.parse::<usize>()? + bytes.parse::<usize>()? / 2;
        let data_file = path.with_file_name("data.bin");
        let mut bytes = std::fs::read(&data_file)?;
        bytes[middle] ^= 1;
        std::fs::write(&data_file, bytes)?;
        return Ok(());
    }
    anyhow::bail!("no part of events has `{name}`")
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
