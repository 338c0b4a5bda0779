//! `any` (the first value) and `anyLast`.

use engine_types::{Column, DataType};

use super::cells::Cells;
use super::state_bytes::StateReader;
use super::{Base, OnNull, State, arity, maker};
use crate::FunctionError;

struct Any {
    cells: Cells,
    seen: Vec<u8>,
    last: bool,
    ty: DataType,
}

impl State for Any {
    fn resize(&mut self, groups: usize) {
        if groups > self.seen.len() {
            self.seen.resize(groups, 0);
            self.cells.resize(groups);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        if self.last {
            // From the end, so that each group is written once.
            let mut done = vec![0u8; self.seen.len()];
            for (i, &group) in groups.iter().enumerate().rev() {
                let g = group as usize;
                if done[g] == 0 {
                    done[g] = 1;
                    self.seen[g] = 1;
                    self.cells.set(g, &args[0], i);
                }
            }
            return Ok(());
        }
        for (i, &group) in groups.iter().enumerate() {
            let g = group as usize;
            if self.seen[g] == 0 {
                self.seen[g] = 1;
                self.cells.set(g, &args[0], i);
            }
        }
        Ok(())
    }

    fn update_repeated(&mut self, groups: &[u32], args: &[Column], _: &[u32]) -> Result<(), FunctionError> {
        self.update(groups, args)
    }

    fn merge(&mut self, mut other: Self, groups: &[u32]) {
        for (i, &group) in groups.iter().enumerate() {
            let g = group as usize;
            if other.seen[i] != 0 && (self.last || self.seen[g] == 0) {
                self.seen[g] = 1;
                self.cells.take(g, &mut other.cells, i);
            }
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        Ok(std::mem::replace(&mut self.cells, Cells::Bits(Vec::new())).into_column(&self.ty))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (group, out) in out.iter_mut().enumerate() {
            out.push(self.seen[group]);
            if self.seen[group] != 0 {
                self.cells.save(group, out, &self.ty);
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (group, input) in input.iter_mut().enumerate() {
            if input.flag()? {
                self.seen[group] = 1;
                self.cells.load(group, input, &self.ty)?;
            }
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.cells.byte_size() + self.seen.capacity()
    }
}

pub(super) fn build(name: &str, args: &[DataType]) -> Result<Base, FunctionError> {
    arity(name, args, 1)?;
    let (ty, last) = (args[0].clone(), name == "anyLast");
    Ok(Base {
        returns: ty.clone(),
        make: maker(move || Any {
            cells: Cells::new(&ty),
            seen: Vec::new(),
            last,
            ty: ty.clone(),
        }),
        on_null: OnNull::Null,
    })
}
