//! `granary migrate`: the event store's schema, planned, run or only recorded.

use anyhow::{Result, bail};

use crate::cli::{MigrateOptions, StoreKind};
#[cfg(feature = "ee")]
use crate::{
    columnar::{describe, embedded, http},
    data_dir, now,
};

pub async fn run(options: MigrateOptions) -> Result<()> {
    match options.store.store {
        StoreKind::Postgres => {
            if options.plan || options.fake || options.upto.is_some() {
                bail!("--plan, --upto and --fake are for the columnar and ClickHouse stores");
            }
            crate::stores::Stores::open(&options.store).await?.close().await?;
            println!("The PostgreSQL event store is up to date.");
            Ok(())
        }
        #[cfg(feature = "ee")]
        StoreKind::Columnar => {
            let _lock = data_dir::lock(&options.store.data_dir)?;
            steps(&embedded(&options.store).await?, &options).await
        }
        #[cfg(feature = "ee")]
        StoreKind::Clickhouse => steps(&http(&options.store)?, &options).await,
        #[cfg(not(feature = "ee"))]
        StoreKind::Columnar | StoreKind::Clickhouse => {
            bail!("this binary was built without the `ee` feature")
        }
    }
}

#[cfg(feature = "ee")]
async fn steps<E: ee_clickhouse::Executor>(executor: &E, options: &MigrateOptions) -> Result<()> {
    use ee_clickhouse::migrations::{self, RunOptions};
    let run = RunOptions {
        upto: options.upto,
        fake: options.fake,
        initial: options.store.initial_migrations,
    };
    let steps = if options.plan {
        migrations::plan(executor, run).await?
    } else {
        migrations::run(executor, run, now()).await?
    };
    for step in &steps {
        println!("{}", describe(step));
    }
    executor.close().await?;
    Ok(())
}
