//! One value a group, stored compactly by physical form; and keys that compare as the values do.
#![expect(
    clippy::unnecessary_cast,
    reason = "the macro body serves every width; the cast is needed for the others"
)]

use std::cmp::Ordering;

use engine_types::{Column, DataType, StringColumn, Value, with_buffer};

use super::state_bytes::{StateReader, put_bytes, put_u64, put_value};
use crate::FunctionError;

/// Which physical form values of a type have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// At most 64 bits.
    Bits,
    Wide,
    Bytes,
    /// Arrays and tuples.
    Nested,
}

impl Form {
    pub(crate) fn of(ty: &DataType) -> Self {
        match ty.bare() {
            DataType::Uuid => Self::Wide,
            DataType::String | DataType::FixedString(_) | DataType::AggregateFunction(_) => Self::Bytes,
            DataType::Array(_) | DataType::Tuple(_) | DataType::Map(..) => Self::Nested,
            _ => Self::Bits,
        }
    }
}

/// The bits of the value of a row of a fixed-width column of at most 64 bits.
pub(super) fn raw(column: &Column, row: usize) -> u64 {
    match column {
        Column::Float32(b) => u64::from(b[row].to_bits()),
        Column::Float64(b) => b[row].to_bits(),
        other => with_buffer!(other, b => b[row] as u64, _ => 0),
    }
}

/// A column of type `ty` from the bits that [`raw`] gave.
pub(super) fn from_raw(bits: Vec<u64>, ty: &DataType) -> Column {
    match ty.bare() {
        DataType::Nothing | DataType::Bool | DataType::UInt8 => {
            Column::UInt8(bits.iter().map(|&b| b as u8).collect())
        }
        DataType::UInt16 | DataType::Date => Column::UInt16(bits.iter().map(|&b| b as u16).collect()),
        DataType::UInt32 | DataType::DateTime(_) => Column::UInt32(bits.iter().map(|&b| b as u32).collect()),
        DataType::UInt64 => Column::UInt64(bits.into()),
        DataType::Int8 => Column::Int8(bits.iter().map(|&b| b as i8).collect()),
        DataType::Int16 => Column::Int16(bits.iter().map(|&b| b as i16).collect()),
        DataType::Int32 => Column::Int32(bits.iter().map(|&b| b as i32).collect()),
        DataType::Float32 => Column::Float32(bits.iter().map(|&b| f32::from_bits(b as u32)).collect()),
        DataType::Float64 => Column::Float64(bits.iter().map(|&b| f64::from_bits(b)).collect()),
        _ => Column::Int64(bits.iter().map(|&b| b as i64).collect()),
    }
}

const SIGN: u64 = 1 << 63;

fn float_key(v: f64, nan: u64) -> u64 {
    if v.is_nan() {
        return nan;
    }
    // -0 equals 0.
    let bits = (v + 0.0).to_bits();
    if bits & SIGN != 0 { !bits } else { bits | SIGN }
}

/// Numbers as u64 that order as the numbers do; NaN is `nan`.
pub(crate) fn ordered(column: &Column, nan: u64) -> Vec<u64> {
    match column {
        Column::Int8(b) => b.iter().map(|&v| i64::from(v) as u64 ^ SIGN).collect(),
        Column::Int16(b) => b.iter().map(|&v| i64::from(v) as u64 ^ SIGN).collect(),
        Column::Int32(b) => b.iter().map(|&v| i64::from(v) as u64 ^ SIGN).collect(),
        Column::Int64(b) => b.iter().map(|&v| v as u64 ^ SIGN).collect(),
        Column::Float32(b) => b.iter().map(|&v| float_key(f64::from(v), nan)).collect(),
        Column::Float64(b) => b.iter().map(|&v| float_key(v, nan)).collect(),
        other => with_buffer!(other, b => b.iter().map(|&v| v as u64).collect(), _ => Vec::new()),
    }
}

/// The inverse of [`ordered`], as [`raw`] bits.
pub(super) fn unordered(key: u64, ty: &DataType) -> u64 {
    let float = || f64::from_bits(if key & SIGN != 0 { key ^ SIGN } else { !key });
    match ty.bare() {
        DataType::Float32 => u64::from((float() as f32).to_bits()),
        DataType::Float64 => float().to_bits(),
        ty if ty.is_signed() => key ^ SIGN,
        DataType::DateTime64(..) | DataType::Interval(_) => key ^ SIGN,
        _ => key,
    }
}

/// A value a group.
#[derive(Debug)]
pub(super) enum Cells {
    Bits(Vec<u64>),
    Wide(Vec<u128>),
    Bytes(Vec<Box<[u8]>>),
    Nested(Vec<Value>),
}

