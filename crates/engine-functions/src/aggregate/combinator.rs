//! The suffixes of aggregate names: -If, -Array, -Distinct, -OrNull, -OrDefault.

use std::collections::BTreeSet;

use engine_types::{Column, DataType, Value};

use super::state_bytes::{StateReader, put_number, put_value};
use super::{Aggregate, downcast, repeated};
use crate::error::SIZES_OF_ARRAYS;
use crate::logic::condition;
use crate::operand::{array, nullable, plain, row, split_nulls};
use crate::{Accumulator, FunctionError};

/// What an adapter does to a batch before the inner aggregate sees it, and to the result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Adapter {
    /// The last argument is a condition.
    If,
    /// Arguments are arrays, their elements the rows.
    Array,
    /// Groups without rows are NULL.
    OrNull,
    /// Groups without rows are the type's default.
    OrDefault,
}

struct Adapted {
    inner: Box<dyn Accumulator>,
    adapter: Adapter,
    seen: Vec<u8>,
    returns: DataType,
}

impl Adapted {
    /// With `times`, row `i` is there so often.
    fn conditional(
        &mut self,
        groups: &[u32],
        args: &[Column],
        times: Option<&[u32]>,
    ) -> Result<(), FunctionError> {
        let Some((last, rest)) = args.split_last() else {
            return Err(FunctionError::form("a condition"));
        };
        if let Column::Const(c) = last {
            return if condition(&c.value)?[0] != 0 {
                self.add(groups, rest, times)
            } else {
                Ok(())
            };
        }
        let mask = condition(last)?;
        let kept: Vec<u32> = (0..groups.len()).filter(|&i| mask[i] != 0).map(row).collect();
        if kept.len() == groups.len() {
            return self.add(groups, rest, times);
        }
        if kept.is_empty() {
            return Ok(());
        }
        let groups: Vec<u32> = kept.iter().map(|&i| groups[i as usize]).collect();
        let rest: Vec<Column> = rest.iter().map(|c| c.gather(&kept)).collect();
        let times: Option<Vec<u32>> = times.map(|times| kept.iter().map(|&i| times[i as usize]).collect());
        self.add(&groups, &rest, times.as_deref())
    }

    fn add(&mut self, groups: &[u32], args: &[Column], times: Option<&[u32]>) -> Result<(), FunctionError> {
        match times {
            None => self.inner.update(groups, args),
            Some(times) => self.inner.update_repeated(groups, args, times),
        }
    }

    fn elements(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let arrays = args.iter().map(array).collect::<Result<Vec<_>, _>>()?;
        let first = &arrays[0].offsets;
        if arrays.iter().any(|a| a.offsets != *first) {
            return Err(FunctionError::new(
                SIZES_OF_ARRAYS,
                "arrays of an -Array aggregate differ in size",
            ));
        }
        let mut of = Vec::with_capacity(arrays[0].values.len());
        for (i, &group) in groups.iter().enumerate() {
            of.resize(of.len() + (first[i + 1] - first[i]) as usize, group);
        }
        let values: Vec<Column> = arrays.into_iter().map(|a| *a.values).collect();
        self.inner.update(&of, &values)
    }
}

