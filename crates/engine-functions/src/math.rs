//! Rounding, roots, powers and logarithms.

use engine_types::{Column, DataType, Value};

use crate::definition::Definition;
use crate::operand::{Native, map, zip};
use crate::{Argument, FunctionError, TypedColumn};

fn number(function: &str, args: &[Argument<'_>]) -> Result<(), FunctionError> {
    match args.iter().find(|a| !a.ty.is_number()) {
        Some(other) => Err(FunctionError::illegal_type(function, other.ty)),
        None => Ok(()),
    }
}

#[derive(Clone, Copy)]
enum Rounding {
    /// Half to even for floats; half away from zero for integers, as ClickHouse.
    Round,
    Floor,
    Ceil,
    Trunc,
}

impl Rounding {
    fn float(self, v: f64) -> f64 {
        match self {
            Self::Round => v.round_ties_even(),
            Self::Floor => v.floor(),
            Self::Ceil => v.ceil(),
            Self::Trunc => v.trunc(),
        }
    }

    fn integer(self, v: i128, unit: i128) -> i128 {
        let rest = v.rem_euclid(unit);
        let down = v - rest;
        match self {
            Self::Floor => down,
            Self::Ceil if rest == 0 => v,
            Self::Ceil => down + unit,
            Self::Trunc => v / unit * unit,
            Self::Round if v < 0 => -self.integer(-v, unit),
            Self::Round if rest * 2 >= unit => down + unit,
            Self::Round => down,
        }
    }
}

fn rounding_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    number("round", args)?;
    Ok(args[0].ty.clone())
}

fn round(
    args: &[TypedColumn],
    result: &DataType,
    rows: usize,
    how: Rounding,
) -> Result<Column, FunctionError> {
    let digits = match args.get(1).map(|a| a.column.value(0)) {
        Some(Value::Int(d)) => d.clamp(-40, 40) as i32,
        Some(Value::UInt(d)) => d.min(40) as i32,
        _ => 0,
    };
    let column = &args[0].column;
    if result.is_float() {
        let scale = 10f64.powi(digits.abs());
        let f = |v: f64| match digits {
            0 => how.float(v),
            d if d > 0 => how.float(v * scale) / scale,
            _ => how.float(v / scale) * scale,
        };
        let rounded = Column::Float64(map(&f64::operand(column)?, rows, f));
        return crate::cast::to_number(&rounded, &DataType::Float64, result);
    }
    if digits >= 0 {
        return Ok(column.clone());
    }
    let unit = 10i128.pow(digits.unsigned_abs().min(38));
    if result.is_signed() {
        let values = map(&i64::operand(column)?, rows, |v| {
            how.integer(i128::from(v), unit) as i64
        });
        return crate::cast::to_number(&Column::Int64(values), &DataType::Int64, result);
    }
    let values = map(&u64::operand(column)?, rows, |v| {
        how.integer(i128::from(v), unit) as u64
    });
    crate::cast::to_number(&Column::UInt64(values), &DataType::UInt64, result)
}

fn float_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    number("a mathematical function", args)?;
    Ok(DataType::Float64)
}

fn unary(args: &[TypedColumn], rows: usize, f: fn(f64) -> f64) -> Result<Column, FunctionError> {
    Ok(Column::Float64(map(&f64::operand(&args[0].column)?, rows, f)))
}

fn test(args: &[TypedColumn], rows: usize, f: fn(f64) -> bool) -> Result<Column, FunctionError> {
    Ok(Column::UInt8(map(&f64::operand(&args[0].column)?, rows, |v| {
        u8::from(f(v))
    })))
}

fn constant(value: f64, rows: usize) -> Result<Column, FunctionError> {
    Ok(Column::constant(&DataType::Float64, &Value::Float(value), rows))
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new("round", (1, 2), rounding_type, |a, t, n| {
        round(a, t, n, Rounding::Round)
    }),
    Definition::new("floor", (1, 2), rounding_type, |a, t, n| {
        round(a, t, n, Rounding::Floor)
    }),
    Definition::new("ceil", (1, 2), rounding_type, |a, t, n| {
        round(a, t, n, Rounding::Ceil)
    }),
    Definition::new("trunc", (1, 2), rounding_type, |a, t, n| {
        round(a, t, n, Rounding::Trunc)
    }),
    Definition::new("sqrt", (1, 1), float_type, |a, _, n| unary(a, n, f64::sqrt)),
    Definition::new("cbrt", (1, 1), float_type, |a, _, n| unary(a, n, f64::cbrt)),
    Definition::new("exp", (1, 1), float_type, |a, _, n| unary(a, n, f64::exp)),
    Definition::new("exp2", (1, 1), float_type, |a, _, n| unary(a, n, f64::exp2)),
    Definition::new("log", (1, 1), float_type, |a, _, n| unary(a, n, f64::ln)),
    Definition::new("log2", (1, 1), float_type, |a, _, n| unary(a, n, f64::log2)),
    Definition::new("log10", (1, 1), float_type, |a, _, n| unary(a, n, f64::log10)),
    Definition::new("sin", (1, 1), float_type, |a, _, n| unary(a, n, f64::sin)),
    Definition::new("cos", (1, 1), float_type, |a, _, n| unary(a, n, f64::cos)),
    Definition::new("tan", (1, 1), float_type, |a, _, n| unary(a, n, f64::tan)),
    Definition::new("pow", (2, 2), float_type, |a, _, n| {
        Ok(Column::Float64(zip(
            &f64::operand(&a[0].column)?,
            &f64::operand(&a[1].column)?,
            n,
            f64::powf,
        )))
    }),
    Definition::new(
        "sign",
        (1, 1),
        |a| number("sign", a).map(|()| DataType::Int8),
        |a, _, n| {
            Ok(Column::Int8(map(&f64::operand(&a[0].column)?, n, |v| {
                i8::from(v > 0.0) - i8::from(v < 0.0)
            })))
        },
    ),
    Definition::new(
        "e",
        (0, 0),
        |_| Ok(DataType::Float64),
        |_, _, n| constant(std::f64::consts::E, n),
    ),
    Definition::new(
        "pi",
        (0, 0),
        |_| Ok(DataType::Float64),
        |_, _, n| constant(std::f64::consts::PI, n),
    ),
    Definition::new(
        "isNaN",
        (1, 1),
        |a| number("isNaN", a).map(|()| DataType::UInt8),
        |a, _, n| test(a, n, f64::is_nan),
    ),
    Definition::new(
        "isFinite",
        (1, 1),
        |a| number("isFinite", a).map(|()| DataType::UInt8),
        |a, _, n| test(a, n, f64::is_finite),
    ),
    Definition::new(
        "isInfinite",
        (1, 1),
        |a| number("isInfinite", a).map(|()| DataType::UInt8),
        |a, _, n| test(a, n, f64::is_infinite),
    ),
];
