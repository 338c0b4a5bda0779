//! `and`, `or`, `xor`, `not` in three-valued logic.
#![expect(
    clippy::unnecessary_cast,
    reason = "the macro body serves every width; the cast is needed for the others"
)]

use engine_types::{Buffer, Column, DataType};

use crate::definition::{ANY, Definition};
use crate::operand::{nullable, split_nulls};
use crate::{Argument, FunctionError, TypedColumn};

fn logical_type(args: &[Argument<'_>]) -> Result<DataType, FunctionError> {
    let mut null = false;
    for arg in args {
        match arg.ty.bare() {
            DataType::Nothing => {}
            ty if ty.is_number() => {}
            other => return Err(FunctionError::illegal_type("logical operation", other)),
        }
        null |= arg.ty.is_nullable();
    }
    Ok(if null {
        DataType::UInt8.nullable()
    } else {
        DataType::UInt8
    })
}

/// 1 where the number is not 0. NULL rows are whatever their default is.
pub(crate) fn truth(values: &Column) -> Result<Buffer<u8>, FunctionError> {
    Ok(match values {
        Column::UInt8(b) => b.iter().map(|&v| u8::from(v != 0)).collect(),
        Column::Const(c) => vec![truth(&c.value)?[0]; c.len].into(),
        Column::Dict(_) | Column::Runs(_) => truth(&values.flatten())?,
        other => engine_types::with_buffer!(
            other,
            b => b.iter().map(|&v| u8::from(v as f64 != 0.0)).collect(),
            _ => return Err(FunctionError::form("numbers"))
        ),
    })
}

/// The mask of a condition: 1 where it is true, 0 where it is false or NULL.
pub(crate) fn condition(column: &Column) -> Result<Buffer<u8>, FunctionError> {
    match column {
        Column::Const(c) => Ok(vec![condition(&c.value)?[0]; c.len].into()),
        Column::UInt8(b) => Ok(b.iter().map(|&v| u8::from(v != 0)).collect()),
        other => {
            let (nulls, values) = split_nulls(other);
            let mask = truth(&values)?;
            Ok(match nulls {
                None => mask,
                Some(nulls) => mask
                    .iter()
                    .zip(nulls.iter())
                    .map(|(m, n)| m & u8::from(*n == 0))
                    .collect(),
            })
        }
    }
}

/// `stop` decides: 0 for `and`, 1 for `or`. A row is `stop` when any argument is, else NULL when any is NULL.
fn junction(args: &[TypedColumn], result: &DataType, rows: usize, stop: u8) -> Result<Column, FunctionError> {
    let mut decided = vec![0u8; rows];
    let mut unknown = vec![0u8; rows];
    for arg in args {
        let (nulls, values) = split_nulls(&arg.column);
        let mask = truth(&values)?;
        match nulls {
            None => decided
                .iter_mut()
                .zip(mask.iter())
                .for_each(|(d, m)| *d |= u8::from(*m == stop)),
            Some(nulls) => {
                for i in 0..rows {
                    unknown[i] |= u8::from(nulls[i] != 0);
                    decided[i] |= u8::from(nulls[i] == 0 && mask[i] == stop);
                }
            }
        }
    }
    let values: Vec<u8> = decided
        .iter()
        .map(|d| if *d != 0 { stop } else { 1 - stop })
        .collect();
    if !result.is_nullable() {
        return Ok(Column::UInt8(values.into()));
    }
    let nulls: Vec<u8> = unknown.iter().zip(&decided).map(|(u, d)| u & (1 - d)).collect();
    Ok(nullable(Column::UInt8(values.into()), nulls))
}

fn xor(args: &[TypedColumn], _: &DataType, rows: usize) -> Result<Column, FunctionError> {
    let mut out = vec![0u8; rows];
    for arg in args {
        let mask = truth(&arg.column)?;
        out.iter_mut().zip(mask.iter()).for_each(|(o, m)| *o ^= m);
    }
    Ok(Column::UInt8(out.into()))
}

fn not(args: &[TypedColumn], _: &DataType, _: usize) -> Result<Column, FunctionError> {
    Ok(Column::UInt8(
        truth(&args[0].column)?.iter().map(|m| 1 - m).collect(),
    ))
}

pub(crate) static FUNCTIONS: &[Definition] = &[
    Definition::new("and", (1, ANY), logical_type, |a, t, n| junction(a, t, n, 0)).sees_null(),
    Definition::new("or", (1, ANY), logical_type, |a, t, n| junction(a, t, n, 1)).sees_null(),
    Definition::new("xor", (1, ANY), logical_type, xor),
    Definition::new("not", (1, 1), logical_type, not),
];
