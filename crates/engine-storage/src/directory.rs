//! All file access of the engine: one small trait with a real, an in-memory and a fault-injecting version.

mod joined;
mod local;
mod simulated;
mod sub;

use std::io;
use std::sync::Arc;

pub(crate) use joined::{JoinedDirectory, on_disk, split_disk};
pub use local::LocalDirectory;
pub use simulated::{CrashMode, SimulatedDirectory};
pub use sub::SubDirectory;

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryEntry {
    pub name: String,
    pub is_folder: bool,
}

/// A tree of files. Paths are relative to its root, separated by `/`; `""` is the root.
///
/// Nothing is durable before it is synced: a file's bytes by [`WriteFile::sync`], names by [`Self::sync_folder`].
pub trait Directory: Send + Sync {
    /// A new, empty file; an old one of that name is emptied.
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>>;
    /// An existing file, to write behind its end.
    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>>;
    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>>;
    /// Cuts a file and makes the new length durable.
    fn truncate(&self, path: &str, len: u64) -> io::Result<()>;
    /// Makes a folder and those above it; fine when it exists.
    fn create_folder(&self, path: &str) -> io::Result<()>;
    /// Replaces a file `to`; a folder `to` must not exist.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Gives a file a second name, which must be free. Its bytes go when its last name does.
    fn hard_link(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove_file(&self, path: &str) -> io::Result<()>;
    /// Removes a folder with everything in it.
    fn remove_folder(&self, path: &str) -> io::Result<()>;
    /// Sorted by name.
    fn list(&self, path: &str) -> io::Result<Vec<DirectoryEntry>>;
    fn exists(&self, path: &str) -> io::Result<bool>;
    /// When a file was written last, or names in a folder were changed last: milliseconds by a clock of its own, always 0 where
    /// there is none.
    fn modified_ms(&self, path: &str) -> io::Result<u64> {
        let _ = path;
        Ok(0)
    }
    /// Makes the names in a folder durable (created, renamed and removed ones).
    fn sync_folder(&self, path: &str) -> io::Result<()>;
    /// Keeps other processes out until the guard is dropped; `WouldBlock` when one is in.
    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>>;
}

/// A file being written, front to back.
pub trait WriteFile: Send {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes the bytes written so far durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file being read, from many threads.
pub trait ReadFile: Send + Sync {
    /// Bytes in the file.
    fn size(&self) -> io::Result<u64>;
    /// Fills `buffer` from `offset` on; `UnexpectedEof` when the file ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// The whole of a (small) file.
pub(crate) fn read_all(directory: &dyn Directory, path: &str) -> io::Result<Vec<u8>> {
    let file = directory.open(path)?;
    let len = usize::try_from(file.size()?).map_err(|_| io::Error::other("file is larger than memory"))?;
    let mut bytes = vec![0; len];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// The folder a path lies in.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Makes a folder, and the names on the way to it, durable.
pub(crate) fn create_folder_durably(directory: &dyn Directory, path: &str) -> io::Result<()> {
    directory.create_folder(path)?;
    let mut at = path;
    while !at.is_empty() {
        at = parent(at);
        directory.sync_folder(at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
