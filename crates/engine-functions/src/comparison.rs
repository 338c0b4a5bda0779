//! `equals`, `notEquals`, `less`, `lessOrEquals`, `greater`, `greaterOrEquals` on all comparable types.

use std::cmp::Ordering;

use engine_types::{Buffer, Column, DataType, Value};

use crate::cast::{cast_column, time_to_time, zone_of};
use crate::definition::Definition;
use crate::error::{CANNOT_PARSE_NUMBER, CANNOT_PARSE_TEXT, NO_COMMON_TYPE, TYPE_MISMATCH};
use crate::operand::{Native, Operand, Strings, plain, repeat, uuids, zip};
use crate::text::parse_bytes;
use crate::{Argument, FunctionError, TypedColumn};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Equals,
    NotEquals,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
}

impl Op {
    fn name(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::NotEquals => "notEquals",
            Self::Less => "less",
            Self::LessOrEquals => "lessOrEquals",
            Self::Greater => "greater",
            Self::GreaterOrEquals => "greaterOrEquals",
        }
    }

    fn holds(self, ordering: Option<Ordering>) -> bool {
        match self {
            Self::Equals => ordering == Some(Ordering::Equal),
            Self::NotEquals => ordering != Some(Ordering::Equal),
            Self::Less => ordering == Some(Ordering::Less),
            Self::LessOrEquals => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => ordering == Some(Ordering::Greater),
            Self::GreaterOrEquals => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        }
    }

    /// The same comparison with the sides exchanged.
    fn flipped(self) -> Self {
        match self {
            Self::Equals => Self::Equals,
            Self::NotEquals => Self::NotEquals,
            Self::Less => Self::Greater,
            Self::LessOrEquals => Self::GreaterOrEquals,
            Self::Greater => Self::Less,
            Self::GreaterOrEquals => Self::LessOrEquals,
        }
    }
}

fn comparable(op: Op, args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let (a, b) = (&args[0], &args[1]);
    let illegal = || FunctionError::illegal_types(op.name(), a.ty, b.ty);
    match (a.ty, b.ty) {
        (x, y) if x.is_string() != y.is_string() => {
            let text = if x.is_string() { a } else { b };
            match text.constant {
                Some(Value::String(_)) => Ok(DataType::UInt8),
                _ => Err(FunctionError::new(
                    NO_COMMON_TYPE,
                    format!(
                        "There is no supertype for types {x}, {y} because some of them are String and some of them are not"
                    ),
                )),
            }
        }
        (DataType::Date, y) | (y, DataType::Date) if y.is_number() => Err(illegal()),
        (x, y) if (x.is_number() || x.is_time()) && (y.is_number() || y.is_time()) => Ok(DataType::UInt8),
        (x, y) if x.is_string() && y.is_string() => Ok(DataType::UInt8),
        (DataType::Tuple(x), DataType::Tuple(y)) if x.len() == y.len() => {
            let mut nullable = false;
            for ((_, x), (_, y)) in x.iter().zip(y) {
                nullable |= x.is_nullable() || y.is_nullable();
                let pair = [x, y].map(|ty| Argument {
                    ty: ty.bare(),
                    constant: None,
                });
                comparable(op, &pair)?;
            }
            Ok(if nullable {
                DataType::UInt8.nullable()
            } else {
                DataType::UInt8
            })
        }
        (DataType::Array(x), DataType::Array(y)) => {
            let pair = [x, y].map(|ty| Argument {
                ty: ty.bare(),
                constant: None,
            });
            comparable(op, &pair)
        }
        (DataType::Nothing, _) | (_, DataType::Nothing) => Ok(DataType::UInt8),
        (DataType::AggregateFunction(_), _) | (_, DataType::AggregateFunction(_)) => Err(illegal()),
        (x, y) if std::mem::discriminant(x) == std::mem::discriminant(y) => Ok(DataType::UInt8),
        _ => Err(illegal()),
    }
}

