//! `sumMap`, `minMap` and `maxMap`: by key, of a map or of an array of keys and an array of values.

use std::collections::BTreeMap;

use engine_types::{Column, DataType, Value};

use super::state_bytes::{StateReader, put_number, put_value};
use super::sum::sum_type;
use super::{Base, OnNull, State, at_least_one, illegal, maker};
use crate::FunctionError;
use crate::error::SIZES_OF_ARRAYS;

#[derive(Clone, Copy)]
enum Operation {
    Sum,
    Min,
    Max,
}

struct SumMap {
    operation: Operation,
    sums: Vec<BTreeMap<Value, Value>>,
    /// A map argument, else two arrays.
    map: bool,
    returns: DataType,
}

impl SumMap {
    /// Of keys and of values.
    fn types(&self) -> (DataType, DataType) {
        let element = |ty: &DataType| match ty {
            DataType::Array(element) => (**element).clone(),
            other => other.clone(),
        };
        match &self.returns {
            DataType::Map(key, value) => ((**key).clone(), (**value).clone()),
            DataType::Tuple(pair) => match pair.as_slice() {
                [(_, keys), (_, values)] => (element(keys), element(values)),
                _ => (DataType::Nothing, DataType::Nothing),
            },
            _ => (DataType::Nothing, DataType::Nothing),
        }
    }
}

fn combined(a: &Value, b: &Value, operation: Operation) -> Value {
    match operation {
        Operation::Sum => {}
        Operation::Min => return a.min(b).clone(),
        Operation::Max => return a.max(b).clone(),
    }
    match (a, b) {
        (Value::UInt(a), Value::UInt(b)) => Value::UInt(a.wrapping_add(*b)),
        (Value::Int(a), Value::Int(b)) => Value::Int(a.wrapping_add(*b)),
        (Value::Float(a), Value::Float(b)) => Value::Float(a + b),
        _ => a.clone(),
    }
}

fn add_to(sums: &mut BTreeMap<Value, Value>, key: Value, value: &Value, operation: Operation) {
    sums.entry(key)
        .and_modify(|sum| *sum = combined(sum, value, operation))
        .or_insert_with(|| value.clone());
}

impl State for SumMap {
    fn resize(&mut self, groups: usize) {
        if groups > self.sums.len() {
            self.sums.resize_with(groups, BTreeMap::new);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        for (i, &group) in groups.iter().enumerate() {
            let sums = &mut self.sums[group as usize];
            match (args[0].value(i), args.get(1).map(|a| a.value(i))) {
                (Value::Array(pairs), None) => {
                    for pair in pairs {
                        if let Value::Tuple(kv) = pair
                            && let [key, value] = kv.as_slice()
                        {
                            add_to(sums, key.clone(), value, self.operation);
                        }
                    }
                }
                (Value::Array(keys), Some(Value::Array(values))) => {
                    if keys.len() != values.len() {
                        return Err(FunctionError::new(
                            SIZES_OF_ARRAYS,
                            "the arrays of sumMap differ in size",
                        ));
                    }
                    for (key, value) in keys.into_iter().zip(&values) {
                        add_to(sums, key, value, self.operation);
                    }
                }
                _ => return Err(FunctionError::form("arrays")),
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (sums, &group) in other.sums.into_iter().zip(groups) {
            for (key, value) in sums {
                add_to(&mut self.sums[group as usize], key, &value, self.operation);
            }
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let rows: Vec<Value> = std::mem::take(&mut self.sums)
            .into_iter()
            .map(|sums| {
                if self.map {
                    return Value::Array(sums.into_iter().map(|(k, v)| Value::Tuple(vec![k, v])).collect());
                }
                let (keys, values) = sums.into_iter().unzip();
                Value::Tuple(vec![Value::Array(keys), Value::Array(values)])
            })
            .collect();
        Ok(Column::from_values(&self.returns, &rows))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        let (key, value) = self.types();
        for (sums, out) in self.sums.iter().zip(out) {
            put_number(out, sums.len() as u64);
            for (k, v) in sums {
                put_value(out, k, &key);
                put_value(out, v, &value);
            }
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        let (key, value) = self.types();
        for (sums, input) in self.sums.iter_mut().zip(input) {
            for _ in 0..input.count(1)? {
                let (k, v) = (input.value(&key)?, input.value(&value)?);
                add_to(sums, k, &v, self.operation);
            }
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.sums.iter().map(|s| 24 + 128 * s.len()).sum()
    }
}

pub(super) fn build(name: &str, args: &[DataType]) -> Result<Base, FunctionError> {
    at_least_one(name, args)?;
    let operation = match name {
        "minMap" => Operation::Min,
        "maxMap" => Operation::Max,
        _ => Operation::Sum,
    };
    let sum_of = |ty: &DataType| match operation {
        Operation::Min | Operation::Max => Ok(ty.clone()),
        Operation::Sum => sum_type(ty).ok_or_else(|| illegal(name, ty)),
    };
    let returns = match args {
        [DataType::Map(key, value)] => DataType::Map(key.clone(), Box::new(sum_of(value)?)),
        [DataType::Array(key), DataType::Array(value)] => DataType::Tuple(vec![
            (None, (**key).clone().array()),
            (None, sum_of(value)?.array()),
        ]),
        _ => return Err(illegal(name, &args[0])),
    };
    let map = args.len() == 1;
    let of = returns.clone();
    Ok(Base {
        returns,
        make: maker(move || SumMap {
            operation,
            sums: Vec::new(),
            map,
            returns: of.clone(),
        }),
        on_null: OnNull::Skip,
    })
}
