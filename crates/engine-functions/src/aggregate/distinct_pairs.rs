//! A set of (group, value) pairs of all groups together: values as dense numbers, pairs as bits where that is smaller
//! than a table, so that small groups cost no set of their own and many groups of few values no hashing.

use hashbrown::HashTable;

use super::state_bytes::{StateReader, put_u64};
use crate::FunctionError;
use crate::row_key::Wide;

/// What stands for a value: itself when it is at most 128 bits, else a 128-bit hash, as in ClickHouse.
pub(super) trait Key: Copy + Ord + Send + 'static {
    fn hash(self) -> u64;

    /// Keys of small distance from each other, such as days: their place on a line.
    fn place(self) -> Option<u64>;

    fn put(self, out: &mut Vec<u8>);

    fn take(input: &mut StateReader<'_>) -> Result<Self, FunctionError>;
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

impl Key for u64 {
    #[inline]
    fn hash(self) -> u64 {
        fold(self ^ 0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93)
    }

    #[inline]
    fn place(self) -> Option<u64> {
        Some(self)
    }

    fn put(self, out: &mut Vec<u8>) {
        put_u64(out, self);
    }

    fn take(input: &mut StateReader<'_>) -> Result<Self, FunctionError> {
        input.u64()
    }
}

impl Key for Wide {
    #[inline]
    fn hash(self) -> u64 {
        fold(self.0 ^ 0x9E37_79B9_7F4A_7C15, self.1 ^ 0xD6E8_FEB8_6659_FD93)
    }

    #[inline]
    fn place(self) -> Option<u64> {
        None
    }

    fn put(self, out: &mut Vec<u8>) {
        put_u64(out, self.0);
        put_u64(out, self.1);
    }

    fn take(input: &mut StateReader<'_>) -> Result<Self, FunctionError> {
        Ok(Self(input.u64()?, input.u64()?))
    }
}

/// Values by number and numbers by value.
struct Numbers<K> {
    values: Vec<K>,
    /// Numbers of the keys `origin..origin + near.len()`.
    near: Vec<u32>,
    origin: u64,
    table: HashTable<(K, u32)>,
}

/// Keys around the first one that have their number in an array.
const NEAR: u64 = 4096;
const UNKNOWN: u32 = u32::MAX;

impl<K: Key> Numbers<K> {
    #[inline]
    fn of(&mut self, key: K) -> u32 {
        if let Some(place) = key.place() {
            if self.near.is_empty() {
                self.near = vec![UNKNOWN; NEAR as usize];
                self.origin = place.wrapping_sub(NEAR / 2);
            }
            let distance = place.wrapping_sub(self.origin);
            if distance < NEAR {
                let slot = &mut self.near[distance as usize];
                if *slot == UNKNOWN {
                    *slot = self.values.len() as u32;
                    self.values.push(key);
                }
                return *slot;
            }
        }
        let values = &mut self.values;
        let entry = self
            .table
            .entry(key.hash(), |slot| slot.0 == key, |slot| slot.0.hash());
        let slot = entry.or_insert_with(|| {
            values.push(key);
            (key, values.len() as u32 - 1)
        });
        slot.get().1
    }

    fn byte_size(&self) -> usize {
        self.values.capacity() * size_of::<K>()
            + 4 * self.near.capacity()
            + self.table.capacity() * (size_of::<(K, u32)>() + 1)
    }
}

enum Pairs {
    /// Of each value `stride` words, a bit for each group.
    Bits { words: Vec<u64>, stride: usize },
    /// Group and number of the value in one word.
    Table(HashTable<u64>),
}

pub(super) struct DistinctPairs<K> {
    numbers: Numbers<K>,
    pairs: Pairs,
    len: usize,
    latest: Option<(u32, u32)>,
}

/// What a pair takes in the table, about: bits may take as much.
const PAIR_BYTES: usize = 16;
/// Bits that are never too many.
const SMALL_BYTES: usize = 1 << 16;

fn pair(group: u32, number: u32) -> u64 {
    u64::from(group) << 32 | u64::from(number)
}

#[inline]
fn pair_hash(pair: u64) -> u64 {
    fold(pair ^ 0x9E37_79B9_7F4A_7C15, 0xA076_1D64_78BD_642F)
}

impl<K: Key> DistinctPairs<K> {
    pub(super) fn new() -> Self {
        Self {
            numbers: Numbers {
                values: Vec::new(),
                near: Vec::new(),
                origin: 0,
                table: HashTable::new(),
            },
            pairs: Pairs::Bits {
                words: Vec::new(),
                stride: 1,
            },
            len: 0,
            latest: None,
        }
    }

    /// The number by which [`DistinctPairs::insert_number`] knows the value.
    #[inline]
    pub(super) fn number(&mut self, key: K) -> u32 {
        self.numbers.of(key)
    }

    /// True when the pair is new.
    #[inline]
    pub(super) fn insert(&mut self, key: K, group: u32) -> bool {
        let number = self.numbers.of(key);
        self.insert_number(number, group)
    }

    #[inline]
    pub(super) fn insert_number(&mut self, number: u32, group: u32) -> bool {
        // Runs of equal values (one actor's events) are common.
        if self.latest == Some((number, group)) {
            return false;
        }
        self.latest = Some((number, group));
        if let Pairs::Bits { words, stride } = &mut self.pairs {
            let at = number as usize * *stride + group as usize / 64;
            if group as usize / 64 < *stride
                && let Some(word) = words.get_mut(at)
            {
                let bit = 1 << (group % 64);
                let is_new = *word & bit == 0;
                *word |= bit;
                self.len += usize::from(is_new);
                return is_new;
            }
        }
        self.insert_slowly(number, group)
    }

    #[cold]
    fn insert_slowly(&mut self, number: u32, group: u32) -> bool {
        if let Pairs::Bits { words, stride } = &mut self.pairs {
            let mut wanted = *stride;
            while wanted <= group as usize / 64 {
                wanted *= 2;
            }
            let values = self.numbers.values.len().next_power_of_two();
            if values * wanted * 8 <= SMALL_BYTES.max(self.len * PAIR_BYTES) {
                if wanted != *stride {
                    let mut wider = vec![0; values * wanted];
                    for (from, to) in words.chunks_exact(*stride).zip(wider.chunks_exact_mut(wanted)) {
                        to[..*stride].copy_from_slice(from);
                    }
                    (*words, *stride) = (wider, wanted);
                }
                words.resize(values * wanted, 0);
                let word = &mut words[number as usize * wanted + group as usize / 64];
                let bit = 1 << (group % 64);
                let is_new = *word & bit == 0;
                *word |= bit;
                self.len += usize::from(is_new);
                return is_new;
            }
            let mut table = HashTable::with_capacity(self.len);
            self.each(|group, number| {
                let pair = pair(group, number);
                table.insert_unique(pair_hash(pair), pair, |pair| pair_hash(*pair));
            });
            self.pairs = Pairs::Table(table);
        }
        self.insert_pair(pair(group, number))
    }

    fn insert_pair(&mut self, pair: u64) -> bool {
        let Pairs::Table(table) = &mut self.pairs else {
            return false;
        };
        match table.entry(pair_hash(pair), |known| *known == pair, |pair| pair_hash(*pair)) {
            hashbrown::hash_table::Entry::Occupied(_) => false,
            hashbrown::hash_table::Entry::Vacant(slot) => {
                slot.insert(pair);
                self.len += 1;
                true
            }
        }
    }

    /// All pairs of group and number, in no order.
    fn each(&self, mut see: impl FnMut(u32, u32)) {
        match &self.pairs {
            Pairs::Bits { words, stride } => {
                for (at, &word) in words.iter().enumerate() {
                    let (number, first) = (at / stride, at % stride * 64);
                    let mut left = word;
                    while left != 0 {
                        see(first as u32 + left.trailing_zeros(), number as u32);
                        left &= left - 1;
                    }
                }
            }
            Pairs::Table(table) => table
                .iter()
                .for_each(|&pair| see((pair >> 32) as u32, pair as u32)),
        }
    }

    /// All groups with their values, in no order.
    pub(super) fn each_value(&self, mut see: impl FnMut(u32, K)) {
        self.each(|group, number| see(group, self.numbers.values[number as usize]));
    }

    /// Adds the pairs of `other`, whose group `g` is `groups[g]` here; `added` hears of the groups of new ones.
    pub(super) fn merge(&mut self, other: &Self, groups: &[u32], mut added: impl FnMut(u32)) {
        let number_of: Vec<u32> = other.numbers.values.iter().map(|&key| self.number(key)).collect();
        other.each(|group, number| {
            let group = groups[group as usize];
            if self.insert_number(number_of[number as usize], group) {
                added(group);
            }
        });
    }

    pub(super) fn byte_size(&self) -> usize {
        let pairs = match &self.pairs {
            Pairs::Bits { words, .. } => 8 * words.capacity(),
            Pairs::Table(table) => 9 * table.capacity(),
        };
        self.numbers.byte_size() + pairs
    }
}

#[cfg(test)]
mod tests;
