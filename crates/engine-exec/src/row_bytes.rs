//! One row of a nested column as bytes: equal values have equal bytes, different values different ones.

use engine_types::{Column, with_buffer};

/// Appends the row's value; self-delimiting, so that rows of several columns can follow one another.
pub(crate) fn push_row(column: &Column, row: usize, out: &mut Vec<u8>) {
    with_buffer!(column, b => out.extend_from_slice(&b[row].to_le_bytes()), other => match other {
        Column::String(s) => {
            let bytes = s.get(row);
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(bytes);
        }
        Column::Nullable(n) => {
            out.push(u8::from(n.nulls[row] != 0));
            if n.nulls[row] == 0 {
                push_row(&n.values, row, out);
            }
        }
        Column::Array(a) => {
            let (from, to) = (a.offsets[row], a.offsets[row + 1]);
            out.extend_from_slice(&(to - from).to_le_bytes());
            for i in from..to {
                push_row(&a.values, i as usize, out);
            }
        }
        Column::Tuple(t) => {
            for element in &t.elements {
                push_row(element, row, out);
            }
        }
        Column::Const(c) => push_row(&c.value, 0, out),
        Column::Dict(d) => push_row(&d.values, d.codes[row] as usize, out),
        Column::Runs(r) => push_row(r.values(), r.run_of(row), out),
        _ => unreachable!("fixed-width variants are matched above"),
    });
}
