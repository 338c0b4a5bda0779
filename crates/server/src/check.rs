//! `granary check`: reads all of the columnar store and says what is damaged.

use anyhow::{Context, Result, bail};
use engine::{Engine, EngineConfig};

use crate::cli::CheckOptions;
use crate::data_dir;

/// An error when anything is damaged, or was set aside before.
pub async fn run(options: CheckOptions) -> Result<()> {
    let _lock = data_dir::lock(&options.data_dir)?;
    let folder = options.data_dir.join("store");
    if !folder.exists() {
        bail!("there is no columnar store in `{}`", options.data_dir.display());
    }
    tokio::task::spawn_blocking(move || {
        let mut config = EngineConfig {
            background: false,
            ..EngineConfig::default()
        };
        options.disks.configure(&mut config);
        // Parts that cannot even be opened are set aside here.
        let engine =
            Engine::open(&folder, config).with_context(|| format!("cannot open `{}`", folder.display()))?;
        let (mut parts, mut rows, mut bytes, mut damaged) = (0_u64, 0, 0, 0_u64);
        engine.check_parts(|part| {
            parts += 1;
            rows += part.rows;
            bytes += part.bytes;
            match part.outcome {
                Ok(()) => println!("ok       {} {} ({} rows)", part.table, part.part, part.rows),
                Err(error) => {
                    damaged += 1;
                    println!("DAMAGED  {} {}: {error}", part.table, part.part);
                }
            }
        })?;
        let detached = engine.detached()?;
        for path in &detached {
            println!("ASIDE    {path}");
        }
        println!(
            "{parts} parts, {rows} rows, {bytes} bytes read; {damaged} damaged, {} set aside",
            detached.len()
        );
        if damaged > 0 || !detached.is_empty() {
            bail!("the store is not whole");
        }
        Ok(())
    })
    .await?
}
