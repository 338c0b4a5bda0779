//! The suffixes -ForEach and -Map: a state of the inner aggregate for each array position or map key of a group.

use std::collections::BTreeMap;

use engine_types::{ArrayColumn, Column, DataType, TupleColumn, Value};

use super::state_bytes::{StateReader, put_bytes, put_number, put_value};
use super::{Aggregate, downcast, illegal};
use crate::error::{ARGUMENT_COUNT, SIZES_OF_ARRAYS};
use crate::operand::{array, plain, row};
use crate::{Accumulator, FunctionError};

/// States of the inner aggregate, numbered as they are needed; `of` says which belong to a group.
struct Parts<T> {
    inner: Box<dyn Accumulator>,
    of: Vec<T>,
    parts: u32,
}

impl<T: Default> Parts<T> {
    fn new(inner: Box<dyn Accumulator>) -> Self {
        Self {
            inner,
            of: Vec::new(),
            parts: 0,
        }
    }

    fn resize(&mut self, groups: usize) {
        if groups > self.of.len() {
            self.of.resize_with(groups, T::default);
        }
    }

    /// The state of each part.
    fn save(&mut self) -> Result<Vec<Vec<u8>>, FunctionError> {
        self.inner.resize(self.parts as usize);
        let mut out = vec![Vec::new(); self.parts as usize];
        self.inner.save(&mut out)?;
        Ok(out)
    }

    /// The states of all parts, which are new and in order.
    fn load(&mut self, states: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        self.inner.resize(self.parts as usize);
        self.inner.load(states)?;
        states.iter().try_for_each(|state| state.end())
    }

    /// Results of the parts with the numbers in `order`.
    fn finish(&mut self, order: &[u32]) -> Result<Column, FunctionError> {
        self.inner.resize(self.parts as usize);
        Ok(plain(&self.inner.finish()?.gather(order)))
    }
}

/// Position `i` of the arrays is one inner state.
struct ForEach(Parts<Vec<u32>>);

impl ForEach {
    /// The states of the first `len` positions of a group.
    fn positions(&mut self, group: u32, len: usize) -> &[u32] {
        let of = &mut self.0.of[group as usize];
        while of.len() < len {
            of.push(self.0.parts);
            self.0.parts += 1;
        }
        &of[..len]
    }
}

