//! `FREEZE`: second names for the files of parts, in `shadow/<name>/`, from where they can be copied at leisure.

use super::Storage;
use super::partition_verbs::PartSelection;
use crate::directory::{create_folder_durably, on_disk};
use crate::error::{Result, StorageError, io_at};
use crate::part::{Part, PartName, escape};
use crate::table_def::TableId;

pub(super) const SHADOW_FOLDER: &str = "shadow";

impl Storage {
    /// Links the parts to `shadow/<name>/<folder of the table>/`; without a name the next free number is one. Answers
    /// the name.
    pub fn freeze(&self, table: TableId, selection: &PartSelection, name: Option<&str>) -> Result<String> {
        self.flush_tables(&[table])?;
        let snapshot = self.snapshot(table)?;
        let parts: Vec<_> = snapshot
            .parts()
            .iter()
            .filter(|part| selection.has(&part.name))
            .collect();
        if let (PartSelection::Part(part), true) = (selection, parts.is_empty()) {
            return Err(StorageError::UnknownPart {
                table: snapshot.def().full_name(),
                part: part.to_string(),
            });
        }
        // One at a time, so that two do not take one number.
        let _one_at_a_time = self.flushing.lock();
        let directory = self.directory.as_ref();
        create_folder_durably(directory, SHADOW_FOLDER).map_err(io_at("create folder", SHADOW_FOLDER))?;
        let name = match name {
            Some(name) => name.to_owned(),
            None => self.next_number()?,
        };
        let folder = self.shadow_folder(table, &name)?;
        create_folder_durably(directory, &folder).map_err(io_at("create folder", &folder))?;
        // On the same disk: files get second names.
        let folder_of = |part: &Part| on_disk(part.disk(), &folder);
        for part in &parts {
            let to = format!("{}/{}", folder_of(part), part.name);
            if directory.exists(&to).map_err(io_at("open", &to))? {
                return Err(StorageError::FrozenExists {
                    part: part.name.to_string(),
                    name,
                });
            }
        }
        for part in parts {
            let folder = folder_of(part);
            create_folder_durably(directory, &folder).map_err(io_at("create folder", &folder))?;
            let to = format!("{folder}/{}", part.name);
            let aside = format!("{folder}/tmp_{}", part.name);
            self.link_folder(&part.folder, &aside)?;
            directory.rename(&aside, &to).map_err(io_at("rename", &aside))?;
            self.sync_folders(&[&folder])?;
        }
        Ok(name)
    }

    /// Removes frozen parts of a table. Answers how many.
    pub fn unfreeze(&self, table: TableId, selection: &PartSelection, name: &str) -> Result<usize> {
        let _one_at_a_time = self.flushing.lock();
        let folder = self.shadow_folder(table, name)?;
        let directory = self.directory.as_ref();
        let mut removed = 0;
        for disk in self.disks.disks() {
            let folder = on_disk(&disk.name, &folder);
            if !directory.exists(&folder).map_err(io_at("open", &folder))? {
                continue;
            }
            for entry in directory.list(&folder).map_err(io_at("list", &folder))? {
                if PartName::parse(&entry.name).is_some_and(|part| selection.has(&part)) {
                    let path = format!("{folder}/{}", entry.name);
                    directory
                        .remove_folder(&path)
                        .map_err(io_at("remove folder", &path))?;
                    removed += 1;
                }
            }
            self.sync_folders(&[&folder])?;
        }
        Ok(removed)
    }

    fn shadow_folder(&self, table: TableId, name: &str) -> Result<String> {
        let catalog = self.catalog.read();
        let table_folder = &catalog.table(table)?.folder;
        Ok(format!("{SHADOW_FOLDER}/{}/{table_folder}", escape(name)))
    }

    fn next_number(&self) -> Result<String> {
        let entries = self.directory.list(SHADOW_FOLDER);
        let entries = entries.map_err(io_at("list", SHADOW_FOLDER))?;
        let taken = entries.iter().filter_map(|entry| entry.name.parse::<u64>().ok());
        Ok((taken.max().unwrap_or(0) + 1).to_string())
    }
}
