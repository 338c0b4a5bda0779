//! `plus`, `minus`, `multiply`, `divide`, `intDiv`, `modulo`, `negate`, `abs` and bit operations.

use engine_types::{Column, DataType, IntervalUnit, TupleColumn};

use crate::definition::Definition;
use crate::error::ILLEGAL_DIVISION;
use crate::interval::{move_times, moved_type};
use crate::operand::{Native, Operand, i64s, map, plain, zip};
use crate::supertype::{integer, width};
use crate::{Argument, FunctionError, TypedColumn};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Plus,
    Minus,
    Multiply,
}

impl Op {
    fn name(self) -> &'static str {
        match self {
            Self::Plus => "plus",
            Self::Minus => "minus",
            Self::Multiply => "multiply",
        }
    }
}

fn wider(bytes: usize) -> usize {
    (bytes * 2).min(8)
}

fn result_type(op: Op, a: &DataType, b: &DataType) -> Result<DataType, FunctionError> {
    use DataType as T;
    Ok(match (op, a, b) {
        (_, a, b) if a.is_number() && b.is_number() => {
            if a.is_float() || b.is_float() {
                T::Float64
            } else {
                let signed = a.is_signed() || b.is_signed() || op == Op::Minus;
                integer(signed, wider(width(a).max(width(b))))
            }
        }
        (Op::Plus | Op::Minus, a, T::Interval(unit)) if a.is_time() => moved_type(op.name(), a, *unit)?,
        (Op::Plus, T::Interval(unit), b) if b.is_time() => moved_type(op.name(), b, *unit)?,
        (Op::Plus | Op::Minus, T::Interval(x), T::Interval(y)) if x == y => a.clone(),
        (Op::Minus, T::Date | T::DateTime(_), T::Date | T::DateTime(_)) if a.is_time() && same_kind(a, b) => {
            T::Int32
        }
        // ClickHouse answers a Decimal here; seconds as a Float64 keep the fraction.
        (Op::Minus, a, b) if a.is_time() && b.is_time() => T::Float64,
        (Op::Plus | Op::Minus, a, b) if a.is_time() && b.is_integer() => a.clone(),
        (Op::Plus, a, b) if b.is_time() && a.is_integer() => b.clone(),
        (Op::Plus | Op::Minus, T::Tuple(x), T::Tuple(y)) if x.len() == y.len() => T::Tuple(
            x.iter()
                .zip(y)
                .map(|((_, x), (_, y))| Ok((None, result_type(op, x, y)?)))
                .collect::<Result<_, FunctionError>>()?,
        ),
        _ => return Err(FunctionError::illegal_types(op.name(), a, b)),
    })
}

fn same_kind(a: &DataType, b: &DataType) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn eval(op: Op, args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let (a, b) = (&args[0], &args[1]);
    let sign = if op == Op::Minus { -1 } else { 1 };
    let day_or_second = |ty: &DataType| {
        if *ty == DataType::Date {
            IntervalUnit::Day
        } else {
            IntervalUnit::Second
        }
    };
    match (&a.ty, &b.ty) {
        (x, DataType::Interval(unit)) if x.is_time() => move_times(a, &i64s(b)?, *unit, sign, rows),
        (DataType::Interval(unit), y) if y.is_time() => move_times(b, &i64s(a)?, *unit, sign, rows),
        (x, y) if x.is_time() && y.is_time() && *result == DataType::Float64 => {
            let (x, y) = (exact_seconds(a)?, exact_seconds(b)?);
            Ok(Column::Float64(zip(&x, &y, rows, |x, y| x - y)))
        }
        (x, y) if x.is_time() && y.is_integer() => move_times(a, &i64s(b)?, day_or_second(x), sign, rows),
        (x, y) if y.is_time() && x.is_integer() => move_times(b, &i64s(a)?, day_or_second(y), sign, rows),
        (DataType::Tuple(x), DataType::Tuple(y)) => {
            let (Column::Tuple(left), Column::Tuple(right), DataType::Tuple(results)) =
                (plain(&a.column), plain(&b.column), result)
            else {
                return Err(FunctionError::form("tuples"));
            };
            let element = |i: usize| {
                let of = |types: &[(Option<String>, DataType)], t: &TupleColumn| TypedColumn {
                    ty: types[i].1.clone(),
                    column: t.elements[i].clone(),
                };
                eval(op, &[of(x, &left), of(y, &right)], &results[i].1, rows)
            };
            Ok(Column::Tuple(TupleColumn {
                elements: (0..x.len()).map(element).collect::<Result<_, _>>()?,
                len: rows,
            }))
        }
        _ => numbers(op, &a.column, &b.column, result, rows),
    }
}

