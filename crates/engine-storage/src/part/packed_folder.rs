//! A compact part's folder: its files are sections of one, so that a small part costs two syncs, not two a column.
//!
//! Whoever writes or reads files of a part asks a [`Directory`] for them. This one answers from the sections, so that
//! no file of a part needs to know of layouts. Format: docs/format/part.md, "Layouts".

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::checksums::FileChecksum;
use super::column_writer::HashingFile;
use crate::directory::{Directory, DirectoryEntry, ReadFile, WriteFile};
use crate::error::{Result, io_at};

/// Where the sections lie.
pub(crate) const DATA_FILE: &str = "data.bin";

/// A part being written is held in memory until it is packed; it becomes wide when it has more bytes than this
/// (compressed), whatever the table says.
const PACKED_BYTES_MAX: usize = 256 << 20;

/// The files of one folder, kept together; everything else is the directory's below.
pub(crate) struct PackedFolder {
    below: Arc<dyn Directory>,
    /// With a `/` behind.
    prefix: String,
    sections: Arc<Mutex<Sections>>,
}

#[derive(Default)]
struct Sections {
    by_name: BTreeMap<String, usize>,
    /// In the order of creation, which is that of the data file.
    list: Vec<Section>,
    /// New files are real ones.
    spilled: bool,
    bytes: usize,
}

enum Section {
    /// Being written, not yet on disk.
    Memory(Vec<u8>),
    /// Being written as a file of its own.
    File(Box<dyn WriteFile>),
    /// A piece of the data file.
    Packed { offset: u64, bytes: u64 },
}

impl PackedFolder {
    /// For writing into `folder`.
    pub fn create(below: &Arc<dyn Directory>, folder: &str) -> Self {
        Self {
            below: below.clone(),
            prefix: format!("{folder}/"),
            sections: Arc::default(),
        }
    }

    /// For reading; `sections` are names, offsets in the data file, and sizes.
    pub fn open(
        below: &Arc<dyn Directory>,
        folder: &str,
        sections: impl Iterator<Item = (String, u64, u64)>,
    ) -> Self {
        let packed = Self::create(below, folder);
        {
            let mut all = packed.sections.lock();
            for (name, offset, bytes) in sections {
                let at = all.list.len();
                all.list.push(Section::Packed { offset, bytes });
                all.by_name.insert(name, at);
            }
        }
        packed
    }

    /// Whether what was written will be one file.
    pub fn is_packing(&self) -> bool {
        !self.sections.lock().spilled
    }

    /// Whether there is too much in memory.
    pub fn is_full(&self) -> bool {
        let sections = self.sections.lock();
        !sections.spilled && sections.bytes > PACKED_BYTES_MAX
    }

    /// Makes files of what was written so far, and of all that follows.
    pub fn spill(&self) -> Result<()> {
        let mut sections = self.sections.lock();
        let Sections {
            by_name,
            list,
            spilled,
            bytes,
        } = &mut *sections;
        if *spilled {
            return Ok(());
        }
        *spilled = true;
        *bytes = 0;
        for (name, at) in by_name {
            let Some(Section::Memory(written)) = list.get(*at) else {
                continue;
            };
            let path = format!("{}{name}", self.prefix);
            let mut file = self.below.create(&path).map_err(io_at("create", &path))?;
            file.write_all(written).map_err(io_at("write", &path))?;
            list[*at] = Section::File(file);
        }
        Ok(())
    }

    /// Writes and syncs the data file. Answers its checksum and the offset of each section, or nothing when the files
    /// are files of their own.
    pub fn pack(&self) -> Result<Option<(FileChecksum, BTreeMap<String, u64>)>> {
        let mut sections = self.sections.lock();
        if sections.spilled {
            return Ok(None);
        }
        let mut file = HashingFile::create(self.below.as_ref(), format!("{}{DATA_FILE}", self.prefix))?;
        let mut offset = 0;
        let mut offsets = Vec::with_capacity(sections.list.len());
        for section in &mut sections.list {
            offsets.push(offset);
            if let Section::Memory(written) = section {
                file.write(written)?;
                let bytes = written.len() as u64;
                *section = Section::Packed { offset, bytes };
                offset += bytes;
            }
        }
        sections.bytes = 0;
        let names = sections.by_name.iter();
        let by_name = names.map(|(name, at)| (name.clone(), offsets[*at])).collect();
        Ok(Some((file.finish()?, by_name)))
    }

    fn name<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&self.prefix).filter(|name| !name.contains('/'))
    }
}

/// A section being written.
struct SectionWriter {
    sections: Arc<Mutex<Sections>>,
    at: usize,
}

impl WriteFile for SectionWriter {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut sections = self.sections.lock();
        match sections.list.get_mut(self.at) {
            Some(Section::Memory(written)) => {
                written.extend_from_slice(bytes);
                sections.bytes += bytes.len();
                Ok(())
            }
            Some(Section::File(file)) => file.write_all(bytes),
            Some(Section::Packed { .. }) | None => Err(io::Error::other("the file is packed already")),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.sections.lock().list.get_mut(self.at) {
            // Synced with the data file.
            Some(Section::Memory(_) | Section::Packed { .. }) | None => Ok(()),
            Some(Section::File(file)) => file.sync(),
        }
    }
}

/// A section of the data file.
struct SectionReader {
    file: Arc<dyn ReadFile>,
    offset: u64,
    bytes: u64,
}

impl ReadFile for SectionReader {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.bytes) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        self.file.read_at(self.offset + offset, buffer)
    }
}

impl Directory for PackedFolder {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let Some(name) = self.name(path) else {
            return self.below.create(path);
        };
        let mut sections = self.sections.lock();
        let section = if sections.spilled {
            Section::File(self.below.create(path)?)
        } else {
            Section::Memory(Vec::new())
        };
        let at = match sections.by_name.get(name) {
            Some(at) => {
                let at = *at;
                sections.list[at] = section;
                at
            }
            None => {
                let at = sections.list.len();
                sections.list.push(section);
                sections.by_name.insert(name.to_owned(), at);
                at
            }
        };
        Ok(Box::new(SectionWriter {
            sections: self.sections.clone(),
            at,
        }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        let place = self.name(path).and_then(|name| {
            let sections = self.sections.lock();
            match sections.list.get(*sections.by_name.get(name)?)? {
                Section::Packed { offset, bytes } => Some((*offset, *bytes)),
                Section::Memory(_) | Section::File(_) => None,
            }
        });
        let Some((offset, bytes)) = place else {
            return self.below.open(path);
        };
        let file = self.below.open(&format!("{}{DATA_FILE}", self.prefix))?;
        Ok(Arc::new(SectionReader { file, offset, bytes }))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        self.below.append(path)
    }

    fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        self.below.truncate(path, len)
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        self.below.create_folder(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.below.rename(from, to)
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.below.hard_link(from, to)
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        self.below.remove_file(path)
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        self.below.remove_folder(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<DirectoryEntry>> {
        self.below.list(path)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        let packed = self
            .name(path)
            .is_some_and(|name| self.sections.lock().by_name.contains_key(name));
        if packed { Ok(true) } else { self.below.exists(path) }
    }

    fn modified_ms(&self, path: &str) -> io::Result<u64> {
        self.below.modified_ms(path)
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        self.below.sync_folder(path)
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        self.below.lock(path)
    }
}
