//! An application on one of the stores, in this process.

use std::future::Future;
use std::pin::Pin;

use anyhow::{Context, Result};
use clap::Parser;
use server::app::App;
use server::cli::{Cli, Command, StoreOptions};
use tempfile::TempDir;

use crate::process::required_env;
use crate::{Project, TestResult, clickhouse};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Columnar,
    Postgres,
    Clickhouse,
}

/// The application and what has to live as long as it.
pub struct Running {
    pub app: App,
    _data: TempDir,
}

impl Running {
    /// On a fresh, empty store.
    pub async fn start(backend: Backend) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let folder = data
            .path()
            .to_str()
            .context("the temporary folder is not UTF-8")?;
        let mut arguments = vec![
            "granary".to_owned(),
            "serve".to_owned(),
            format!("--data-dir={folder}"),
        ];
        match backend {
            Backend::Columnar => arguments.push("--store=columnar".to_owned()),
            Backend::Postgres => {
                arguments.push("--store=postgres".to_owned());
                arguments.push(format!("--database-url={}", fresh_postgres().await?));
            }
            Backend::Clickhouse => {
                arguments.push("--store=clickhouse".to_owned());
                arguments.push(format!(
                    "--clickhouse-url={}",
                    clickhouse::fresh_database().await?
                ));
            }
        }
        let app = App::open(&store_options(&arguments)?).await?;
        Ok(Self { app, _data: data })
    }
}

fn store_options(arguments: &[String]) -> Result<StoreOptions> {
    match Cli::try_parse_from(arguments)?.command {
        Some(Command::Serve(options)) => Ok(options.store),
        _ => anyhow::bail!("`serve` was asked for"),
    }
}

/// URL of a new, empty database on the test cluster.
async fn fresh_postgres() -> Result<String> {
    let url = required_env("GRANARY_TEST_POSTGRES_URL", "a PostgreSQL server for tests")?;
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await?;
    let (base, _) = url.rsplit_once('/').context("the test URL names a database")?;
    Ok(format!("{base}/{name}"))
}

type Case<'a> = Pin<Box<dyn Future<Output = TestResult> + 'a>>;

/// Runs one case on a fresh store, in a fresh project (UTC, weeks from Sunday).
pub fn run<'a>(backend: Backend, case: impl FnOnce(Project) -> Case<'a>) -> TestResult {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let running = Running::start(backend).await?;
        let project = Project::create(&running.app, "test").await?;
        case(project).await?;
        running.app.close().await
    })
}
