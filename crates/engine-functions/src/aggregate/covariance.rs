//! `covarPop`, `covarSamp`, `corr`.

use engine_types::{Column, DataType};

use super::state_bytes::{StateReader, put_f64};
use super::sum::sum_type;
use super::{Base, OnNull, State, arity, illegal, maker};
use crate::FunctionError;
use crate::operand::Native;

#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: [f64; 2],
    squares: [f64; 2],
    product: f64,
}

#[derive(Clone, Copy)]
enum Measure {
    Population,
    Sample,
    Correlation,
}

struct Covariance {
    groups: Vec<Moments>,
    measure: Measure,
}

impl State for Covariance {
    fn resize(&mut self, groups: usize) {
        if groups > self.groups.len() {
            self.groups.resize(groups, Moments::default());
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let (xs, ys) = (f64::operand(&args[0])?, f64::operand(&args[1])?);
        for (i, &group) in groups.iter().enumerate() {
            let (m, x, y) = (&mut self.groups[group as usize], xs.at(i), ys.at(i));
            m.count += 1.0;
            let (dx, dy) = (x - m.mean[0], y - m.mean[1]);
            m.mean[0] += dx / m.count;
            m.mean[1] += dy / m.count;
            m.squares[0] += dx * (x - m.mean[0]);
            m.squares[1] += dy * (y - m.mean[1]);
            m.product += dx * (y - m.mean[1]);
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
            let delta = [b.mean[0] - a.mean[0], b.mean[1] - a.mean[1]];
            let scale = a.count * b.count / count;
            for (side, d) in delta.iter().enumerate() {
                a.squares[side] += b.squares[side] + d * d * scale;
                a.mean[side] += d * b.count / count;
            }
            a.product += b.product + delta[0] * delta[1] * scale;
            a.count = count;
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let measure = self.measure;
        let result = std::mem::take(&mut self.groups)
            .into_iter()
            .map(|m| match measure {
                Measure::Population if m.count > 0.0 => m.product / m.count,
                Measure::Sample if m.count > 1.0 => m.product / (m.count - 1.0),
                Measure::Correlation => m.product / (m.squares[0] * m.squares[1]).sqrt(),
                Measure::Population | Measure::Sample => f64::NAN,
            });
        Ok(Column::Float64(result.collect()))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (m, out) in self.groups.iter().zip(out) {
            for number in [
                m.count,
                m.mean[0],
                m.mean[1],
                m.squares[0],
                m.squares[1],
                m.product,
            ] {
                put_f64(out, number);
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (m, input) in self.groups.iter_mut().zip(input) {
            *m = Moments {
                count: input.f64()?,
                mean: [input.f64()?, input.f64()?],
                squares: [input.f64()?, input.f64()?],
                product: input.f64()?,
            };
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        size_of::<Moments>() * self.groups.capacity()
    }
}

pub(super) fn build(name: &str, args: &[DataType]) -> Result<Base, FunctionError> {
    arity(name, args, 2)?;
    for ty in args {
        sum_type(ty).ok_or_else(|| illegal(name, ty))?;
    }
    let measure = match name {
        "corr" => Measure::Correlation,
        "covarSamp" => Measure::Sample,
        _ => Measure::Population,
    };
    Ok(Base {
        returns: DataType::Float64,
        make: maker(move || Covariance {
            groups: Vec::new(),
            measure,
        }),
        on_null: OnNull::Null,
    })
}
