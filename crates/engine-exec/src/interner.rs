//! Byte strings to dense numbers, in order of first sight.

use hashbrown::HashTable;

use crate::hash::hash_bytes;

/// The number of a string that is not there.
pub(crate) const ABSENT: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(crate) struct Interner {
    table: HashTable<u32>,
    hashes: Vec<u64>,
    /// String `i` is `bytes[ends[i - 1]..ends[i]]`, from 0 for the first.
    ends: Vec<usize>,
    bytes: Vec<u8>,
    null: Option<u32>,
}

impl Interner {
    fn get(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.bytes[start..self.ends[id]]
    }

    pub(crate) fn intern(&mut self, bytes: &[u8]) -> u32 {
        let hash = hash_bytes(bytes);
        let found = self.table.find(hash, |&id| {
            self.hashes[id as usize] == hash && self.get(id) == bytes
        });
        if let Some(&id) = found {
            return id;
        }
        let id = self.push(bytes, hash);
        let hashes = &self.hashes;
        self.table.insert_unique(hash, id, |&id| hashes[id as usize]);
        id
    }

    /// The number of NULL, which is no string.
    pub(crate) fn intern_null(&mut self) -> u32 {
        match self.null {
            Some(id) => id,
            None => {
                let id = self.push(b"", 0);
                self.null = Some(id);
                id
            }
        }
    }

    pub(crate) fn find(&self, bytes: &[u8]) -> u32 {
        let hash = hash_bytes(bytes);
        self.table
            .find(hash, |&id| {
                self.hashes[id as usize] == hash && self.get(id) == bytes
            })
            .copied()
            .unwrap_or(ABSENT)
    }

    pub(crate) fn find_null(&self) -> u32 {
        self.null.unwrap_or(ABSENT)
    }

    fn push(&mut self, bytes: &[u8], hash: u64) -> u32 {
        let id = u32::try_from(self.ends.len()).expect("the memory limit comes before 2^32 keys");
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        self.hashes.push(hash);
        id
    }

    pub(crate) fn byte_size(&self) -> usize {
        self.bytes.capacity() + 16 * self.ends.capacity() + 5 * self.table.capacity()
    }
}
