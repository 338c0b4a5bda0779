//! The connection pool, its set-up, and conversions of column values.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use model::{GroupType, Project, ProjectId};
use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{AnyPool, Executor, Row};

use crate::{MetadataError, Result};

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/metadata/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/metadata/postgres");

/// Handle to the metadata; clones share one pool and one set of caches.
#[derive(Clone)]
pub struct Metadata {
    pub(crate) pool: AnyPool,
    pub(crate) caches: Arc<Mutex<Caches>>,
}

/// What this process knows without asking. Rows cached here are changed only through this process's handle.
#[derive(Default)]
pub(crate) struct Caches {
    pub projects_by_token: HashMap<String, Arc<Project>>,
    pub group_types: HashMap<ProjectId, Vec<GroupType>>,
}

impl Metadata {
    /// Opens (creating it if absent) `file` as SQLite and brings its schema up to date.
    pub async fn open_sqlite(file: &Path) -> Result<Self> {
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let options = AnyPoolOptions::new()
            .max_connections(4)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // FULL: what a 200 stands on must survive a power cut. WAL: readers do not wait for the writer.
                    connection
                    .execute(
                        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
                    )
                    .await?;
                    Ok(())
                })
            });
        Self::open(options, &url, &SQLITE).await
    }

    /// Connects to PostgreSQL (`postgres://…`) and brings the schema up to date.
    pub async fn open_postgres(url: &str) -> Result<Self> {
        Self::open(AnyPoolOptions::new().max_connections(8), url, &POSTGRES).await
    }

    async fn open(
        options: AnyPoolOptions,
        url: &str,
        migrator: &'static sqlx::migrate::Migrator,
    ) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let pool = options.connect(url).await.map_err(MetadataError::on("connect"))?;
        let mut migrator = sqlx::migrate::Migrator {
            migrations: migrator.migrations.clone(),
            ..sqlx::migrate::Migrator::DEFAULT
        };
        // The Postgres event store keeps its own history in the same database.
        migrator.dangerous_set_table_name("metadata_migrations");
        migrator.run(&pool).await?;
        Ok(Self {
            pool,
            caches: Arc::default(),
        })
    }

    /// Cheap check that the database answers.
    pub async fn ready(&self) -> Result<()> {
        sqlx::query("SELECT 1")
            .execute(&self.pool)
            .await
            .map_err(MetadataError::on("answer"))?;
        Ok(())
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn with_caches<T>(&self, f: impl FnOnce(&mut Caches) -> T) -> T {
        f(&mut self
            .caches
            .lock()
            .expect("no code panics while it holds the caches"))
    }
}

pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

pub(crate) fn time(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| MetadataError::Corrupt {
        what: "time",
        detail: micros.to_string(),
    })
}

pub(crate) fn json(text: &str) -> Result<serde_json::Value> {
    serde_json::from_str(text).map_err(|error| MetadataError::Corrupt {
        what: "JSON text",
        detail: error.to_string(),
    })
}

/// A column by name; a missing or mistyped one is reported as corrupt.
pub(crate) fn get<'r, T>(row: &'r AnyRow, column: &'static str) -> Result<T>
where
    T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
{
    row.try_get(column).map_err(|source| MetadataError::Corrupt {
        what: column,
        detail: source.to_string(),
    })
}
