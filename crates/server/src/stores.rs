//! The event store and the metadata that the options ask for.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use event_store::EventStore;
use metadata::Metadata;
use queries::PostgresStore;

use crate::cli::{StoreKind, StoreOptions};
use crate::data_dir::{self, DataDirLock};

pub struct Stores {
    pub events: Arc<dyn EventStore>,
    pub metadata: Metadata,
    /// Held as long as the files are in use.
    _lock: Option<DataDirLock>,
}

impl Stores {
    /// Opens both and brings their schemas up to date.
    pub async fn open(options: &StoreOptions) -> Result<Self> {
        let uses_files = options.store == StoreKind::Columnar || options.database_url.is_none();
        let lock = if uses_files {
            Some(data_dir::lock(&options.data_dir)?)
        } else {
            None
        };
        let metadata = match &options.database_url {
            Some(url) => Metadata::open_postgres(url)
                .await
                .context("cannot open the metadata in PostgreSQL")?,
            None => {
                let file = options.data_dir.join("metadata.sqlite");
                Metadata::open_sqlite(&file)
                    .await
                    .with_context(|| format!("cannot open the metadata `{}`", file.display()))?
            }
        };
        let events: Arc<dyn EventStore> = match options.store {
            StoreKind::Postgres => Arc::new(postgres(options).await?),
            #[cfg(feature = "ee")]
            StoreKind::Columnar => Arc::new(crate::columnar::open_columnar(options).await?),
            #[cfg(feature = "ee")]
            StoreKind::Clickhouse => Arc::new(crate::columnar::open_clickhouse(options).await?),
            #[cfg(not(feature = "ee"))]
            StoreKind::Columnar | StoreKind::Clickhouse => {
                anyhow::bail!("this binary was built without the `ee` feature: only `--store postgres` works")
            }
        };
        Ok(Self {
            events,
            metadata,
            _lock: lock,
        })
    }

    pub async fn close(&self) -> Result<()> {
        self.events
            .close()
            .await
            .context("cannot close the event store")?;
        self.metadata.close().await;
        Ok(())
    }
}

async fn postgres(options: &StoreOptions) -> Result<PostgresStore> {
    let url = options
        .database_url
        .as_deref()
        .context("`--store postgres` needs --database-url (or DATABASE_URL)")?;
    let connect = PostgresStore::connect(url);
    let store = tokio::time::timeout(Duration::from_secs(30), connect)
        .await
        .context("PostgreSQL does not answer")?
        .context("cannot open the PostgreSQL event store")?;
    store
        .migrate()
        .await
        .context("cannot migrate the PostgreSQL event store")?;
    Ok(store)
}
