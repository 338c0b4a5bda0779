//! Opening: manifest, parts, log; and tidying what a crash left behind.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::{Condvar, Mutex, RwLock};

use super::Storage;
use super::mutate::{command_file, load_mutations};
use super::partition_verbs::{BROKEN, UNEXPECTED};
use super::pressure::PressureCounts;
use super::set_aside::{DETACHED_FOLDER, detach, log_set_aside};
use super::tables::{DATA_FOLDER, check_def};
use crate::block_cache::{BlockCache, CacheBudgets};
use crate::catalog::{Catalog, Table};
use crate::commit_queue::CommitQueue;
use crate::directory::{Directory, create_folder_durably};
use crate::error::{Result, StorageError, io_at};
use crate::manifest::{Manifest, ManifestRecord, TableRecord};
use crate::memtable::keys_of_write;
use crate::options::StorageOptions;
use crate::part::{Part, PartName};
use crate::table_def::{DefinitionLoader, TableDef};
use crate::token_window::{TableToken, TokenWindow};
use crate::wal::{Wal, WalEntry};

const LOCK_FILE: &str = "LOCK";

impl Storage {
    /// Opens the storage in `directory`, or starts an empty one. `loader` is asked for every table.
    pub fn open(
        directory: Arc<dyn Directory>,
        options: StorageOptions,
        loader: &dyn DefinitionLoader,
    ) -> Result<Self> {
        let lock = directory.lock(LOCK_FILE).map_err(|source| {
            if source.kind() == std::io::ErrorKind::WouldBlock {
                StorageError::Locked {
                    path: LOCK_FILE.to_owned(),
                }
            } else {
                io_at("lock", LOCK_FILE)(source)
            }
        })?;
        create_folder_durably(directory.as_ref(), DATA_FOLDER)
            .map_err(io_at("create folder", DATA_FOLDER))?;
        let mut manifest = Manifest::open(&directory, options.manifest_bytes)?;
        remove_dropped(directory.as_ref(), &mut manifest)?;

        let cache = Arc::new(BlockCache::new(CacheBudgets {
            blocks: options.cache_bytes,
            marks: options.mark_cache_bytes,
            dictionaries: options.dictionary_cache_bytes,
            indexes: options.index_cache_bytes,
        }));
        let mut next_uid = 0;
        let mut catalog = Catalog {
            lsn: manifest.state.wal_floor,
            ..Catalog::default()
        };
        let mut damaged = Vec::new();
        for (id, record) in &manifest.state.tables {
            let def = Arc::new(load_def(record, loader)?);
            let table = def.full_name();
            let mut parts = Vec::with_capacity(record.parts.len());
            for (name, summary) in &record.parts {
                next_uid += 1;
                let folder = format!("{}/{name}", record.folder);
                let opened = Part::open(
                    &directory,
                    &cache,
                    next_uid,
                    &table,
                    &folder,
                    name.clone(),
                    Some(*summary),
                );
                match opened {
                    Ok(part) => parts.push(Arc::new(part)),
                    Err(error @ StorageError::DamagedPart { .. }) => {
                        log_set_aside(&table, name, summary.rows, &error);
                        damaged.push((*id, name.clone()));
                    }
                    Err(error) => return Err(error),
                }
            }
            let mut table = Table::new(def, record.folder.clone(), parts);
            for mutation in load_mutations(directory.as_ref(), &record.folder, &record.mutations) {
                table.add_mutation(mutation);
            }
            catalog.tables.insert(*id, table);
        }
        // First the manifest forgets them: what it does not know is moved aside, now or by the start after a crash.
        let broken: Vec<String> = damaged
            .iter()
            .filter_map(|(id, name)| Some(format!("{}/{name}", manifest.state.tables.get(id)?.folder)))
            .collect();
        if !damaged.is_empty() {
            manifest.commit(&ManifestRecord::removal(damaged))?;
        }
        for record in manifest.state.tables.values() {
            tidy_table_folder(directory.as_ref(), record, &broken)?;
        }

        let mut tokens = TokenWindow::new(options.tokens_max, manifest.state.tokens.iter().cloned());
        let state = &manifest.state;
        let wal = Wal::open(
            &directory,
            options.wal_segment_bytes,
            state.wal_floor,
            |first_lsn, entries| {
                for (lsn, entry) in (first_lsn..).zip(entries) {
                    replay(&mut catalog, &manifest, &mut tokens, lsn, entry)?;
                }
                Ok(())
            },
        )?;
        catalog.lsn = wal.next_lsn() - 1;
        Ok(Self {
            directory,
            options,
            cache,
            catalog: RwLock::new(catalog),
            commits: CommitQueue::new(),
            wal: Mutex::new(wal),
            tokens: Mutex::new(tokens),
            manifest: Mutex::new(manifest),
            flushing: Mutex::new(()),
            merging: Mutex::default(),
            merge_done: Condvar::new(),
            expiry_clock: Mutex::default(),
            ddl: RwLock::new(()),
            next_part_uid: AtomicU64::new(next_uid.saturating_add(1)),
            pressure_counts: PressureCounts::default(),
            vertical_merges: AtomicU64::new(0),
            _lock: lock,
        })
    }
}