fn exact_seconds(arg: &TypedColumn) -> Result<Operand<f64>, FunctionError> {
    let scale = match &arg.ty {
        DataType::DateTime64(p, _) => 10f64.powi(-i32::from(*p)),
        DataType::Date => 86_400.0,
        _ => 1.0,
    };
    Ok(match f64::operand(&arg.column)? {
        Operand::Const(v) => Operand::Const(v * scale),
        Operand::Slice(s) => Operand::Slice(s.iter().map(|v| v * scale).collect()),
    })
}

fn numbers(op: Op, a: &Column, b: &Column, result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    macro_rules! wrapping {
        ($t:ty) => {{
            let (a, b) = (<$t>::operand(a)?, <$t>::operand(b)?);
            <$t>::column(match op {
                Op::Plus => zip(&a, &b, rows, <$t>::wrapping_add),
                Op::Minus => zip(&a, &b, rows, <$t>::wrapping_sub),
                Op::Multiply => zip(&a, &b, rows, <$t>::wrapping_mul),
            })
        }};
    }
    Ok(match result {
        DataType::UInt16 => wrapping!(u16),
        DataType::UInt32 => wrapping!(u32),
        DataType::UInt64 => wrapping!(u64),
        DataType::Int16 => wrapping!(i16),
        DataType::Int32 => wrapping!(i32),
        DataType::Int64 | DataType::Interval(_) => wrapping!(i64),
        _ => {
            let (a, b) = (f64::operand(a)?, f64::operand(b)?);
            Column::Float64(match op {
                Op::Plus => zip(&a, &b, rows, |a, b| a + b),
                Op::Minus => zip(&a, &b, rows, |a, b| a - b),
                Op::Multiply => zip(&a, &b, rows, |a, b| a * b),
            })
        }
    })
}

fn both_numbers(function: &str, args: &[Argument<'_>]) -> Result<(), FunctionError> {
    if args.iter().all(|a| a.ty.is_number()) {
        Ok(())
    } else {
        Err(FunctionError::illegal_types(function, args[0].ty, args[1].ty))
    }
}

fn divide(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let (a, b) = (f64::operand(&args[0].column)?, f64::operand(&args[1].column)?);
    Ok(Column::Float64(zip(&a, &b, rows, |a, b| a / b)))
}

fn division_by_zero() -> FunctionError {
    FunctionError::new(ILLEGAL_DIVISION, "Division by zero")
}

/// An integer division (quotient or remainder) of each width, and by powers of two, which needs no division.
struct Division<U, S, W, V, T> {
    unsigned: U,
    signed: S,
    wide: W,
    unsigned_by_power: V,
    signed_by_power: T,
}

/// Runs an integer division in the narrowest of u64, i64 and i128 that holds both operands.
fn integer_division(
    args: &[TypedColumn],
    result: &DataType,
    rows: usize,
    division: &Division<
        impl Fn(u64, u64) -> u64,
        impl Fn(i64, i64) -> i64,
        impl Fn(i128, i128) -> i128,
        impl Fn(u64, u32) -> u64,
        impl Fn(i64, u32) -> i64,
    >,
) -> Result<Column, FunctionError> {
    let (a, b) = (&args[0], &args[1]);
    let wide_mix = [a, b].iter().any(|x| x.ty == DataType::UInt64) && [a, b].iter().any(|x| x.ty.is_signed());
    let any_zero = match u64::operand(&b.column)? {
        Operand::Const(v) => v == 0,
        Operand::Slice(s) => s.contains(&0),
    };
    if any_zero {
        return Err(division_by_zero());
    }
    let quotient = if wide_mix {
        let (a, b) = (Wide::of(a)?, Wide::of(b)?);
        let values = (0..rows).map(|i| (division.wide)(a.at(i), b.at(i)) as i64);
        Column::Int64(values.collect())
    } else if a.ty.is_signed() || b.ty.is_signed() {
        match (&i64s(a)?, &i64s(b)?) {
            (Operand::Slice(a), Operand::Const(b)) if b.count_ones() == 1 && *b > 0 => {
                let power = b.trailing_zeros();
                Column::Int64(a.iter().map(|&a| (division.signed_by_power)(a, power)).collect())
            }
            (a, b) => Column::Int64(zip(a, b, rows, &division.signed)),
        }
    } else {
        match (&u64::operand(&a.column)?, &u64::operand(&b.column)?) {
            (Operand::Slice(a), Operand::Const(b)) if b.is_power_of_two() => {
                let power = b.trailing_zeros();
                Column::UInt64(
                    a.iter()
                        .map(|&a| (division.unsigned_by_power)(a, power))
                        .collect(),
                )
            }
            (a, b) => Column::UInt64(zip(a, b, rows, &division.unsigned)),
        }
    };
    crate::cast::to_number(&quotient, &DataType::Int64, result)
}

/// Integers of either sign.
enum Wide {
    Unsigned(Operand<u64>),
    Signed(Operand<i64>),
}

impl Wide {
    fn of(arg: &TypedColumn) -> Result<Self, FunctionError> {
        Ok(if arg.ty.is_signed() {
            Self::Signed(i64s(arg)?)
        } else {
            Self::Unsigned(u64::operand(&arg.column)?)
        })
    }

    fn at(&self, row: usize) -> i128 {
        match self {
            Self::Unsigned(v) => i128::from(v.at(row)),
            Self::Signed(v) => i128::from(v.at(row)),
        }
    }
}

/// `a / 2^power`, towards zero.
fn shifted(a: i64, power: u32) -> i64 {
    let round_up = (a >> 63) & ((1 << power) - 1);
    (a + round_up) >> power
}

fn int_div_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    both_numbers("intDiv", args)?;
    let (a, b) = (args[0].ty, args[1].ty);
    if a.is_float() || b.is_float() {
        return Ok(DataType::Int64);
    }
    Ok(integer(a.is_signed() || b.is_signed(), width(a)))
}

