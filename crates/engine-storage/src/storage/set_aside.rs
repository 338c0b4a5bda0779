//! Damaged parts: taken out of the table and kept in `detached/`, so that the rest goes on.

use std::sync::Arc;

use super::Storage;
use super::partition_verbs::BROKEN;
use crate::directory::{Directory, create_folder_durably};
use crate::error::{Result, StorageError, io_at};
use crate::manifest::ManifestRecord;
use crate::part::{Part, PartName};
use crate::table_def::TableId;

pub(super) const DETACHED_FOLDER: &str = "detached";

impl Storage {
    /// Reads every part that a reader found damaged from end to end, and sets aside those that are. Answers how many.
    pub fn set_aside_damaged(&self) -> Result<usize> {
        let suspects: Vec<(TableId, Arc<Part>)> = {
            let catalog = self.catalog.read();
            let parts = catalog.tables.iter().flat_map(|(id, table)| {
                let suspects = table.parts.iter().filter(|part| part.is_suspect());
                suspects.map(|part| (*id, part.clone()))
            });
            parts.collect()
        };
        let mut set_aside = 0;
        for (table, part) in suspects {
            match part.check_own() {
                Ok(()) => {
                    tracing::warn!(table = part.table, part = %part.name(), "a part read as damaged is whole");
                    part.clear_suspect();
                }
                Err(error @ StorageError::DamagedPart { .. }) => {
                    // Reserved as for a merge, so that none takes it. One that has it will fail; then it is this one's turn.
                    if !self.merging.lock().insert(part.uid) {
                        continue;
                    }
                    let outcome = self.set_aside(table, &part, &error);
                    self.merging.lock().remove(&part.uid);
                    self.merge_done.notify_all();
                    set_aside += usize::from(outcome?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(set_aside)
    }

    /// Paths of folders in `detached/` that nobody put there on purpose: parts that were damaged, or that no manifest
    /// knew, or that are no parts.
    pub fn detached(&self) -> Result<Vec<String>> {
        let tables: Vec<TableId> = self.catalog.read().tables.keys().copied().collect();
        let mut paths = Vec::new();
        for table in tables {
            let parts = self.detached_parts(table)?.into_iter();
            let by_accident = parts.filter(|part| !part.reason.is_empty() || part.name.is_none());
            paths.extend(by_accident.map(|part| part.path));
        }
        Ok(paths)
    }

    /// Whether it was done: not when the part is not active any more.
    fn set_aside(&self, table: TableId, part: &Arc<Part>, error: &StorageError) -> Result<bool> {
        let _no_appends = self.ddl.write();
        let mut manifest = self.manifest.lock();
        {
            let catalog = self.catalog.read();
            let table = catalog.table(table)?;
            if !table.parts.iter().any(|active| active.uid == part.uid) {
                return Ok(false);
            }
        }
        log_set_aside(&part.table, part.name(), part.rows(), error);
        manifest.commit(&ManifestRecord::removal(vec![(table, part.name().clone())]))?;
        let mut catalog = self.catalog.write();
        catalog
            .table_mut(table)?
            .replace_parts(std::slice::from_ref(part), std::iter::empty());
        drop(catalog);
        self.cache.remove_part(part.uid);
        detach(
            self.directory.as_ref(),
            part.table_folder(),
            &part.name().to_string(),
            BROKEN,
        )?;
        Ok(true)
    }
}

pub(super) fn log_set_aside(table: &str, name: &PartName, rows: u64, error: &StorageError) {
    tracing::error!(
        table,
        part = %name,
        rows,
        error = error as &dyn std::error::Error,
        "a damaged part is moved to `{DETACHED_FOLDER}/`; its rows are missing from answers until it is repaired"
    );
}

/// Moves the folder `name` in `table_folder` to `detached/`, under a name that says why and is free there; answers
/// where to.
pub(super) fn detach(
    directory: &dyn Directory,
    table_folder: &str,
    name: &str,
    reason: &str,
) -> Result<String> {
    let detached = format!("{table_folder}/{DETACHED_FOLDER}");
    create_folder_durably(directory, &detached).map_err(io_at("create folder", &detached))?;
    let mut to = format!("{detached}/{reason}_{name}");
    let mut n = 0;
    while directory.exists(&to).map_err(io_at("open", &to))? {
        n += 1;
        to = format!("{detached}/{reason}_{name}.{n}");
    }
    let from = format!("{table_folder}/{name}");
    directory.rename(&from, &to).map_err(io_at("rename", &from))?;
    for changed in [detached.as_str(), table_folder] {
        directory
            .sync_folder(changed)
            .map_err(io_at("sync folder", changed))?;
    }
    Ok(to)
}
