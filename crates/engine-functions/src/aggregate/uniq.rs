//! `uniqExact` and `uniq`: one table of (group, value) for all groups, so that small groups cost no set of their own.
#![expect(
    clippy::unnecessary_cast,
    reason = "the macro body serves every width; the cast is needed for the others"
)]

use engine_types::{Column, DataType, with_buffer};
use hashbrown::HashTable;

use super::cells::Form;
use super::state_bytes::{StateReader, put_number, put_u64};
use super::{Base, OnNull, State, at_least_one, maker};
use crate::FunctionError;
use crate::operand::row;
use crate::row_key::{Wide, wide_keys};

/// What stands for a value: itself when it is at most 128 bits, else a 128-bit hash, as in ClickHouse.
pub(super) trait Key: Copy + Ord + Send + 'static {
    fn hash(self, group: u32) -> u64;

    fn put(self, out: &mut Vec<u8>);

    fn take(input: &mut StateReader<'_>) -> Result<Self, FunctionError>;
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

impl Key for u64 {
    #[inline]
    fn hash(self, group: u32) -> u64 {
        fold(
            self ^ 0x9E37_79B9_7F4A_7C15,
            0xD6E8_FEB8_6659_FD93 ^ u64::from(group).rotate_left(17),
        )
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
    fn hash(self, group: u32) -> u64 {
        fold(self.0 ^ 0x9E37_79B9_7F4A_7C15, self.1 ^ 0xD6E8_FEB8_6659_FD93)
            ^ fold(u64::from(group) + 1, 0xA076_1D64_78BD_642F)
    }

    fn put(self, out: &mut Vec<u8>) {
        put_u64(out, self.0);
        put_u64(out, self.1);
    }

    fn take(input: &mut StateReader<'_>) -> Result<Self, FunctionError> {
        Ok(Self(input.u64()?, input.u64()?))
    }
}

/// A set of (group, key) pairs.
pub(super) struct PairSet<K> {
    table: HashTable<(K, u32)>,
    last: Option<(K, u32)>,
}

impl<K: Key> PairSet<K> {
    pub(super) fn new() -> Self {
        Self {
            table: HashTable::new(),
            last: None,
        }
    }

    /// True when the pair is new.
    #[inline]
    pub(super) fn insert(&mut self, key: K, group: u32) -> bool {
        // Runs of equal values (one actor's events) are common.
        if self.last == Some((key, group)) {
            return false;
        }
        self.last = Some((key, group));
        let entry = self
            .table
            .entry(key.hash(group), |e| *e == (key, group), |e| e.0.hash(e.1));
        match entry {
            hashbrown::hash_table::Entry::Occupied(_) => false,
            hashbrown::hash_table::Entry::Vacant(slot) => {
                slot.insert((key, group));
                true
            }
        }
    }

    pub(super) fn byte_size(&self) -> usize {
        self.table.capacity() * (size_of::<(K, u32)>() + 1)
    }
}

struct Uniq<K> {
    set: PairSet<K>,
    counts: Vec<u64>,
    keys: fn(&[Column]) -> Vec<K>,
}

impl<K: Key> State for Uniq<K> {
    fn resize(&mut self, groups: usize) {
        if groups > self.counts.len() {
            self.counts.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        for (key, &group) in (self.keys)(args).into_iter().zip(groups) {
            self.counts[group as usize] += u64::from(self.set.insert(key, group));
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (key, group) in other.set.table {
            let group = groups[group as usize];
            self.counts[group as usize] += u64::from(self.set.insert(key, group));
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        self.set = PairSet::new();
        Ok(Column::UInt64(std::mem::take(&mut self.counts).into()))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        let mut keys: Vec<Vec<K>> = vec![Vec::new(); out.len()];
        for (key, group) in &self.set.table {
            if let Some(keys) = keys.get_mut(*group as usize) {
                keys.push(*key);
            }
        }
        for (mut keys, out) in keys.into_iter().zip(out) {
            keys.sort_unstable();
            put_number(out, keys.len() as u64);
            keys.into_iter().for_each(|key| key.put(out));
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (group, input) in input.iter_mut().enumerate() {
            for _ in 0..input.count(size_of::<K>())? {
                let key = K::take(input)?;
                self.counts[group] += u64::from(self.set.insert(key, row(group)));
            }
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.set.byte_size() + 8 * self.counts.capacity()
    }
}

fn narrow_keys(args: &[Column]) -> Vec<u64> {
    match &args[0] {
        Column::Float32(b) => b.iter().map(|v| u64::from(v.to_bits())).collect(),
        Column::Float64(b) => b.iter().map(|v| v.to_bits()).collect(),
        other => with_buffer!(other, b => b.iter().map(|&v| v as u64).collect(), _ => Vec::new()),
    }
}

pub(super) fn build(name: &str, args: &[DataType]) -> Result<Base, FunctionError> {
    at_least_one(name, args)?;
    let narrow = args.len() == 1 && Form::of(&args[0]) == Form::Bits;
    Ok(Base {
        returns: DataType::UInt64,
        make: if narrow {
            maker(|| Uniq {
                set: PairSet::new(),
                counts: Vec::new(),
                keys: narrow_keys,
            })
        } else {
            maker(|| Uniq {
                set: PairSet::new(),
                counts: Vec::new(),
                keys: wide_keys,
            })
        },
        on_null: OnNull::Skip,
    })
}
