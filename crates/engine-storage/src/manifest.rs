//! The manifest: which tables and parts there are. One checksummed log per storage. Format: docs/format/manifest.md.

mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use record::{ManifestRecord, MutationEnd, MutationRecord};

use crate::directory::Directory;
use crate::error::{Result, StorageError, io_at};
use crate::log_file::{LogFile, LogKind, SEQUENCE_MAX, encode_record, load_log};
use crate::part::{PartName, PartSummary};
use crate::table_def::TableId;

pub(crate) const MANIFEST_FILE: &str = "manifest.log";
/// A manifest being written whole, before it takes the name.
const MANIFEST_ASIDE: &str = "manifest.log.tmp";

/// What the records add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ManifestState {
    pub next_table: u32,
    pub tables: BTreeMap<TableId, TableRecord>,
    /// Log entries up to this one are in parts: their segments may be gone.
    pub wal_floor: u64,
    /// Insert tokens, oldest first, as of `wal_floor`.
    pub tokens: Vec<String>,
    /// Folders of dropped tables that may still be there.
    pub dropped_folders: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableRecord {
    pub database: String,
    pub name: String,
    pub folder: String,
    pub definition: Vec<u8>,
    /// Log entries up to this one are in the parts.
    pub flushed_lsn: u64,
    pub parts: BTreeMap<PartName, PartSummary>,
    /// By number: those under way, and the last that are done.
    pub mutations: BTreeMap<u64, MutationRecord>,
}

/// Mutations that are done and still listed, for each table.
const FINISHED_MUTATIONS_MAX: usize = 100;

impl ManifestState {
    /// Applies one record; the error says why it cannot follow those before it.
    pub fn apply(&mut self, record: &ManifestRecord) -> std::result::Result<(), String> {
        match record {
            ManifestRecord::CreateTable {
                id,
                database,
                name,
                folder,
                definition,
                flushed_lsn,
            } => {
                let table = TableRecord {
                    database: database.clone(),
                    name: name.clone(),
                    folder: folder.clone(),
                    definition: definition.clone(),
                    flushed_lsn: *flushed_lsn,
                    parts: BTreeMap::new(),
                    mutations: BTreeMap::new(),
                };
                if self.tables.insert(*id, table).is_some() {
                    return Err(format!("table {id} is created twice"));
                }
                self.next_table = self.next_table.max(id.0.saturating_add(1));
                self.dropped_folders.remove(folder);
            }
            ManifestRecord::DropTable { id } => {
                let table = self.tables.remove(id).ok_or_else(|| no_table(*id))?;
                self.dropped_folders.insert(table.folder);
            }
            ManifestRecord::RenameTable { id, database, name } => {
                let table = self.table(*id)?;
                table.database.clone_from(database);
                table.name.clone_from(name);
            }
            ManifestRecord::ReplaceDefinition { id, definition } => {
                self.table(*id)?.definition.clone_from(definition);
            }
            ManifestRecord::Edit {
                add,
                remove,
                flushed,
                wal_floor,
                tokens,
            } => {
                if *wal_floor > SEQUENCE_MAX {
                    return Err(format!("the floor {wal_floor} of the log is out of range"));
                }
                for (id, name) in remove {
                    if self.table(*id)?.parts.remove(name).is_none() {
                        return Err(format!("part {name} of table {id} is removed but not there"));
                    }
                }
                for (id, name, summary) in add {
                    let table = self.table(*id)?;
                    let folder = format!("{}/{name}", table.folder);
                    if table.parts.insert(name.clone(), *summary).is_some() {
                        return Err(format!("part {name} of table {id} is added twice"));
                    }
                    self.dropped_folders.remove(&folder);
                }
                for (id, lsn) in flushed {
                    let table = self.table(*id)?;
                    table.flushed_lsn = table.flushed_lsn.max(*lsn);
                }
                self.wal_floor = self.wal_floor.max(*wal_floor);
                if let Some(tokens) = tokens {
                    self.tokens.clone_from(tokens);
                }
            }
            ManifestRecord::Counters { next_table } => {
                self.next_table = self.next_table.max(*next_table);
            }
            ManifestRecord::FolderGone { folder } => {
                self.dropped_folders.remove(folder);
            }
            ManifestRecord::DroppedFolder { folder } => {
                self.dropped_folders.insert(folder.clone());
            }
            ManifestRecord::DroppedFolders { folders } => {
                self.dropped_folders.extend(folders.iter().cloned());
            }
            ManifestRecord::AddMutation { id, number, mutation } => {
                if self
                    .table(*id)?
                    .mutations
                    .insert(*number, mutation.clone())
                    .is_some()
                {
                    return Err(format!("mutation {number} of table {id} is added twice"));
                }
            }
            ManifestRecord::EndMutation { id, number, end } => {
                let mutations = &mut self.table(*id)?.mutations;
                let missing = || format!("mutation {number} of table {id} ends but is not there");
                match end {
                    MutationEnd::Done => mutations.get_mut(number).ok_or_else(missing)?.is_done = true,
                    MutationEnd::Killed => mutations.remove(number).map(|_| ()).ok_or_else(missing)?,
                }
                let done = mutations.values().filter(|m| m.is_done).count();
                let mut surplus = done.saturating_sub(FINISHED_MUTATIONS_MAX);
                mutations.retain(|_, m| {
                    let goes = m.is_done && surplus > 0;
                    surplus -= usize::from(goes);
                    !goes
                });
            }
        }
        Ok(())
    }

