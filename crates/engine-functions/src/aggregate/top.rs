//! `topK`: the most frequent values, counted exactly.

use std::collections::BTreeMap;

use engine_types::{Column, DataType, Value};

use super::state_bytes::{StateReader, put_number, put_value};
use super::{Base, OnNull, State, arity, maker};
use crate::FunctionError;

struct TopK {
    counts: Vec<BTreeMap<Value, u64>>,
    k: usize,
    ty: DataType,
}

impl State for TopK {
    fn resize(&mut self, groups: usize) {
        if groups > self.counts.len() {
            self.counts.resize_with(groups, BTreeMap::new);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        for (i, &group) in groups.iter().enumerate() {
            *self.counts[group as usize].entry(args[0].value(i)).or_insert(0) += 1;
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (counts, &group) in other.counts.into_iter().zip(groups) {
            for (value, count) in counts {
                let sum = self.counts[group as usize].entry(value).or_insert(0);
                *sum = sum.wrapping_add(count);
            }
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let rows: Vec<Value> = std::mem::take(&mut self.counts)
            .into_iter()
            .map(|counts| {
                let mut ranked: Vec<(Value, u64)> = counts.into_iter().collect();
                ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                ranked.truncate(self.k);
                Value::Array(ranked.into_iter().map(|(v, _)| v).collect())
            })
            .collect();
        Ok(Column::from_values(&self.ty.clone().array(), &rows))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (counts, out) in self.counts.iter().zip(out) {
            put_number(out, counts.len() as u64);
            for (value, count) in counts {
                put_value(out, value, &self.ty);
                put_number(out, *count);
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (counts, input) in self.counts.iter_mut().zip(input) {
            for _ in 0..input.count(1)? {
                let value = input.value(&self.ty)?;
                let count = counts.entry(value).or_insert(0);
                *count = count.wrapping_add(input.number()?);
            }
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.counts.iter().map(|c| 24 + 96 * c.len()).sum()
    }
}

pub(super) fn build(args: &[DataType], k: usize) -> Result<Base, FunctionError> {
    arity("topK", args, 1)?;
    let ty = args[0].clone();
    Ok(Base {
        returns: ty.clone().array(),
        make: maker(move || TopK {
            counts: Vec::new(),
            k,
            ty: ty.clone(),
        }),
        on_null: OnNull::Skip,
    })
}