impl Accumulator for Adapted {
    fn resize(&mut self, groups: usize) {
        self.inner.resize(groups);
        if groups > self.seen.len() {
            self.seen.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        match self.adapter {
            Adapter::If => self.conditional(groups, args, None),
            Adapter::Array => self.elements(groups, args),
            Adapter::OrNull | Adapter::OrDefault => {
                groups.iter().for_each(|&g| self.seen[g as usize] = 1);
                self.inner.update(groups, args)
            }
        }
    }

    fn update_repeated(
        &mut self,
        groups: &[u32],
        args: &[Column],
        times: &[u32],
    ) -> Result<(), FunctionError> {
        match self.adapter {
            Adapter::If => self.conditional(groups, args, Some(times)),
            Adapter::Array | Adapter::OrNull | Adapter::OrDefault => {
                let (groups, args) = repeated(groups, args, times);
                self.update(&groups, &args)
            }
        }
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
        match self.adapter {
            Adapter::If | Adapter::Array => Ok(column),
            Adapter::OrNull if self.returns.is_nullable() => {
                let (inner, values) = split_nulls(&column);
                let nulls: Vec<u8> = self
                    .seen
                    .iter()
                    .enumerate()
                    .map(|(i, s)| u8::from(*s == 0 || inner.as_ref().is_some_and(|n| n[i] != 0)))
                    .collect();
                Ok(nullable(values, nulls))
            }
            Adapter::OrNull | Adapter::OrDefault => {
                let len = row(column.len());
                let both = Column::concat(&[&plain(&column), &Column::defaults(&self.returns, 1)]);
                let picks: Vec<u32> = self
                    .seen
                    .iter()
                    .enumerate()
                    .map(|(i, s)| if *s == 0 { len } else { row(i) })
                    .collect();
                Ok(both.gather(&picks))
            }
        }
    }

    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        if matches!(self.adapter, Adapter::OrNull | Adapter::OrDefault) {
            for (seen, out) in self.seen.iter().zip(out.iter_mut()) {
                out.push(*seen);
            }
        }
        self.inner.save(out)
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        if matches!(self.adapter, Adapter::OrNull | Adapter::OrDefault) {
            for (seen, input) in self.seen.iter_mut().zip(input.iter_mut()) {
                *seen = u8::from(input.flag()?);
            }
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

fn adapted(inner: Aggregate, adapter: Adapter, returns: DataType) -> Aggregate {
    let (make, of) = (inner.make, returns.clone());
    Aggregate {
        name: inner.name,
        returns,
        make: Box::new(move || {
            Box::new(Adapted {
                inner: make(),
                adapter,
                seen: Vec::new(),
                returns: of.clone(),
            })
        }),
    }
}

pub(super) fn conditional(inner: Aggregate, condition: &DataType) -> Result<Aggregate, FunctionError> {
    match condition.bare() {
        DataType::Nothing => {}
        ty if ty.is_number() => {}
        other => return Err(super::illegal(&format!("{}If", inner.name), other)),
    }
    let returns = inner.returns.clone();
    Ok(adapted(inner, Adapter::If, returns))
}

pub(super) fn element_types(args: &[DataType]) -> Result<Vec<DataType>, FunctionError> {
    if args.is_empty() {
        return Err(FunctionError::new(
            42,
            "an -Array aggregate needs at least one array",
        ));
    }
    args.iter()
        .map(|ty| match ty {
            DataType::Array(element) => Ok((**element).clone()),
            other => Err(super::illegal("-Array", other)),
        })
        .collect()
}

pub(super) fn over_arrays(inner: Aggregate) -> Aggregate {
    let returns = inner.returns.clone();
    adapted(inner, Adapter::Array, returns)
}

pub(super) fn or_else(inner: Aggregate, null: bool) -> Aggregate {
    let nested = matches!(
        inner.returns,
        DataType::Array(_) | DataType::Tuple(_) | DataType::Map(..) | DataType::AggregateFunction(_)
    );
    let returns = if null && !nested {
        inner.returns.clone().nullable()
    } else {
        inner.returns.clone()
    };
    adapted(
        inner,
        if null { Adapter::OrNull } else { Adapter::OrDefault },
        returns,
    )
}

/// Distinct argument rows a group; the inner aggregate runs over them at the end.
struct Distinct {
    rows: BTreeSet<(u32, Vec<Value>)>,
    groups: usize,
    inner: Box<dyn Accumulator>,
    args: Vec<DataType>,
}

impl Accumulator for Distinct {
    fn resize(&mut self, groups: usize) {
        self.groups = self.groups.max(groups);
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        for (i, &group) in groups.iter().enumerate() {
            self.rows
                .insert((group, args.iter().map(|a| a.value(i)).collect()));
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError> {
        let other = downcast::<Self>(other)?;
        self.rows
            .extend(other.rows.into_iter().map(|(g, row)| (groups[g as usize], row)));
        Ok(())
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let rows = std::mem::take(&mut self.rows);
        let groups: Vec<u32> = rows.iter().map(|(g, _)| *g).collect();
        let columns: Vec<Column> = self
            .args
            .iter()
            .enumerate()
            .map(|(i, ty)| {
                let values: Vec<Value> = rows.iter().map(|(_, row)| row[i].clone()).collect();
                Column::from_values(ty, &values)
            })
            .collect();
        self.inner.resize(self.groups);
        self.inner.update(&groups, &columns)?;
        self.inner.finish()
    }

    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        let mut counts = vec![0u64; out.len()];
        for (group, _) in &self.rows {
            counts[*group as usize] += 1;
        }
        for (count, out) in counts.iter().zip(out.iter_mut()) {
            put_number(out, *count);
        }
        for (group, row) in &self.rows {
            for (value, ty) in row.iter().zip(&self.args) {
                put_value(&mut out[*group as usize], value, ty);
            }
        }
        Ok(())
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        for (group, input) in input.iter_mut().enumerate() {
            for _ in 0..input.count(self.args.len())? {
                let values = self.args.iter().map(|ty| input.value(ty));
                self.rows.insert((row(group), values.collect::<Result<_, _>>()?));
            }
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.rows.len() * (48 + 48 * self.args.len())
    }

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

pub(super) fn distinct(inner: Aggregate, args: &[DataType]) -> Aggregate {
    let (make, args) = (inner.make, args.to_vec());
    Aggregate {
        name: inner.name,
        returns: inner.returns,
        make: Box::new(move || {
            Box::new(Distinct {
                rows: BTreeSet::new(),
                groups: 0,
                inner: make(),
                args: args.clone(),
            })
        }),
    }
}
