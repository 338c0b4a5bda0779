//! The tree of a simulated directory: what is there, what of it is durable, and what a power cut leaves.

use std::collections::BTreeMap;
use std::io;
use std::sync::Weak;

use super::CrashMode;

#[derive(Debug)]
pub(super) struct State {
    pub inodes: Vec<Inode>,
    pub operations: u64,
    pub fault: Option<Fault>,
    pub locks: BTreeMap<String, Weak<()>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub at: u64,
    /// All later operations fail too: the process is dead.
    pub dead: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Inode {
    File { data: Vec<u8>, durable: Vec<u8> },
    Folder { names: Names, durable: Names },
}

pub(super) type Names = BTreeMap<String, usize>;

pub(super) const ROOT: usize = 0;

fn surviving_data(data: &[u8], durable: &[u8], mode: CrashMode, random: &mut Random) -> Vec<u8> {
    match mode {
        CrashMode::Lose => durable.to_vec(),
        CrashMode::Keep => data.to_vec(),
        CrashMode::Mixed(_) if data == durable => data.to_vec(),
        CrashMode::Mixed(_) => match random.next() % 4 {
            0 => durable.to_vec(),
            1 => data.to_vec(),
            // Only what lies behind the synced length can be torn: our files are written front to back.
            torn => {
                let synced = durable.len().min(data.len());
                let unsynced = data.len() - synced;
                let kept = synced + random.next() as usize % (unsynced + 1);
                let mut out = data[..kept].to_vec();
                if torn == 3 {
                    out.resize(data.len(), 0);
                }
                out
            }
        },
    }
}

/// splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

fn not_found(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no such file: `{path}`"))
}

impl State {
    pub fn empty() -> Self {
        let root = Inode::Folder {
            names: Names::new(),
            durable: Names::new(),
        };
        Self::with(vec![root])
    }

    fn with(inodes: Vec<Inode>) -> Self {
        Self {
            inodes,
            operations: 0,
            fault: None,
            locks: BTreeMap::new(),
        }
    }

    /// The tree after a power cut.
    pub fn after_crash(&self, mode: CrashMode) -> Self {
        let mut random = Random(match mode {
            CrashMode::Mixed(seed) => seed,
            CrashMode::Lose | CrashMode::Keep => 0,
        });
        let inodes = self
            .inodes
            .iter()
            .map(|inode| match inode {
                Inode::File { data, durable } => {
                    let data = surviving_data(data, durable, mode, &mut random);
                    Inode::File {
                        durable: data.clone(),
                        data,
                    }
                }
                Inode::Folder { names, durable } => {
                    let names = match mode {
                        CrashMode::Lose => durable,
                        CrashMode::Keep => names,
                        CrashMode::Mixed(_) if random.next().is_multiple_of(2) => durable,
                        CrashMode::Mixed(_) => names,
                    };
                    Inode::Folder {
                        names: names.clone(),
                        durable: names.clone(),
                    }
                }
            })
            .collect();
        Self::with(inodes)
    }

    /// Counts an operation and says whether it fails.
    pub fn operation(&mut self) -> io::Result<()> {
        let now = self.operations;
        self.operations += 1;
        match self.fault {
            Some(fault) if now == fault.at || (fault.dead && now > fault.at) => {
                Err(io::Error::other(format!("injected fault at operation {now}")))
            }
            _ => Ok(()),
        }
    }

    pub fn alive(&self) -> io::Result<()> {
        match self.fault {
            Some(fault) if fault.dead && self.operations > fault.at => {
                Err(io::Error::other("injected fault: the process is dead"))
            }
            _ => Ok(()),
        }
    }

    pub fn find(&self, path: &str) -> io::Result<usize> {
        let mut at = ROOT;
        for name in path.split('/').filter(|n| !n.is_empty()) {
            at = *self.names(at)?.get(name).ok_or_else(|| not_found(path))?;
        }
        Ok(at)
    }

    pub fn names(&self, folder: usize) -> io::Result<&Names> {
        match &self.inodes[folder] {
            Inode::Folder { names, .. } => Ok(names),
            Inode::File { .. } => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        }
    }

    pub fn names_mut(&mut self, folder: usize) -> io::Result<&mut Names> {
        match &mut self.inodes[folder] {
            Inode::Folder { names, .. } => Ok(names),
            Inode::File { .. } => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        }
    }

    pub fn data(&self, file: usize) -> io::Result<&[u8]> {
        match &self.inodes[file] {
            Inode::File { data, .. } => Ok(data),
            Inode::Folder { .. } => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        }
    }

    pub fn add(&mut self, path: &str, inode: Inode) -> io::Result<usize> {
        let (folder, name) = split(path);
        let folder = self.find(folder)?;
        let id = self.inodes.len();
        self.inodes.push(inode);
        self.names_mut(folder)?.insert(name.to_owned(), id);
        Ok(id)
    }

    pub fn walk(&self, folder: usize, prefix: &str, out: &mut Vec<String>) {
        if let Inode::Folder { names, .. } = &self.inodes[folder] {
            for (name, inode) in names {
                let path = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}/{name}")
                };
                match &self.inodes[*inode] {
                    Inode::File { .. } => out.push(path),
                    Inode::Folder { .. } => self.walk(*inode, &path, out),
                }
            }
        }
    }
}

pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
