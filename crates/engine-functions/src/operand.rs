//! Typed views of argument columns: a slice or one constant, so that kernels are loops over slices.

use engine_types::{ArrayColumn, Buffer, Column, ConstColumn, NullableColumn, StringColumn};

use crate::{FunctionError, TypedColumn};

/// A fixed-width argument: one value a row, or one for all rows.
#[derive(Clone, Debug)]
pub(crate) enum Operand<T> {
    Const(T),
    Slice(Buffer<T>),
}

impl<T: Copy> Operand<T> {
    #[inline]
    pub(crate) fn at(&self, row: usize) -> T {
        match self {
            Self::Const(v) => *v,
            Self::Slice(s) => s[row],
        }
    }

    pub(crate) fn constant(&self) -> Option<T> {
        match self {
            Self::Const(v) => Some(*v),
            Self::Slice(_) => None,
        }
    }
}

/// `f` of both operands, row by row; each shape is its own loop so that it vectorises.
pub(crate) fn zip<A: Copy, B: Copy, R: Copy>(
    a: &Operand<A>,
    b: &Operand<B>,
    rows: usize,
    f: impl Fn(A, B) -> R,
) -> Buffer<R> {
    match (a, b) {
        (Operand::Const(a), Operand::Const(b)) => vec![f(*a, *b); rows].into(),
        (Operand::Const(a), Operand::Slice(b)) => b.iter().map(|b| f(*a, *b)).collect(),
        (Operand::Slice(a), Operand::Const(b)) => a.iter().map(|a| f(*a, *b)).collect(),
        (Operand::Slice(a), Operand::Slice(b)) => a.iter().zip(b.iter()).map(|(a, b)| f(*a, *b)).collect(),
    }
}

pub(crate) fn map<A: Copy, R: Copy>(a: &Operand<A>, rows: usize, f: impl Fn(A) -> R) -> Buffer<R> {
    match a {
        Operand::Const(a) => vec![f(*a); rows].into(),
        Operand::Slice(a) => a.iter().map(|a| f(*a)).collect(),
    }
}

/// A fixed-width physical type.
pub(crate) trait Native: Copy + PartialOrd + 'static {
    fn column(values: Buffer<Self>) -> Column;

    /// The column's values, converted as `as` does when its form is another number.
    fn operand(column: &Column) -> Result<Operand<Self>, FunctionError>;
}

macro_rules! native {
    ($($t:ty => $variant:ident),*) => {$(
        impl Native for $t {
            fn column(values: Buffer<Self>) -> Column {
                Column::$variant(values)
            }
            fn operand(column: &Column) -> Result<Operand<Self>, FunctionError> {
                Ok(match column {
                    Column::$variant(b) => Operand::Slice(b.clone()),
                    Column::Const(c) => match Self::operand(&c.value)? {
                        Operand::Slice(s) => Operand::Const(s[0]),
                        constant => constant,
                    },
                    Column::Dict(_) | Column::Runs(_) => Self::operand(&column.flatten())?,
                    Column::Nullable(n) => Self::operand(&n.values)?,
                    other => Operand::Slice(engine_types::with_buffer!(
                        other,
                        b => b.iter().map(|&v| v as $t).collect(),
                        _ => return Err(FunctionError::form("numbers"))
                    )),
                })
            }
        }
    )*};
}
native!(
    u8 => UInt8, u16 => UInt16, u32 => UInt32, u64 => UInt64,
    i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64,
    f32 => Float32, f64 => Float64
);

/// The 16-byte operand of a UUID column.
pub(crate) fn uuids(column: &Column) -> Result<Operand<u128>, FunctionError> {
    Ok(match column {
        Column::Uuid(b) => Operand::Slice(b.clone()),
        Column::Const(c) => match uuids(&c.value)? {
            Operand::Slice(s) => Operand::Const(s[0]),
            constant => constant,
        },
        Column::Dict(_) | Column::Runs(_) => uuids(&column.flatten())?,
        Column::Nullable(n) => uuids(&n.values)?,
        _ => return Err(FunctionError::form("UUIDs")),
    })
}

/// A string argument: plain, or one for all rows.
#[derive(Clone, Debug)]
pub(crate) enum Strings {
    Const(StringColumn),
    Plain(StringColumn),
}

impl Strings {
    pub(crate) fn of(column: &Column) -> Result<Self, FunctionError> {
        Ok(match column {
            Column::String(s) => Self::Plain(s.clone()),
            Column::Const(c) => match Self::of(&c.value)? {
                Self::Plain(s) | Self::Const(s) => Self::Const(s),
            },
            Column::Dict(_) | Column::Runs(_) => Self::of(&column.flatten())?,
            Column::Nullable(n) => Self::of(&n.values)?,
            _ => return Err(FunctionError::form("strings")),
        })
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        match self {
            Self::Const(s) => s.get(0),
            Self::Plain(s) => s.get(row),
        }
    }

    pub(crate) fn constant(&self) -> Option<&[u8]> {
        match self {
            Self::Const(s) => Some(s.get(0)),
            Self::Plain(_) => None,
        }
    }

    pub(crate) fn byte_len(&self) -> usize {
        match self {
            Self::Const(s) | Self::Plain(s) => s.byte_len(),
        }
    }
}

/// The column without `Const`, `Dict` and `Runs`, also directly below a `Nullable`.
pub(crate) fn plain(column: &Column) -> Column {
    match column.flatten() {
        Column::Nullable(n) => match &*n.values {
            Column::Const(_) | Column::Dict(_) | Column::Runs(_) => Column::Nullable(NullableColumn {
                nulls: n.nulls.clone(),
                values: Box::new(n.values.flatten()),
            }),
            _ => Column::Nullable(n),
        },
        other => other,
    }
}

/// An array argument as offsets from 0 and plain element values.
pub(crate) fn array(column: &Column) -> Result<ArrayColumn, FunctionError> {
    match column.flatten() {
        Column::Array(a) => {
            let (first, last) = (a.offsets[0], a.offsets[a.offsets.len() - 1]);
            if first == 0 && last as usize == a.values.len() {
                return Ok(ArrayColumn {
                    offsets: a.offsets.clone(),
                    values: Box::new(plain(&a.values)),
                });
            }
            Ok(ArrayColumn {
                offsets: a.offsets.iter().map(|o| o - first).collect(),
                values: Box::new(plain(&a.values.slice(first as usize, (last - first) as usize))),
            })
        }
        Column::Nullable(n) => array(&n.values),
        _ => Err(FunctionError::form("arrays")),
    }
}

pub(crate) fn nullable(values: Column, nulls: impl Into<Buffer<u8>>) -> Column {
    Column::Nullable(NullableColumn {
        nulls: nulls.into(),
        values: Box::new(plain(&values)),
    })
}

/// Null mask and values of a column; the mask is `None` when nothing can be NULL.
pub(crate) fn split_nulls(column: &Column) -> (Option<Buffer<u8>>, Column) {
    match plain(column) {
        Column::Nullable(n) => (Some(n.nulls), *n.values),
        other => (None, other),
    }
}

/// `Const` of the single row of `value`.
pub(crate) fn repeat(value: Column, len: usize) -> Column {
    Column::Const(ConstColumn {
        value: std::sync::Arc::new(value.flatten()),
        len,
    })
}

/// Row indices as the columns' gather wants them.
pub(crate) fn row(index: usize) -> u32 {
    u32::try_from(index).expect("a block has fewer than 2^32 rows")
}

pub(crate) fn i64s(arg: &TypedColumn) -> Result<Operand<i64>, FunctionError> {
    i64::operand(&arg.column)
}