fn int_div(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    if args[0].ty.is_float() || args[1].ty.is_float() {
        let (a, b) = (f64::operand(&args[0].column)?, f64::operand(&args[1].column)?);
        let quotients = zip(&a, &b, rows, |a, b| a / b);
        if quotients.iter().any(|q| !q.is_finite()) {
            return Err(division_by_zero());
        }
        return Ok(Column::Int64(quotients.iter().map(|q| *q as i64).collect()));
    }
    let quotient = Division {
        unsigned: |a, b| a / b,
        signed: i64::wrapping_div,
        wide: |a, b| a / b,
        unsigned_by_power: |a: u64, power| a >> power,
        signed_by_power: shifted,
    };
    integer_division(args, result, rows, &quotient)
}

fn modulo_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    both_numbers("modulo", args)?;
    let (a, b) = (args[0].ty, args[1].ty);
    if a.is_float() || b.is_float() {
        return Ok(DataType::Float64);
    }
    Ok(if a.is_signed() {
        integer(true, wider(width(b)))
    } else {
        integer(false, width(b))
    })
}

fn modulo(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    if *result == DataType::Float64 {
        let (a, b) = (f64::operand(&args[0].column)?, f64::operand(&args[1].column)?);
        return Ok(Column::Float64(zip(&a, &b, rows, |a, b| a % b)));
    }
    let remainder = Division {
        unsigned: |a, b| a % b,
        signed: i64::wrapping_rem,
        wide: |a, b| a % b,
        unsigned_by_power: |a: u64, power| a & ((1u64 << power) - 1),
        signed_by_power: |a, power| a - (shifted(a, power) << power),
    };
    integer_division(args, result, rows, &remainder)
}

fn negate_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    Ok(match args[0].ty {
        ty @ (DataType::Float32 | DataType::Float64 | DataType::Interval(_)) => ty.clone(),
        ty if ty.is_signed() => ty.clone(),
        ty if ty.is_unsigned() => integer(true, wider(width(ty))),
        DataType::Tuple(elements) => DataType::Tuple(
            elements
                .iter()
                .map(|(_, ty)| Ok((None, negate_type(&[Argument { ty, constant: None }])?)))
                .collect::<Result<_, FunctionError>>()?,
        ),
        other => return Err(FunctionError::illegal_type("negate", other)),
    })
}

fn negate(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let column = &args[0].column;
    Ok(match result {
        DataType::Float32 => Column::Float32(map(&f32::operand(column)?, rows, |v| -v)),
        DataType::Float64 => Column::Float64(map(&f64::operand(column)?, rows, |v| -v)),
        DataType::Int8 => Column::Int8(map(&i8::operand(column)?, rows, i8::wrapping_neg)),
        DataType::Int16 => Column::Int16(map(&i16::operand(column)?, rows, i16::wrapping_neg)),
        DataType::Int32 => Column::Int32(map(&i32::operand(column)?, rows, i32::wrapping_neg)),
        DataType::Tuple(results) => {
            let (Column::Tuple(tuple), DataType::Tuple(types)) = (plain(column), &args[0].ty) else {
                return Err(FunctionError::form("tuples"));
            };
            let element = |i: usize| {
                let arg = TypedColumn {
                    ty: types[i].1.clone(),
                    column: tuple.elements[i].clone(),
                };
                negate(&[arg], &results[i].1, rows)
            };
            Column::Tuple(TupleColumn {
                elements: (0..results.len()).map(element).collect::<Result<_, _>>()?,
                len: rows,
            })
        }
        _ => Column::Int64(map(&i64::operand(column)?, rows, i64::wrapping_neg)),
    })
}

