//! `varPop`, `varSamp`, `stddevPop`, `stddevSamp`, by Welford's method.

use engine_types::{Column, DataType};

use super::state_bytes::{StateReader, put_f64};
use super::sum::sum_type;
use super::{Base, OnNull, State, arity, illegal, maker};
use crate::FunctionError;
use crate::operand::Native;

#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

struct Variance {
    groups: Vec<Moments>,
    sample: bool,
    root: bool,
}

impl State for Variance {
    fn resize(&mut self, groups: usize) {
        if groups > self.groups.len() {
            self.groups.resize(groups, Moments::default());
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let values = f64::operand(&args[0])?;
        for (i, &group) in groups.iter().enumerate() {
            let (m, value) = (&mut self.groups[group as usize], values.at(i));
            m.count += 1.0;
            let delta = value - m.mean;
            m.mean += delta / m.count;
            m.squares += delta * (value - m.mean);
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (b, &group) in other.groups.iter().zip(groups) {
            let a = &mut self.groups[group as usize];
            if b.count == 0.0 {
                continue;
            }
            let count = a.count + b.count;
            let delta = b.mean - a.mean;
            a.squares += b.squares + delta * delta * a.count * b.count / count;
            a.mean += delta * b.count / count;
            a.count = count;
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let (sample, root) = (self.sample, self.root);
        let result = std::mem::take(&mut self.groups).into_iter().map(|m| {
            let divisor = if sample { m.count - 1.0 } else { m.count };
            let variance = if divisor > 0.0 {
                m.squares / divisor
            } else {
                f64::NAN
            };
            if root { variance.sqrt() } else { variance }
        });
        Ok(Column::Float64(result.collect()))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (m, out) in self.groups.iter().zip(out) {
            for number in [m.count, m.mean, m.squares] {
                put_f64(out, number);
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (m, input) in self.groups.iter_mut().zip(input) {
            *m = Moments {
                count: input.f64()?,
                mean: input.f64()?,
                squares: input.f64()?,
            };
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        size_of::<Moments>() * self.groups.capacity()
    }
}

pub(super) fn build(name: &str, args: &[DataType]) -> Result<Base, FunctionError> {
    arity(name, args, 1)?;
    sum_type(&args[0]).ok_or_else(|| illegal(name, &args[0]))?;
    let (sample, root) = (name.ends_with("Samp"), name.starts_with("stddev"));
    Ok(Base {
        returns: DataType::Float64,
        make: maker(move || Variance {
            groups: Vec::new(),
            sample,
            root,
        }),
        on_null: OnNull::Null,
    })
}
