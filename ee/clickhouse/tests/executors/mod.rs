//! Fresh, empty stores for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ee_clickhouse::{Embedded, Executor, Http, HttpOptions};
use engine::{Engine, EngineConfig};
use engine_storage::directory::SimulatedDirectory;

/// A fresh database on the server that `GRANARY_TEST_CLICKHOUSE_URL` names; laid out for the cluster that
/// `GRANARY_TEST_CLICKHOUSE_CLUSTER` names, if it does.
pub async fn server() -> Http {
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let url = std::env::var("GRANARY_TEST_CLICKHOUSE_URL").expect(
        "GRANARY_TEST_CLICKHOUSE_URL names no ClickHouse server: `cargo xtask test` starts one and sets it",
    );
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let database = format!("case_{}_{number}", std::process::id());
    let connect = |database: &str| {
        Http::new(HttpOptions {
            url: url.clone(),
            database: database.to_owned(),
            user: None,
            password: None,
            timeout: Duration::from_secs(60),
            cluster: std::env::var("GRANARY_TEST_CLICKHOUSE_CLUSTER").ok(),
        })
        .expect("an executor")
    };
    connect("default")
        .command(&format!("CREATE DATABASE {database}"))
        .await
        .expect("a database");
    connect(&database)
}

/// A fresh engine on a directory in memory.
pub fn engine() -> Embedded {
    open(EngineConfig::default())
}

/// The same with small granules and a part for every insert, so that what was stored is read back from many parts.
pub fn engine_of_small_parts() -> Embedded {
    open(EngineConfig {
        flush_every_insert: true,
        granule_rows: Some(3),
        ..EngineConfig::default()
    })
}

fn open(config: EngineConfig) -> Embedded {
    let config = EngineConfig {
        background: false,
        max_threads: 2,
        ..config
    };
    let directory = Arc::new(SimulatedDirectory::new());
    Embedded::new(
        Arc::new(Engine::open_in(directory, config).expect("an engine")),
        2,
    )
}
