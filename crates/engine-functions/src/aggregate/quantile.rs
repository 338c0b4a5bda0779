//! `quantile`, `quantiles`, `median` and their exact variants; all values are kept, so none is an estimate.

use engine_types::{ArrayColumn, Column, DataType, Value};

use super::cells::{Form, from_raw, ordered, unordered};
use super::state_bytes::{StateReader, put_number, put_u64};
use super::{Base, OnNull, State, arity, illegal, maker};
use crate::FunctionError;
use crate::error::BAD_ARGUMENTS;

/// Which element stands for a level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pick {
    /// Linear between the neighbours of `level * (n - 1)`.
    Interpolate,
    /// Element `level * n`.
    Exact,
    /// As `Exact`, but the median of an even number is the lower of the middle two.
    Low,
}

/// Order-preserving keys of all values, a list a group.
struct Quantiles {
    keys: Vec<Vec<u64>>,
    levels: Vec<f64>,
    many: bool,
    pick: Pick,
    ty: DataType,
    element: DataType,
}

impl Quantiles {
    fn number(&self, key: u64) -> f64 {
        let bits = unordered(key, &self.ty);
        match &self.ty {
            DataType::Float64 => f64::from_bits(bits),
            DataType::Float32 => f64::from(f32::from_bits(bits as u32)),
            ty if ty.is_signed() || matches!(ty, DataType::DateTime64(..)) => bits as i64 as f64,
            _ => bits as f64,
        }
    }

    /// Bits of the result for one level of a group's keys (reordered on the way).
    fn level(&self, keys: &mut [u64], level: f64) -> u64 {
        let n = keys.len();
        if n == 0 {
            return match self.element {
                DataType::Float64 => f64::NAN.to_bits(),
                DataType::Float32 => u64::from(f32::NAN.to_bits()),
                _ => 0,
            };
        }
        if self.pick == Pick::Interpolate {
            let at = level * (n - 1) as f64;
            let low = at.floor() as usize;
            let (_, &mut below, above) = keys.select_nth_unstable(low);
            let below = self.number(below);
            let value = match above.iter().min() {
                Some(&above) if at > low as f64 => {
                    let part = at - low as f64;
                    below * (1.0 - part) + self.number(above) * part
                }
                _ => below,
            };
            return match &self.element {
                DataType::Float64 => value.to_bits(),
                DataType::Float32 => u64::from((value as f32).to_bits()),
                DataType::DateTime64(..) => value as i64 as u64,
                _ => value as u64,
            };
        }
        let at = match self.pick {
            Pick::Low if level == 0.5 && n.is_multiple_of(2) => n / 2 - 1,
            _ if level < 1.0 => (level * n as f64) as usize,
            _ => n - 1,
        };
        let key = *keys.select_nth_unstable(at.min(n - 1)).1;
        let bits = unordered(key, &self.ty);
        match (&self.element, &self.ty) {
            (a, b) if a == b => bits,
            // quantileTiming: any number to Float32.
            _ => u64::from((self.number(key) as f32).to_bits()),
        }
    }
}

impl State for Quantiles {
    fn resize(&mut self, groups: usize) {
        if groups > self.keys.len() {
            self.keys.resize_with(groups, Vec::new);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        const NAN: u64 = u64::MAX;
        let keys = ordered(&args[0], NAN);
        let skip_nan = self.ty.is_float();
        for (key, &group) in keys.into_iter().zip(groups) {
            // ClickHouse leaves NaN out of quantiles.
            if !(skip_nan && key == NAN) {
                self.keys[group as usize].push(key);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (keys, &group) in other.keys.into_iter().zip(groups) {
            let mine = &mut self.keys[group as usize];
            if mine.is_empty() {
                *mine = keys;
            } else {
                mine.extend(keys);
            }
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let mut groups = std::mem::take(&mut self.keys);
        let mut bits = Vec::with_capacity(groups.len() * self.levels.len());
        for keys in &mut groups {
            for &level in &self.levels {
                bits.push(self.level(keys, level));
            }
        }
        let values = from_raw(bits, &self.element);
        if !self.many {
            return Ok(values);
        }
        let width = self.levels.len();
        Ok(Column::Array(ArrayColumn {
            offsets: (0..=groups.len())
                .map(|i| crate::operand::row(i * width))
                .collect(),
            values: Box::new(values),
        }))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        for (keys, out) in self.keys.iter_mut().zip(out) {
            keys.sort_unstable();
            put_number(out, keys.len() as u64);
            keys.iter().for_each(|key| put_u64(out, *key));
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (keys, input) in self.keys.iter_mut().zip(input) {
            *keys = (0..input.count(8)?)
                .map(|_| input.u64())
                .collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.keys.iter().map(|k| 24 + 8 * k.capacity()).sum()
    }
}

fn levels(params: &[Value]) -> Result<Vec<f64>, FunctionError> {
    params
        .iter()
        .map(|p| match p {
            Value::Float(v) => Some(*v),
            Value::UInt(v) => Some(*v as f64),
            Value::Int(v) => Some(*v as f64),
            _ => None,
        })
        .map(|p| {
            p.filter(|p| (0.0..=1.0).contains(p))
                .ok_or_else(|| FunctionError::new(BAD_ARGUMENTS, "Quantile level is out of range [0..1]"))
        })
        .collect()
}

pub(super) fn build(name: &str, params: &[Value], args: &[DataType]) -> Result<Base, FunctionError> {
    arity(name, args, 1)?;
    let ty = args[0].clone();
    if Form::of(&ty) != Form::Bits {
        return Err(illegal(name, &ty));
    }
    let (many, rest) = if let Some(rest) = name.strip_prefix("quantiles") {
        (true, rest)
    } else {
        (
            false,
            name.strip_prefix("quantile")
                .or_else(|| name.strip_prefix("median"))
                .unwrap_or_default(),
        )
    };
    let pick = match rest {
        "" | "TDigest" | "ExactInclusive" => Pick::Interpolate,
        "ExactLow" => Pick::Low,
        _ => Pick::Exact,
    };
    let element = match rest {
        "Timing" | "TDigest" => DataType::Float32,
        "ExactInclusive" => DataType::Float64,
        "" if !ty.is_time() => DataType::Float64,
        _ => ty.clone(),
    };
    let mut levels = levels(params)?;
    if levels.is_empty() && !many {
        levels.push(0.5);
    }
    if levels.is_empty() || (!many && levels.len() > 1) {
        return Err(FunctionError::new(
            BAD_ARGUMENTS,
            format!("wrong number of levels for {name}"),
        ));
    }
    Ok(Base {
        returns: if many {
            element.clone().array()
        } else {
            element.clone()
        },
        make: maker(move || Quantiles {
            keys: Vec::new(),
            levels: levels.clone(),
            many,
            pick,
            ty: ty.clone(),
            element: element.clone(),
        }),
        on_null: OnNull::Null,
    })
}
