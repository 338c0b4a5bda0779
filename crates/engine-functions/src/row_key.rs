//! Keys that stand for whole rows where only equality matters.

use engine_types::{Column, with_buffer};

use crate::operand::row;

/// A 128-bit key in two halves: entries of a table stay 24 bytes with the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Wide(pub(crate) u64, pub(crate) u64);

impl From<u128> for Wide {
    fn from(v: u128) -> Self {
        Self((v >> 64) as u64, v as u64)
    }
}

/// 128-bit keys of rows: UUIDs as they are, everything else hashed.
pub(crate) fn wide_keys(args: &[Column]) -> Vec<Wide> {
    match args {
        [Column::Uuid(b)] => b.iter().map(|&v| Wide::from(v)).collect(),
        [Column::String(s)] => s
            .iter()
            .map(|s| Wide::from(xxhash_rust::xxh3::xxh3_128(s)))
            .collect(),
        args => {
            let mut buffer = Vec::new();
            (0..args[0].len())
                .map(|i| {
                    buffer.clear();
                    for arg in args {
                        write_key(&mut buffer, arg, i);
                    }
                    Wide::from(xxhash_rust::xxh3::xxh3_128(&buffer))
                })
                .collect()
        }
    }
}

/// Bytes that are equal only for equal values; lengths keep neighbours apart.
fn write_key(out: &mut Vec<u8>, column: &Column, i: usize) {
    match column {
        Column::String(s) => {
            out.extend_from_slice(&row(s.get(i).len()).to_le_bytes());
            out.extend_from_slice(s.get(i));
        }
        Column::Array(a) => {
            let (from, to) = (a.offsets[i], a.offsets[i + 1]);
            out.extend_from_slice(&(to - from).to_le_bytes());
            for at in from..to {
                write_key(out, &a.values, at as usize);
            }
        }
        Column::Tuple(t) => t.elements.iter().for_each(|e| write_key(out, e, i)),
        Column::Nullable(n) => {
            out.push(n.nulls[i]);
            if n.nulls[i] == 0 {
                write_key(out, &n.values, i);
            }
        }
        Column::Const(c) => write_key(out, &c.value, 0),
        Column::Dict(d) => write_key(out, &d.values, d.codes[i] as usize),
        Column::Runs(r) => write_key(out, r.values(), r.run_of(i)),
        Column::Float32(b) => out.extend_from_slice(&b[i].to_bits().to_le_bytes()),
        Column::Float64(b) => out.extend_from_slice(&b[i].to_bits().to_le_bytes()),
        other => with_buffer!(other, b => out.extend_from_slice(&b[i].to_le_bytes()), _ => {}),
    }
}