impl Accumulator for ForEach {
    fn resize(&mut self, groups: usize) {
        self.0.resize(groups);
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let arrays = args.iter().map(array).collect::<Result<Vec<_>, _>>()?;
        let offsets = arrays[0].offsets.clone();
        if arrays.iter().any(|a| a.offsets != offsets) {
            return Err(FunctionError::new(
                SIZES_OF_ARRAYS,
                "arrays of a -ForEach aggregate differ in size",
            ));
        }
        let mut parts = Vec::with_capacity(arrays[0].values.len());
        for (w, &group) in offsets.windows(2).zip(groups) {
            parts.extend_from_slice(self.positions(group, (w[1] - w[0]) as usize));
        }
        let values: Vec<Column> = arrays.into_iter().map(|a| *a.values).collect();
        self.0.inner.resize(self.0.parts as usize);
        self.0.inner.update(&parts, &values)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError> {
        let other = downcast::<Self>(other)?.0;
        let mut place = vec![0; other.parts as usize];
        for (theirs, &group) in other.of.iter().zip(groups) {
            for (&part, &mine) in theirs.iter().zip(self.positions(group, theirs.len())) {
                place[part as usize] = mine;
            }
        }
        self.0.inner.resize(self.0.parts as usize);
        self.0.inner.merge(other.inner, &place)
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let of = std::mem::take(&mut self.0.of);
        let order: Vec<u32> = of.iter().flatten().copied().collect();
        let values = self.0.finish(&order)?;
        Ok(Column::Array(ArrayColumn {
            offsets: ends(of.iter().map(Vec::len)),
            values: Box::new(values),
        }))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        let states = self.0.save()?;
        for (of, out) in self.0.of.iter().zip(out) {
            put_number(out, of.len() as u64);
            for &part in of {
                put_bytes(out, &states[part as usize]);
            }
        }
        Ok(())
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        let mut states = Vec::new();
        for (group, input) in input.iter_mut().enumerate() {
            let len = input.count(1)?;
            for _ in 0..len {
                states.push(StateReader::inside(input.bytes()?));
            }
            self.positions(row(group), len);
        }
        self.0.load(&mut states)
    }

    fn byte_size(&self) -> usize {
        let positions: usize = self.0.of.iter().map(|p| 24 + 4 * p.capacity()).sum();
        self.0.inner.byte_size() + positions
    }

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

fn ends(lengths: impl Iterator<Item = usize>) -> engine_types::Buffer<u32> {
    let mut end = 0;
    std::iter::once(0)
        .chain(lengths.map(|len| {
            end += len;
            row(end)
        }))
        .collect()
}

/// Every key of the maps is one inner state; results have the keys in order.
struct Keyed {
    parts: Parts<BTreeMap<Value, u32>>,
    key: DataType,
}

impl Keyed {
    fn part(&mut self, group: u32, key: Value) -> u32 {
        let next = self.parts.parts;
        let part = *self.parts.of[group as usize].entry(key).or_insert(next);
        self.parts.parts = next.max(part + 1);
        part
    }
}

impl Accumulator for Keyed {
    fn resize(&mut self, groups: usize) {
        self.parts.resize(groups);
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let maps = array(&args[0])?;
        let Column::Tuple(pairs) = plain(&maps.values) else {
            return Err(FunctionError::form("maps"));
        };
        let mut parts = Vec::with_capacity(pairs.len);
        for (w, &group) in maps.offsets.windows(2).zip(groups) {
            for at in w[0]..w[1] {
                let part = self.part(group, pairs.elements[0].value(at as usize));
                parts.push(part);
            }
        }
        self.parts.inner.resize(self.parts.parts as usize);
        self.parts.inner.update(&parts, &pairs.elements[1..])
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), FunctionError> {
        let other = downcast::<Self>(other)?.parts;
        let mut place = vec![0; other.parts as usize];
        for (theirs, &group) in other.of.into_iter().zip(groups) {
            for (key, part) in theirs {
                place[part as usize] = self.part(group, key);
            }
        }
        self.parts.inner.resize(self.parts.parts as usize);
        self.parts.inner.merge(other.inner, &place)
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let of = std::mem::take(&mut self.parts.of);
        let order: Vec<u32> = of.iter().flat_map(|m| m.values().copied()).collect();
        let keys: Vec<Value> = of.iter().flat_map(|m| m.keys().cloned()).collect();
        let values = self.parts.finish(&order)?;
        Ok(Column::Array(ArrayColumn {
            offsets: ends(of.iter().map(BTreeMap::len)),
            values: Box::new(Column::Tuple(TupleColumn {
                len: keys.len(),
                elements: vec![Column::from_values(&self.key, &keys), values],
            })),
        }))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) -> Result<(), FunctionError> {
        let states = self.parts.save()?;
        for (of, out) in self.parts.of.iter().zip(out) {
            put_number(out, of.len() as u64);
            for (key, part) in of {
                put_value(out, key, &self.key);
                put_bytes(out, &states[*part as usize]);
            }
        }
        Ok(())
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        let mut states = Vec::new();
        for (group, input) in input.iter_mut().enumerate() {
            for _ in 0..input.count(1)? {
                let key = input.value(&self.key)?;
                let state = StateReader::inside(input.bytes()?);
                // A key that is there twice is damage; its first state stays.
                if self.part(row(group), key) as usize == states.len() {
                    states.push(state);
                }
            }
        }
        self.parts.load(&mut states)
    }

    fn byte_size(&self) -> usize {
        let keys: usize = self.parts.of.iter().map(|m| 24 + 72 * m.len()).sum();
        self.parts.inner.byte_size() + keys
    }

    fn as_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

pub(super) fn for_each(inner: Aggregate) -> Aggregate {
    let make = inner.make;
    Aggregate {
        name: inner.name,
        returns: inner.returns.array(),
        make: Box::new(move || Box::new(ForEach(Parts::new(make())))),
    }
}

/// Key and value of the one argument, a map.
pub(super) fn map_types(args: &[DataType]) -> Result<(&DataType, &DataType), FunctionError> {
    match args {
        [DataType::Map(key, value)] => Ok((key, value)),
        [other] => Err(illegal("-Map", other)),
        _ => Err(FunctionError::new(
            ARGUMENT_COUNT,
            "a -Map aggregate takes one argument, a map",
        )),
    }
}

pub(super) fn keyed(inner: Aggregate, key: &DataType) -> Aggregate {
    let (make, key) = (inner.make, key.clone());
    Aggregate {
        name: inner.name,
        returns: DataType::Map(Box::new(key.clone()), Box::new(inner.returns)),
        make: Box::new(move || {
            Box::new(Keyed {
                parts: Parts::new(make()),
                key: key.clone(),
            })
        }),
    }
}
