//! Columns to bytes: the streams of a run of rows, one after the other. Layout: docs/format/part.md, "Streams".

use engine_types::{Column, DataType};

use crate::{CodeWidth, CodecError};

/// Appends the rows of `column`, which must have a form of `ty`. Encoded forms are written plainly.
///
/// Nothing says how long the streams are: the reader knows the number of rows.
pub fn encode_column(column: &Column, ty: &DataType, out: &mut Vec<u8>) -> Result<(), CodecError> {
    encode_streams(column, ty, out, &mut Vec::new())
}

/// As [`encode_column`]; also appends where in `out` each stream ends.
pub fn encode_streams(
    column: &Column,
    ty: &DataType,
    out: &mut Vec<u8>,
    ends: &mut Vec<usize>,
) -> Result<(), CodecError> {
    let form = || CodecError::Form { ty: ty.to_string() };
    if let DataType::LowCardinality(inner) = ty {
        return encode_streams(column, inner, out, ends);
    }
    match column {
        Column::Const(_) | Column::Dict(_) | Column::Runs(_) => {
            encode_streams(&column.flatten(), ty, out, ends)
        }
        Column::UInt8(b) => {
            out.extend_from_slice(b);
            ends.push(out.len());
            Ok(())
        }
        Column::UInt16(b) => fixed(b, out, ends, u16::to_le_bytes),
        Column::UInt32(b) => fixed(b, out, ends, u32::to_le_bytes),
        Column::UInt64(b) => fixed(b, out, ends, u64::to_le_bytes),
        Column::Int8(b) => fixed(b, out, ends, i8::to_le_bytes),
        Column::Int16(b) => fixed(b, out, ends, i16::to_le_bytes),
        Column::Int32(b) => fixed(b, out, ends, i32::to_le_bytes),
        Column::Int64(b) => fixed(b, out, ends, i64::to_le_bytes),
        Column::Float32(b) => fixed(b, out, ends, f32::to_le_bytes),
        Column::Float64(b) => fixed(b, out, ends, f64::to_le_bytes),
        Column::Uuid(b) => fixed(b, out, ends, u128::to_le_bytes),
        Column::String(s) => {
            let (offsets, bytes) = s.parts();
            match ty {
                DataType::FixedString(n) => {
                    if s.iter().any(|value| value.len() != *n) {
                        return Err(form());
                    }
                }
                _ => lengths(offsets, out, ends),
            }
            let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
            out.extend_from_slice(&bytes[first as usize..last as usize]);
            ends.push(out.len());
            Ok(())
        }
        Column::Nullable(n) => {
            let DataType::Nullable(inner) = ty else {
                return Err(form());
            };
            out.extend(n.nulls.iter().map(|null| u8::from(*null != 0)));
            ends.push(out.len());
            encode_streams(&n.values, inner, out, ends)
        }
        Column::Array(a) => {
            lengths(&a.offsets, out, ends);
            let (first, last) = (a.offsets[0] as usize, a.offsets[a.offsets.len() - 1] as usize);
            let values = a.values.slice(first, last - first);
            match ty {
                DataType::Array(inner) => encode_streams(&values, inner, out, ends),
                DataType::Map(key, value) => match &values {
                    Column::Tuple(t) if t.elements.len() == 2 => {
                        encode_streams(&t.elements[0], key, out, ends)?;
                        encode_streams(&t.elements[1], value, out, ends)
                    }
                    _ => Err(form()),
                },
                _ => Err(form()),
            }
        }
        Column::Tuple(t) => {
            let DataType::Tuple(types) = ty else {
                return Err(form());
            };
            if types.len() != t.elements.len() {
                return Err(form());
            }
            for (element, (_, ty)) in t.elements.iter().zip(types) {
                encode_streams(element, ty, out, ends)?;
            }
            Ok(())
        }
    }
}

/// Appends dictionary codes at the width of the part's dictionary, whose length bounds them.
pub fn encode_codes(codes: &[u32], width: CodeWidth, out: &mut Vec<u8>) {
    match width {
        CodeWidth::One => out.extend(codes.iter().map(|c| *c as u8)),
        CodeWidth::Two => out.extend(codes.iter().flat_map(|c| (*c as u16).to_le_bytes())),
        CodeWidth::Four => out.extend(codes.iter().flat_map(|c| c.to_le_bytes())),
    }
}

fn fixed<T: Copy, const N: usize>(
    values: &[T],
    out: &mut Vec<u8>,
    ends: &mut Vec<usize>,
    bytes: impl Fn(T) -> [u8; N],
) -> Result<(), CodecError> {
    let start = out.len();
    out.resize(start + values.len() * N, 0);
    for (to, value) in out[start..].as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *to = bytes(*value);
    }
    ends.push(out.len());
    Ok(())
}

fn lengths(offsets: &[u32], out: &mut Vec<u8>, ends: &mut Vec<usize>) {
    let start = out.len();
    out.resize(start + (offsets.len() - 1) * 4, 0);
    for (to, pair) in out[start..]
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(offsets.windows(2))
    {
        *to = (pair[1] - pair[0]).to_le_bytes();
    }
    ends.push(out.len());
}
