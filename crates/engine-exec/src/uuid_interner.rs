//! UUIDs to dense numbers, in order of first sight.

use hashbrown::HashTable;

use crate::hash::hash_u128;
use crate::interner::ABSENT;

#[derive(Debug, Default)]
pub(crate) struct UuidInterner {
    table: HashTable<(u128, u32)>,
    null: Option<u32>,
    len: u32,
}

impl UuidInterner {
    /// The number of a UUID, or of NULL, which is none of them.
    pub(crate) fn intern(&mut self, value: Option<u128>) -> u32 {
        let Some(value) = value else {
            return *self.null.get_or_insert_with(|| next(&mut self.len));
        };
        let hash = hash_u128(value);
        let entry = self
            .table
            .entry(hash, |slot| slot.0 == value, |slot| hash_u128(slot.0));
        entry.or_insert_with(|| (value, next(&mut self.len))).get().1
    }

    pub(crate) fn find(&self, value: Option<u128>) -> u32 {
        let found = match value {
            None => self.null,
            Some(value) => self
                .table
                .find(hash_u128(value), |slot| slot.0 == value)
                .map(|slot| slot.1),
        };
        found.unwrap_or(ABSENT)
    }

    pub(crate) fn byte_size(&self) -> usize {
        33 * self.table.capacity()
    }
}

fn next(len: &mut u32) -> u32 {
    let number = *len;
    *len += 1;
    number
}
