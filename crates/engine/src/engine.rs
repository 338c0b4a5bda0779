//! The engine: opening, inserting, looking up, closing. Statements are in [`crate::statement`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use engine_exec::{ExecContext, Memory};
use engine_storage::{Directory, Disks, LocalDirectory, Storage, StorageError, StorageOptions, TableDef};
use engine_types::{Block, Column, DataType};
use parking_lot::{Mutex, RwLock};

use crate::background::Background;
use crate::catalogue::{Catalogue, Object};
use crate::config::EngineConfig;
use crate::ddl;
use crate::definition::Definition;
use crate::error::{EngineError, Result};
use crate::insert_block::Repeat;
use crate::insert_rows::TableInsert;
use crate::materialized_view::drop_inner_without_view;
use crate::options::{self, QueryOptions};
use crate::scan::EngineSource;
use crate::shape::{ColumnKind, Shape};
use crate::system_tables::SystemState;
use crate::system_tables::query_log::QueryLog;

/// The one door to a data folder. All methods may be called from many threads at once; none needs an async runtime.
pub struct Engine {
    pub(crate) storage: Arc<Storage>,
    pub(crate) catalogue: RwLock<Arc<Catalogue>>,
    /// Written by statements that change the catalogue, read while a statement takes catalogue and snapshots or adds
    /// rows: definitions and stored columns always belong together.
    pub(crate) ddl: RwLock<()>,
    pub(crate) config: EngineConfig,
    /// What all queries together may hold.
    budget: Memory,
    background: Mutex<Option<Background>>,
    opened: Instant,
    pub(crate) query_log: QueryLog,
}

/// What became of an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// The token was seen before: nothing was added.
    pub deduplicated: bool,
}

/// A column of a table, as [`Engine::table_columns`] lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumnInfo {
    pub name: String,
    pub ty: DataType,
    /// Takes values in inserts (is neither MATERIALIZED nor ALIAS).
    pub insertable: bool,
}

impl Engine {
    /// Opens the data in `path`, or starts an empty folder. Recovers what was acknowledged before a crash.
    pub fn open(path: impl AsRef<Path>, config: EngineConfig) -> Result<Self> {
        let path = path.as_ref();
        let directory = LocalDirectory::new(path).map_err(|source| StorageError::Io {
            action: "open folder",
            path: path.display().to_string(),
            source,
        })?;
        let synced = |directory: LocalDirectory| -> Arc<dyn Directory> {
            Arc::new(if config.fsync {
                directory
            } else {
                directory.without_sync()
            })
        };
        let mut disks = Disks::new(synced(directory), path.display().to_string());
        for disk in &config.disks {
            let path = disk.path.display().to_string();
            let directory = LocalDirectory::new(&disk.path).map_err(|source| StorageError::Io {
                action: "open folder",
                path: path.clone(),
                source,
            })?;
            disks = disks.with_disk(&disk.name, path, synced(directory));
        }
        for policy in &config.storage_policies {
            disks = disks.with_policy(policy.clone());
        }
        Self::open_on(disks, config)
    }

    /// The same in any directory: in memory, or one that injects faults.
    pub fn open_in(directory: Arc<dyn Directory>, config: EngineConfig) -> Result<Self> {
        Self::open_on(Disks::new(directory, ""), config)
    }

    /// The same on these disks; those of `config` do not count.
    pub fn open_on(disks: Disks, config: EngineConfig) -> Result<Self> {
        let opened = Instant::now();
        let options = StorageOptions {
            memtable_rows: config.flush_rows,
            memtable_bytes: config.flush_bytes,
            memtable_age_ms: config.flush_age_ms,
            cache_bytes: config.cache_bytes,
            forced_codec: config.forced_codec.clone(),
            auto_dictionaries: config.auto_dictionaries,
            forced_wide_from: config.forced_wide_from,
            json_keys_max: config.json_keys_max,
            json_rows_min: config.json_rows_min,
            ..StorageOptions::default()
        };
        let granule_rows = config.granule_rows;
        let loader = move |bytes: &[u8]| load(bytes, granule_rows).map_err(|e| e.to_string());
        let storage = Arc::new(Storage::open_on(disks, options, &loader)?);
        let mut catalogue = Catalogue::load(&storage)?;
        drop_inner_without_view(&storage, &mut catalogue)?;
        let background = if config.background {
            let started = Background::start(&storage, opened);
            Some(started.map_err(|source| StorageError::Io {
                action: "start threads for",
                path: "the engine".to_owned(),
                source,
            })?)
        } else {
            None
        };
        Ok(Self {
            storage,
            catalogue: RwLock::new(Arc::new(catalogue)),
            ddl: RwLock::new(()),
            budget: Memory::new(config.memory_bytes),
            config,
            background: Mutex::new(background),
            opened,
            query_log: QueryLog::default(),
        })
    }

    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Adds rows to one or several tables: all or nothing, durable and visible when it returns. With a token that was
    /// accepted before, nothing is added.
    ///
    /// Materialized views that follow the tables get the rows too, in the same atomic step. Columns whose default is the
    /// time, and views that ask for it, need [`Self::insert_at`].
    pub fn insert(&self, inserts: Vec<TableInsert>, token: Option<&str>) -> Result<Inserted> {
        self.insert_block(inserts, &Repeat::OfToken(token), None)
    }

