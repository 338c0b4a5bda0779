//! `groupArray` and `groupUniqArray`: batches are kept as columns, and put in group order at the end.

use engine_types::{ArrayColumn, Column, DataType};

use super::cells::Form;
use super::distinct_pairs::DistinctPairs;
use super::state_bytes::{StateReader, put_cell, put_number};
use super::uniq::narrow_keys;
use super::{Base, OnNull, State, arity, maker};
use crate::FunctionError;
use crate::error::TOO_LARGE_ARRAY;
use crate::operand::{plain, row};
use crate::row_key::{Wide, wide_keys};

struct GroupArray {
    batches: Vec<(Vec<u32>, Column)>,
    counts: Vec<u32>,
    /// Bytes of the batches.
    bytes: usize,
    limit: u32,
    unique: Option<Unique>,
    ty: DataType,
}

/// The values that groups have already.
enum Unique {
    /// Of at most 64 bits.
    Narrow(DistinctPairs<u64>),
    Wide(DistinctPairs<Wide>),
}

impl Unique {
    fn new(ty: &DataType) -> Self {
        match Form::of(ty) {
            Form::Bits => Self::Narrow(DistinctPairs::new()),
            Form::Wide | Form::Bytes | Form::Nested => Self::Wide(DistinctPairs::new()),
        }
    }

    fn byte_size(&self) -> usize {
        match self {
            Self::Narrow(set) => set.byte_size(),
            Self::Wide(set) => set.byte_size(),
        }
    }
}

/// Rows that are `new`, of groups that have room.
fn within(
    counts: &mut [u32],
    limit: u32,
    groups: &[u32],
    mut new: impl FnMut(usize, u32) -> bool,
) -> Vec<u32> {
    let mut kept = Vec::new();
    for (i, &group) in groups.iter().enumerate() {
        let count = &mut counts[group as usize];
        if *count < limit && new(i, group) {
            *count += 1;
            kept.push(row(i));
        }
    }
    kept
}

impl GroupArray {
    /// Keeps the rows that are new and within the limit.
    fn add(&mut self, groups: &[u32], values: &Column) {
        if groups.is_empty() {
            return;
        }
        if self.limit == u32::MAX && self.unique.is_none() {
            groups.iter().for_each(|&g| self.counts[g as usize] += 1);
            self.push(groups.to_vec(), values.clone());
            return;
        }
        let (counts, limit) = (&mut self.counts, self.limit);
        let one = std::slice::from_ref(values);
        let kept = match &mut self.unique {
            None => within(counts, limit, groups, |_, _| true),
            Some(Unique::Narrow(set)) => {
                let keys = narrow_keys(one);
                within(counts, limit, groups, |i, group| set.insert(keys[i], group))
            }
            Some(Unique::Wide(set)) => {
                let keys = wide_keys(one);
                within(counts, limit, groups, |i, group| set.insert(keys[i], group))
            }
        };
        if kept.is_empty() {
            return;
        }
        let of: Vec<u32> = kept.iter().map(|&i| groups[i as usize]).collect();
        let values = if kept.len() == groups.len() {
            values.clone()
        } else {
            values.gather(&kept)
        };
        self.push(of, values);
    }

    fn push(&mut self, of: Vec<u32>, values: Column) {
        self.bytes += 4 * of.len() + values.byte_size();
        self.batches.push((of, values));
    }
}

/// The values of all batches by group: `next` is where each group's go. Batches are let go of one by one.
fn by_group(
    batches: Vec<(Vec<u32>, Column)>,
    mut next: Vec<u32>,
    total: usize,
    ty: &DataType,
) -> Result<Column, FunctionError> {
    macro_rules! scattered {
        ($($variant:ident),*) => {
            match batches.first() {
                None => return Ok(Column::empty(ty)),
                $(Some((_, Column::$variant(_))) => {
                    let mut out = vec![Default::default(); total];
                    for (of, column) in batches {
                        let Column::$variant(values) = column else {
                            return Err(FunctionError::form("one form"));
                        };
                        for (&group, &value) in of.iter().zip(values.iter()) {
                            let slot = &mut next[group as usize];
                            out[*slot as usize] = value;
                            *slot += 1;
                        }
                    }
                    return Ok(Column::$variant(out.into()));
                })*
                Some(_) => {}
            }
        };
    }
    scattered!(
        UInt8, UInt16, UInt32, UInt64, Int8, Int16, Int32, Int64, Float32, Float64, Uuid
    );
    let mut order = vec![0u32; total];
    let mut at = 0u32;
    for (of, _) in &batches {
        for &group in of {
            let slot = &mut next[group as usize];
            order[*slot as usize] = at;
            *slot += 1;
            at += 1;
        }
    }
    let all = Column::concat(&batches.iter().map(|(_, c)| c).collect::<Vec<_>>());
    drop(batches);
    Ok(plain(&all.gather(&order)))
}

impl State for GroupArray {
    fn resize(&mut self, groups: usize) {
        if groups > self.counts.len() {
            self.counts.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        self.add(groups, &args[0]);
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (of, values) in other.batches {
            let mapped: Vec<u32> = of.iter().map(|&g| groups[g as usize]).collect();
            self.add(&mapped, &values);
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let mut offsets = Vec::with_capacity(self.counts.len() + 1);
        let mut total = 0u32;
        offsets.push(0);
        for count in &self.counts {
            total = total.checked_add(*count).ok_or_else(|| {
                FunctionError::new(
                    TOO_LARGE_ARRAY,
                    "the arrays of all groups have more than 2^32 elements",
                )
            })?;
            offsets.push(total);
        }
        let batches = std::mem::take(&mut self.batches);
        let next = offsets[..self.counts.len()].to_vec();
        let values = by_group(batches, next, total as usize, &self.ty)?;
        self.bytes = 0;
        self.counts.clear();
        Ok(Column::Array(ArrayColumn {
            offsets: offsets.into(),
            values: Box::new(values),
        }))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (count, out) in self.counts.iter().zip(out.iter_mut()) {
            put_number(out, u64::from(*count));
        }
        for (of, values) in &self.batches {
            for (i, &group) in of.iter().enumerate() {
                put_cell(&mut out[group as usize], values, i, &self.ty);
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        let (mut of, mut values) = (Vec::new(), Vec::new());
        for (group, input) in input.iter_mut().enumerate() {
            values.extend(input.values(&self.ty)?);
            of.resize(values.len(), row(group));
        }
        self.add(&of, &Column::from_values(&self.ty, &values));
        Ok(())
    }

    fn byte_size(&self) -> usize {
        // The result is made of all batches while they are still there.
        2 * self.bytes + 4 * self.counts.capacity() + self.unique.as_ref().map_or(0, Unique::byte_size)
    }
}

pub(super) fn build(args: &[DataType], limit: Option<usize>, unique: bool) -> Result<Base, FunctionError> {
    arity("groupArray", args, 1)?;
    let ty = args[0].clone();
    let limit = limit.map_or(u32::MAX, |n| u32::try_from(n).unwrap_or(u32::MAX));
    Ok(Base {
        returns: ty.clone().array(),
        make: maker(move || GroupArray {
            batches: Vec::new(),
            counts: Vec::new(),
            bytes: 0,
            limit,
            unique: unique.then(|| Unique::new(&ty)),
            ty: ty.clone(),
        }),
        on_null: OnNull::Skip,
    })
}
