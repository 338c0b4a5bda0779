//! Column vectors: plain, nullable, nested, and the encoded forms (constant, dictionary, runs) that operators keep.

use std::sync::Arc;

pub use runs::RunsColumn;

use crate::{Buffer, DataType, StringColumn, StringColumnBuilder, Value};

/// Rows of one column. The logical type is in the plan; the variant is the physical form ([`DataType`] says which).
///
/// `Const`, `Dict` and `Runs` are encodings of any other form and may appear for any type, but only outermost: what they
/// encode is plain, except that runs may be of codes (`Runs` of a `Dict`).
#[derive(Clone, Debug)]
pub enum Column {
    UInt8(Buffer<u8>),
    UInt16(Buffer<u16>),
    UInt32(Buffer<u32>),
    UInt64(Buffer<u64>),
    Int8(Buffer<i8>),
    Int16(Buffer<i16>),
    Int32(Buffer<i32>),
    Int64(Buffer<i64>),
    Float32(Buffer<f32>),
    Float64(Buffer<f64>),
    Uuid(Buffer<u128>),
    String(StringColumn),
    Nullable(NullableColumn),
    Array(ArrayColumn),
    Tuple(TupleColumn),
    Const(ConstColumn),
    Dict(DictColumn),
    Runs(RunsColumn),
}

/// `nulls[i] == 1`: row `i` is NULL, and `values` holds some default there.
#[derive(Clone, Debug)]
pub struct NullableColumn {
    pub nulls: Buffer<u8>,
    pub values: Box<Column>,
}

/// Row `i` is `values[offsets[i]..offsets[i + 1]]`; `offsets` has one entry more than there are rows.
#[derive(Clone, Debug)]
pub struct ArrayColumn {
    pub offsets: Buffer<u32>,
    pub values: Box<Column>,
}

/// Element columns, each of `len` rows (an empty tuple still has a length).
#[derive(Clone, Debug)]
pub struct TupleColumn {
    pub elements: Vec<Column>,
    pub len: usize,
}

/// The single row of `value`, `len` times.
#[derive(Clone, Debug)]
pub struct ConstColumn {
    pub value: Arc<Column>,
    pub len: usize,
}

/// Row `i` is `values[codes[i]]`. Values need not be distinct, sorted, or all used.
#[derive(Clone, Debug)]
pub struct DictColumn {
    pub codes: Buffer<u32>,
    pub values: Arc<Column>,
}

/// Runs `$body` with `$b` bound to the buffer of any fixed-width variant; `$other` for the rest.
#[macro_export]
macro_rules! with_buffer {
    ($column:expr, $b:ident => $body:expr, $other:pat => $rest:expr) => {
        match $column {
            $crate::Column::UInt8($b) => $body,
            $crate::Column::UInt16($b) => $body,
            $crate::Column::UInt32($b) => $body,
            $crate::Column::UInt64($b) => $body,
            $crate::Column::Int8($b) => $body,
            $crate::Column::Int16($b) => $body,
            $crate::Column::Int32($b) => $body,
            $crate::Column::Int64($b) => $body,
            $crate::Column::Float32($b) => $body,
            $crate::Column::Float64($b) => $body,
            $crate::Column::Uuid($b) => $body,
            $other => $rest,
        }
    };
}

