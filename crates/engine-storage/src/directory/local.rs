//! The real file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::{Directory, DirectoryEntry, ReadFile, WriteFile};

/// A folder of the file system.
#[derive(Clone, Debug)]
pub struct LocalDirectory {
    root: PathBuf,
    sync: bool,
}

impl LocalDirectory {
    /// Creates the folder when it is missing.
    pub fn new(root: impl AsRef<Path>) -> io::Result<Self> {
        fs::create_dir_all(root.as_ref())?;
        Ok(Self {
            root: root.as_ref().to_path_buf(),
            sync: true,
        })
    }

    /// Never waits for the disk: for tests and throw-away data. A power cut may lose or tear anything.
    #[must_use]
    pub fn without_sync(mut self) -> Self {
        self.sync = false;
        self
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() {
            self.root.clone()
        } else {
            self.root.join(path)
        }
    }

    fn writer(&self, file: File) -> Box<dyn WriteFile> {
        Box::new(LocalWriter {
            file,
            sync: self.sync,
        })
    }
}

struct LocalWriter {
    file: File,
    sync: bool,
}

impl WriteFile for LocalWriter {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.sync { self.file.sync_data() } else { Ok(()) }
    }
}

struct LocalReader(File);

impl ReadFile for LocalReader {
    fn size(&self) -> io::Result<u64> {
        self.0.metadata().map(|m| m.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

impl Directory for LocalDirectory {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        File::create(self.path(path)).map(|file| self.writer(file))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let file = OpenOptions::new().append(true).open(self.path(path))?;
        Ok(self.writer(file))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        Ok(Arc::new(LocalReader(File::open(self.path(path))?)))
    }

    fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path(path))?;
        file.set_len(len)?;
        if self.sync { file.sync_all() } else { Ok(()) }
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        fs::create_dir_all(self.path(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(self.path(from), self.path(to))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        fs::remove_dir_all(self.path(path))
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirectoryEntry>> {
        let mut out = Vec::new();
        for entry in fs::read_dir(self.path(path))? {
            let entry = entry?;
            // Names that are not UTF-8 are not ours.
            if let Ok(name) = entry.file_name().into_string() {
                out.push(DirectoryEntry {
                    name,
                    is_folder: entry.file_type()?.is_dir(),
                });
            }
        }
        out.sort();
        Ok(out)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.path(path).try_exists()
    }

    fn modified_ms(&self, path: &str) -> io::Result<u64> {
        let modified = fs::metadata(self.path(path))?.modified()?;
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        if self.sync {
            File::open(self.path(path))?.sync_all()
        } else {
            Ok(())
        }
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path(path))?;
        file.try_lock().map_err(io::Error::from)?;
        Ok(Box::new(file))
    }
}