/// The mask of `a op b`; NULLs were taken off by the framework.
pub(crate) fn compare(
    op: Op,
    a: &TypedColumn,
    b: &TypedColumn,
    rows: usize,
) -> Result<Column, FunctionError> {
    use DataType as T;
    Ok(Column::UInt8(match (&a.ty, &b.ty) {
        (T::FixedString(_), T::String) | (T::String, T::FixedString(_)) => {
            let text = |c: &TypedColumn| cast_column(&c.column, &c.ty, &T::String);
            strings(op, &Strings::of(&text(a)?)?, &Strings::of(&text(b)?)?, rows)
        }
        (x, y) if x.is_string() && y.is_string() => {
            strings(op, &Strings::of(&a.column)?, &Strings::of(&b.column)?, rows)
        }
        (x, y) if x.is_string() && !y.is_string() => {
            return compare(op.flipped(), b, a, rows);
        }
        (x, y) if y.is_string() => return compare(op, a, &converted(b, x)?, rows),
        (T::Date, T::DateTime(tz)) => {
            let midnight = time_as(a, &T::DateTime(*tz))?;
            return compare(op, &midnight, b, rows);
        }
        (T::Date, T::DateTime64(_, tz)) => {
            let midnight = time_as(a, &T::DateTime(*tz))?;
            return compare(op, &midnight, b, rows);
        }
        (T::DateTime(_) | T::DateTime64(..), T::Date) => return compare(op.flipped(), b, a, rows),
        (T::DateTime(_), T::DateTime64(precision, _)) => {
            let scaled = time_as(a, &T::DateTime64(*precision, None))?;
            numbers(op, &scaled.column, &b.column, rows)?
        }
        (T::DateTime64(..), T::DateTime(_)) => return compare(op.flipped(), b, a, rows),
        (T::DateTime64(p, _), T::DateTime64(q, _)) if p != q => {
            let finer = T::DateTime64(*p.max(q), None);
            let (a, b) = (time_as(a, &finer)?, time_as(b, &finer)?);
            numbers(op, &a.column, &b.column, rows)?
        }
        (T::DateTime64(precision, _), y) if y.is_number() => {
            let scaled = cast_column(&b.column, y, &T::DateTime64(*precision, None))?;
            numbers(op, &a.column, &scaled, rows)?
        }
        (x, T::DateTime64(..)) if x.is_number() => return compare(op.flipped(), b, a, rows),
        (T::Uuid, T::Uuid) => fixed(op, &uuids(&a.column)?, &uuids(&b.column)?, rows),
        (T::Tuple(_), T::Tuple(_)) => return tuples(op, a, b, rows),
        (x, y) if !x.is_number() && !x.is_time() && !y.is_number() => (0..rows)
            .map(|i| u8::from(op.holds(Some(a.column.value(i).total_cmp(&b.column.value(i))))))
            .collect(),
        _ => numbers(op, &a.column, &b.column, rows)?,
    }))
}

fn time_as(arg: &TypedColumn, ty: &DataType) -> Result<TypedColumn, FunctionError> {
    let column = match &arg.column {
        Column::Const(c) => repeat(time_to_time(&c.value, &arg.ty, ty, zone_of(ty))?, c.len),
        other => time_to_time(&other.flatten(), &arg.ty, ty, zone_of(ty))?,
    };
    Ok(TypedColumn {
        ty: ty.clone(),
        column,
    })
}

/// A constant string as a value of the type it is compared with; error 53 when it is none.
fn converted(text: &TypedColumn, ty: &DataType) -> Result<TypedColumn, FunctionError> {
    let strings = Strings::of(&text.column)?;
    if strings.constant().is_none() {
        return Err(FunctionError::new(
            NO_COMMON_TYPE,
            format!("There is no supertype for types {ty}, String"),
        ));
    }
    let s = strings.get(0);
    // A number column may be compared with any number: '1.5' with an integer, -1 with an unsigned one.
    let ty = match ty {
        ty if ty.is_integer() && *ty != DataType::Bool => {
            if s.contains(&b'-') {
                DataType::Int64
            } else {
                DataType::UInt64
            }
        }
        DataType::DateTime(tz) if s.contains(&b'.') => DataType::DateTime64(9, *tz),
        other => other.clone(),
    };
    let value = parse_bytes(s, &ty).map_err(|e| match e.code {
        CANNOT_PARSE_TEXT | CANNOT_PARSE_NUMBER | 32 => FunctionError::new(
            TYPE_MISMATCH,
            format!(
                "Cannot convert string '{}' to type {ty}",
                String::from_utf8_lossy(s)
            ),
        ),
        _ => FunctionError::new(TYPE_MISMATCH, e.message),
    })?;
    Ok(TypedColumn {
        column: Column::constant(&ty, &value, text.column.len()),
        ty,
    })
}

