//! On which disk parts are written, and what is known of disks in use.

use std::sync::Arc;

use super::Storage;
use super::expire::Moments;
use super::recovery::MARKER_FILE;
use crate::directory::{Directory, create_folder_durably, on_disk, parent, read_all, split_disk};
use crate::disks::{DEFAULT_DISK, Disks, Place, StoragePolicy};
use crate::error::{Result, StorageError, io_at};
use crate::expiry::place_at;
use crate::part::Part;
use crate::table_def::TableDef;

/// Names of the other disks that have been written to, one a line.
const USED_FILE: &str = "disks.txt";

impl Part {
    /// The disk it is on.
    pub fn disk(&self) -> &str {
        split_disk(&self.folder).0
    }

    /// The folder of the table on its disk.
    pub(super) fn table_folder(&self) -> &str {
        parent(&self.folder)
    }
}

impl Storage {
    /// The disks, and what may be on which.
    pub fn disks(&self) -> &Disks {
        &self.disks
    }

    pub(super) fn policy(&self, def: &TableDef) -> &StoragePolicy {
        self.disks.policy_or_default(&def.storage_policy)
    }

    pub(super) fn check_policy(&self, def: &TableDef) -> Result<()> {
        if self.disks.policy(&def.storage_policy).is_some() {
            return Ok(());
        }
        Err(StorageError::UnknownPolicy {
            table: def.full_name(),
            policy: def.storage_policy.clone(),
        })
    }

    /// The folder of the table where its new parts go.
    pub(super) fn first_folder(&self, def: &TableDef, table_folder: &str) -> String {
        let policy = self.policy(def);
        let disks = policy.volumes.first().map_or(&[][..], |volume| &volume.disks);
        on_disk(self.in_turn(disks), table_folder)
    }

    /// The folder of the table where what is made of `parts` goes: where a rule wants it, otherwise on none of the volumes
    /// before theirs.
    pub(super) fn result_folder(
        &self,
        def: &TableDef,
        table_folder: &str,
        parts: &[Arc<Part>],
        moments: Option<&Moments>,
    ) -> String {
        let policy = self.policy(def);
        let wanted = moments
            .zip(def.expiry.as_ref())
            .and_then(|(moments, rules)| place_at(rules.as_ref(), &moments.latest, moments.now))
            .and_then(|place| policy.disks_of(place));
        let volume = parts
            .iter()
            .filter_map(|part| policy.volume_of(part.disk()))
            .max();
        let disks = wanted.unwrap_or_else(|| {
            let volume = policy.volumes.get(volume.unwrap_or(0));
            volume.map_or(&[][..], |volume| &volume.disks)
        });
        // Where most of it is already.
        let there = parts
            .iter()
            .filter(|part| disks.iter().any(|disk| disk == part.disk()));
        let largest = there.max_by_key(|part| part.bytes());
        let disk = largest.map_or_else(|| self.in_turn(disks), |part| part.disk());
        on_disk(disk, table_folder)
    }

    /// One disk after the other.
    pub(super) fn in_turn<'a>(&self, disks: &'a [String]) -> &'a str {
        if disks.len() < 2 {
            return disks.first().map_or(DEFAULT_DISK, String::as_str);
        }
        let turn = self.part_uid() as usize % disks.len();
        disks.get(turn).map_or(DEFAULT_DISK, String::as_str)
    }

    /// Makes a folder of a table on another disk before the first part goes there.
    pub(super) fn make_place(&self, folder: &str) -> Result<()> {
        let (disk, _) = split_disk(folder);
        if disk == DEFAULT_DISK {
            return Ok(());
        }
        let mut made = self.places.lock();
        if made.contains(folder) {
            return Ok(());
        }
        let directory = self.directory.as_ref();
        let mut used = used_disks(directory)?;
        if !used.iter().any(|d| d == disk) {
            // First the disk is told, then the storage: a start that knows the disk must find it.
            let marker = on_disk(disk, MARKER_FILE);
            write_whole(directory, &marker, format!("disk {disk}\n").as_bytes())?;
            let root = marker
                .trim_end_matches(MARKER_FILE)
                .trim_end_matches('/')
                .to_owned();
            directory
                .sync_folder(&root)
                .map_err(io_at("sync folder", &root))?;
            used.push(disk.to_owned());
            let aside = format!("{USED_FILE}.tmp");
            write_whole(directory, &aside, (used.join("\n") + "\n").as_bytes())?;
            directory
                .rename(&aside, USED_FILE)
                .map_err(io_at("rename", &aside))?;
            directory.sync_folder("").map_err(io_at("sync folder", ""))?;
        }
        create_folder_durably(directory, folder).map_err(io_at("create folder", folder))?;
        made.insert(folder.to_owned());
        Ok(())
    }
}

fn write_whole(directory: &dyn Directory, path: &str, bytes: &[u8]) -> Result<()> {
    let mut file = directory.create(path).map_err(io_at("create", path))?;
    file.write_all(bytes).map_err(io_at("write", path))?;
    file.sync().map_err(io_at("sync", path))
}

fn used_disks(directory: &dyn Directory) -> Result<Vec<String>> {
    if !directory.exists(USED_FILE).map_err(io_at("open", USED_FILE))? {
        return Ok(Vec::new());
    }
    let bytes = read_all(directory, USED_FILE).map_err(io_at("read", USED_FILE))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text
        .lines()
        .filter(|l| !l.is_empty())
        .map(str::to_owned)
        .collect())
}

/// Refuses to go on without a disk that parts were written to.
pub(super) fn check_used(directory: &dyn Directory, disks: &Disks) -> Result<()> {
    for name in used_disks(directory)? {
        let missing = |problem: String| StorageError::Disk {
            disk: name.clone(),
            problem,
        };
        let Some(disk) = disks.disks().iter().find(|disk| disk.name == name) else {
            return Err(missing("it has parts of tables and is not configured".to_owned()));
        };
        let marker = on_disk(&name, MARKER_FILE);
        if !directory.exists(&marker).map_err(io_at("open", &marker))? {
            let path = &disk.path;
            return Err(missing(format!(
                "it has parts of tables, and `{path}` is not that disk: there is no file `{MARKER_FILE}`"
            )));
        }
    }
    Ok(())
}

/// Names of disks, for what parts are looked for on.
pub(super) fn other_disks(disks: &Disks) -> impl Iterator<Item = &str> {
    disks.disks().iter().skip(1).map(|disk| disk.name.as_str())
}

/// Whether the part lies where `place` says.
pub(super) fn is_at(policy: &StoragePolicy, part: &Part, place: &Place) -> bool {
    let disks = policy.disks_of(place);
    disks.is_some_and(|disks| disks.iter().any(|disk| disk == part.disk()))
}