    fn table(&mut self, id: TableId) -> std::result::Result<&mut TableRecord, String> {
        self.tables.get_mut(&id).ok_or_else(|| no_table(id))
    }

    /// Records that make this state from nothing.
    pub fn compact(&self) -> Vec<ManifestRecord> {
        let mut out = vec![ManifestRecord::Counters {
            next_table: self.next_table,
        }];
        for folder in &self.dropped_folders {
            out.push(ManifestRecord::DroppedFolder {
                folder: folder.clone(),
            });
        }
        let mut add = Vec::new();
        for (id, table) in &self.tables {
            out.push(ManifestRecord::CreateTable {
                id: *id,
                database: table.database.clone(),
                name: table.name.clone(),
                folder: table.folder.clone(),
                definition: table.definition.clone(),
                flushed_lsn: table.flushed_lsn,
            });
            out.extend(
                table
                    .mutations
                    .iter()
                    .map(|(number, mutation)| ManifestRecord::AddMutation {
                        id: *id,
                        number: *number,
                        mutation: mutation.clone(),
                    }),
            );
            add.extend(
                table
                    .parts
                    .iter()
                    .map(|(name, summary)| (*id, name.clone(), *summary)),
            );
        }
        out.push(ManifestRecord::Edit {
            add,
            remove: Vec::new(),
            flushed: Vec::new(),
            wal_floor: self.wal_floor,
            tokens: Some(self.tokens.clone()),
        });
        out
    }
}

fn no_table(id: TableId) -> String {
    format!("there is no table {id}")
}

/// The open manifest: its state and the log behind it.
pub(crate) struct Manifest {
    directory: Arc<dyn Directory>,
    log: LogFile,
    next_sequence: u64,
    pub state: ManifestState,
    /// Rewritten when the log is longer than this.
    rewrite_bytes: u64,
    rewrite_bytes_min: u64,
}

impl Manifest {
    /// Reads the manifest, or starts one in an empty directory.
    pub fn open(directory: &Arc<dyn Directory>, rewrite_bytes_min: u64) -> Result<Self> {
        let exists = directory
            .exists(MANIFEST_FILE)
            .map_err(io_at("open", MANIFEST_FILE))?;
        if !exists {
            let mut log = LogFile::create(directory.clone(), MANIFEST_ASIDE, LogKind::Manifest, &[])?;
            log.rename_to(MANIFEST_FILE)?;
            return Ok(Self {
                directory: directory.clone(),
                log,
                next_sequence: 1,
                state: ManifestState::default(),
                rewrite_bytes: rewrite_bytes_min,
                rewrite_bytes_min,
            });
        }
        let contents = load_log(directory.as_ref(), MANIFEST_FILE, LogKind::Manifest)?;
        if contents.good_bytes == 0 {
            // It was renamed into place whole: a bad header is no torn tail.
            return Err(StorageError::DamagedLog {
                file: MANIFEST_FILE.to_owned(),
                offset: 0,
                problem: "the file header is not that of a manifest".to_owned(),
            });
        }
        let mut state = ManifestState::default();
        for record in &contents.records {
            let damaged = |problem: String| StorageError::DamagedLog {
                file: MANIFEST_FILE.to_owned(),
                offset: record.offset,
                problem,
            };
            let decoded = ManifestRecord::decode(&record.payload).map_err(|e| damaged(e.to_string()))?;
            state.apply(&decoded).map_err(damaged)?;
        }
        if contents.is_torn() {
            tracing::warn!(
                file = MANIFEST_FILE,
                offset = contents.good_bytes,
                bytes = contents.file_bytes - contents.good_bytes,
                "cut a torn tail"
            );
        }
        let log = LogFile::append_to(directory.clone(), MANIFEST_FILE, &contents)?;
        Ok(Self {
            directory: directory.clone(),
            log,
            next_sequence: contents.records.last().map_or(1, |r| r.sequence + 1),
            state,
            rewrite_bytes: rewrite_bytes_min,
            rewrite_bytes_min,
        })
    }

    /// Makes the change durable and applies it. Nothing is changed after an error.
    pub fn commit(&mut self, record: &ManifestRecord) -> Result<()> {
        let mut state = self.state.clone();
        state.apply(record).map_err(StorageError::Commit)?;
        let bytes = encode_record(self.next_sequence, &record.encode())?;
        self.log.append(&bytes)?;
        self.next_sequence += 1;
        self.state = state;
        if self.log.bytes() > self.rewrite_bytes
            && let Err(error) = self.rewrite()
        {
            // The long log is as good as the short one.
            tracing::warn!(%error, "cannot rewrite the manifest");
            self.rewrite_bytes = self.log.bytes() * 2;
        }
        Ok(())
    }

    fn rewrite(&mut self) -> Result<()> {
        let mut sequence = self.next_sequence;
        let mut records = Vec::new();
        for record in self.state.compact() {
            records.push(encode_record(sequence, &record.encode())?);
            sequence += 1;
        }
        let directory = self.directory.clone();
        let mut log = LogFile::create(directory, MANIFEST_ASIDE, LogKind::Manifest, &records)?;
        if let Err(error) = log.rename_to(MANIFEST_FILE) {
            // Which of the two files has the name is unknown, so neither may grow.
            self.log.poison(error.to_string());
            return Err(error);
        }
        self.log = log;
        self.next_sequence = sequence;
        self.rewrite_bytes = (self.log.bytes() * 4).max(self.rewrite_bytes_min);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