    /// The same at the time, and with the settings and the cancellation, of `options`.
    pub fn insert_at(
        &self,
        inserts: Vec<TableInsert>,
        token: Option<&str>,
        options: &QueryOptions,
    ) -> Result<Inserted> {
        self.insert_block(inserts, &Repeat::OfToken(token), Some(options))
    }

    /// For each row of `keys` (columns in the order of the table's `INDEX lookup_…`) whether the table has a row with
    /// those values. Exact, and sees every insert that has returned.
    pub fn contains(&self, database: &str, table: &str, keys: &[Column]) -> Result<Vec<bool>> {
        let catalogue = self.catalogue();
        let table = catalogue.table(database, table)?;
        if table.shape.lookup.is_empty() {
            return Err(EngineError::refused(
                36,
                format!("table `{}` has no look-up index", table.name),
            ));
        }
        Ok(self.storage.contains(table.id, keys)?)
    }

    /// The columns of a table in order, without ALIAS columns.
    pub fn table_columns(&self, database: &str, table: &str) -> Result<Vec<TableColumnInfo>> {
        let catalogue = self.catalogue();
        let table = catalogue.table(database, table)?;
        Ok(table
            .shape
            .columns
            .iter()
            .filter(|c| c.kind != ColumnKind::Alias)
            .map(|c| TableColumnInfo {
                name: c.name.clone(),
                ty: c.ty.clone(),
                insertable: c.kind != ColumnKind::Materialized,
            })
            .collect())
    }

    /// Grows with every insert that added rows and every part whose rows were changed or deleted, once that is visible; goes
    /// on behind a restart. Merges, and changes of tables, do not count.
    pub fn version(&self) -> u64 {
        self.storage.lsn()
    }

    /// Makes parts of everything that is in memory.
    pub fn flush(&self) -> Result<()> {
        Ok(self.storage.flush_all()?)
    }

    /// Flushes what is due and merges once: what the background threads do, for engines without them.
    /// Answers whether there was anything to do.
    pub fn maintain(&self) -> Result<bool> {
        let now_ms = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let flushed = self.storage.maintain(now_ms)?.tables_flushed > 0;
        let mutated = match self.storage.mutate_once(None) {
            // It is shown in `system.mutations`, and keeps nothing else from being done.
            Err(StorageError::Mutation { .. }) => true,
            outcome => outcome?,
        };
        let merged = self.storage.merge_once()? || self.storage.merge_old(now_ms)?;
        Ok(merged || flushed || mutated)
    }

    /// Ends the background threads and makes parts of what is in memory, so that the next start has no log to replay.
    /// What was inserted is safe without it.
    pub fn close(self) -> Result<()> {
        self.stop_background();
        self.flush()
    }

    fn stop_background(&self) {
        if let Some(background) = self.background.lock().take() {
            background.stop();
        }
    }

    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.read().clone()
    }

    /// All tables as they are now, with the catalogue that describes them.
    pub(crate) fn source(&self) -> Result<EngineSource> {
        let _definitions_stay = self.ddl.read();
        EngineSource::new(&self.storage, self.catalogue())
    }

    /// Limits of a statement with these settings.
    pub(crate) fn context(
        &self,
        settings: &BTreeMap<String, String>,
        options: &QueryOptions,
    ) -> Result<ExecContext> {
        options::context(
            &self.config,
            &self.budget,
            settings,
            &options.cancel,
            Instant::now(),
        )
    }

    pub(crate) fn system_state<'a>(&'a self, catalogue: &'a Catalogue) -> SystemState<'a> {
        SystemState {
            storage: &self.storage,
            catalogue,
            config: &self.config,
            uptime: self.opened.elapsed().as_secs(),
            query_log: &self.query_log,
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop_background();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let catalogue = self.catalogue();
        let tables = catalogue
            .objects
            .values()
            .filter(|o| matches!(o, Object::Table(_)));
        f.debug_struct("Engine")
            .field("config", &self.config)
            .field("tables", &tables.count())
            .finish_non_exhaustive()
    }
}

/// A stored definition to what the storage works with. The names are the storage's own.
fn load(bytes: &[u8], granule_rows: Option<usize>) -> Result<TableDef> {
    let definition = Definition::decode(bytes)?;
    match &definition.create {
        engine_sql::ast::Statement::CreateTable(_) => {
            Arc::new(Shape::resolve(definition)?).table_def("", "", granule_rows)
        }
        _ => Ok(ddl::marker("", "", &definition)),
    }
}

/// All rows of the blocks as one block; `None` when there are none.
pub(crate) fn joined(blocks: &[Block]) -> Option<Block> {
    (!blocks.is_empty()).then(|| Block::concat(blocks))
}
