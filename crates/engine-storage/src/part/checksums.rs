//! `checksums.txt`: size and 128-bit hash of every other file of a part, and where in the data file it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_codec::hash128;

use super::packed_folder::{DATA_FILE, PackedFolder};
use crate::directory::Directory;

pub(crate) const CHECKSUMS_FILE: &str = "checksums.txt";
const FIRST_LINE: &str = "checksums format version: 1";

/// Of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileChecksum {
    pub bytes: u64,
    pub hash: u128,
}

impl FileChecksum {
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            hash: hash128(bytes),
        }
    }
}

/// Of all files, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksums {
    pub files: BTreeMap<String, FileChecksum>,
    /// Those of `files` that are sections of the data file, with their offsets.
    pub sections: BTreeMap<String, u64>,
    /// The data file, when there are sections. It is not one of `files`: a column `data` has a file of that name.
    pub data: Option<FileChecksum>,
}

impl Checksums {
    pub fn to_text(&self) -> String {
        let mut out = format!("{FIRST_LINE}\n");
        for (name, file) in &self.files {
            out.push_str(&format!("{name}\t{}\t{:032x}", file.bytes, file.hash));
            if let Some(offset) = self.sections.get(name) {
                out.push_str(&format!("\t{DATA_FILE}\t{offset}"));
            }
            out.push('\n');
        }
        if let Some(data) = &self.data {
            out.push_str(&format!("{DATA_FILE}\t{}\t{:032x}\n", data.bytes, data.hash));
        }
        out
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        match lines.next() {
            Some(FIRST_LINE) => {}
            other => return Err(format!("the first line is `{}`", other.unwrap_or_default())),
        }
        let mut files: BTreeMap<String, FileChecksum> = BTreeMap::new();
        let mut sections: BTreeMap<String, (u64, FileChecksum)> = BTreeMap::new();
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            let (name, bytes, hash, offset) = match fields.as_slice() {
                [name, bytes, hash] => (name, bytes, hash, None),
                [name, bytes, hash, file, offset] if *file == DATA_FILE => {
                    let offset: u64 = offset
                        .parse()
                        .map_err(|_| format!("offset `{offset}` is no number"))?;
                    (name, bytes, hash, Some(offset))
                }
                _ => return Err(format!("`{line}` is not a name, a size, a hash and a place")),
            };
            let bytes = bytes
                .parse()
                .map_err(|_| format!("size `{bytes}` is no number"))?;
            let hash = u128::from_str_radix(hash, 16).map_err(|_| format!("hash `{hash}` is no hash"))?;
            let checksum = FileChecksum { bytes, hash };
            match offset {
                None => {
                    files.insert((*name).to_owned(), checksum);
                }
                Some(offset) => {
                    sections.insert((*name).to_owned(), (offset, checksum));
                }
            }
        }
        let mut out = Self::default();
        if !sections.is_empty() {
            out.data = files.remove(DATA_FILE);
        }
        out.files = files;
        let data_bytes = out.data.map_or(0, |data| data.bytes);
        for (name, (offset, checksum)) in sections {
            if offset
                .checked_add(checksum.bytes)
                .is_none_or(|end| end > data_bytes)
            {
                return Err(format!("`{name}` does not lie inside `{DATA_FILE}`"));
            }
            out.files.insert(name.clone(), checksum);
            out.sections.insert(name, offset);
        }
        Ok(out)
    }

    /// The files that are there, without those that are sections of one.
    pub fn on_disk(&self) -> impl Iterator<Item = (&str, &FileChecksum)> {
        self.files
            .iter()
            .filter(|(name, _)| !self.sections.contains_key(*name))
            .map(|(name, checksum)| (name.as_str(), checksum))
            .chain(self.data.iter().map(|data| (DATA_FILE, data)))
    }

    /// The directory that finds all files of `folder`, also those that are sections of one.
    pub fn directory(&self, below: &Arc<dyn Directory>, folder: &str) -> Arc<dyn Directory> {
        if self.sections.is_empty() {
            return below.clone();
        }
        let sections = self.sections.iter().map(|(name, offset)| {
            let bytes = self.files.get(name).map_or(0, |f| f.bytes);
            (name.clone(), *offset, bytes)
        });
        Arc::new(PackedFolder::open(below, folder, sections))
    }

    pub fn total_bytes(&self) -> u64 {
        self.on_disk().map(|(_, f)| f.bytes).sum()
    }
}
