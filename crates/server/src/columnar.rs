//! The stores that speak the ClickHouse dialect: the embedded engine and a ClickHouse server.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ee_clickhouse::migrations::{self, Action, RunOptions, Step};
use ee_clickhouse::{ClickHouseStore, Embedded, Executor, Http, HttpOptions};
use engine::{Engine, EngineConfig};

use crate::cli::StoreOptions;
use crate::now;

/// Each query uses all cores for what can run in parallel: more at once would only share them and the memory.
const QUERIES_AT_ONCE: usize = 4;

/// The engine on `<data-dir>/store`, migrated.
pub async fn open_columnar(options: &StoreOptions) -> Result<ClickHouseStore<Embedded>> {
    let executor = embedded(options).await?;
    migrate(&executor, options).await?;
    Ok(ClickHouseStore::new(executor))
}

/// A ClickHouse server, migrated.
pub async fn open_clickhouse(options: &StoreOptions) -> Result<ClickHouseStore<Http>> {
    let executor = http(options)?;
    migrate(&executor, options).await?;
    Ok(ClickHouseStore::new(executor))
}

pub async fn embedded(options: &StoreOptions) -> Result<Embedded> {
    let folder = options.data_dir.join("store");
    let memory = options.memory_mib << 20;
    // Half for queries at work, a quarter for what the next one reads again; the rest is memtables and everything else.
    let mut config = EngineConfig {
        memory_bytes: memory / 2,
        query_memory_bytes: memory / 2,
        cache_bytes: memory / 4,
        ..EngineConfig::default()
    };
    options.disks.configure(&mut config);
    // Recovery reads files: not on a thread that serves requests.
    let opened = tokio::task::spawn_blocking(move || Engine::open(&folder, config)).await?;
    let engine =
        opened.with_context(|| format!("cannot open the store in `{}`", options.data_dir.display()))?;
    Ok(Embedded::new(Arc::new(engine), QUERIES_AT_ONCE))
}

/// `--clickhouse-url`: scheme, credentials, host; the path names the database (`default` if there is none).
pub fn http(options: &StoreOptions) -> Result<Http> {
    let url = options
        .clickhouse_url
        .as_deref()
        .context("`--store clickhouse` needs --clickhouse-url (or CLICKHOUSE_URL)")?;
    let (scheme, rest) = url
        .split_once("://")
        .context("a ClickHouse URL begins with http:// or https://")?;
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let database = if database.is_empty() { "default" } else { database };
    // An empty variable is none.
    let cluster = options.clickhouse_cluster.clone().filter(|name| !name.is_empty());
    let options = HttpOptions {
        url: format!("{scheme}://{authority}"),
        database: database.to_owned(),
        user: None,
        password: None,
        timeout: Duration::from_secs(120),
        cluster,
    };
    Ok(Http::new(options)?)
}

async fn migrate<E: Executor>(executor: &E, options: &StoreOptions) -> Result<()> {
    let run = RunOptions {
        initial: options.initial_migrations,
        ..RunOptions::default()
    };
    let steps = migrations::run(executor, run, now())
        .await
        .context("cannot migrate the event store")?;
    for step in steps
        .iter()
        .filter(|step| !matches!(step.action, Action::Done(_)))
    {
        tracing::info!("{}", describe(step));
    }
    Ok(())
}

/// One line on what a step does, or did.
pub fn describe(step: &Step) -> String {
    use ee_clickhouse::migrations::{Cost, State};
    let cost = match step.cost {
        Cost::Plain => "plain",
        Cost::Expensive => "expensive",
    };
    let what = match step.action {
        Action::Done(State::Applied) => "applied before",
        Action::Done(State::Skipped) => "skipped before: the store was created in its final shape",
        Action::Done(State::Fake) => "recorded before without running",
        Action::Run => "run",
        Action::Shape(State::Skipped) => "skipped: the final shape is created directly",
        Action::Shape(_) => "part of the final shape",
        Action::Fake => "recorded without running",
    };
    format!("{} ({cost}): {what}", step.name)
}
