//! Opening: manifest, parts, log; and tidying what a crash left behind.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use hashbrown::{HashMap, HashSet};
use parking_lot::{Condvar, Mutex, RwLock};

use super::Storage;
use super::mutate::{command_file, load_mutations};
use super::partition_verbs::{BROKEN, UNEXPECTED};
use super::place::{check_used, other_disks};
use super::pressure::PressureCounts;
use super::set_aside::{DETACHED_FOLDER, detach, log_set_aside};
use super::tables::{DATA_FOLDER, check_def};
use crate::block_cache::{BlockCache, CacheBudgets};
use crate::catalog::{Catalog, Table};
use crate::commit_queue::CommitQueue;
use crate::directory::{
    Directory, DirectoryEntry, JoinedDirectory, create_folder_durably, on_disk, split_disk,
};
use crate::disks::{DEFAULT_DISK, Disks};
use crate::error::{Result, StorageError, io_at};
use crate::manifest::{Manifest, ManifestRecord, TableRecord};
use crate::memtable::keys_of_write;
use crate::options::StorageOptions;
use crate::part::{LogRows, Part, PartName};
use crate::table_def::{DefinitionLoader, TableDef};
use crate::token_window::{TableToken, TokenWindow};
use crate::wal::{Wal, WalEntry};

const LOCK_FILE: &str = "LOCK";

/// Written to know what time it is.
const STARTED_FILE: &str = "started.txt";

/// Says on a disk that it is one.
pub(super) const MARKER_FILE: &str = "disk.txt";

impl Storage {
    /// Opens the storage in `directory`, or starts an empty one. `loader` is asked for every table.
    pub fn open(
        directory: Arc<dyn Directory>,
        options: StorageOptions,
        loader: &dyn DefinitionLoader,
    ) -> Result<Self> {
        Self::open_on(Disks::new(directory, ""), options, loader)
    }

