//! Literals: the least type of a number, and text that becomes a date, a number or a UUID.

use engine_functions::{cast_column, parse_value};
use engine_types::{Column, DataType, Value};

use crate::{
    error::{SqlError, code},
    plan::{Expr, ExprKind},
};

/// A number's value and least type: integers as narrow as they fit, all else Float64.
pub(super) fn number(text: &str) -> Result<Expr, SqlError> {
    let float = |value: f64| Expr::literal(Value::Float(value), DataType::Float64);
    match text {
        "inf" => return Ok(float(f64::INFINITY)),
        "nan" => return Ok(float(f64::NAN)),
        _ => {}
    }
    let integer = if let Some(hex) = text.strip_prefix("0x") {
        u64::from_str_radix(hex, 16).ok()
    } else if let Some(binary) = text.strip_prefix("0b") {
        u64::from_str_radix(binary, 2).ok()
    } else {
        text.parse().ok()
    };
    if let Some(value) = integer {
        return Ok(unsigned(value));
    }
    text.parse()
        .map(float)
        .map_err(|_| SqlError::new(code::BAD_ARGUMENTS, format!("Number {text} is out of range")))
}

pub(super) fn unsigned(value: u64) -> Expr {
    let ty = match value {
        0..=0xFF => DataType::UInt8,
        0x100..=0xFFFF => DataType::UInt16,
        0x1_0000..=0xFFFF_FFFF => DataType::UInt32,
        _ => DataType::UInt64,
    };
    Expr::literal(Value::UInt(value), ty)
}

/// `-n` of a literal: the least signed type.
pub(super) fn negated(expr: &Expr) -> Option<Expr> {
    let ExprKind::Literal(value) = &expr.kind else {
        return None;
    };
    match value {
        Value::UInt(v) if expr.ty.is_unsigned() && expr.ty != DataType::Bool => {
            let value = -i128::from(*v);
            let Ok(value) = i64::try_from(value) else {
                return Some(Expr::literal(Value::Float(-(*v as f64)), DataType::Float64));
            };
            let ty = if i8::try_from(value).is_ok() {
                DataType::Int8
            } else if i16::try_from(value).is_ok() {
                DataType::Int16
            } else if i32::try_from(value).is_ok() {
                DataType::Int32
            } else {
                DataType::Int64
            };
            Some(Expr::literal(Value::Int(value), ty))
        }
        Value::Float(v) => Some(Expr::literal(Value::Float(-v), expr.ty.clone())),
        _ => None,
    }
}

pub(super) fn string(value: impl AsRef<[u8]>) -> Expr {
    Expr::literal(Value::string(value), DataType::String)
}

pub(super) fn null() -> Expr {
    Expr::literal(Value::Null, DataType::Nothing.nullable())
}

pub(super) use crate::fold::constant;

/// A literal string as a value of `to`; error 53 when it is none.
pub(super) fn text_as(text: &[u8], to: &DataType) -> Result<Value, SqlError> {
    let mismatch = || {
        SqlError::new(
            code::TYPE_MISMATCH,
            format!(
                "Cannot convert string '{}' to type {to}",
                String::from_utf8_lossy(text)
            ),
        )
    };
    let text = std::str::from_utf8(text).map_err(|_| mismatch())?;
    parse_value(text, to).map_err(|_| mismatch())
}

/// `value` cast to another type as CAST would.
pub(super) fn cast_value(value: &Value, from: &DataType, to: &DataType) -> Result<Value, SqlError> {
    if from == to || (value.is_null() && to.is_nullable()) {
        return Ok(value.clone());
    }
    let column = cast_column(&Column::from_values(from, std::slice::from_ref(value)), from, to)?;
    Ok(column.value(0))
}

/// `value` as a member of a set of `to`; `None` when no value of `to` equals it.
pub(super) fn value_in_type(
    value: &Value,
    from: &DataType,
    to: &DataType,
) -> Result<Option<Value>, SqlError> {
    if value.is_null() {
        return Ok(None);
    }
    let (from, to) = (from.bare(), to.bare());
    if from == to {
        return Ok(Some(value.clone()));
    }
    match (value, to) {
        (Value::Tuple(items), DataType::Tuple(types)) => {
            let DataType::Tuple(item_types) = from else {
                return Ok(None);
            };
            if items.len() != types.len() {
                return Err(SqlError::new(
                    code::INCORRECT_ELEMENT_OF_SET,
                    format!(
                        "Incorrect size of tuple in set: {} instead of {}",
                        items.len(),
                        types.len()
                    ),
                ));
            }
            let mut out = Vec::with_capacity(items.len());
            for ((item, (_, item_type)), (_, ty)) in items.iter().zip(item_types).zip(types) {
                match value_in_type(item, item_type, ty)? {
                    Some(item) => out.push(item),
                    None => return Ok(None),
                }
            }
            Ok(Some(Value::Tuple(out)))
        }
        (Value::Array(items), DataType::Array(ty)) => {
            let DataType::Array(item_type) = from else {
                return Ok(None);
            };
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                match value_in_type(item, item_type, ty)? {
                    Some(item) => out.push(item),
                    None => return Ok(None),
                }
            }
            Ok(Some(Value::Array(out)))
        }
        (Value::String(text), to) if !to.is_string() => text_as(text, to).map(Some),
        (Value::String(_), _) => Ok(Some(value.clone())),
        (_, to) if to.is_number() && from.is_number() => {
            let cast = cast_value(value, from, to)?;
            // A value outside the type would wrap: nothing of the type equals it.
            Ok((cast == *value).then_some(cast))
        }
        (_, DataType::String) => Err(SqlError::new(
            code::TYPE_MISMATCH,
            format!("Type mismatch in IN: {from} cannot be compared with String"),
        )),
        (_, to) => cast_value(value, from, to).map(Some),
    }
}
