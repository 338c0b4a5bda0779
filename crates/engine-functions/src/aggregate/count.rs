//! `count()` and `count(x)`.

use engine_types::{Column, DataType};

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

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (count, &group) in other.0.iter().zip(groups) {
            self.0[group as usize] += count;
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        Ok(Column::UInt64(std::mem::take(&mut self.0).into()))
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
