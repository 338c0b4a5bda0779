//! Bytes to columns. Runs of rows (granules) are appended to one growing column, so that a block is one allocation.

use engine_types::{ArrayColumn, Column, DataType, NullableColumn, StringColumn, TupleColumn};

use crate::{ByteReader, CodeWidth, CodecError};

/// Rows of types without bytes (`Tuple()`, `FixedString(0)`) that one call may make: nothing else bounds them.
const EMPTY_ROWS_MAX: usize = 1 << 20;

/// A column under construction.
#[derive(Debug)]
pub struct ColumnDecoder {
    form: Growing,
}

#[derive(Debug)]
enum Growing {
    UInt8(Vec<u8>),
    UInt16(Vec<u16>),
    UInt32(Vec<u32>),
    UInt64(Vec<u64>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Uuid(Vec<u128>),
    String {
        offsets: Vec<u32>,
        bytes: Vec<u8>,
    },
    FixedString {
        width: usize,
        offsets: Vec<u32>,
        bytes: Vec<u8>,
    },
    Nullable {
        nulls: Vec<u8>,
        values: Box<Growing>,
    },
    Array {
        offsets: Vec<u32>,
        values: Box<Growing>,
    },
    Tuple {
        elements: Vec<Growing>,
        len: usize,
    },
}

impl ColumnDecoder {
    pub fn new(ty: &DataType) -> Self {
        Self {
            form: Growing::new(ty),
        }
    }

    /// Appends `rows` rows whose streams start at the reader.
    pub fn append(&mut self, rows: usize, reader: &mut ByteReader<'_>) -> Result<(), CodecError> {
        self.form.append(rows, reader)
    }

    pub fn finish(self) -> Column {
        self.form.finish()
    }
}

/// Exactly `rows` rows of `ty`; bytes left over are damage.
pub fn decode_column(ty: &DataType, rows: usize, bytes: &[u8]) -> Result<Column, CodecError> {
    let mut reader = ByteReader::new(bytes);
    let mut decoder = ColumnDecoder::new(ty);
    decoder.append(rows, &mut reader)?;
    if !reader.is_at_end() {
        return Err(reader.damaged("column", format!("{} bytes left over", reader.remaining())));
    }
    Ok(decoder.finish())
}

/// Appends `rows` dictionary codes, each below `dictionary_len`.
pub fn decode_codes(
    rows: usize,
    width: CodeWidth,
    dictionary_len: usize,
    reader: &mut ByteReader<'_>,
    out: &mut Vec<u32>,
) -> Result<(), CodecError> {
    let offset = reader.offset();
    let len = byte_len(rows, width.bytes(), reader)?;
    let bytes = reader.take("dictionary codes", len)?;
    let start = out.len();
    match width {
        CodeWidth::One => out.extend(bytes.iter().map(|b| u32::from(*b))),
        CodeWidth::Two => out.extend(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| u32::from(u16::from_le_bytes(*b))),
        ),
        CodeWidth::Four => out.extend(bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b))),
    }
    match out[start..].iter().max() {
        Some(max) if *max as usize >= dictionary_len => Err(CodecError::Damaged {
            what: "dictionary codes",
            offset,
            problem: format!("code {max} in a dictionary of {dictionary_len}"),
        }),
        _ => Ok(()),
    }
}

fn byte_len(rows: usize, width: usize, reader: &ByteReader<'_>) -> Result<usize, CodecError> {
    rows.checked_mul(width)
        .ok_or_else(|| reader.damaged("column", format!("{rows} rows of {width} bytes")))
}

fn fixed<T, const N: usize>(
    out: &mut Vec<T>,
    rows: usize,
    reader: &mut ByteReader<'_>,
    value: impl Fn([u8; N]) -> T,
) -> Result<(), CodecError> {
    let len = byte_len(rows, N, reader)?;
    let bytes = reader.take("fixed-width values", len)?;
    out.extend(bytes.as_chunks::<N>().0.iter().map(|b| value(*b)));
    Ok(())
}

/// Appends running ends of `rows` lengths; returns how much they add up to.
fn ends(offsets: &mut Vec<u32>, rows: usize, reader: &mut ByteReader<'_>) -> Result<usize, CodecError> {
    let at = reader.offset();
    let len = byte_len(rows, 4, reader)?;
    let bytes = reader.take("sizes", len)?;
    let first = offsets[offsets.len() - 1];
    let mut end = u64::from(first);
    offsets.reserve(rows);
    for size in bytes.as_chunks().0 {
        end += u64::from(u32::from_le_bytes(*size));
        let Ok(end) = u32::try_from(end) else {
            return Err(CodecError::Damaged {
                what: "sizes",
                offset: at,
                problem: "they add up to more than 4 GiB".to_owned(),
            });
        };
        offsets.push(end);
    }
    Ok((end - u64::from(first)) as usize)
}