impl Cells {
    pub(super) fn new(ty: &DataType) -> Self {
        match Form::of(ty) {
            Form::Bits => Self::Bits(Vec::new()),
            Form::Wide => Self::Wide(Vec::new()),
            Form::Bytes => Self::Bytes(Vec::new()),
            Form::Nested => Self::Nested(Vec::new()),
        }
    }

    pub(super) fn resize(&mut self, groups: usize) {
        match self {
            Self::Bits(v) if groups > v.len() => v.resize(groups, 0),
            Self::Wide(v) if groups > v.len() => v.resize(groups, 0),
            Self::Bytes(v) if groups > v.len() => v.resize_with(groups, Box::default),
            Self::Nested(v) if groups > v.len() => v.resize(groups, Value::Null),
            _ => {}
        }
    }

    pub(super) fn set(&mut self, group: usize, column: &Column, row: usize) {
        match (self, column) {
            (Self::Bits(v), column) => v[group] = raw(column, row),
            (Self::Wide(v), Column::Uuid(b)) => v[group] = b[row],
            (Self::Bytes(v), Column::String(s)) => v[group] = s.get(row).into(),
            (Self::Nested(v), column) => v[group] = column.value(row),
            _ => {}
        }
    }

    /// Takes the value of `from` out of `other`.
    pub(super) fn take(&mut self, group: usize, other: &mut Self, from: usize) {
        match (self, other) {
            (Self::Bits(v), Self::Bits(w)) => v[group] = w[from],
            (Self::Wide(v), Self::Wide(w)) => v[group] = w[from],
            (Self::Bytes(v), Self::Bytes(w)) => v[group] = std::mem::take(&mut w[from]),
            (Self::Nested(v), Self::Nested(w)) => v[group] = std::mem::replace(&mut w[from], Value::Null),
            _ => {}
        }
    }

    /// Order of the value of `group` and the value in `row` of `column`.
    pub(super) fn order(&self, group: usize, column: &Column, row: usize) -> Ordering {
        match (self, column) {
            (Self::Bytes(v), Column::String(s)) => v[group].as_ref().cmp(s.get(row)),
            (Self::Wide(v), Column::Uuid(b)) => v[group].cmp(&b[row]),
            (Self::Nested(v), column) => v[group].total_cmp(&column.value(row)),
            (Self::Bits(v), column) => v[group].cmp(&raw(column, row)),
            _ => Ordering::Equal,
        }
    }

    pub(super) fn order_with(&self, group: usize, other: &Self, at: usize) -> Ordering {
        match (self, other) {
            (Self::Bits(v), Self::Bits(w)) => v[group].cmp(&w[at]),
            (Self::Wide(v), Self::Wide(w)) => v[group].cmp(&w[at]),
            (Self::Bytes(v), Self::Bytes(w)) => v[group].cmp(&w[at]),
            (Self::Nested(v), Self::Nested(w)) => v[group].total_cmp(&w[at]),
            _ => Ordering::Equal,
        }
    }

    pub(super) fn save(&self, group: usize, out: &mut Vec<u8>, ty: &DataType) {
        match self {
            Self::Bits(v) => put_u64(out, v[group]),
            Self::Wide(v) => out.extend_from_slice(&v[group].to_le_bytes()),
            Self::Bytes(v) => put_bytes(out, &v[group]),
            Self::Nested(v) => put_value(out, &v[group], ty),
        }
    }

    pub(super) fn load(
        &mut self,
        group: usize,
        input: &mut StateReader<'_>,
        ty: &DataType,
    ) -> Result<(), FunctionError> {
        match self {
            Self::Bits(v) => v[group] = input.u64()?,
            Self::Wide(v) => v[group] = input.u128()?,
            Self::Bytes(v) => v[group] = input.bytes()?.into(),
            Self::Nested(v) => v[group] = input.value(ty)?,
        }
        Ok(())
    }

    pub(super) fn into_column(self, ty: &DataType) -> Column {
        match self {
            Self::Bits(v) => from_raw(v, ty),
            Self::Wide(v) => Column::Uuid(v.into()),
            // FixedString groups without a value still have the full width.
            Self::Bytes(v) => match ty.bare() {
                DataType::FixedString(_) => {
                    let values: Vec<Value> = v.iter().map(Value::string).collect();
                    Column::from_values(ty.bare(), &values)
                }
                _ => Column::String(v.iter().collect::<StringColumn>()),
            },
            Self::Nested(v) => Column::from_values(ty, &v),
        }
    }

    pub(super) fn byte_size(&self) -> usize {
        match self {
            Self::Bits(v) => 8 * v.capacity(),
            Self::Wide(v) => 16 * v.capacity(),
            Self::Bytes(v) => 16 * v.capacity() + v.iter().map(|b| b.len()).sum::<usize>(),
            // An estimate: the nested values are not walked.
            Self::Nested(v) => 96 * v.capacity(),
        }
    }
}
