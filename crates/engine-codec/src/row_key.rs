//! Row keys: byte strings whose order as bytes is the sorting order of the rows, whatever the column types.
//!
//! The order is that of [`engine_types::Value::total_cmp`] within one type: NaN after all numbers, NULL after
//! everything, `-0.0` equal to `0.0`, strings by bytes.

use engine_types::{Column, StringColumn, StringColumnBuilder};

/// One key a row over all `columns` together (lexicographic), which have equal lengths; at least one column.
pub fn row_keys(columns: &[Column]) -> StringColumn {
    let rows = columns.first().map_or(0, Column::len);
    let mut out = StringColumnBuilder::with_capacity(rows, rows * 8 * columns.len());
    for row in 0..rows {
        for column in columns {
            write_row_key(column, row, out.arena());
        }
        out.end_row();
    }
    out.finish()
}

/// Appends the key of one cell.
pub fn write_row_key(column: &Column, row: usize, out: &mut Vec<u8>) {
    match column {
        Column::UInt8(b) => out.push(b[row]),
        Column::UInt16(b) => out.extend_from_slice(&b[row].to_be_bytes()),
        Column::UInt32(b) => out.extend_from_slice(&b[row].to_be_bytes()),
        Column::UInt64(b) => out.extend_from_slice(&b[row].to_be_bytes()),
        Column::Int8(b) => out.push((b[row] as u8) ^ 0x80),
        Column::Int16(b) => out.extend_from_slice(&((b[row] as u16) ^ (1 << 15)).to_be_bytes()),
        Column::Int32(b) => out.extend_from_slice(&((b[row] as u32) ^ (1 << 31)).to_be_bytes()),
        Column::Int64(b) => out.extend_from_slice(&((b[row] as u64) ^ (1 << 63)).to_be_bytes()),
        // Every f32 is exactly an f64, in the same order.
        Column::Float32(b) => out.extend_from_slice(&ordered_bits(f64::from(b[row])).to_be_bytes()),
        Column::Float64(b) => out.extend_from_slice(&ordered_bits(b[row]).to_be_bytes()),
        Column::Uuid(b) => out.extend_from_slice(&b[row].to_be_bytes()),
        Column::String(s) => write_string(s.get(row), out),
        Column::Nullable(n) => {
            if n.nulls[row] != 0 {
                out.push(2);
            } else {
                out.push(1);
                write_row_key(&n.values, row, out);
            }
        }
        Column::Array(a) => {
            for element in a.offsets[row]..a.offsets[row + 1] {
                out.push(1);
                write_row_key(&a.values, element as usize, out);
            }
            out.push(0);
        }
        Column::Tuple(t) => {
            for element in &t.elements {
                write_row_key(element, row, out);
            }
        }
        Column::Const(c) => write_row_key(&c.value, 0, out),
        Column::Dict(d) => write_row_key(&d.values, d.codes[row] as usize, out),
        Column::Runs(r) => write_row_key(r.values(), r.run_of(row), out),
    }
}

fn ordered_bits(value: f64) -> u64 {
    if value.is_nan() {
        return u64::MAX;
    }
    let bits = if value == 0.0 { 0 } else { value.to_bits() };
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

/// Zero bytes are written `00 FF` and the end `00 00`, so that a prefix sorts first.
fn write_string(value: &[u8], out: &mut Vec<u8>) {
    for byte in value {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xFF);
        }
    }
    out.extend_from_slice(&[0, 0]);
}
