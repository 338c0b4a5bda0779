//! `groupArraySorted(n)`: the least `n` values in order.

use std::collections::BinaryHeap;

use engine_types::{Column, DataType, Value};

use super::state_bytes::{StateReader, put_values};
use super::{Base, OnNull, State, arity, maker};
use crate::FunctionError;
use crate::operand::row;

/// The greatest value kept is on top: the one to make room.
struct Sorted {
    least: Vec<BinaryHeap<Value>>,
    limit: usize,
    ty: DataType,
}

impl Sorted {
    fn add(&mut self, group: u32, value: Value) {
        let least = &mut self.least[group as usize];
        if least.len() < self.limit {
            least.push(value);
        } else if let Some(mut greatest) = least.peek_mut()
            && value < *greatest
        {
            *greatest = value;
        }
    }
}

impl State for Sorted {
    fn resize(&mut self, groups: usize) {
        if groups > self.least.len() {
            self.least.resize_with(groups, BinaryHeap::new);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        for (i, &group) in groups.iter().enumerate() {
            self.add(group, args[0].value(i));
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (values, &group) in other.least.into_iter().zip(groups) {
            values.into_iter().for_each(|value| self.add(group, value));
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let rows: Vec<Value> = std::mem::take(&mut self.least)
            .into_iter()
            .map(|values| Value::Array(values.into_sorted_vec()))
            .collect();
        Ok(Column::from_values(&self.ty.clone().array(), &rows))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (least, out) in self.least.iter_mut().zip(out) {
            put_values(out, &std::mem::take(least).into_sorted_vec(), &self.ty);
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (group, input) in input.iter_mut().enumerate() {
            for value in input.values(&self.ty)? {
                self.add(row(group), value);
            }
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.least
            .iter()
            .map(|l| 24 + size_of::<Value>() * l.capacity())
            .sum()
    }
}

pub(super) fn build(args: &[DataType], limit: Option<usize>) -> Result<Base, FunctionError> {
    arity("groupArraySorted", args, 1)?;
    let Some(limit) = limit else {
        return Err(FunctionError::new(
            crate::error::BAD_ARGUMENTS,
            "Parameter for aggregate function groupArraySorted should have limit argument",
        ));
    };
    let ty = args[0].clone();
    Ok(Base {
        returns: ty.clone().array(),
        make: maker(move || Sorted {
            least: Vec::new(),
            limit,
            ty: ty.clone(),
        }),
        on_null: OnNull::Skip,
    })
}
