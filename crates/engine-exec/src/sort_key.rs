//! Sort keys as bytes that compare like the rows: NULL and NaN first or last, descending keys inverted.

use engine_sql::plan::SortKey;
use engine_types::Column;

/// Normalised keys of some rows.
pub(crate) struct SortKeys {
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

/// How one key column sorts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Direction {
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

impl From<&SortKey> for Direction {
    fn from(key: &SortKey) -> Self {
        Self {
            descending: key.descending,
            nulls_first: key.nulls_first,
        }
    }
}

impl SortKeys {
    pub(crate) fn new(columns: &[Column], directions: &[Direction], rows: usize) -> Self {
        let plain: Vec<Column> = columns.iter().map(Column::flatten).collect();
        let mut keys = Self {
            ends: Vec::with_capacity(rows),
            bytes: Vec::with_capacity(rows * 10 * columns.len()),
        };
        for row in 0..rows {
            for (column, direction) in plain.iter().zip(directions) {
                push_key(column, row, *direction, &mut keys.bytes);
            }
            keys.ends.push(keys.bytes.len());
        }
        keys
    }

    pub(crate) fn get(&self, row: u32) -> &[u8] {
        let row = row as usize;
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn byte_size(&self) -> usize {
        self.bytes.capacity() + 8 * self.ends.capacity()
    }

    /// The rows in order, equal ones as they came; only the first `limit`.
    pub(crate) fn order(&self, limit: Option<usize>) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.len() as u32).collect();
        // The row number as last key makes the unstable algorithms stable.
        let compare = |a: &u32, b: &u32| self.get(*a).cmp(self.get(*b)).then(a.cmp(b));
        match limit {
            Some(0) => rows.clear(),
            Some(limit) if limit < rows.len() => {
                rows.select_nth_unstable_by(limit - 1, compare);
                rows.truncate(limit);
                rows.sort_unstable_by(compare);
            }
            _ => rows.sort_unstable_by(compare),
        }
        rows
    }
}

const VALUE: u8 = 1;

fn push_key(column: &Column, row: usize, direction: Direction, out: &mut Vec<u8>) {
    // Values 1; after them NaN 2, NULL 3; before them NULL 00, NaN 01.
    let (null, nan): (&[u8], &[u8]) = if direction.nulls_first {
        (&[0, 0], &[0, 1])
    } else {
        (&[3], &[2])
    };
    let column = match column {
        Column::Nullable(n) => {
            if n.nulls[row] != 0 {
                out.extend_from_slice(null);
                return;
            }
            &n.values
        }
        other => other,
    };
    let is_nan = match column {
        Column::Float32(b) => b[row].is_nan(),
        Column::Float64(b) => b[row].is_nan(),
        _ => false,
    };
    if is_nan {
        out.extend_from_slice(nan);
        return;
    }
    out.push(VALUE);
    let start = out.len();
    push_ascending(column, row, out);
    if direction.descending {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
}

/// Bytes that compare as the values do, and never one a prefix of another.
fn push_ascending(column: &Column, row: usize, out: &mut Vec<u8>) {
    macro_rules! signed {
        ($v:expr, $t:ty, $u:ty) => {
            out.extend_from_slice(&(($v as $u) ^ (1 << (<$t>::BITS - 1))).to_be_bytes())
        };
    }
    match column {
        Column::UInt8(b) => out.push(b[row]),
        Column::UInt16(b) => out.extend_from_slice(&b[row].to_be_bytes()),
        Column::UInt32(b) => out.extend_from_slice(&b[row].to_be_bytes()),
        Column::UInt64(b) => out.extend_from_slice(&b[row].to_be_bytes()),
        Column::Int8(b) => signed!(b[row], i8, u8),
        Column::Int16(b) => signed!(b[row], i16, u16),
        Column::Int32(b) => signed!(b[row], i32, u32),
        Column::Int64(b) => signed!(b[row], i64, u64),
        Column::Float32(b) => push_float(f64::from(b[row]), out),
        Column::Float64(b) => push_float(b[row], out),
        // ClickHouse compares the second half first.
        Column::Uuid(b) => out.extend_from_slice(&b[row].rotate_left(64).to_be_bytes()),
        Column::String(s) => {
            for &byte in s.get(row) {
                out.push(byte);
                if byte == 0 {
                    out.push(0xff);
                }
            }
            out.extend_from_slice(&[0, 0]);
        }
        Column::Nullable(n) => {
            out.push(if n.nulls[row] != 0 { 2 } else { 1 });
            if n.nulls[row] == 0 {
                push_ascending(&n.values, row, out);
            }
        }
        Column::Array(a) => {
            for i in a.offsets[row]..a.offsets[row + 1] {
                out.push(1);
                push_ascending(&a.values, i as usize, out);
            }
            out.push(0);
        }
        Column::Tuple(t) => {
            for element in &t.elements {
                push_ascending(element, row, out);
            }
        }
        Column::Const(c) => push_ascending(&c.value, 0, out),
        Column::Dict(d) => push_ascending(&d.values, d.codes[row] as usize, out),
        Column::Runs(r) => push_ascending(r.values(), r.run_of(row), out),
    }
}

fn push_float(value: f64, out: &mut Vec<u8>) {
    // -0.0 equals 0.0.
    let bits = if value == 0.0 { 0 } else { value.to_bits() };
    let ordered = if bits >> 63 == 0 { bits | (1 << 63) } else { !bits };
    out.extend_from_slice(&ordered.to_be_bytes());
}
