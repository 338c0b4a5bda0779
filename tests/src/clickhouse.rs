//! A ClickHouse server for tests: real ClickHouse (chdb) behind its HTTP interface, see `tests/clickhouse/server.py`.

use anyhow::{Result, ensure};

use crate::process::required_env;

/// Address of the server, without a database.
pub fn url() -> Result<String> {
    let url = required_env("GRANARY_TEST_CLICKHOUSE_URL", "a ClickHouse server for tests")?;
    Ok(url.trim_end_matches('/').to_owned())
}

/// `http://127.0.0.1:PORT/DATABASE` of a fresh database.
pub async fn fresh_database() -> Result<String> {
    let (url, name) = (url()?, format!("test_{}", uuid::Uuid::new_v4().simple()));
    let answer = reqwest::Client::new()
        .post(&url)
        .body(format!("CREATE DATABASE {name}"))
        .send()
        .await?;
    let status = answer.status();
    ensure!(
        status.is_success(),
        "cannot create a database: {status} {}",
        answer.text().await?
    );
    Ok(format!("{url}/{name}"))
}
