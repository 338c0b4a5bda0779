//! States of aggregates as bytes: little-endian numbers, lengths as LEB128, values by their type. What is read may be
//! damaged: it is checked, and never trusted with a length.

use engine_types::{Column, DataType, Value};

use super::cells::{Form, raw};
use crate::FunctionError;
use crate::error::CORRUPTED_STATE;

/// First byte of a state. A state without bytes has seen no rows.
const VERSION: u8 = 1;

fn damaged(what: &str) -> FunctionError {
    FunctionError::new(
        CORRUPTED_STATE,
        format!("a state of an aggregate function is damaged: {what}"),
    )
}

/// The unread rest of one state.
pub struct StateReader<'a> {
    bytes: &'a [u8],
}

impl<'a> StateReader<'a> {
    /// `None`: a state without rows.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Option<Self>, FunctionError> {
        match bytes.split_first() {
            None => Ok(None),
            Some((&VERSION, bytes)) => Ok(Some(Self { bytes })),
            Some((version, _)) => Err(damaged(&format!("unknown version {version}"))),
        }
    }

    /// A state inside another.
    pub(super) fn inside(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn end(&self) -> Result<(), FunctionError> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(damaged("bytes are left over"))
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], FunctionError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(len)
            .ok_or_else(|| damaged("it is cut off"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FunctionError> {
        let (taken, rest) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or_else(|| damaged("it is cut off"))?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, FunctionError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn flag(&mut self) -> Result<bool, FunctionError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(damaged("a flag is neither 0 nor 1")),
        }
    }

    pub(super) fn u64(&mut self) -> Result<u64, FunctionError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn u128(&mut self) -> Result<u128, FunctionError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    pub(super) fn f64(&mut self) -> Result<f64, FunctionError> {
        Ok(f64::from_bits(self.u64()?))
    }

    pub(super) fn number(&mut self) -> Result<u64, FunctionError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged("a length is too large"))
    }

    /// A number of things that take at least `each` bytes each.
    pub(super) fn count(&mut self, each: usize) -> Result<usize, FunctionError> {
        let count = self.number()?;
        if count > (self.bytes.len() / each.max(1)) as u64 {
            return Err(damaged("there are fewer bytes than elements"));
        }
        Ok(count as usize)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], FunctionError> {
        let len = self.count(1)?;
        self.take(len)
    }

    pub(super) fn value(&mut self, ty: &DataType) -> Result<Value, FunctionError> {
        match ty {
            DataType::LowCardinality(inner) => self.value(inner),
            DataType::Nullable(inner) => {
                if self.flag()? {
                    return Ok(Value::Null);
                }
                self.value(inner)
            }
            DataType::Array(element) => self.values(element).map(Value::Array),
            DataType::Map(key, value) => {
                let len = self.count(1)?;
                let pairs = (0..len).map(|_| Ok(Value::Tuple(vec![self.value(key)?, self.value(value)?])));
                pairs.collect::<Result<_, _>>().map(Value::Array)
            }
            DataType::Tuple(elements) => {
                if elements.is_empty() {
                    self.u8()?;
                }
                let values = elements.iter().map(|(_, ty)| self.value(ty));
                values.collect::<Result<_, _>>().map(Value::Tuple)
            }
            DataType::FixedString(width) => {
                let bytes = self.bytes()?;
                if bytes.len() > *width {
                    return Err(damaged("a string is longer than its type"));
                }
                Ok(Value::string(bytes))
            }
            DataType::String | DataType::AggregateFunction(_) => self.bytes().map(Value::string),
            DataType::Uuid => self.u128().map(Value::Uuid),
            DataType::Float64 => self.f64().map(Value::Float),
            DataType::Float32 => Ok(Value::Float(f64::from(f32::from_bits(self.u64()? as u32)))),
            ty if ty.is_signed() => Ok(Value::Int(self.u64()? as i64)),
            DataType::DateTime64(..) | DataType::Interval(_) => Ok(Value::Int(self.u64()? as i64)),
            _ => self.u64().map(Value::UInt),
        }
    }

    pub(super) fn values(&mut self, ty: &DataType) -> Result<Vec<Value>, FunctionError> {
        let len = self.count(1)?;
        (0..len).map(|_| self.value(ty)).collect()
    }
}

/// Starts the state of a group.
pub(super) fn begin() -> Vec<u8> {
    vec![VERSION]
}

pub(super) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put_f64(out: &mut Vec<u8>, value: f64) {
    put_u64(out, value.to_bits());
}

pub(super) fn put_values(out: &mut Vec<u8>, values: &[Value], ty: &DataType) {
    put_number(out, values.len() as u64);
    for value in values {
        put_value(out, value, ty);
    }
}

/// A value of the type; [`StateReader::value`] reads it.
pub(super) fn put_value(out: &mut Vec<u8>, value: &Value, ty: &DataType) {
    match (ty, value) {
        (DataType::LowCardinality(inner), value) => put_value(out, value, inner),
        (DataType::Nullable(_), Value::Null) => out.push(1),
        (DataType::Nullable(inner), value) => {
            out.push(0);
            put_value(out, value, inner);
        }
        (DataType::Array(element), Value::Array(items)) => put_values(out, items, element),
        (DataType::Map(key, of), Value::Array(pairs)) => {
            put_number(out, pairs.len() as u64);
            for pair in pairs {
                let (k, v) = match pair {
                    Value::Tuple(pair) => (pair.first(), pair.get(1)),
                    _ => (None, None),
                };
                put_value(out, k.unwrap_or(&Value::Null), key);
                put_value(out, v.unwrap_or(&Value::Null), of);
            }
        }
        (DataType::Tuple(elements), Value::Tuple(values)) => {
            if elements.is_empty() {
                out.push(0);
            }
            for (i, (_, ty)) in elements.iter().enumerate() {
                put_value(out, values.get(i).unwrap_or(&Value::Null), ty);
            }
        }
        (_, Value::String(bytes)) => put_bytes(out, bytes),
        (_, Value::Uuid(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (DataType::Float32, Value::Float(v)) => put_u64(out, u64::from((*v as f32).to_bits())),
        (_, Value::Float(v)) => put_f64(out, *v),
        (_, Value::UInt(v)) => put_u64(out, *v),
        (_, Value::Int(v)) => put_u64(out, *v as u64),
        // A value that is not of the type stands for the type's default.
        (ty, _) => put_value(out, &Column::defaults(ty, 1).value(0), ty),
    }
}

/// The value in a row of a plain column.
pub(super) fn put_cell(out: &mut Vec<u8>, column: &Column, row: usize, ty: &DataType) {
    match (Form::of(ty), column) {
        (_, Column::Nullable(_) | Column::Const(_) | Column::Dict(_) | Column::Runs(_)) => {
            put_value(out, &column.value(row), ty);
        }
        (Form::Bytes, Column::String(s)) => put_bytes(out, s.get(row)),
        (Form::Bits, column) => put_u64(out, raw(column, row)),
        _ => put_value(out, &column.value(row), ty),
    }
}
