//! `min` and `max`.

use engine_types::{Column, DataType};

use super::cells::{Form, from_raw, ordered, unordered};
use super::state_bytes::{StateReader, put_u64};
use super::{Base, OnNull, State, arg_extremum, arity, illegal, maker};
use crate::FunctionError;

/// Least keys; for `max` keys are inverted, so that less is always better. NaN is `u64::MAX` either way.
struct Extremum {
    best: Vec<u64>,
    seen: Vec<u8>,
    invert: u64,
    ty: DataType,
}

impl Extremum {
    fn keys(&self, column: &Column) -> Vec<u64> {
        let mut keys = ordered(column, u64::MAX ^ self.invert);
        if self.invert != 0 {
            keys.iter_mut().for_each(|k| *k = !*k);
        }
        keys
    }
}

impl State for Extremum {
    fn resize(&mut self, groups: usize) {
        if groups > self.best.len() {
            self.best.resize(groups, u64::MAX);
            self.seen.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let keys = self.keys(&args[0]);
        if let ([best], [seen]) = (self.best.as_mut_slice(), self.seen.as_mut_slice()) {
            *best = keys.iter().fold(*best, |b, k| b.min(*k));
            *seen |= u8::from(!keys.is_empty());
            return Ok(());
        }
        for (&key, &group) in keys.iter().zip(groups) {
            let best = &mut self.best[group as usize];
            *best = key.min(*best);
            self.seen[group as usize] = 1;
        }
        Ok(())
    }

    fn update_repeated(&mut self, groups: &[u32], args: &[Column], _: &[u32]) -> Result<(), FunctionError> {
        self.update(groups, args)
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (i, &group) in groups.iter().enumerate() {
            let best = &mut self.best[group as usize];
            *best = other.best[i].min(*best);
            self.seen[group as usize] |= other.seen[i];
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let nan = self.ty.is_float();
        let bits = self
            .best
            .iter()
            .zip(&self.seen)
            .map(|(&key, &seen)| match (seen, key) {
                (0, _) => 0,
                (_, u64::MAX) if nan && self.ty == DataType::Float32 => u64::from(f32::NAN.to_bits()),
                (_, u64::MAX) if nan => f64::NAN.to_bits(),
                _ => unordered(key ^ self.invert, &self.ty),
            })
            .collect();
        Ok(from_raw(bits, &self.ty))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (group, out) in out.iter_mut().enumerate() {
            out.push(self.seen[group]);
            if self.seen[group] != 0 {
                put_u64(out, self.best[group]);
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (group, input) in input.iter_mut().enumerate() {
            if input.flag()? {
                self.seen[group] = 1;
                self.best[group] = input.u64()?;
            }
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        9 * self.best.capacity()
    }
}

pub(super) fn build(name: &str, args: &[DataType]) -> Result<Base, FunctionError> {
    arity(name, args, 1)?;
    let ty = args[0].clone();
    if matches!(ty, DataType::AggregateFunction(_)) {
        return Err(illegal(name, &ty));
    }
    let max = name == "max";
    if Form::of(&ty) != Form::Bits {
        return arg_extremum::of_itself(ty, max);
    }
    Ok(Base {
        returns: ty.clone(),
        make: maker(move || Extremum {
            best: Vec::new(),
            seen: Vec::new(),
            invert: if max { u64::MAX } else { 0 },
            ty: ty.clone(),
        }),
        on_null: OnNull::Null,
    })
}
