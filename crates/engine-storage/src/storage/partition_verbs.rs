//! Taking parts out of a table: dropped, or moved to `detached/` where [`Storage::attach`] finds them again.

use std::sync::Arc;

use super::Storage;
use super::set_aside::DETACHED_FOLDER;
use crate::directory::{create_folder_durably, on_disk, parent, split_disk};
use crate::error::{Result, StorageError, io_at};
use crate::manifest::{Manifest, ManifestRecord};
use crate::part::{Part, PartName};
use crate::table_def::TableId;

/// Which parts of a table a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartSelection {
    All,
    /// All of a partition, by its id.
    Partition(String),
    /// One.
    Part(PartName),
}

impl PartSelection {
    pub(super) fn has(&self, name: &PartName) -> bool {
        match self {
            Self::All => true,
            Self::Partition(id) => name.partition == *id,
            Self::Part(part) => name == part,
        }
    }
}

/// A folder in `detached/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachedPart {
    /// Of the folder.
    pub folder_name: String,
    /// What it was called as a part; `None` when the folder's name does not say.
    pub name: Option<PartName>,
    /// Why it is there: `broken`, `unexpected`, …, or nothing when somebody put it there on purpose.
    pub reason: String,
    pub bytes: u64,
    pub path: String,
}

impl DetachedPart {
    /// The disk it is on.
    pub fn disk(&self) -> &str {
        split_disk(&self.path).0
    }

    /// The folder of the table there.
    pub(super) fn table_folder(&self) -> &str {
        parent(parent(&self.path))
    }
}

impl DetachedPart {
    /// Reads `[<reason>_]<part name>[.<number>]`.
    pub(super) fn of(table_folder: &str, folder_name: &str) -> Self {
        // A number told two folders of one name apart.
        let text = match folder_name.rsplit_once('.') {
            Some((text, number)) if number.parse::<u32>().is_ok() => text,
            _ => folder_name,
        };
        let (reason, name) = REASONS
            .iter()
            .find_map(|reason| {
                let rest = text.strip_prefix(reason)?.strip_prefix('_')?;
                Some(((*reason).to_owned(), PartName::parse(rest)))
            })
            .unwrap_or_else(|| (String::new(), PartName::parse(text)));
        Self {
            folder_name: folder_name.to_owned(),
            name,
            reason,
            bytes: 0,
            path: format!("{table_folder}/{DETACHED_FOLDER}/{folder_name}"),
        }
    }
}

/// Why parts are in `detached/` that nobody put there on purpose: their data were damaged, or no record named them.
pub(super) const BROKEN: &str = "broken";
pub(super) const UNEXPECTED: &str = "unexpected";
const REASONS: [&str; 2] = [BROKEN, UNEXPECTED];

impl Storage {
    /// Removes the rows of these parts for good.
    pub fn drop_parts(&self, table: TableId, selection: &PartSelection) -> Result<()> {
        let _no_appends = self.ddl.write();
        let parts = self.selected(table, selection)?;
        let mut manifest = self.manifest.lock();
        self.take_out(&mut manifest, table, &parts)?;
        retire(&mut manifest, &parts)
    }

    /// Moves these parts to `detached/`: their rows are gone from answers, their files are kept.
    pub fn detach_parts(&self, table: TableId, selection: &PartSelection) -> Result<()> {
        let _no_appends = self.ddl.write();
        let parts = self.selected(table, selection)?;
        let mut manifest = self.manifest.lock();
        // First the manifest forgets them: a crash from here on leaves folders that the next start moves to `detached/`.
        self.take_out(&mut manifest, table, &parts)?;
        for part in &parts {
            let table_folder = part.table_folder();
            let detached = format!("{table_folder}/{DETACHED_FOLDER}");
            create_folder_durably(self.directory.as_ref(), &detached)
                .map_err(io_at("create folder", &detached))?;
            // Readers may still be in the old folder, so that the files get second names.
            let aside = format!("{table_folder}/tmp_detach_{}", part.name);
            self.link_folder(&part.folder, &aside)?;
            let to = self.free_name(&detached, &part.name.to_string())?;
            self.directory
                .rename(&aside, &to)
                .map_err(io_at("rename", &aside))?;
            self.sync_folders(&[&detached, table_folder])?;
        }
        retire(&mut manifest, &parts)
    }

    /// The folders in `detached/` of a table, by name.
    pub fn detached_parts(&self, table: TableId) -> Result<Vec<DetachedPart>> {
        let table_folder = self.catalog.read().table(table)?.folder.clone();
        let disks = self.disks.disks().iter();
        let listed = disks
            .map(|disk| self.list_detached(&on_disk(&disk.name, &table_folder)))
            .collect::<Result<Vec<_>>>()
            .map(|lists| lists.concat());
        if listed.is_err() {
            // The folder goes with its table.
            self.catalog.read().table(table)?;
        }
        listed
    }

    fn list_detached(&self, table_folder: &str) -> Result<Vec<DetachedPart>> {
        let detached = format!("{table_folder}/{DETACHED_FOLDER}");
        let exists = |path: &str| self.directory.exists(path).map_err(io_at("open", path));
        let mut out = Vec::new();
        if !exists(&detached)? {
            return Ok(out);
        }
        for entry in self.directory.list(&detached).map_err(io_at("list", &detached))? {
            if !entry.is_folder {
                continue;
            }
            let mut part = DetachedPart::of(table_folder, &entry.name);
            match self.folder_bytes(&part.path) {
                Ok(bytes) => part.bytes = bytes,
                // It was attached or dropped since the list was made.
                Err(_) if !exists(&part.path)? => continue,
                Err(error) => return Err(error),
            }
            out.push(part);
        }
        Ok(out)
    }