impl Column {
    pub fn len(&self) -> usize {
        with_buffer!(self, b => b.len(), other => match other {
            Self::String(s) => s.len(),
            Self::Nullable(n) => n.nulls.len(),
            Self::Array(a) => a.offsets.len() - 1,
            Self::Tuple(t) => t.len,
            Self::Const(c) => c.len,
            Self::Dict(d) => d.codes.len(),
            Self::Runs(r) => r.len(),
            _ => unreachable!("fixed-width variants are matched above"),
        })
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// No rows, of the physical form of `ty`.
    pub fn empty(ty: &DataType) -> Self {
        Self::from_values(ty, &[])
    }

    /// `len` rows of the default of `ty`: 0, '', the epoch, the zero UUID, NULL, [].
    pub fn defaults(ty: &DataType, len: usize) -> Self {
        Self::constant(ty, &default_value(ty), len)
    }

    /// `value` repeated `len` times, as a `Const`.
    pub fn constant(ty: &DataType, value: &Value, len: usize) -> Self {
        Self::Const(ConstColumn {
            value: Arc::new(Self::from_values(ty, std::slice::from_ref(value))),
            len,
        })
    }

    pub fn strings<S: AsRef<[u8]>>(values: impl IntoIterator<Item = S>) -> Self {
        Self::String(values.into_iter().collect())
    }

    /// Builds a plain column of type `ty`. Integers outside the type wrap; a value of another kind becomes the default.
    /// Meant for literals, tests and small results, not for inner loops.
    pub fn from_values(ty: &DataType, values: &[Value]) -> Self {
        macro_rules! integers {
            ($variant:ident, $t:ty) => {
                Self::$variant(values.iter().map(|v| integer(v) as $t).collect())
            };
        }
        match ty {
            DataType::LowCardinality(inner) => Self::from_values(inner, values),
            DataType::Nullable(inner) => Self::Nullable(NullableColumn {
                nulls: values.iter().map(|v| u8::from(v.is_null())).collect(),
                values: Box::new(Self::from_values(inner, values)),
            }),
            DataType::Nothing | DataType::Bool | DataType::UInt8 => integers!(UInt8, u8),
            DataType::UInt16 | DataType::Date => integers!(UInt16, u16),
            DataType::UInt32 | DataType::DateTime(_) => integers!(UInt32, u32),
            DataType::UInt64 => integers!(UInt64, u64),
            DataType::Int8 => integers!(Int8, i8),
            DataType::Int16 => integers!(Int16, i16),
            DataType::Int32 => integers!(Int32, i32),
            DataType::Int64 | DataType::DateTime64(..) | DataType::Interval(_) => integers!(Int64, i64),
            DataType::Float32 => Self::Float32(values.iter().map(|v| float(v) as f32).collect()),
            DataType::Float64 => Self::Float64(values.iter().map(float).collect()),
            DataType::Uuid => Self::Uuid(
                values
                    .iter()
                    .map(|v| if let Value::Uuid(u) = v { *u } else { 0 })
                    .collect(),
            ),
            DataType::String | DataType::AggregateFunction(_) => {
                Self::String(values.iter().map(string).collect())
            }
            DataType::FixedString(n) => Self::String(
                values
                    .iter()
                    .map(|v| {
                        let mut bytes = string(v).to_vec();
                        bytes.resize(*n, 0);
                        bytes
                    })
                    .collect(),
            ),
            DataType::Array(inner) => {
                let (offsets, flat) = flatten(values);
                Self::Array(ArrayColumn {
                    offsets,
                    values: Box::new(Self::from_values(inner, &flat)),
                })
            }
            DataType::Map(key, value) => {
                let (offsets, flat) = flatten(values);
                let pair = DataType::Tuple(vec![(None, (**key).clone()), (None, (**value).clone())]);
                Self::Array(ArrayColumn {
                    offsets,
                    values: Box::new(Self::from_values(&pair, &flat)),
                })
            }
            DataType::Tuple(elements) => Self::Tuple(TupleColumn {
                elements: elements
                    .iter()
                    .enumerate()
                    .map(|(i, (_, ty))| {
                        let of_element: Vec<Value> = values
                            .iter()
                            .map(|v| match v {
                                Value::Tuple(t) => t.get(i).cloned().unwrap_or_else(|| default_value(ty)),
                                _ => default_value(ty),
                            })
                            .collect();
                        Self::from_values(ty, &of_element)
                    })
                    .collect(),
                len: values.len(),
            }),
        }
    }

    /// The value of one row. O(1) except for arrays and tuples; not for inner loops.
    pub fn value(&self, row: usize) -> Value {
        match self {
            Self::UInt8(b) => Value::UInt(u64::from(b[row])),
            Self::UInt16(b) => Value::UInt(u64::from(b[row])),
            Self::UInt32(b) => Value::UInt(u64::from(b[row])),
            Self::UInt64(b) => Value::UInt(b[row]),
            Self::Int8(b) => Value::Int(i64::from(b[row])),
            Self::Int16(b) => Value::Int(i64::from(b[row])),
            Self::Int32(b) => Value::Int(i64::from(b[row])),
            Self::Int64(b) => Value::Int(b[row]),
            Self::Float32(b) => Value::Float(f64::from(b[row])),
            Self::Float64(b) => Value::Float(b[row]),
            Self::Uuid(b) => Value::Uuid(b[row]),
            Self::String(s) => Value::String(s.get(row).to_vec()),
            Self::Nullable(n) if n.nulls[row] != 0 => Value::Null,
            Self::Nullable(n) => n.values.value(row),
            Self::Array(a) => Value::Array(
                (a.offsets[row]..a.offsets[row + 1])
                    .map(|i| a.values.value(i as usize))
                    .collect(),
            ),
            Self::Tuple(t) => Value::Tuple(t.elements.iter().map(|e| e.value(row)).collect()),
            Self::Const(c) => c.value.value(0),
            Self::Dict(d) => d.values.value(d.codes[row] as usize),
            Self::Runs(r) => r.values().value(r.run_of(row)),
        }
    }

    /// The same rows without `Const`, `Dict` or `Runs` at the top. O(1) when already plain.
    pub fn flatten(&self) -> Self {
        match self {
            Self::Const(c) => c.value.gather(&vec![0; c.len]),
            Self::Dict(d) => d.values.gather(&d.codes),
            Self::Runs(r) => r.values().flatten().gather(&r.run_numbers()),
            plain => plain.clone(),
        }
    }

    /// The same rows, a value for each: codes where the runs are of codes. O(1) for other forms.
    pub fn without_runs(&self) -> Self {
        match self {
            Self::Runs(r) => r.values().gather(&r.run_numbers()),
            other => other.clone(),
        }
    }

    /// Rows `start..start + len`, sharing memory.
    pub fn slice(&self, start: usize, len: usize) -> Self {
        match self {
            Self::UInt8(b) => Self::UInt8(b.slice(start, len)),
            Self::UInt16(b) => Self::UInt16(b.slice(start, len)),
            Self::UInt32(b) => Self::UInt32(b.slice(start, len)),
            Self::UInt64(b) => Self::UInt64(b.slice(start, len)),
            Self::Int8(b) => Self::Int8(b.slice(start, len)),
            Self::Int16(b) => Self::Int16(b.slice(start, len)),
            Self::Int32(b) => Self::Int32(b.slice(start, len)),
            Self::Int64(b) => Self::Int64(b.slice(start, len)),
            Self::Float32(b) => Self::Float32(b.slice(start, len)),
            Self::Float64(b) => Self::Float64(b.slice(start, len)),
            Self::Uuid(b) => Self::Uuid(b.slice(start, len)),
            Self::String(s) => Self::String(s.slice(start, len)),
            Self::Nullable(n) => Self::Nullable(NullableColumn {
                nulls: n.nulls.slice(start, len),
                values: Box::new(n.values.slice(start, len)),
            }),
            Self::Array(a) => Self::Array(ArrayColumn {
                offsets: a.offsets.slice(start, len + 1),
                values: a.values.clone(),
            }),
            Self::Tuple(t) => Self::Tuple(TupleColumn {
                elements: t.elements.iter().map(|e| e.slice(start, len)).collect(),
                len,
            }),
            Self::Const(c) => {
                assert!(start + len <= c.len, "slice {start}+{len} of {}", c.len);
                Self::Const(ConstColumn {
                    value: c.value.clone(),
                    len,
                })
            }
            Self::Dict(d) => Self::Dict(DictColumn {
                codes: d.codes.slice(start, len),
                values: d.values.clone(),
            }),
            Self::Runs(r) => r.slice(start, len),
        }
    }

    /// Rows at `rows`, in that order, repeats allowed. Keeps `Const` and `Dict`, and `Runs` where `rows` ascend.
    pub fn gather(&self, rows: &[u32]) -> Self {
        fn pick<T: Copy>(b: &[T], rows: &[u32]) -> Buffer<T> {
            rows.iter().map(|&r| b[r as usize]).collect()
        }
        match self {
            Self::UInt8(b) => Self::UInt8(pick(b, rows)),
            Self::UInt16(b) => Self::UInt16(pick(b, rows)),
            Self::UInt32(b) => Self::UInt32(pick(b, rows)),
            Self::UInt64(b) => Self::UInt64(pick(b, rows)),
            Self::Int8(b) => Self::Int8(pick(b, rows)),
            Self::Int16(b) => Self::Int16(pick(b, rows)),
            Self::Int32(b) => Self::Int32(pick(b, rows)),
            Self::Int64(b) => Self::Int64(pick(b, rows)),
            Self::Float32(b) => Self::Float32(pick(b, rows)),
            Self::Float64(b) => Self::Float64(pick(b, rows)),
            Self::Uuid(b) => Self::Uuid(pick(b, rows)),
            Self::String(s) => {
                // Growing while writing would copy the bytes several times over.
                let bytes = rows.iter().map(|&row| s.get(row as usize).len()).sum();
                let mut out = StringColumnBuilder::with_capacity(rows.len(), bytes);
                for &row in rows {
                    out.push(s.get(row as usize));
                }
                Self::String(out.finish())
            }
            Self::Nullable(n) => Self::Nullable(NullableColumn {
                nulls: pick(&n.nulls, rows),
                values: Box::new(n.values.gather(rows)),
            }),
            Self::Array(a) => {
                let ranges = rows
                    .iter()
                    .map(|&row| (a.offsets[row as usize], a.offsets[row as usize + 1]));
                let ranges: Vec<(u32, u32)> = ranges.collect();
                Self::Array(ArrayColumn {
                    offsets: ends_of(&ranges),
                    values: Box::new(a.values.gather_ranges(&ranges)),
                })
            }
            Self::Tuple(t) => Self::Tuple(TupleColumn {
                elements: t.elements.iter().map(|e| e.gather(rows)).collect(),
                len: rows.len(),
            }),
            Self::Const(c) => Self::Const(ConstColumn {
                value: c.value.clone(),
                len: rows.len(),
            }),
            Self::Dict(d) => Self::Dict(DictColumn {
                codes: pick(&d.codes, rows),
                values: d.values.clone(),
            }),
            Self::Runs(r) => r.gather(rows),
        }
    }

    /// Rows of the half-open ranges, one range after the other, repeats allowed: what [`Column::gather`] makes of their
    /// rows, in fewer and longer copies.
    pub fn gather_ranges(&self, ranges: &[(u32, u32)]) -> Self {
        fn copy<T: Copy>(b: &[T], ranges: &[(u32, u32)]) -> Buffer<T> {
            let mut out = Vec::with_capacity(total(ranges));
            for &(from, to) in ranges {
                out.extend_from_slice(&b[from as usize..to as usize]);
            }
            out.into()
        }
        match self {
            Self::UInt8(b) => Self::UInt8(copy(b, ranges)),
            Self::UInt16(b) => Self::UInt16(copy(b, ranges)),
            Self::UInt32(b) => Self::UInt32(copy(b, ranges)),
            Self::UInt64(b) => Self::UInt64(copy(b, ranges)),
            Self::Int8(b) => Self::Int8(copy(b, ranges)),
            Self::Int16(b) => Self::Int16(copy(b, ranges)),
            Self::Int32(b) => Self::Int32(copy(b, ranges)),
            Self::Int64(b) => Self::Int64(copy(b, ranges)),
            Self::Float32(b) => Self::Float32(copy(b, ranges)),
            Self::Float64(b) => Self::Float64(copy(b, ranges)),
            Self::Uuid(b) => Self::Uuid(copy(b, ranges)),
            Self::String(_) => {
                let rows: Vec<u32> = ranges.iter().flat_map(|&(from, to)| from..to).collect();
                self.gather(&rows)
            }
            Self::Nullable(n) => Self::Nullable(NullableColumn {
                nulls: copy(&n.nulls, ranges),
                values: Box::new(n.values.gather_ranges(ranges)),
            }),
            Self::Array(a) => {
                // Neighbours have their elements side by side: one range of rows is one range of elements.
                let elements = ranges
                    .iter()
                    .map(|&(from, to)| (a.offsets[from as usize], a.offsets[to as usize]));
                let elements: Vec<(u32, u32)> = elements.collect();
                let mut offsets = Vec::with_capacity(total(ranges) + 1);
                offsets.push(0u32);
                for (&(from, to), &(first, _)) in ranges.iter().zip(&elements) {
                    let base = offsets[offsets.len() - 1];
                    let ends = &a.offsets[from as usize + 1..to as usize + 1];
                    offsets.extend(ends.iter().map(|end| sum(base, end - first)));
                }
                Self::Array(ArrayColumn {
                    offsets: offsets.into(),
                    values: Box::new(a.values.gather_ranges(&elements)),
                })
            }
            Self::Tuple(t) => Self::Tuple(TupleColumn {
                elements: t.elements.iter().map(|e| e.gather_ranges(ranges)).collect(),
                len: total(ranges),
            }),
            Self::Const(c) => Self::Const(ConstColumn {
                value: c.value.clone(),
                len: total(ranges),
            }),
            Self::Dict(d) => Self::Dict(DictColumn {
                codes: copy(&d.codes, ranges),
                values: d.values.clone(),
            }),
            Self::Runs(_) => self.without_runs().gather_ranges(ranges),
        }
    }

    /// Rows where `keep` is not 0. Panics when the lengths differ.
    pub fn filter(&self, keep: &[u8]) -> Self {
        assert_eq!(self.len(), keep.len(), "filter mask length");
        self.gather(&selected(keep))
    }

    /// As [`Column::concat`], but runs if all columns are `Runs` or `Const`.
    pub fn concat_runs(columns: &[&Self]) -> Self {
        match columns {
            [one] => (*one).clone(),
            _ => runs::concat(columns).unwrap_or_else(|| Self::concat(columns)),
        }
    }

    /// All columns one after the other, plain unless all are `Dict` (or `Runs` of one) over one dictionary. Panics when
    /// `columns` is empty or their physical forms differ.
    pub fn concat(columns: &[&Self]) -> Self {
        if columns.len() == 1 {
            return columns[0].clone();
        }
        let columns: Vec<Self> = columns.iter().map(|c| c.without_runs()).collect();
        if let Some(shared) = concat_dicts(&columns) {
            return shared;
        }
        let flat: Vec<Self> = columns.iter().map(|c| c.flatten()).collect();
        macro_rules! buffers {
            ($variant:ident) => {{
                let mut out = Vec::with_capacity(flat.iter().map(Self::len).sum());
                for column in &flat {
                    let Self::$variant(b) = column else {
                        panic!("concat of different column forms")
                    };
                    out.extend_from_slice(b);
                }
                Self::$variant(out.into())
            }};
        }
        match &flat[0] {
            Self::UInt8(_) => buffers!(UInt8),
            Self::UInt16(_) => buffers!(UInt16),
            Self::UInt32(_) => buffers!(UInt32),
            Self::UInt64(_) => buffers!(UInt64),
            Self::Int8(_) => buffers!(Int8),
            Self::Int16(_) => buffers!(Int16),
            Self::Int32(_) => buffers!(Int32),
            Self::Int64(_) => buffers!(Int64),
            Self::Float32(_) => buffers!(Float32),
            Self::Float64(_) => buffers!(Float64),
            Self::Uuid(_) => buffers!(Uuid),
            Self::String(_) => {
                let bytes = flat
                    .iter()
                    .map(|c| if let Self::String(s) = c { s.byte_len() } else { 0 })
                    .sum();
                let mut out = StringColumnBuilder::with_capacity(flat.iter().map(Self::len).sum(), bytes);
                for column in &flat {
                    let Self::String(s) = column else {
                        panic!("concat of different column forms")
                    };
                    for value in s.iter() {
                        out.push(value);
                    }
                }
                Self::String(out.finish())
            }
            Self::Nullable(_) => {
                let parts: Vec<&NullableColumn> = flat
                    .iter()
                    .map(|c| {
                        if let Self::Nullable(n) = c {
                            n
                        } else {
                            panic!("concat of different column forms")
                        }
                    })
                    .collect();
                Self::Nullable(NullableColumn {
                    nulls: parts.iter().flat_map(|n| n.nulls.iter().copied()).collect(),
                    values: Box::new(Self::concat(
                        &parts.iter().map(|n| &*n.values).collect::<Vec<_>>(),
                    )),
                })
            }
            Self::Array(_) => {
                let parts: Vec<&ArrayColumn> = flat
                    .iter()
                    .map(|c| {
                        if let Self::Array(a) = c {
                            a
                        } else {
                            panic!("concat of different column forms")
                        }
                    })
                    .collect();
                let mut offsets = vec![0u32];
                let mut inner = Vec::new();
                for part in &parts {
                    let (first, last) = (part.offsets[0], part.offsets[part.offsets.len() - 1]);
                    let base = offsets[offsets.len() - 1];
                    offsets.extend(part.offsets[1..].iter().map(|o| base + (o - first)));
                    inner.push(part.values.slice(first as usize, (last - first) as usize));
                }
                Self::Array(ArrayColumn {
                    offsets: offsets.into(),
                    values: Box::new(Self::concat(&inner.iter().collect::<Vec<_>>())),
                })
            }
            Self::Tuple(first) => {
                let parts: Vec<&TupleColumn> = flat
                    .iter()
                    .map(|c| {
                        if let Self::Tuple(t) = c {
                            t
                        } else {
                            panic!("concat of different column forms")
                        }
                    })
                    .collect();
                Self::Tuple(TupleColumn {
                    elements: (0..first.elements.len())
                        .map(|i| Self::concat(&parts.iter().map(|t| &t.elements[i]).collect::<Vec<_>>()))
                        .collect(),
                    len: parts.iter().map(|t| t.len).sum(),
                })
            }
            Self::Const(_) | Self::Dict(_) | Self::Runs(_) => unreachable!("flattened above"),
        }
    }

    /// Bytes of memory the column points at; a shared dictionary counts in full.
    pub fn byte_size(&self) -> usize {
        with_buffer!(self, b => size_of_val(&**b), other => match other {
            Self::String(s) => s.byte_len() + 4 * (s.len() + 1),
            Self::Nullable(n) => n.nulls.len() + n.values.byte_size(),
            Self::Array(a) => 4 * a.offsets.len() + a.values.byte_size(),
            Self::Tuple(t) => t.elements.iter().map(Self::byte_size).sum(),
            Self::Const(c) => c.value.byte_size(),
            Self::Dict(d) => 4 * d.codes.len() + d.values.byte_size(),
            Self::Runs(r) => r.byte_size(),
            _ => unreachable!("fixed-width variants are matched above"),
        })
    }
}

fn total(ranges: &[(u32, u32)]) -> usize {
    ranges.iter().map(|(from, to)| (to - from) as usize).sum()
}

fn sum(base: u32, len: u32) -> u32 {
    base.checked_add(len)
        .expect("fewer than 2^32 array elements in a block")
}

/// Offsets of arrays whose elements are these ranges.
fn ends_of(ranges: &[(u32, u32)]) -> Buffer<u32> {
    let mut end = 0;
    std::iter::once(0)
        .chain(ranges.iter().map(|(from, to)| {
            end = sum(end, to - from);
            end
        }))
        .collect()
}

/// Indices of the rows where `keep` is not 0.
pub(crate) fn selected(keep: &[u8]) -> Vec<u32> {
    let mut out = Vec::with_capacity(keep.len());
    for (row, &k) in keep.iter().enumerate() {
        if k != 0 {
            out.push(u32::try_from(row).expect("a block has fewer than 2^32 rows"));
        }
    }
    out
}

fn concat_dicts(columns: &[Column]) -> Option<Column> {
    let Column::Dict(first) = columns.first()? else {
        return None;
    };
    let mut codes = Vec::with_capacity(columns.iter().map(|c| c.len()).sum());
    for column in columns {
        match column {
            Column::Dict(d) if Arc::ptr_eq(&d.values, &first.values) => codes.extend_from_slice(&d.codes),
            _ => return None,
        }
    }
    Some(Column::Dict(DictColumn {
        codes: codes.into(),
        values: first.values.clone(),
    }))
}

fn default_value(ty: &DataType) -> Value {
    match ty {
        DataType::Nullable(_) => Value::Null,
        DataType::LowCardinality(inner) => default_value(inner),
        DataType::String | DataType::FixedString(_) | DataType::AggregateFunction(_) => {
            Value::String(Vec::new())
        }
        DataType::Uuid => Value::Uuid(0),
        DataType::Float32 | DataType::Float64 => Value::Float(0.0),
        DataType::Array(_) | DataType::Map(..) => Value::Array(Vec::new()),
        DataType::Tuple(elements) => Value::Tuple(elements.iter().map(|(_, ty)| default_value(ty)).collect()),
        _ => Value::UInt(0),
    }
}

fn flatten(values: &[Value]) -> (Buffer<u32>, Vec<Value>) {
    let (mut offsets, mut flat) = (vec![0u32], Vec::new());
    for value in values {
        if let Value::Array(items) = value {
            flat.extend_from_slice(items);
        }
        offsets.push(u32::try_from(flat.len()).expect("fewer than 2^32 array elements in a block"));
    }
    (offsets.into(), flat)
}
fn integer(value: &Value) -> i128 {
    match value {
        Value::UInt(v) => i128::from(*v),
        Value::Int(v) => i128::from(*v),
        Value::Float(v) => *v as i128,
        _ => 0,
    }
}
fn float(value: &Value) -> f64 {
    match value {
        Value::UInt(v) => *v as f64,
        Value::Int(v) => *v as f64,
        Value::Float(v) => *v,
        _ => 0.0,
    }
}

fn string(value: &Value) -> &[u8] {
    match value {
        Value::String(s) => s,
        _ => b"",
    }
}

mod allocations;
mod runs;
#[cfg(test)]
mod tests;