/// One physical form on both sides.
fn fixed<T: Copy + PartialOrd>(op: Op, a: &Operand<T>, b: &Operand<T>, rows: usize) -> Buffer<u8> {
    match op {
        Op::Equals => zip(a, b, rows, |a, b| u8::from(a == b)),
        Op::NotEquals => zip(a, b, rows, |a, b| u8::from(a != b)),
        Op::Less => zip(a, b, rows, |a, b| u8::from(a < b)),
        Op::LessOrEquals => zip(a, b, rows, |a, b| u8::from(a <= b)),
        Op::Greater => zip(a, b, rows, |a, b| u8::from(a > b)),
        Op::GreaterOrEquals => zip(a, b, rows, |a, b| u8::from(a >= b)),
    }
}

/// Physical form below `Const`, `Dict` and `Runs`.
fn form(column: &Column) -> &Column {
    match column {
        Column::Const(c) => form(&c.value),
        Column::Dict(d) => form(&d.values),
        Column::Runs(r) => form(r.values()),
        Column::Nullable(n) => form(&n.values),
        other => other,
    }
}

fn numbers(op: Op, a: &Column, b: &Column, rows: usize) -> Result<Buffer<u8>, FunctionError> {
    macro_rules! same {
        ($t:ty) => {
            fixed(op, &<$t>::operand(a)?, &<$t>::operand(b)?, rows)
        };
    }
    let is_float = |c: &Column| matches!(c, Column::Float32(_) | Column::Float64(_));
    Ok(match (form(a), form(b)) {
        (Column::UInt8(_), Column::UInt8(_)) => same!(u8),
        (Column::UInt16(_), Column::UInt16(_)) => same!(u16),
        (Column::UInt32(_), Column::UInt32(_)) => same!(u32),
        (Column::UInt64(_), Column::UInt64(_)) => same!(u64),
        (Column::Int8(_), Column::Int8(_)) => same!(i8),
        (Column::Int16(_), Column::Int16(_)) => same!(i16),
        (Column::Int32(_), Column::Int32(_)) => same!(i32),
        (Column::Int64(_), Column::Int64(_)) => same!(i64),
        (Column::Float32(_), Column::Float32(_)) => same!(f32),
        (x, y) if is_float(x) && is_float(y) => same!(f64),
        (x, y) if is_float(x) || is_float(y) => {
            let wide = |c: &Column| matches!(c, Column::UInt64(_) | Column::Int64(_));
            if wide(x) || wide(y) {
                exactly(op, a, b, rows)
            } else {
                same!(f64)
            }
        }
        (x, y) => {
            if let Some(mask) = against_literal(op, a, b, rows)? {
                return Ok(mask);
            }
            if let Some(mask) = against_literal(op.flipped(), b, a, rows)? {
                return Ok(mask);
            }
            let unsigned = |c: &Column| {
                matches!(
                    c,
                    Column::UInt8(_) | Column::UInt16(_) | Column::UInt32(_) | Column::UInt64(_)
                )
            };
            let is_u64 = |c: &Column| matches!(c, Column::UInt64(_));
            if unsigned(x) && unsigned(y) {
                same!(u64)
            } else if is_u64(x) || is_u64(y) {
                exactly(op, a, b, rows)
            } else {
                same!(i64)
            }
        }
    })
}

/// An integer column against an integer constant, in the column's own width.
fn against_literal(
    op: Op,
    column: &Column,
    literal: &Column,
    rows: usize,
) -> Result<Option<Buffer<u8>>, FunctionError> {
    let Column::Const(literal) = literal else {
        return Ok(None);
    };
    let value = match literal.value.value(0) {
        Value::UInt(v) => i128::from(v),
        Value::Int(v) => i128::from(v),
        _ => return Ok(None),
    };
    macro_rules! narrow {
        ($t:ty, $b:expr) => {{
            match <$t>::try_from(value) {
                Ok(v) => fixed(op, &Operand::Slice($b.clone()), &Operand::Const(v), rows),
                // Outside the column's range: every row compares alike.
                Err(_) => {
                    let ordering = if value < 0 {
                        Ordering::Greater
                    } else {
                        Ordering::Less
                    };
                    vec![u8::from(op.holds(Some(ordering))); rows].into()
                }
            }
        }};
    }
    Ok(Some(match column {
        Column::UInt8(b) => narrow!(u8, b),
        Column::UInt16(b) => narrow!(u16, b),
        Column::UInt32(b) => narrow!(u32, b),
        Column::UInt64(b) => narrow!(u64, b),
        Column::Int8(b) => narrow!(i8, b),
        Column::Int16(b) => narrow!(i16, b),
        Column::Int32(b) => narrow!(i32, b),
        Column::Int64(b) => narrow!(i64, b),
        _ => return Ok(None),
    }))
}

