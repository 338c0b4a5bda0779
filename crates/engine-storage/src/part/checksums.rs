//! `checksums.txt`: size and 128-bit hash of every other file of a part.

use std::collections::BTreeMap;

use engine_codec::hash128;

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
}

impl Checksums {
    pub fn to_text(&self) -> String {
        let mut out = format!("{FIRST_LINE}\n");
        for (name, file) in &self.files {
            out.push_str(&format!("{name}\t{}\t{:032x}\n", file.bytes, file.hash));
        }
        out
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        match lines.next() {
            Some(FIRST_LINE) => {}
            other => return Err(format!("the first line is `{}`", other.unwrap_or_default())),
        }
        let mut files = BTreeMap::new();
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, bytes, hash] = fields.as_slice() else {
                return Err(format!("`{line}` is not a name, a size and a hash"));
            };
            let bytes = bytes
                .parse()
                .map_err(|_| format!("size `{bytes}` is no number"))?;
            let hash = u128::from_str_radix(hash, 16).map_err(|_| format!("hash `{hash}` is no hash"))?;
            files.insert((*name).to_owned(), FileChecksum { bytes, hash });
        }
        Ok(Self { files })
    }

    pub fn total_bytes(&self) -> u64 {
        self.files.values().map(|f| f.bytes).sum()
    }
}
