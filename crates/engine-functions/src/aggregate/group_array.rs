//! `groupArray` and `groupUniqArray`: batches are kept as columns, and put in group order at the end.

use engine_types::{ArrayColumn, Column, DataType};

use super::uniq::PairSet;
use super::{Base, OnNull, State, arity, maker};
use crate::FunctionError;
use crate::operand::{plain, row};
use crate::row_key::{Wide, wide_keys};

struct GroupArray {
    batches: Vec<(Vec<u32>, Column)>,
    counts: Vec<u32>,
    limit: u32,
    unique: Option<PairSet<Wide>>,
    ty: DataType,
}

impl GroupArray {
    /// Keeps the rows that are new and within the limit.
    fn add(&mut self, groups: &[u32], values: &Column) {
        let keys = self
            .unique
            .is_some()
            .then(|| wide_keys(std::slice::from_ref(values)));
        let mut kept = Vec::with_capacity(groups.len());
        for (i, &group) in groups.iter().enumerate() {
            let count = &mut self.counts[group as usize];
            if *count >= self.limit {
                continue;
            }
            if let (Some(set), Some(keys)) = (&mut self.unique, &keys)
                && !set.insert(keys[i], group)
            {
                continue;
            }
            *count += 1;
            kept.push(row(i));
        }
        if kept.is_empty() {
            return;
        }
        let of: Vec<u32> = kept.iter().map(|&i| groups[i as usize]).collect();
        let values = if kept.len() == groups.len() {
            values.clone()
        } else {
            values.gather(&kept)
        };
        self.batches.push((of, values));
    }
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
            total += count;
            offsets.push(total);
        }
        let batches = std::mem::take(&mut self.batches);
        let values = if batches.is_empty() {
            Column::empty(&self.ty)
        } else {
            let mut next: Vec<u32> = offsets[..self.counts.len()].to_vec();
            let mut order = vec![0u32; total as usize];
            let mut at = 0u32;
            for (of, _) in &batches {
                for &group in of {
                    let slot = &mut next[group as usize];
                    order[*slot as usize] = at;
                    *slot += 1;
                    at += 1;
                }
            }
            Column::concat(&batches.iter().map(|(_, c)| c).collect::<Vec<_>>()).gather(&order)
        };
        self.counts.clear();
        Ok(Column::Array(ArrayColumn {
            offsets: offsets.into(),
            values: Box::new(plain(&values)),
        }))
    }

    fn byte_size(&self) -> usize {
        let batches: usize = self
            .batches
            .iter()
            .map(|(g, c)| 4 * g.capacity() + c.byte_size())
            .sum();
        batches + 4 * self.counts.capacity() + self.unique.as_ref().map_or(0, PairSet::byte_size)
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
            limit,
            unique: unique.then(PairSet::new),
            ty: ty.clone(),
        }),
        on_null: OnNull::Skip,
    })
}