/// Mixed 64-bit numbers: exact, and slower.
fn exactly(op: Op, a: &Column, b: &Column, rows: usize) -> Buffer<u8> {
    (0..rows)
        .map(|i| u8::from(op.holds(exact_order(&a.value(i), &b.value(i)))))
        .collect()
}

fn exact_order(a: &Value, b: &Value) -> Option<Ordering> {
    let float_against = |float: f64, other: &Value| -> Option<Ordering> {
        let whole = match other {
            Value::UInt(v) => i128::from(*v),
            Value::Int(v) => i128::from(*v),
            _ => return None,
        };
        if float.is_nan() {
            None
        } else if float.abs() >= 1e30 {
            float.partial_cmp(&0.0)
        } else {
            Some((float.floor() as i128).cmp(&whole).then(if float.fract() != 0.0 {
                Ordering::Greater
            } else {
                Ordering::Equal
            }))
        }
    };
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Float(a), b) => float_against(*a, b),
        (a, Value::Float(b)) => float_against(*b, a).map(Ordering::reverse),
        (a, b) => Some(a.total_cmp(b)),
    }
}

fn strings(op: Op, a: &Strings, b: &Strings, rows: usize) -> Buffer<u8> {
    // Equality looks at lengths first, which `==` on slices does.
    match op {
        Op::Equals => (0..rows).map(|i| u8::from(a.get(i) == b.get(i))).collect(),
        Op::NotEquals => (0..rows).map(|i| u8::from(a.get(i) != b.get(i))).collect(),
        _ => (0..rows)
            .map(|i| u8::from(op.holds(Some(a.get(i).cmp(b.get(i))))))
            .collect(),
    }
}

fn tuples(op: Op, a: &TypedColumn, b: &TypedColumn, rows: usize) -> Result<Column, FunctionError> {
    let (Column::Tuple(x), Column::Tuple(y)) = (plain(&a.column), plain(&b.column)) else {
        return Err(FunctionError::form("tuples"));
    };
    let (DataType::Tuple(left), DataType::Tuple(right)) = (&a.ty, &b.ty) else {
        return Err(FunctionError::form("tuples"));
    };
    let nullable = left.iter().chain(right).any(|(_, ty)| ty.is_nullable());
    if nullable {
        let masks: (Vec<Value>, Vec<Value>) = (
            (0..rows).map(|i| a.column.value(i)).collect(),
            (0..rows).map(|i| b.column.value(i)).collect(),
        );
        let results: Vec<Value> = masks
            .0
            .iter()
            .zip(&masks.1)
            .map(|(a, b)| ternary(op, a, b))
            .collect();
        return Ok(Column::from_values(&DataType::UInt8.nullable(), &results));
    }
    let element = |i: usize, op: Op| -> Result<Buffer<u8>, FunctionError> {
        let of = |ty: &DataType, column: &Column| TypedColumn {
            ty: ty.without_low_cardinality().clone(),
            column: column.clone(),
        };
        let (a, b) = (of(&left[i].1, &x.elements[i]), of(&right[i].1, &y.elements[i]));
        match plain(&compare(op, &a, &b, rows)?) {
            Column::UInt8(mask) => Ok(mask),
            _ => Err(FunctionError::form("UInt8")),
        }
    };
    let mut out = vec![u8::from(matches!(op, Op::Equals | Op::LessOrEquals | Op::GreaterOrEquals)); rows];
    let strict = match op {
        Op::Less | Op::LessOrEquals => Op::Less,
        Op::Greater | Op::GreaterOrEquals => Op::Greater,
        Op::Equals | Op::NotEquals => op,
    };
    for i in (0..x.elements.len()).rev() {
        match op {
            Op::Equals => out
                .iter_mut()
                .zip(element(i, op)?.iter())
                .for_each(|(o, m)| *o &= m),
            Op::NotEquals => out
                .iter_mut()
                .zip(element(i, op)?.iter())
                .for_each(|(o, m)| *o |= m),
            _ => {
                let (decided, equal) = (element(i, strict)?, element(i, Op::Equals)?);
                for ((o, d), e) in out.iter_mut().zip(decided.iter()).zip(equal.iter()) {
                    *o = d | (e & *o);
                }
            }
        }
    }
    Ok(Column::UInt8(out.into()))
}

