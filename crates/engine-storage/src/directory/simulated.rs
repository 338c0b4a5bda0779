//! A file system in memory that knows what was synced, fails at a chosen operation, and can lose its power.

mod tree;

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Directory, DirectoryEntry, ReadFile, WriteFile};
use tree::{Fault, Inode, Names, ROOT, State, split};

/// What a power cut does to things that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashMode {
    /// Everything unsynced is gone.
    Lose,
    /// Everything written is there after all.
    Keep,
    /// For each file and folder one of: gone, there, torn in the middle, torn with garbage. Repeatable by seed.
    Mixed(u64),
}

/// Clones share one tree.
#[derive(Clone, Debug)]
pub struct SimulatedDirectory {
    state: Arc<Mutex<State>>,
}

impl Default for SimulatedDirectory {
    fn default() -> Self {
        Self::new()
    }
}

impl SimulatedDirectory {
    pub fn new() -> Self {
        Self {
            state: Arc::new(Mutex::new(State::empty())),
        }
    }

    /// Operations that change something, so far: the numbers that [`Self::fail_at`] counts in.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Operation number `at` (from 0) fails, a write after half its bytes; later ones too when `dead`.
    pub fn fail_at(&self, at: u64, dead: bool) {
        self.state.lock().fault = Some(Fault { at, dead });
    }

    /// The tree that is found after a power cut now, without faults.
    pub fn after_crash(&self, mode: CrashMode) -> Self {
        let state = self.state.lock();
        Self {
            state: Arc::new(Mutex::new(state.after_crash(mode))),
        }
    }

    /// The bytes of a file, to damage or compare.
    pub fn contents(&self, path: &str) -> io::Result<Vec<u8>> {
        let state = self.state.lock();
        let inode = state.find(path)?;
        state.data(inode).map(<[u8]>::to_vec)
    }

    /// Puts a durable file there, with the folders above it.
    pub fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = super::parent(path);
        self.create_folder(folder)?;
        let mut file = self.create(path)?;
        file.write_all(bytes)?;
        file.sync()?;
        super::create_folder_durably(self, folder)?;
        self.sync_folder(folder)
    }

    /// Paths of all files, sorted.
    pub fn files(&self) -> Vec<String> {
        let state = self.state.lock();
        let mut out = Vec::new();
        state.walk(ROOT, "", &mut out);
        out
    }
}

struct SimulatedFile {
    state: Arc<Mutex<State>>,
    inode: usize,
}

impl WriteFile for SimulatedFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        let dead = state.alive().is_err();
        let outcome = state.operation();
        let written = match (&outcome, dead) {
            (Ok(()), _) => bytes.len(),
            (Err(_), false) => bytes.len() / 2,
            (Err(_), true) => 0,
        };
        if let Inode::File { data, .. } = &mut state.inodes[self.inode] {
            data.extend_from_slice(&bytes[..written]);
        }
        outcome
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        if let Inode::File { data, durable } = &mut state.inodes[self.inode] {
            durable.clone_from(data);
        }
        Ok(())
    }
}

impl ReadFile for SimulatedFile {
    fn size(&self) -> io::Result<u64> {
        let state = self.state.lock();
        state.alive()?;
        state.data(self.inode).map(|d| d.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock();
        state.alive()?;
        let from = state
            .data(self.inode)?
            .get(offset as usize..)
            .and_then(|rest| rest.get(..buffer.len()))
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        buffer.copy_from_slice(from);
        Ok(())
    }
}

impl Directory for SimulatedDirectory {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let mut state = self.state.lock();
        state.operation()?;
        let inode = match state.find(path) {
            Ok(inode) => {
                if let Inode::File { data, .. } = &mut state.inodes[inode] {
                    data.clear();
                }
                inode
            }
            Err(_) => state.add(
                path,
                Inode::File {
                    data: Vec::new(),
                    durable: Vec::new(),
                },
            )?,
        };
        Ok(Box::new(SimulatedFile {
            state: self.state.clone(),
            inode,
        }))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let mut state = self.state.lock();
        state.operation()?;
        let inode = state.find(path)?;
        state.data(inode)?;
        Ok(Box::new(SimulatedFile {
            state: self.state.clone(),
            inode,
        }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        let state = self.state.lock();
        state.alive()?;
        let inode = state.find(path)?;
        state.data(inode)?;
        Ok(Arc::new(SimulatedFile {
            state: self.state.clone(),
            inode,
        }))
    }

    fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        let inode = state.find(path)?;
        if let Inode::File { data, durable } = &mut state.inodes[inode] {
            data.resize(len as usize, 0);
            durable.clone_from(data);
        }
        Ok(())
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        let mut at = String::new();
        for name in path.split('/').filter(|n| !n.is_empty()) {
            if !at.is_empty() {
                at.push('/');
            }
            at.push_str(name);
            if state.find(&at).is_err() {
                let folder = Inode::Folder {
                    names: Names::new(),
                    durable: Names::new(),
                };
                state.add(&at, folder)?;
            }
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        let inode = state.find(from)?;
        if let Ok(existing) = state.find(to)
            && matches!(state.inodes[existing], Inode::Folder { .. })
        {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let ((from_folder, from_name), (to_folder, to_name)) = (split(from), split(to));
        let (from_folder, to_folder) = (state.find(from_folder)?, state.find(to_folder)?);
        state.names_mut(from_folder)?.remove(from_name);
        state.names_mut(to_folder)?.insert(to_name.to_owned(), inode);
        Ok(())
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        let inode = state.find(from)?;
        state.data(inode)?;
        if state.find(to).is_ok() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let (folder, name) = split(to);
        let folder = state.find(folder)?;
        state.names_mut(folder)?.insert(name.to_owned(), inode);
        Ok(())
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        let inode = state.find(path)?;
        state.data(inode)?;
        let (folder, name) = split(path);
        let folder = state.find(folder)?;
        state.names_mut(folder)?.remove(name);
        Ok(())
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        let inode = state.find(path)?;
        state.names(inode)?;
        let (folder, name) = split(path);
        let folder = state.find(folder)?;
        state.names_mut(folder)?.remove(name);
        Ok(())
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirectoryEntry>> {
        let state = self.state.lock();
        state.alive()?;
        let folder = state.find(path)?;
        Ok(state
            .names(folder)?
            .iter()
            .map(|(name, inode)| DirectoryEntry {
                name: name.clone(),
                is_folder: matches!(state.inodes[*inode], Inode::Folder { .. }),
            })
            .collect())
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        let state = self.state.lock();
        state.alive()?;
        Ok(state.find(path).is_ok())
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operation()?;
        let folder = state.find(path)?;
        if let Inode::Folder { names, durable } = &mut state.inodes[folder] {
            durable.clone_from(names);
        }
        Ok(())
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        let mut state = self.state.lock();
        state.alive()?;
        if state.locks.get(path).is_some_and(|held| held.upgrade().is_some()) {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        let guard = Arc::new(());
        state.locks.insert(path.to_owned(), Arc::downgrade(&guard));
        Ok(Box::new(guard))
    }
}
