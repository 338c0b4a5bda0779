//! `groupBitAnd`, `groupBitOr`, `groupBitXor`.

use engine_types::{Column, DataType};

use super::cells::from_raw;
use super::state_bytes::{StateReader, put_u64};
use super::{Base, OnNull, State, arity, illegal, maker};
use crate::FunctionError;
use crate::operand::Native;

struct Bits {
    groups: Vec<u64>,
    start: u64,
    combine: fn(u64, u64) -> u64,
    ty: DataType,
}

impl State for Bits {
    fn resize(&mut self, groups: usize) {
        if groups > self.groups.len() {
            self.groups.resize(groups, self.start);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let values = u64::operand(&args[0])?;
        for (i, &group) in groups.iter().enumerate() {
            let bits = &mut self.groups[group as usize];
            *bits = (self.combine)(*bits, values.at(i));
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (value, &group) in other.groups.iter().zip(groups) {
            let bits = &mut self.groups[group as usize];
            *bits = (self.combine)(*bits, *value);
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        Ok(from_raw(std::mem::take(&mut self.groups), &self.ty))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (bits, out) in self.groups.iter().zip(out) {
            put_u64(out, *bits);
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (bits, input) in self.groups.iter_mut().zip(input) {
            *bits = input.u64()?;
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        8 * self.groups.capacity()
    }
}

pub(super) fn build(name: &str, args: &[DataType]) -> Result<Base, FunctionError> {
    arity(name, args, 1)?;
    let ty = args[0].clone();
    if !ty.is_integer() {
        return Err(illegal(name, &ty));
    }
    let (start, combine): (u64, fn(u64, u64) -> u64) = match name {
        "groupBitAnd" => (u64::MAX, |a, b| a & b),
        "groupBitOr" => (0, |a, b| a | b),
        _ => (0, |a, b| a ^ b),
    };
    Ok(Base {
        returns: ty.clone(),
        make: maker(move || Bits {
            groups: Vec::new(),
            start,
            combine,
            ty: ty.clone(),
        }),
        on_null: OnNull::Null,
    })
}
