//! `groupArrayInsertAt`: values at the positions they come with.

use engine_types::{Column, DataType, Value};

use super::state_bytes::{StateReader, put_values};
use super::{Base, OnNull, State, arity, illegal, maker};
use crate::FunctionError;
use crate::cast::cast_column;
use crate::error::{BAD_ARGUMENTS, TOO_LARGE_ARRAY};
use crate::operand::Native;

const POSITIONS_MAX: u64 = 0xFF_FFFF;

/// NULL stands for a position without a value: the function never sees NULL.
struct InsertAt {
    arrays: Vec<Vec<Value>>,
    default: Value,
    /// The length of every result, where it is given.
    len: Option<u64>,
    ty: DataType,
}

impl InsertAt {
    fn put(&mut self, group: u32, position: u64, value: impl FnOnce() -> Value) -> Result<(), FunctionError> {
        if self.len.is_some_and(|len| position >= len) {
            return Ok(());
        }
        if position >= POSITIONS_MAX {
            return Err(FunctionError::new(
                TOO_LARGE_ARRAY,
                format!(
                    "Too large array size: position {position} is greater or equals to limit ({POSITIONS_MAX})"
                ),
            ));
        }
        let (array, at) = (&mut self.arrays[group as usize], position as usize);
        if array.len() <= at {
            array.resize(at + 1, Value::Null);
        }
        if array[at].is_null() {
            array[at] = value();
        }
        Ok(())
    }
}

impl State for InsertAt {
    fn resize(&mut self, groups: usize) {
        if groups > self.arrays.len() {
            self.arrays.resize_with(groups, Vec::new);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[Column]) -> Result<(), FunctionError> {
        let positions = u64::operand(&args[1])?;
        for (i, &group) in groups.iter().enumerate() {
            self.put(group, positions.at(i), || args[0].value(i))?;
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, groups: &[u32]) {
        for (theirs, &group) in other.arrays.into_iter().zip(groups) {
            let mine = &mut self.arrays[group as usize];
            if mine.len() < theirs.len() {
                mine.resize(theirs.len(), Value::Null);
            }
            for (slot, value) in mine.iter_mut().zip(theirs) {
                if slot.is_null() {
                    *slot = value;
                }
            }
        }
    }

    fn finish(&mut self) -> Result<Column, FunctionError> {
        let rows: Vec<Value> = std::mem::take(&mut self.arrays)
            .into_iter()
            .map(|mut array| {
                array
                    .iter_mut()
                    .filter(|v| v.is_null())
                    .for_each(|v| *v = self.default.clone());
                if let Some(len) = self.len {
                    array.resize(len as usize, self.default.clone());
                }
                Value::Array(array)
            })
            .collect();
        Ok(Column::from_values(&self.ty.clone().array(), &rows))
    }

    fn save(&mut self, out: &mut [Vec<u8>]) {
        let element = self.ty.clone().nullable();
        for (array, out) in self.arrays.iter().zip(out) {
            put_values(out, array, &element);
        }
    }

    fn load(&mut self, input: &mut [StateReader<'_>]) -> Result<(), FunctionError> {
        let element = self.ty.clone().nullable();
        for (array, input) in self.arrays.iter_mut().zip(input) {
            *array = input.values(&element)?;
            array.truncate(POSITIONS_MAX as usize);
        }
        Ok(())
    }

    fn byte_size(&self) -> usize {
        self.arrays
            .iter()
            .map(|a| 24 + size_of::<Value>() * a.capacity())
            .sum()
    }
}

/// The type that a parameter's value has by itself.
fn type_of(value: &Value) -> DataType {
    match value {
        Value::UInt(_) => DataType::UInt64,
        Value::Int(_) => DataType::Int64,
        Value::Float(_) => DataType::Float64,
        Value::String(_) => DataType::String,
        Value::Uuid(_) => DataType::Uuid,
        Value::Null => DataType::Nothing.nullable(),
        Value::Array(items) => items.first().map_or(DataType::Nothing, type_of).array(),
        Value::Tuple(items) => DataType::Tuple(items.iter().map(|item| (None, type_of(item))).collect()),
    }
}

pub(super) fn build(params: &[Value], args: &[DataType]) -> Result<Base, FunctionError> {
    const NAME: &str = "groupArrayInsertAt";
    arity(NAME, args, 2)?;
    let ty = args[0].clone();
    if !args[1].is_unsigned() {
        return Err(illegal(NAME, &args[1]));
    }
    let bad = |what: &str| FunctionError::new(BAD_ARGUMENTS, format!("{NAME}: {what}"));
    let (default, len) = match params {
        [] => (None, None),
        [default] => (Some(default), None),
        [default, Value::UInt(len)] if *len <= POSITIONS_MAX => {
            (Some(default), Some(*len).filter(|l| *l > 0))
        }
        _ => return Err(bad("its parameters are a default value and a length")),
    };
    let default = match default {
        None | Some(Value::Null) => Column::defaults(&ty, 1).value(0),
        Some(value) => {
            let from = type_of(value);
            let cast = cast_column(&Column::constant(&from, value, 1), &from, &ty);
            cast.map_err(|_| bad("its default value is of another type"))?
                .value(0)
        }
    };
    Ok(Base {
        returns: ty.clone().array(),
        make: maker(move || InsertAt {
            arrays: Vec::new(),
            default: default.clone(),
            len,
            ty: ty.clone(),
        }),
        on_null: OnNull::Skip,
    })
}
