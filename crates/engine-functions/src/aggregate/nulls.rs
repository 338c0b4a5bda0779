//! NULL arguments taken off before an aggregate sees them.

use engine_types::{Column, DataType};

use super::state_bytes::StateReader;
use super::{Aggregate, Base, OnNull, downcast};
use crate::operand::{nullable, row, split_nulls};
use crate::{Accumulator, FunctionError};

/// Rows with a NULL in any argument are dropped; `seen` says which groups had another row.
struct Skipping {
    inner: Box<dyn Accumulator>,
    seen: Vec<u8>,
    result_nullable: bool,
}

impl Accumulator for Skipping {
    fn resize(&mut self, groups: usize) {
        self.inner.resize(groups);
        if groups > self.seen.len() {
            self.seen.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let mut mask: Option<Vec<u8>> = None;
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                // A constant is NULL everywhere or nowhere.
                Column::Const(c) => match split_nulls(&c.value) {
                    (Some(nulls), _) if nulls[0] != 0 => return Ok(()),
                    (_, value) => values.push(crate::operand::repeat(value, c.len)),
                },
                other => {
                    let (nulls, column) = split_nulls(other);
                    if let Some(nulls) = nulls.filter(|n| n.iter().any(|&n| n != 0)) {
                        match &mut mask {
                            None => mask = Some(nulls.to_vec()),
                            Some(mask) => mask.iter_mut().zip(nulls.iter()).for_each(|(m, n)| *m |= n),
                        }
                    }
                    values.push(column);
                }
            }
        }
        let Some(mask) = mask else {
            groups.iter().for_each(|&g| self.seen[g as usize] = 1);
            return self.inner.update(groups, &values);
        };
        let kept: Vec<u32> = (0..groups.len()).filter(|&i| mask[i] == 0).map(row).collect();
        let groups: Vec<u32> = kept.iter().map(|&i| groups[i as usize]).collect();
        groups.iter().for_each(|&g| self.seen[g as usize] = 1);
        let values: Vec<Column> = values.iter().map(|v| v.gather(&kept)).collect();
        self.inner.update(&groups, &values)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError> {
        let other = downcast::<Self>(other)?;
        for (seen, &group) in other.seen.iter().zip(groups) {
            self.seen[group as usize] |= seen;
        }
        self.inner.merge(other.inner, groups)
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let column = self.inner.finish()?;
        if !self.result_nullable {
            return Ok(column);
        }
        let (inner, values) = split_nulls(&column);
        let nulls: Vec<u8> = self
            .seen
            .iter()
            .enumerate()
            .map(|(i, s)| u8::from(*s == 0 || inner.as_ref().is_some_and(|n| n[i] != 0)))
            .collect();
        Ok(nullable(values, nulls))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        for (seen, out) in self.seen.iter().zip(out.iter_mut()) {
            out.push(*seen);
        }
        self.inner.save(out)
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (seen, input) in self.seen.iter_mut().zip(input.iter_mut()) {
            *seen = u8::from(input.flag()?);
        }
        self.inner.load(input)
    }

    fn byte_size(&self) -> usize {
        self.inner.byte_size() + self.seen.capacity()
    }

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

pub(super) fn skipping(name: &str, base: Base) -> Aggregate {
    let can_be_nullable = !matches!(
        base.returns,
        DataType::Array(_) | DataType::Tuple(_) | DataType::Map(..)
    );
    let result_nullable = base.on_null == OnNull::Null && can_be_nullable;
    let make = base.make;
    Aggregate {
        name: name.to_owned(),
        returns: if result_nullable {
            base.returns.nullable()
        } else {
            base.returns
        },
        make: Box::new(move || {
            Box::new(Skipping {
                inner: make(),
                seen: Vec::new(),
                result_nullable,
            })
        }),
    }
}

/// An aggregate of the literal NULL.
struct OnlyNull {
    groups: usize,
    returns: DataType,
}

impl Accumulator for OnlyNull {
    fn resize(&mut self, groups: usize) {
        self.groups = self.groups.max(groups);
    }

    fn update(&mut self, _: &[u32], _: &[Column]) -> Result<(), FunctionError> {
        Ok(())
    }

    fn merge(&mut self, _: Box<dyn Accumulator>, _: &[u32]) -> Result<(), FunctionError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        Ok(Column::defaults(&self.returns, self.groups).flatten())
    }

    fn save(&mut self, _: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        Ok(())
    }

    fn load(&mut self, _: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        Ok(())
    }

    fn byte_size(&self) -> usize {
        0
    }

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

pub(super) fn only_null(name: &str, base: &str) -> Aggregate {
    let returns = match base {
        "uniq" | "uniqExact" => DataType::UInt64,
        "groupArray" | "groupUniqArray" | "topK" => DataType::Nothing.array(),
        _ => DataType::Nothing.nullable(),
    };
    let of = returns.clone();
    Aggregate {
        name: name.to_owned(),
        returns,
        make: Box::new(move || {
            Box::new(OnlyNull {
                groups: 0,
                returns: of.clone(),
            })
        }),
    }
}
