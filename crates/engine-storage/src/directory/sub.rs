//! A folder of a directory, as a directory: a second disk where there is one, in tests.

use std::io;
use std::sync::Arc;

use super::{Directory, DirectoryEntry, ReadFile, WriteFile};

pub struct SubDirectory {
    inner: Arc<dyn Directory>,
    folder: String,
}

impl SubDirectory {
    /// Makes the folder when it is missing.
    pub fn new(inner: Arc<dyn Directory>, folder: impl Into<String>) -> io::Result<Self> {
        let folder = folder.into();
        super::create_folder_durably(inner.as_ref(), &folder)?;
        Ok(Self { inner, folder })
    }

    fn path(&self, path: &str) -> String {
        if path.is_empty() {
            self.folder.clone()
        } else {
            format!("{}/{path}", self.folder)
        }
    }
}

impl Directory for SubDirectory {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        self.inner.create(&self.path(path))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        self.inner.append(&self.path(path))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        self.inner.open(&self.path(path))
    }

    fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        self.inner.truncate(&self.path(path), len)
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        self.inner.create_folder(&self.path(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(&self.path(from), &self.path(to))
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.hard_link(&self.path(from), &self.path(to))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        self.inner.remove_file(&self.path(path))
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        self.inner.remove_folder(&self.path(path))
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirectoryEntry>> {
        self.inner.list(&self.path(path))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.inner.exists(&self.path(path))
    }

    fn modified_ms(&self, path: &str) -> io::Result<u64> {
        self.inner.modified_ms(&self.path(path))
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        self.inner.sync_folder(&self.path(path))
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        self.inner.lock(&self.path(path))
    }
}