    /// The same on several disks.
    pub fn open_on(disks: Disks, options: StorageOptions, loader: &dyn DefinitionLoader) -> Result<Self> {
        if let Some(problem) = disks.problem() {
            return Err(StorageError::Disks(problem));
        }
        let directory = joined(&disks);
        let mut locks = vec![lock(directory.as_ref(), LOCK_FILE)?];
        check_used(directory.as_ref(), &disks)?;
        for disk in other_disks(&disks) {
            locks.push(lock(directory.as_ref(), &on_disk(disk, LOCK_FILE))?);
        }
        create_folder_durably(directory.as_ref(), DATA_FOLDER)
            .map_err(io_at("create folder", DATA_FOLDER))?;
        let mut manifest = Manifest::open(&directory, options.manifest_bytes)?;
        remove_dropped(directory.as_ref(), &disks, &mut manifest)?;

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
        let mut placed = HashSet::new();
        for (id, record) in &manifest.state.tables {
            let def = Arc::new(load_def(record, loader)?);
            let table = def.full_name();
            if disks.policy(&def.storage_policy).is_none() {
                let policy = &def.storage_policy;
                tracing::warn!(
                    table,
                    policy,
                    "a table goes without its storage policy, which is not configured"
                );
            }
            let mut parts = Vec::with_capacity(record.parts.len());
            let copies = copies(directory.as_ref(), &disks, record)?;
            for (name, summary) in &record.parts {
                next_uid += 1;
                let open = |folder: &str| {
                    Part::open(
                        &directory,
                        &cache,
                        next_uid,
                        &table,
                        folder,
                        name.clone(),
                        Some(*summary),
                    )
                };
                // A part that was being moved may be there twice.
                let mut opened = open(&format!("{}/{name}", record.folder));
                for folder in copies.get(name).into_iter().flatten() {
                    if opened.is_err() {
                        opened = open(folder);
                    }
                }
                match opened {
                    Ok(part) => {
                        placed.insert(part.folder.clone());
                        parts.push(Arc::new(part));
                    }
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
            if table.def.merge_after_ms.is_some() {
                set_ages(directory.as_ref(), &table.parts)?;
            }
            catalog.tables.insert(*id, table);
        }
        // First the manifest forgets them: what it does not know is moved aside, now or by the start after a crash.
        let broken: Vec<String> = damaged
            .iter()
            .filter_map(|(id, name)| Some((&manifest.state.tables.get(id)?.folder, name)))
            .flat_map(|(folder, name)| {
                let disks = disks.disks().iter();
                disks.map(move |disk| on_disk(&disk.name, &format!("{folder}/{name}")))
            })
            .collect();
        if !damaged.is_empty() {
            manifest.commit(&ManifestRecord::removal(damaged))?;
        }
        let mut flushed = Vec::new();
        for (id, record) in &manifest.state.tables {
            let logged = |folder: &str, name: &PartName| {
                if broken.iter().any(|broken| broken == folder) {
                    return None;
                }
                let part = Part::open(&directory, &cache, 0, &record.name, folder, name.clone(), None);
                // What cannot be read is nobody's to remove.
                part.ok()?.log_rows()
            };
            tidy_table_folder(
                directory.as_ref(),
                &disks,
                record,
                &placed,
                &broken,
                &logged,
                &mut |folder, name, rows| {
                    flushed.push((*id, folder, name, rows));
                },
            )?;
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
        for (id, folder, name, rows) in flushed {
            let is_logged = has_rows(catalog.table(id)?, rows);
            remove_flushed(directory.as_ref(), &folder, &name, is_logged)?;
        }
        Ok(Self {
            directory,
            disks,
            places: Mutex::default(),
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
            latest_ms: AtomicU64::new(0),
            _locks: locks,
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

/// All disks as one directory.
fn joined(disks: &Disks) -> Arc<dyn Directory> {
    let (default, others) = disks.parts();
    if others.is_empty() {
        return default;
    }
    Arc::new(JoinedDirectory::new(default, others))
}

fn lock(directory: &dyn Directory, path: &str) -> Result<Box<dyn Send + Sync>> {
    directory.lock(path).map_err(|source| {
        if source.kind() == std::io::ErrorKind::WouldBlock {
            StorageError::Locked {
                path: path.to_owned(),
            }
        } else {
            io_at("lock", path)(source)
        }
    })
}

/// Folders on other disks than the default one that have the names of active parts.
fn copies(
    directory: &dyn Directory,
    disks: &Disks,
    record: &TableRecord,
) -> Result<HashMap<PartName, Vec<String>>> {
    let mut copies: HashMap<PartName, Vec<String>> = HashMap::new();
    for disk in other_disks(disks) {
        let folder = on_disk(disk, &record.folder);
        if !directory.exists(&folder).map_err(io_at("open", &folder))? {
            continue;
        }
        for entry in directory.list(&folder).map_err(io_at("list", &folder))? {
            if let Some(name) = PartName::parse(&entry.name).filter(|name| record.parts.contains_key(name)) {
                let path = format!("{folder}/{}", entry.name);
                copies.entry(name).or_default().push(path);
            }
        }
    }
    Ok(copies)
}

/// Removes folders of tables and parts that were dropped.
fn remove_dropped(directory: &dyn Directory, disks: &Disks, manifest: &mut Manifest) -> Result<()> {
    for folder in manifest.state.dropped_folders.clone() {
        // That of a table may be on all disks; that of a part says which it is on.
        let is_everywhere = split_disk(&folder).0 == DEFAULT_DISK && !is_part_folder(&folder);
        let elsewhere = other_disks(disks).filter(|_| is_everywhere);
        // A disk that was given up took its folders along.
        let is_there = |path: &String| disks.disks().iter().any(|disk| disk.name == split_disk(path).0);
        let paths = std::iter::once(folder.clone()).chain(elsewhere.map(|disk| on_disk(disk, &folder)));
        for folder in paths.filter(is_there) {
            if !directory.exists(&folder).map_err(io_at("open", &folder))? {
                continue;
            }
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

/// Ages of parts go on behind a restart, by the clock of the directory.
fn set_ages(directory: &dyn Directory, parts: &[Arc<Part>]) -> Result<()> {
    // What is written now says what time it is there.
    let file = directory.create(STARTED_FILE);
    drop(file.map_err(io_at("create", STARTED_FILE))?);
    let modified = |path: &str| directory.modified_ms(path).map_err(io_at("look at", path));
    let now = modified(STARTED_FILE)?;
    for part in parts {
        part.set_age_at_open(now.saturating_sub(modified(&part.folder)?));
    }
    Ok(())
}

/// Removes a part that a flush had written when the process ended, where its rows are in the log (`is_logged`) and were read
/// from there.
fn remove_flushed(directory: &dyn Directory, folder: &str, name: &str, is_logged: bool) -> Result<()> {
    if !is_logged {
        let to = detach(directory, folder, name, UNEXPECTED)?;
        tracing::warn!(
            folder,
            name,
            to,
            "moved a part whose rows are not in the log any more"
        );
        return Ok(());
    }
    let path = format!("{folder}/{name}");
    directory
        .remove_folder(&path)
        .map_err(io_at("remove folder", &path))?;
    directory
        .sync_folder(folder)
        .map_err(io_at("sync folder", folder))
}

/// Whether these are the first rows that were read from the log.
fn has_rows(table: &Table, rows: LogRows) -> bool {
    let Ok(mut left) = usize::try_from(rows.rows) else {
        return false;
    };
    let mut first = Vec::new();
    for block in table.memtable.blocks() {
        let taken = left.min(block.rows());
        first.push(Arc::new(block.slice(0, taken)));
        left -= taken;
        if left == 0 {
            return LogRows::of(&table.def, &first).is_ok_and(|logged| logged == rows);
        }
    }
    false
}

/// Whether a dropped folder was that of a part: `data/<database>/<table>/<part>`.
fn is_part_folder(folder: &str) -> bool {
    folder.split('/').count() > 3
}

/// Whether a flush makes parts of such names.
fn may_be_flushed(name: &PartName) -> bool {
    name.level == 0 && name.mutation.is_none()
}

/// Removes unfinished parts, the sources of merges and results that came to nothing, and moves parts that nobody knows
/// to `detached/`. `placed` are the folders of active parts, `broken` those of damaged ones.
fn tidy_table_folder(
    directory: &dyn Directory,
    disks: &Disks,
    record: &TableRecord,
    placed: &HashSet<String>,
    broken: &[String],
    logged: &dyn Fn(&str, &PartName) -> Option<LogRows>,
    flushed: &mut dyn FnMut(String, String, LogRows),
) -> Result<()> {
    if !directory
        .exists(&record.folder)
        .map_err(io_at("open", &record.folder))?
    {
        create_folder_durably(directory, &record.folder).map_err(io_at("create folder", &record.folder))?;
    }
    let mut folders: Vec<(String, Vec<DirectoryEntry>)> = Vec::new();
    for disk in disks.disks() {
        let folder = on_disk(&disk.name, &record.folder);
        if directory.exists(&folder).map_err(io_at("open", &folder))? {
            let entries = directory.list(&folder).map_err(io_at("list", &folder))?;
            folders.push((folder, entries));
        }
    }
    let unknown: Vec<PartName> = folders
        .iter()
        .flat_map(|(_, entries)| entries)
        .filter_map(|entry| PartName::parse(&entry.name))
        .filter(|name| !record.parts.contains_key(name))
        .collect();
    let active: Vec<&PartName> = record.parts.keys().collect();
    let mut detached: Vec<(String, String)> = Vec::new();
    for (folder, entries) in folders {
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
            if entry.name == DETACHED_FOLDER || placed.contains(&path) {
                continue;
            }
            let name = PartName::parse(&entry.name);
            // The other copy of a part that was being moved, or one that was replaced by it.
            let is_copy = name.as_ref().is_some_and(|n| record.parts.contains_key(n));
            let is_in_others = |name: &PartName| is_superseded(name, &active, &unknown);
            let superseded = is_copy || name.as_ref().is_some_and(is_in_others);
            if superseded || entry.name.starts_with("tmp_") {
                directory
                    .remove_folder(&path)
                    .map_err(io_at("remove folder", &path))?;
            } else if let Some(rows) = name.filter(may_be_flushed).and_then(|name| logged(&path, &name)) {
                flushed(folder.clone(), entry.name, rows);
            } else {
                detached.push((folder.clone(), entry.name));
            }
        }
    }
    // Damaged parts last: as long as one is there, nothing goes that may hold its rows.
    let is_broken = |(folder, name): &(String, String)| broken.contains(&format!("{folder}/{name}"));
    detached.sort_by_key(is_broken);
    for found in detached {
        let reason = if is_broken(&found) { BROKEN } else { UNEXPECTED };
        let (folder, name) = found;
        let to = detach(directory, &folder, &name, reason)?;
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
