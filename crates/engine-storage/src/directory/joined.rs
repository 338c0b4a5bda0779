//! Several directories as one: what is below `disks/<name>/` is in the directory of that disk, all else in the default one.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::{Directory, DirectoryEntry, ReadFile, WriteFile};
use crate::disks::{DEFAULT_DISK, Disk};

/// The folder of the other disks; no directory has it.
const DISKS_FOLDER: &str = "disks";

/// `folder` on a disk.
pub(crate) fn on_disk(disk: &str, folder: &str) -> String {
    if disk == DEFAULT_DISK {
        folder.to_owned()
    } else {
        format!("{DISKS_FOLDER}/{disk}/{folder}")
    }
}

/// The disk of a path, and the path there.
pub(crate) fn split_disk(path: &str) -> (&str, &str) {
    let other = path
        .strip_prefix(DISKS_FOLDER)
        .and_then(|rest| rest.strip_prefix('/'));
    match other {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None => (DEFAULT_DISK, path),
    }
}

pub(crate) struct JoinedDirectory {
    default: Arc<dyn Directory>,
    others: BTreeMap<String, Arc<dyn Directory>>,
}

impl JoinedDirectory {
    pub fn new(default: Arc<dyn Directory>, others: &[Disk]) -> Self {
        let others = others.iter();
        Self {
            default,
            others: others.map(|d| (d.name.clone(), d.directory.clone())).collect(),
        }
    }

    fn of<'a>(&self, path: &'a str) -> io::Result<(&dyn Directory, &'a str)> {
        let (disk, path) = split_disk(path);
        if disk == DEFAULT_DISK {
            return Ok((self.default.as_ref(), path));
        }
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("there is no disk `{disk}`"));
        Ok((self.others.get(disk).ok_or_else(missing)?.as_ref(), path))
    }

    fn of_both<'a>(&self, from: &'a str, to: &'a str) -> io::Result<(&dyn Directory, &'a str, &'a str)> {
        if split_disk(from).0 != split_disk(to).0 {
            return Err(io::Error::new(
                io::ErrorKind::CrossesDevices,
                format!("`{from}` and `{to}` are on two disks"),
            ));
        }
        let (directory, from) = self.of(from)?;
        Ok((directory, from, split_disk(to).1))
    }
}

impl Directory for JoinedDirectory {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let (directory, path) = self.of(path)?;
        directory.create(path)
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let (directory, path) = self.of(path)?;
        directory.append(path)
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        let (directory, path) = self.of(path)?;
        directory.open(path)
    }

    fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        let (directory, path) = self.of(path)?;
        directory.truncate(path, len)
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        let (directory, path) = self.of(path)?;
        directory.create_folder(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (directory, from, to) = self.of_both(from, to)?;
        directory.rename(from, to)
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        let (directory, from, to) = self.of_both(from, to)?;
        directory.hard_link(from, to)
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        let (directory, path) = self.of(path)?;
        directory.remove_file(path)
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        let (directory, path) = self.of(path)?;
        directory.remove_folder(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirectoryEntry>> {
        let (directory, path) = self.of(path)?;
        directory.list(path)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        let (directory, path) = self.of(path)?;
        directory.exists(path)
    }

    fn modified_ms(&self, path: &str) -> io::Result<u64> {
        let (directory, path) = self.of(path)?;
        directory.modified_ms(path)
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        if path == DISKS_FOLDER {
            return Ok(());
        }
        let (directory, path) = self.of(path)?;
        directory.sync_folder(path)
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        let (directory, path) = self.of(path)?;
        directory.lock(path)
    }
}