/// Tuple comparison with NULL elements, in three-valued logic.
fn ternary(op: Op, a: &Value, b: &Value) -> Value {
    let (Value::Tuple(a), Value::Tuple(b)) = (a, b) else {
        return Value::Null;
    };
    let mut unknown = false;
    for (x, y) in a.iter().zip(b) {
        if x.is_null() || y.is_null() {
            if matches!(op, Op::Equals | Op::NotEquals) {
                unknown = true;
                continue;
            }
            return Value::Null;
        }
        match x.total_cmp(y) {
            Ordering::Equal => {}
            unequal => return Value::UInt(u64::from(op.holds(Some(unequal)))),
        }
    }
    if unknown {
        Value::Null
    } else {
        Value::UInt(u64::from(op.holds(Some(Ordering::Equal))))
    }
}

fn kernel(op: Op, args: &[TypedColumn], rows: usize) -> Result<Column, FunctionError> {
    compare(op, &args[0], &args[1], rows)
}

/// `a IS NOT DISTINCT FROM b`: NULL equals NULL.
fn same(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let (a_nulls, a) = crate::operand::split_nulls(&args[0].column);
    let (b_nulls, b) = crate::operand::split_nulls(&args[1].column);
    let bare = |ty: &DataType, column: Column| TypedColumn {
        ty: ty.bare().clone(),
        column,
    };
    let equal = if [&args[0].ty, &args[1].ty]
        .iter()
        .any(|t| *t.bare() == DataType::Nothing)
    {
        vec![0; rows]
    } else {
        let mask = compare(Op::Equals, &bare(&args[0].ty, a), &bare(&args[1].ty, b), rows)?;
        (0..rows)
            .map(|i| u8::from(mask.value(i) == Value::UInt(1)))
            .collect()
    };
    let is_null = |nulls: &Option<Buffer<u8>>, i: usize| nulls.as_ref().is_some_and(|n| n[i] != 0);
    Ok(Column::UInt8(
        (0..rows)
            .map(|i| match (is_null(&a_nulls, i), is_null(&b_nulls, i)) {
                (false, false) => equal[i],
                (true, true) => 1,
                _ => 0,
            })
            .collect(),
    ))
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "equals",
        (2, 2),
        |a| comparable(Op::Equals, a),
        |a, _, n| kernel(Op::Equals, a, n),
    ),
    Definition::new(
        "notEquals",
        (2, 2),
        |a| comparable(Op::NotEquals, a),
        |a, _, n| kernel(Op::NotEquals, a, n),
    ),
    Definition::new(
        "less",
        (2, 2),
        |a| comparable(Op::Less, a),
        |a, _, n| kernel(Op::Less, a, n),
    ),
    Definition::new(
        "lessOrEquals",
        (2, 2),
        |a| comparable(Op::LessOrEquals, a),
        |a, _, n| kernel(Op::LessOrEquals, a, n),
    ),
    Definition::new(
        "greater",
        (2, 2),
        |a| comparable(Op::Greater, a),
        |a, _, n| kernel(Op::Greater, a, n),
    ),
    Definition::new(
        "greaterOrEquals",
        (2, 2),
        |a| comparable(Op::GreaterOrEquals, a),
        |a, _, n| kernel(Op::GreaterOrEquals, a, n),
    ),
    Definition::new("isNotDistinctFrom", (2, 2), |_| Ok(DataType::UInt8), same).sees_null(),
    Definition::new(
        "isDistinctFrom",
        (2, 2),
        |_| Ok(DataType::UInt8),
        |a, t, n| {
            let Column::UInt8(mask) = same(a, t, n)? else {
                return Err(FunctionError::form("UInt8"));
            };
            Ok(Column::UInt8(mask.iter().map(|m| 1 - m).collect()))
        },
    )
    .sees_null(),
];
