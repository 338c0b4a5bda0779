//! Byte strings to dense numbers, in order of first sight.

use hashbrown::HashTable;

use crate::hash::hash_bytes;

/// The number of a string that is not there.
pub(crate) const ABSENT: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Interner {
    /// Hash and number: most misses are decided without looking at the strings.
    table: HashTable<(u64, u32)>,
    /// String `i` is `bytes[starts[i]..starts[i + 1]]`.
    starts: Vec<usize>,
    bytes: Vec<u8>,
    null: Option<u32>,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            table: HashTable::new(),
            starts: vec![0],
            bytes: Vec::new(),
            null: None,
        }
    }
}

impl Interner {
    #[inline]
    fn get(&self, id: u32) -> &[u8] {
        let id = id as usize;
        &self.bytes[self.starts[id]..self.starts[id + 1]]
    }

    #[inline]
    fn lookup(&self, hash: u64, bytes: &[u8]) -> Option<u32> {
        self.table
            .find(hash, |slot| slot.0 == hash && self.get(slot.1) == bytes)
            .map(|slot| slot.1)
    }

    pub(crate) fn intern(&mut self, bytes: &[u8]) -> u32 {
        let hash = hash_bytes(bytes);
        if let Some(id) = self.lookup(hash, bytes) {
            return id;
        }
        let id = self.push(bytes);
        self.table.insert_unique(hash, (hash, id), |slot| slot.0);
        id
    }

    /// The number of NULL, which is no string.
    pub(crate) fn intern_null(&mut self) -> u32 {
        match self.null {
            Some(id) => id,
            None => {
                let id = self.push(b"");
                self.null = Some(id);
                id
            }
        }
    }

    pub(crate) fn find(&self, bytes: &[u8]) -> u32 {
        self.lookup(hash_bytes(bytes), bytes).unwrap_or(ABSENT)
    }

    pub(crate) fn find_null(&self) -> u32 {
        self.null.unwrap_or(ABSENT)
    }

    fn push(&mut self, bytes: &[u8]) -> u32 {
        let id = u32::try_from(self.starts.len() - 1).expect("the memory limit comes before 2^32 keys");
        self.bytes.extend_from_slice(bytes);
        self.starts.push(self.bytes.len());
        id
    }

    pub(crate) fn byte_size(&self) -> usize {
        self.bytes.capacity() + 8 * self.starts.capacity() + 17 * self.table.capacity()
    }
}
