//! A ClickHouse server for tests: real ClickHouse (chdb) behind its HTTP interface, one process for all tests of a binary.

use std::process::Command;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result, anyhow};

use crate::process::{Process, required_env};

static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();

struct Server {
    port: u16,
    _process: Mutex<Process>,
}

/// Port of the running server, started on first use.
pub fn port() -> Result<u16> {
    let server = SERVER.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    server.as_ref().map(|server| server.port).map_err(|error| anyhow!("{error}"))
}

fn start() -> Result<Server> {
    let python = required_env("GRANARY_TEST_PYTHON", "a Python with the packages of tests/requirements.txt")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clickhouse/server.py");
    let (process, port) = Process::start(Command::new(python).arg(script), |line| {
        line.strip_prefix("listening on ").and_then(|port| port.parse().ok())
    })
    .context("the ClickHouse fixture")?;
    Ok(Server { port, _process: Mutex::new(process) })
}

/// `http://127.0.0.1:PORT/DATABASE` of a fresh database.
pub async fn fresh_database() -> Result<String> {
    let port = port()?;
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    let url = format!("http://127.0.0.1:{port}/");
    let answer = reqwest::Client::new().post(&url).body(format!("CREATE DATABASE {name}")).send().await?;
    if !answer.status().is_success() {
        return Err(anyhow!("cannot create a database: {}", answer.text().await?));
    }
    Ok(format!("{url}{name}"))
}