impl Growing {
    fn new(ty: &DataType) -> Self {
        let array = |values: Self| Self::Array {
            offsets: vec![0],
            values: Box::new(values),
        };
        match ty {
            DataType::Nothing | DataType::Bool | DataType::UInt8 => Self::UInt8(Vec::new()),
            DataType::UInt16 | DataType::Date => Self::UInt16(Vec::new()),
            DataType::UInt32 | DataType::DateTime(_) => Self::UInt32(Vec::new()),
            DataType::UInt64 => Self::UInt64(Vec::new()),
            DataType::Int8 => Self::Int8(Vec::new()),
            DataType::Int16 => Self::Int16(Vec::new()),
            DataType::Int32 => Self::Int32(Vec::new()),
            DataType::Int64 | DataType::DateTime64(..) | DataType::Interval(_) => Self::Int64(Vec::new()),
            DataType::Float32 => Self::Float32(Vec::new()),
            DataType::Float64 => Self::Float64(Vec::new()),
            DataType::Uuid => Self::Uuid(Vec::new()),
            DataType::String | DataType::AggregateFunction(_) => Self::String {
                offsets: vec![0],
                bytes: Vec::new(),
            },
            DataType::FixedString(width) => Self::FixedString {
                width: *width,
                offsets: vec![0],
                bytes: Vec::new(),
            },
            DataType::LowCardinality(inner) => Self::new(inner),
            DataType::Nullable(inner) => Self::Nullable {
                nulls: Vec::new(),
                values: Box::new(Self::new(inner)),
            },
            DataType::Array(inner) => array(Self::new(inner)),
            DataType::Map(key, value) => array(Self::Tuple {
                elements: vec![Self::new(key), Self::new(value)],
                len: 0,
            }),
            DataType::Tuple(types) => Self::Tuple {
                elements: types.iter().map(|(_, ty)| Self::new(ty)).collect(),
                len: 0,
            },
        }
    }

    fn append(&mut self, rows: usize, reader: &mut ByteReader<'_>) -> Result<(), CodecError> {
        match self {
            Self::UInt8(out) => {
                out.extend_from_slice(reader.take("fixed-width values", rows)?);
                Ok(())
            }
            Self::UInt16(out) => fixed(out, rows, reader, u16::from_le_bytes),
            Self::UInt32(out) => fixed(out, rows, reader, u32::from_le_bytes),
            Self::UInt64(out) => fixed(out, rows, reader, u64::from_le_bytes),
            Self::Int8(out) => fixed(out, rows, reader, i8::from_le_bytes),
            Self::Int16(out) => fixed(out, rows, reader, i16::from_le_bytes),
            Self::Int32(out) => fixed(out, rows, reader, i32::from_le_bytes),
            Self::Int64(out) => fixed(out, rows, reader, i64::from_le_bytes),
            Self::Float32(out) => fixed(out, rows, reader, f32::from_le_bytes),
            Self::Float64(out) => fixed(out, rows, reader, f64::from_le_bytes),
            Self::Uuid(out) => fixed(out, rows, reader, u128::from_le_bytes),
            Self::String { offsets, bytes } => {
                let len = ends(offsets, rows, reader)?;
                bytes.extend_from_slice(reader.take("string bytes", len)?);
                Ok(())
            }
            Self::FixedString {
                width,
                offsets,
                bytes,
            } => {
                if *width == 0 && rows > EMPTY_ROWS_MAX {
                    return Err(reader.damaged("column", format!("{rows} empty rows")));
                }
                let len = byte_len(rows, *width, reader)?;
                let taken = reader.take("string bytes", len)?;
                if u32::try_from(bytes.len() + len).is_err() {
                    return Err(reader.damaged("column", "more than 4 GiB of strings"));
                }
                bytes.extend_from_slice(taken);
                offsets.reserve(rows);
                let first = offsets[offsets.len() - 1];
                offsets.extend((1..=rows).map(|row| first + (row * *width) as u32));
                Ok(())
            }
            Self::Nullable { nulls, values } => {
                let offset = reader.offset();
                let map = reader.take("null map", rows)?;
                if map.iter().any(|null| *null > 1) {
                    return Err(CodecError::Damaged {
                        what: "null map",
                        offset,
                        problem: "a byte is neither 0 nor 1".to_owned(),
                    });
                }
                nulls.extend_from_slice(map);
                values.append(rows, reader)
            }
            Self::Array { offsets, values } => {
                let inner_rows = ends(offsets, rows, reader)?;
                values.append(inner_rows, reader)
            }
            Self::Tuple { elements, len } => {
                if elements.is_empty() && rows > EMPTY_ROWS_MAX {
                    return Err(reader.damaged("column", format!("{rows} empty rows")));
                }
                *len += rows;
                elements.iter_mut().try_for_each(|e| e.append(rows, reader))
            }
        }
    }

    fn finish(self) -> Column {
        match self {
            Self::UInt8(v) => Column::UInt8(v.into()),
            Self::UInt16(v) => Column::UInt16(v.into()),
            Self::UInt32(v) => Column::UInt32(v.into()),
            Self::UInt64(v) => Column::UInt64(v.into()),
            Self::Int8(v) => Column::Int8(v.into()),
            Self::Int16(v) => Column::Int16(v.into()),
            Self::Int32(v) => Column::Int32(v.into()),
            Self::Int64(v) => Column::Int64(v.into()),
            Self::Float32(v) => Column::Float32(v.into()),
            Self::Float64(v) => Column::Float64(v.into()),
            Self::Uuid(v) => Column::Uuid(v.into()),
            Self::String { offsets, bytes } | Self::FixedString { offsets, bytes, .. } => {
                Column::String(StringColumn::new(offsets.into(), bytes.into()))
            }
            Self::Nullable { nulls, values } => Column::Nullable(NullableColumn {
                nulls: nulls.into(),
                values: Box::new(values.finish()),
            }),
            Self::Array { offsets, values } => Column::Array(ArrayColumn {
                offsets: offsets.into(),
                values: Box::new(values.finish()),
            }),
            Self::Tuple { elements, len } => Column::Tuple(TupleColumn {
                elements: elements.into_iter().map(Self::finish).collect(),
                len,
            }),
        }
    }
}
