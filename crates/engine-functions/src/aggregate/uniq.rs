//! `uniqExact` and `uniq`: one set of (group, value) for all groups, so that small groups cost no set of their own.
#![expect(
    clippy::unnecessary_cast,
    reason = "the macro body serves every width; the cast is needed for the others"
)]

use std::sync::Arc;

use engine_types::{Column, DataType, DictColumn, with_buffer};

use super::cells::Form;
use super::distinct_pairs::{DistinctPairs, Key};
use super::state_bytes::{StateReader, put_number};
use super::{Base, OnNull, at_least_one, downcast};
use crate::operand::{plain, row};
use crate::row_key::wide_keys;
use crate::{Accumulator, FunctionError};

struct Uniq<K> {
    pairs: DistinctPairs<K>,
    counts: Vec<u64>,
    keys: fn(&[Column]) -> Vec<K>,
    dictionary: Option<Seen>,
}

/// The dictionary of the latest rows, and the numbers of its values that rows had.
struct Seen {
    values: Arc<Column>,
    numbers: Vec<u32>,
}

const UNKNOWN: u32 = u32::MAX;
/// A dictionary of more values, of which few rows ask for a few, is not worth an array of its length.
const VALUES_PER_ROW: usize = 64;

impl<K: Key> Uniq<K> {
    fn new(keys: fn(&[Column]) -> Vec<K>) -> Self {
        Self {
            pairs: DistinctPairs::new(),
            counts: Vec::new(),
            keys,
            dictionary: None,
        }
    }

    fn knows(&self, column: &DictColumn) -> bool {
        matches!(&self.dictionary, Some(seen) if Arc::ptr_eq(&seen.values, &column.values))
    }

    /// Each value of the dictionary is looked at once, however many rows have it.
    fn codes(&mut self, groups: &[u32], column: &DictColumn) {
        if !self.knows(column) {
            self.dictionary = Some(Seen {
                values: column.values.clone(),
                numbers: vec![UNKNOWN; column.values.len()],
            });
        }
        let Some(seen) = &mut self.dictionary else {
            return;
        };
        for (&code, &group) in column.codes.iter().zip(groups) {
            let number = &mut seen.numbers[code as usize];
            if *number == UNKNOWN {
                let one = plain(&seen.values.slice(code as usize, 1));
                if let [key] = (self.keys)(&[one])[..] {
                    *number = self.pairs.number(key);
                }
            }
            self.counts[group as usize] += u64::from(self.pairs.insert_number(*number, group));
        }
    }
}

impl<K: Key> Accumulator for Uniq<K> {
    fn resize(&mut self, groups: usize) {
        if groups > self.counts.len() {
            self.counts.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        if let [Column::Dict(column)] = args
            && (self.knows(column) || column.values.len() <= VALUES_PER_ROW * groups.len())
        {
            self.codes(groups, column);
            return Ok(());
        }
        let args: Vec<Column> = args.iter().map(plain).collect();
        for (key, &group) in (self.keys)(&args).into_iter().zip(groups) {
            self.counts[group as usize] += u64::from(self.pairs.insert(key, group));
        }
        Ok(())
    }

    fn update_repeated(&mut self, groups: &[u32], args: &[Column], _: &[u32]) -> Result<(), FunctionError> {
        self.update(groups, args)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError> {
        let other = downcast::<Self>(other)?;
        let counts = &mut self.counts;
        self.pairs
            .merge(&other.pairs, groups, |group| counts[group as usize] += 1);
        Ok(())
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        self.pairs = DistinctPairs::new();
        self.dictionary = None;
        Ok(Column::UInt64(std::mem::take(&mut self.counts).into()))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        let mut keys: Vec<Vec<K>> = vec![Vec::new(); out.len()];
        self.pairs.each_value(|group, key| {
            if let Some(keys) = keys.get_mut(group as usize) {
                keys.push(key);
            }
        });
        for (mut keys, out) in keys.into_iter().zip(out) {
            keys.sort_unstable();
            put_number(out, keys.len() as u64);
            keys.into_iter().for_each(|key| key.put(out));
        }
        Ok(())
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (group, input) in input.iter_mut().enumerate() {
            for _ in 0..input.count(size_of::<K>())? {
                let key = K::take(input)?;
                self.counts[group] += u64::from(self.pairs.insert(key, row(group)));
            }
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        let numbers = self.dictionary.as_ref().map_or(0, |seen| 4 * seen.numbers.len());
        self.pairs.byte_size() + 8 * self.counts.capacity() + numbers
    }

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// Numbers by their bits.
pub(super) fn narrow_keys(args: &[Column]) -> Vec<u64> {
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
            Box::new(|| Box::new(Uniq::new(narrow_keys)))
        } else {
            Box::new(|| Box::new(Uniq::new(wide_keys)))
        },
        on_null: OnNull::Skip,
    })
}