fn replay(
    catalog: &mut Catalog,
    manifest: &Manifest,
    tokens: &mut TokenWindow,
    lsn: u64,
    entry: WalEntry,
) -> Result<()> {
    if let Some(token) = entry.token {
        // Of what is in a table's parts, the manifest has the tokens that still count.
        let known = TableToken::decode(&token).is_some_and(|token| {
            let record = manifest.state.tables.get(&token.table);
            record.is_none_or(|record| lsn <= record.flushed_lsn)
        });
        if !known {
            tokens.insert(token);
        }
    }
    for write in entry.writes {
        // Rows of a table that was dropped later, or that are in a part already.
        let Some(record) = manifest.state.tables.get(&write.table) else {
            continue;
        };
        if lsn <= record.flushed_lsn {
            continue;
        }
        let table = catalog.table_mut(write.table)?;
        let block = write.block(&table.def).map_err(|e| StorageError::DamagedLog {
            file: crate::wal::WAL_FOLDER.to_owned(),
            offset: lsn,
            problem: format!("entry {lsn}: {e}"),
        })?;
        let keys = keys_of_write(&table.def, &block);
        table.memtable.push(block, keys, lsn);
    }
    Ok(())
}

fn load_def(record: &TableRecord, loader: &dyn DefinitionLoader) -> Result<TableDef> {
    let loaded = loader
        .load(&record.definition)
        .map_err(|problem| StorageError::Definition {
            database: record.database.clone(),
            name: record.name.clone(),
            problem,
        })?;
    // The manifest knows the name after a rename, the definition may not.
    let def = TableDef {
        database: record.database.clone(),
        name: record.name.clone(),
        definition: record.definition.clone(),
        ..loaded
    };
    check_def(&def)?;
    Ok(def)
}

/// Removes folders of tables that were dropped.
fn remove_dropped(directory: &dyn Directory, manifest: &mut Manifest) -> Result<()> {
    for folder in manifest.state.dropped_folders.clone() {
        if directory.exists(&folder).map_err(io_at("open", &folder))? {
            directory
                .remove_folder(&folder)
                .map_err(io_at("remove folder", &folder))?;
            let above = crate::directory::parent(&folder);
            directory
                .sync_folder(above)
                .map_err(io_at("sync folder", above))?;
        }
        manifest.commit(&ManifestRecord::FolderGone { folder })?;
    }
    Ok(())
}

/// Removes unfinished parts, the sources of merges and results that came to nothing, and moves parts that nobody knows
/// to `detached/`. `broken` are folders of damaged parts.
fn tidy_table_folder(directory: &dyn Directory, record: &TableRecord, broken: &[String]) -> Result<()> {
    let folder = &record.folder;
    if !directory.exists(folder).map_err(io_at("open", folder))? {
        return create_folder_durably(directory, folder).map_err(io_at("create folder", folder));
    }
    let entries = directory.list(folder).map_err(io_at("list", folder))?;
    let unknown: Vec<PartName> = entries
        .iter()
        .filter_map(|entry| PartName::parse(&entry.name))
        .filter(|name| !record.parts.contains_key(name))
        .collect();
    let active: Vec<&PartName> = record.parts.keys().collect();
    let mut detached = Vec::new();
    for entry in entries {
        let path = format!("{folder}/{}", entry.name);
        if !entry.is_folder {
            let is_command = |name: &str| name.starts_with("mutation_") && name.ends_with(".txt");
            let known = record.mutations.keys().any(|n| command_file(*n) == entry.name);
            if !known && is_command(entry.name.trim_start_matches("tmp_")) {
                directory
                    .remove_file(&path)
                    .map_err(io_at("remove file", &path))?;
            }
            continue;
        }
        if entry.name == DETACHED_FOLDER {
            continue;
        }
        let name = PartName::parse(&entry.name);
        if name.as_ref().is_some_and(|n| record.parts.contains_key(n)) {
            continue;
        }
        let superseded = name.is_some_and(|n| is_superseded(&n, &active, &unknown));
        if superseded || entry.name.starts_with("tmp_") {
            directory
                .remove_folder(&path)
                .map_err(io_at("remove folder", &path))?;
        } else {
            detached.push(entry.name);
        }
    }
    // Damaged parts last: as long as one is there, nothing goes that may hold its rows.
    let is_broken = |name: &String| broken.contains(&format!("{folder}/{name}"));
    detached.sort_by_key(is_broken);
    for name in detached {
        let reason = if is_broken(&name) { BROKEN } else { UNEXPECTED };
        let to = detach(directory, folder, &name, reason)?;
        tracing::warn!(folder, name, to, "moved a part that the manifest does not know");
    }
    Ok(())
}

/// Whether the rows of a part that is not active are all in parts that are, or were taken out of the table since: it is
/// a source of one of those, or it was made of some of them by a merge or a mutation that did not come to its record.
/// Kept aside, it would keep rows that a later delete removes.
///
/// As long as folders of both may be there, no two blocks of a partition have one number, so that names tell. Blocks in
/// the middle may have been dropped or detached. But where the first or the last is in no active part, or a folder of
/// one is there that no active part has rows of (`unknown` are all that are not active; it may be damaged), this may be
/// the only copy.
pub(super) fn is_superseded(name: &PartName, active: &[&PartName], unknown: &[PartName]) -> bool {
    let is_around = |outer: &PartName, inner: &PartName| {
        outer.min_block <= inner.min_block && outer.max_block >= inner.max_block
    };
    let of_active = |name: &PartName| active.iter().any(|active| overlap(active, name));
    if unknown
        .iter()
        .any(|other| overlap(other, name) && !of_active(other))
    {
        return false;
    }
    let (mut has_first, mut has_last) = (false, false);
    for active in active.iter().filter(|active| overlap(active, name)) {
        if !is_around(active, name) && !is_around(name, active) {
            return false;
        }
        has_first |= active.min_block <= name.min_block;
        has_last |= active.max_block >= name.max_block;
    }
    has_first && has_last
}

fn overlap(a: &PartName, b: &PartName) -> bool {
    a.partition == b.partition && a.min_block <= b.max_block && b.min_block <= a.max_block
}
