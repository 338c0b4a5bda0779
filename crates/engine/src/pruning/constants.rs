//! Literals in the physical form of what they are compared with.

use engine_sql::plan::{Expr, ExprKind};
use engine_types::{Column, DataType, Value};

/// Integers beyond this and floats are not told apart by comparisons.
const EXACT_FLOAT: f64 = 4_503_599_627_370_496.0;

/// Whether `<` of SQL is the order of values in storage. UUIDs compare by their second half first.
pub(super) fn ordered_alike(ty: &DataType) -> bool {
    let ty = ty.bare();
    ty.is_number() || ty.is_time() || *ty == DataType::String
}

/// A literal as a value of type `ty`; `false`: rounded down.
pub(super) fn constant(literal: &Expr, ty: &DataType) -> Option<(Value, bool)> {
    let ExprKind::Literal(value) = &literal.kind else {
        return None;
    };
    convert(value, literal.ty.bare(), ty.bare())
}

pub(super) fn convert(value: &Value, from: &DataType, to: &DataType) -> Option<(Value, bool)> {
    if value.is_null() {
        return None;
    }
    match (from, to) {
        (DataType::String, DataType::String) => Some((value.clone(), true)),
        (from, to) if from.is_number() && to.is_number() => {
            let plain = match value {
                Value::Float(v) => {
                    v.abs() < EXACT_FLOAT && (*to != DataType::Float32 || f64::from(*v as f32) == *v)
                }
                Value::UInt(v) => !to.is_float() || (*v as f64) < EXACT_FLOAT,
                Value::Int(v) => !to.is_float() || (*v as f64).abs() < EXACT_FLOAT,
                _ => false,
            };
            // Compared by value, whatever their width.
            plain.then(|| (value.clone(), true))
        }
        (from, to) if from == to => Some((value.clone(), true)),
        (DataType::DateTime(_), DataType::DateTime(_)) => Some((value.clone(), true)),
        (DataType::DateTime(_), DataType::DateTime64(precision, _)) => {
            let Value::UInt(seconds) = value else {
                return None;
            };
            let ticks = i64::try_from(*seconds)
                .ok()?
                .checked_mul(10i64.checked_pow(u32::from(*precision))?)?;
            Some((Value::Int(ticks), true))
        }
        (DataType::DateTime64(from, _), DataType::DateTime64(to, _)) => {
            let Value::Int(ticks) = value else {
                return None;
            };
            if from <= to {
                let scale = 10i64.checked_pow(u32::from(to - from))?;
                Some((Value::Int(ticks.checked_mul(scale)?), true))
            } else {
                let scale = 10i64.checked_pow(u32::from(from - to))?;
                Some((Value::Int(ticks.div_euclid(scale)), ticks.rem_euclid(scale) == 0))
            }
        }
        (DataType::DateTime64(precision, _), DataType::DateTime(_)) => {
            let Value::Int(ticks) = value else {
                return None;
            };
            let scale = 10i64.checked_pow(u32::from(*precision))?;
            let seconds = u64::try_from(ticks.div_euclid(scale)).ok()?;
            Some((Value::UInt(seconds), ticks.rem_euclid(scale) == 0))
        }
        (DataType::Date, DataType::DateTime(_) | DataType::DateTime64(..)) => {
            let column = Column::from_values(from, std::slice::from_ref(value));
            let cast = engine_functions::cast_column(&column, from, to).ok()?;
            Some((cast.value(0), true))
        }
        _ => None,
    }
}
