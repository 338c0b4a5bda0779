//! `argMin` and `argMax`: a value of the row whose key is least or greatest.

use std::cmp::Ordering;

use engine_types::{Column, DataType};

use super::cells::{Cells, Form, ordered};
use super::state_bytes::StateReader;
use super::{Base, OnNull, State, arity, maker};
use crate::FunctionError;
use crate::operand::row;

/// Of equal keys the first stays.
struct ArgExtremum {
    /// Keys of at most 64 bits are kept in order-preserving form, inverted for `max`.
    keys: Cells,
    values: Cells,
    seen: Vec<u8>,
    /// Row of the current batch that is a group's new best, so that a value is copied once a batch.
    pending: Vec<u32>,
    max: bool,
    key_form: Form,
    key: DataType,
    ty: DataType,
    /// The key is the value (`min`, `max`): it is stored once.
    itself: bool,
}

const NONE: u32 = u32::MAX;

impl ArgExtremum {
    fn better(&self, ordering: Ordering) -> bool {
        ordering
            == if self.max {
                Ordering::Less
            } else {
                Ordering::Greater
            }
    }

    fn update_bits(&mut self, groups: &[u32], keys: &[u64]) -> Vec<u32> {
        let mut touched = Vec::new();
        let Cells::Bits(best) = &mut self.keys else {
            return touched;
        };
        let invert = if self.max { u64::MAX } else { 0 };
        for (i, (&key, &group)) in keys.iter().zip(groups).enumerate() {
            let key = key ^ invert;
            let g = group as usize;
            if self.seen[g] == 0 || key < best[g] {
                best[g] = key;
                self.seen[g] = 1;
                if self.pending[g] == NONE {
                    touched.push(group);
                }
                self.pending[g] = row(i);
            }
        }
        touched
    }
}

impl State for ArgExtremum {
    fn resize(&mut self, groups: usize) {
        if groups > self.seen.len() {
            self.seen.resize(groups, 0);
            self.pending.resize(groups, NONE);
            self.keys.resize(groups);
            if !self.itself {
                self.values.resize(groups);
            }
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let key_column = &args[args.len() - 1];
        if self.key_form == Form::Bits {
            let nan = if self.max { 0 } else { u64::MAX };
            let keys = ordered(key_column, nan);
            for group in self.update_bits(groups, &keys) {
                let g = group as usize;
                self.values.set(g, &args[0], self.pending[g] as usize);
                self.pending[g] = NONE;
            }
            return Ok(());
        }
        for (i, &group) in groups.iter().enumerate() {
            let g = group as usize;
            if self.seen[g] == 0 || self.better(self.keys.order(g, key_column, i)) {
                self.seen[g] = 1;
                self.keys.set(g, key_column, i);
                if !self.itself {
                    self.values.set(g, &args[0], i);
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, mut other: Self, groups: &[u32]) {
        for (i, &group) in groups.iter().enumerate() {
            let g = group as usize;
            if other.seen[i] == 0 {
                continue;
            }
            let ordering = self.keys.order_with(g, &other.keys, i);
            // Bit keys of `max` are inverted already.
            let better = if self.key_form == Form::Bits {
                ordering == Ordering::Greater
            } else {
                self.better(ordering)
            };
            if self.seen[g] == 0 || better {
                self.seen[g] = 1;
                self.keys.take(g, &mut other.keys, i);
                if !self.itself {
                    self.values.take(g, &mut other.values, i);
                }
            }
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let cells = if self.itself {
            &mut self.keys
        } else {
            &mut self.values
        };
        Ok(std::mem::replace(cells, Cells::Bits(Vec::new())).into_column(&self.ty))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (group, out) in out.iter_mut().enumerate() {
            out.push(self.seen[group]);
            if self.seen[group] != 0 {
                self.keys.save(group, out, &self.key);
                if !self.itself {
                    self.values.save(group, out, &self.ty);
                }
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (group, input) in input.iter_mut().enumerate() {
            if input.flag()? {
                self.seen[group] = 1;
                self.keys.load(group, input, &self.key)?;
                if !self.itself {
                    self.values.load(group, input, &self.ty)?;
                }
            }
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.keys.byte_size() + self.values.byte_size() + 5 * self.seen.capacity()
    }
}

fn make(ty: DataType, key: DataType, max: bool, itself: bool) -> Base {
    Base {
        returns: ty.clone(),
        make: maker(move || ArgExtremum {
            keys: Cells::new(&key),
            values: Cells::new(&ty),
            seen: Vec::new(),
            pending: Vec::new(),
            max,
            key_form: Form::of(&key),
            key: key.clone(),
            ty: ty.clone(),
            itself,
        }),
        on_null: OnNull::Null,
    }
}

pub(super) fn build(name: &str, args: &[DataType]) -> Result<Base, FunctionError> {
    arity(name, args, 2)?;
    Ok(make(args[0].clone(), args[1].clone(), name == "argMax", false))
}

/// `min` and `max` of strings, UUIDs, arrays and tuples.
pub(super) fn of_itself(ty: DataType, max: bool) -> Result<Base, FunctionError> {
    Ok(make(ty.clone(), ty, max, true))
}