fn abs_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    match args[0].ty {
        ty if ty.is_float() => Ok(ty.clone()),
        ty if ty.is_integer() => Ok(integer(false, width(ty))),
        other => Err(FunctionError::illegal_type("abs", other)),
    }
}

fn abs(args: &[TypedColumn], result: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let column = &args[0].column;
    Ok(match result {
        DataType::Float32 => Column::Float32(map(&f32::operand(column)?, rows, f32::abs)),
        DataType::Float64 => Column::Float64(map(&f64::operand(column)?, rows, f64::abs)),
        _ if args[0].ty.is_unsigned() => column.clone(),
        _ => crate::cast::to_number(
            &Column::UInt64(map(&i64::operand(column)?, rows, i64::unsigned_abs)),
            &DataType::UInt64,
            result,
        )?,
    })
}

fn bit_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let (a, b) = (args[0].ty, args[1].ty);
    if a.is_integer() && b.is_integer() {
        Ok(integer(a.is_signed() || b.is_signed(), width(a).max(width(b))))
    } else {
        Err(FunctionError::illegal_types("bit operation", a, b))
    }
}

fn bits(
    args: &[TypedColumn],
    result: &DataType,
    rows: usize,
    f: fn(u64, u64) -> u64,
) -> Result<Column, FunctionError> {
    let (a, b) = (u64::operand(&args[0].column)?, u64::operand(&args[1].column)?);
    crate::cast::to_number(&Column::UInt64(zip(&a, &b, rows, f)), &DataType::UInt64, result)
}

fn shift_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    bit_type(args)?;
    Ok(args[0].ty.clone())
}

fn shift(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(64)
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "plus",
        (2, 2),
        |a| result_type(Op::Plus, a[0].ty, a[1].ty),
        |a, r, n| eval(Op::Plus, a, r, n),
    ),
    Definition::new(
        "minus",
        (2, 2),
        |a| result_type(Op::Minus, a[0].ty, a[1].ty),
        |a, r, n| eval(Op::Minus, a, r, n),
    ),
    Definition::new(
        "multiply",
        (2, 2),
        |a| result_type(Op::Multiply, a[0].ty, a[1].ty),
        |a, r, n| eval(Op::Multiply, a, r, n),
    ),
    Definition::new(
        "divide",
        (2, 2),
        |a| both_numbers("divide", a).map(|()| DataType::Float64),
        divide,
    ),
    Definition::new("intDiv", (2, 2), int_div_type, int_div),
    Definition::new("modulo", (2, 2), modulo_type, modulo),
    Definition::new("negate", (1, 1), negate_type, negate),
    Definition::new("abs", (1, 1), abs_type, abs),
    Definition::new("bitAnd", (2, 2), bit_type, |a, r, n| bits(a, r, n, |a, b| a & b)),
    Definition::new("bitOr", (2, 2), bit_type, |a, r, n| bits(a, r, n, |a, b| a | b)),
    Definition::new("bitXor", (2, 2), bit_type, |a, r, n| bits(a, r, n, |a, b| a ^ b)),
    Definition::new("bitShiftLeft", (2, 2), shift_type, |a, r, n| {
        bits(a, r, n, |a, b| a.checked_shl(shift(b)).unwrap_or(0))
    }),
    Definition::new("bitShiftRight", (2, 2), shift_type, |a, r, n| {
        bits(a, r, n, |a, b| a.checked_shr(shift(b)).unwrap_or(0))
    }),
    Definition::new(
        "bitTest",
        (2, 2),
        |a| bit_type(a).map(|_| DataType::UInt8),
        |a, r, n| bits(a, r, n, |a, b| a.checked_shr(shift(b)).unwrap_or(0) & 1),
    ),
    Definition::new(
        "bitCount",
        (1, 1),
        |_| Ok(DataType::UInt8),
        |a, _, n| {
            Ok(Column::UInt8(map(&u64::operand(&a[0].column)?, n, |v| {
                v.count_ones() as u8
            })))
        },
    ),
];