    /// Bytes of the files in a folder.
    fn folder_bytes(&self, folder: &str) -> Result<u64> {
        let mut bytes = 0;
        for file in self.directory.list(folder).map_err(io_at("list", folder))? {
            if !file.is_folder {
                let path = format!("{folder}/{}", file.name);
                let open = self.directory.open(&path).map_err(io_at("open", &path))?;
                bytes += open.size().map_err(io_at("read", &path))?;
            }
        }
        Ok(bytes)
    }

    /// Removes folders from `detached/`. Answers how many.
    pub fn drop_detached(&self, table: TableId, selection: &DetachedSelection) -> Result<usize> {
        let _one_at_a_time = self.flushing.lock();
        let parts = self.selected_detached(table, selection)?;
        for part in &parts {
            self.directory
                .remove_folder(&part.path)
                .map_err(io_at("remove folder", &part.path))?;
            self.sync_folders(&[crate::directory::parent(&part.path)])?;
        }
        Ok(parts.len())
    }

    pub(super) fn selected_detached(
        &self,
        table: TableId,
        selection: &DetachedSelection,
    ) -> Result<Vec<DetachedPart>> {
        let all = self.detached_parts(table)?;
        let selected: Vec<DetachedPart> = all.into_iter().filter(|part| selection.has(part)).collect();
        match selection {
            DetachedSelection::Folder(name) if selected.is_empty() => {
                Err(StorageError::UnknownDetachedPart {
                    table: self.table_def(table)?.full_name(),
                    part: name.clone(),
                })
            }
            _ => Ok(selected),
        }
    }

    /// The active parts of a selection, after a flush; a part that is not there is an error.
    pub(super) fn selected(&self, table: TableId, selection: &PartSelection) -> Result<Vec<Arc<Part>>> {
        self.flush_tables(&[table])?;
        let catalog = self.catalog.read();
        let table = catalog.table(table)?;
        let parts: Vec<Arc<Part>> = table
            .parts
            .iter()
            .filter(|part| selection.has(&part.name))
            .cloned()
            .collect();
        match selection {
            PartSelection::Part(name) if parts.is_empty() => Err(StorageError::UnknownPart {
                table: table.def.full_name(),
                part: name.to_string(),
            }),
            _ => Ok(parts),
        }
    }

    /// Out of the manifest and out of memory; the folders stay.
    pub(super) fn take_out(
        &self,
        manifest: &mut Manifest,
        table: TableId,
        parts: &[Arc<Part>],
    ) -> Result<()> {
        if parts.is_empty() {
            return Ok(());
        }
        let names = parts.iter().map(|p| (table, p.name.clone())).collect();
        manifest.commit(&ManifestRecord::removal(names))?;
        self.catalog
            .write()
            .table_mut(table)?
            .replace_parts(parts, std::iter::empty());
        Ok(())
    }

    /// Makes the folder `to` with the files of `from` under second names, durable.
    pub(super) fn link_folder(&self, from: &str, to: &str) -> Result<()> {
        if self.directory.exists(to).map_err(io_at("open", to))? {
            self.directory
                .remove_folder(to)
                .map_err(io_at("remove folder", to))?;
        }
        self.directory
            .create_folder(to)
            .map_err(io_at("create folder", to))?;
        for entry in self.directory.list(from).map_err(io_at("list", from))? {
            let (old, new) = (format!("{from}/{}", entry.name), format!("{to}/{}", entry.name));
            if entry.is_folder {
                self.link_folder(&old, &new)?;
            } else {
                self.directory
                    .hard_link(&old, &new)
                    .map_err(io_at("link", &old))?;
            }
        }
        self.sync_folders(&[to])
    }

    pub(super) fn sync_folders(&self, folders: &[&str]) -> Result<()> {
        for folder in folders {
            self.directory
                .sync_folder(folder)
                .map_err(io_at("sync folder", folder))?;
        }
        Ok(())
    }

    /// `<folder>/<name>`, with a number behind when that is taken.
    fn free_name(&self, folder: &str, name: &str) -> Result<String> {
        let mut path = format!("{folder}/{name}");
        let mut n = 0;
        while self.directory.exists(&path).map_err(io_at("open", &path))? {
            n += 1;
            path = format!("{folder}/{name}.{n}");
        }
        Ok(path)
    }
}

/// Which folders of `detached/` a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetachedSelection {
    /// All that were put there on purpose.
    All,
    /// All of a partition that were put there on purpose.
    Partition(String),
    /// One, by the name of its folder.
    Folder(String),
}

impl DetachedSelection {
    fn has(&self, part: &DetachedPart) -> bool {
        let on_purpose = part.reason.is_empty();
        match self {
            Self::All => on_purpose && part.name.is_some(),
            Self::Partition(id) => on_purpose && part.name.as_ref().is_some_and(|n| n.partition == *id),
            Self::Folder(name) => part.folder_name == *name,
        }
    }
}

/// Folders of parts that are in no manifest any more go with their last reader, or at the next start.
pub(super) fn retire(manifest: &mut Manifest, parts: &[Arc<Part>]) -> Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let folders = parts.iter().map(|p| p.folder.clone()).collect();
    let outcome = manifest.commit(&ManifestRecord::DroppedFolders { folders });
    for part in parts {
        part.set_obsolete();
    }
    outcome
}
