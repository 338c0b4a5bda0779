//! `count()` and `count(x)`.

use engine_types::{Column, DataType};

use super::state_bytes::{StateReader, put_number};
use super::{Base, OnNull, State, maker};
use crate::FunctionError;

#[derive(Default)]
pub(super) struct Counts(Vec<u64>);

impl State for Counts {
    fn resize(&mut self, groups: usize) {
        if groups > self.0.len() {
            self.0.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], _: &[Column]) -> Result<(), FunctionError> {
        if let [only] = self.0.as_mut_slice() {
            *only += groups.len() as u64;
            return Ok(());
        }
        for &group in groups {
            self.0[group as usize] += 1;
        }
        Ok(())
    }

    fn update_repeated(&mut self, groups: &[u32], _: &[Column], times: &[u32]) -> Result<(), FunctionError> {
        for (&group, &times) in groups.iter().zip(times) {
            self.0[group as usize] += u64::from(times);
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (count, &group) in other.0.iter().zip(groups) {
            let sum = &mut self.0[group as usize];
            // Counts may come from bytes.
            *sum = sum.wrapping_add(*count);
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        Ok(Column::UInt64(std::mem::take(&mut self.0).into()))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (count, out) in self.0.iter().zip(out) {
            put_number(out, *count);
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (count, input) in self.0.iter_mut().zip(input) {
            *count = input.number()?;
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        8 * self.0.capacity()
    }
}

pub(super) fn build(_: &[DataType]) -> Result<Base, FunctionError> {
    Ok(Base {
        returns: DataType::UInt64,
        make: maker(Counts::default),
        on_null: OnNull::Skip,
    })
}
