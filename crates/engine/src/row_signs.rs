//! Marks in rows that merge rules read: signs are 1 or -1, deletion marks 1 or 0.

use engine_types::{Column, DataType};

use crate::engine_kind::EngineKind;
use crate::error::{EngineError, Result};
use crate::shape::Shape;

/// Refuses a table whose marks have other types than they can have.
pub(crate) fn check_types(shape: &Shape) -> Result<()> {
    let (column, wanted, role) = match &shape.kind {
        EngineKind::Collapsing { sign } | EngineKind::VersionedCollapsing { sign, .. } => {
            (sign, DataType::Int8, "Sign")
        }
        EngineKind::Replacing {
            is_deleted: Some(mark),
            ..
        } => (mark, DataType::UInt8, "is_deleted"),
        _ => return Ok(()),
    };
    match shape.column(column).map(|at| &shape.columns[at].ty) {
        Some(ty) if *ty != wanted => Err(EngineError::refused(
            169,
            format!("{role} column ({column}) must have type {wanted}. Provided column of type {ty}."),
        )),
        _ => Ok(()),
    }
}

/// Refuses rows (the stored columns) with other marks.
pub(crate) fn check(shape: &Shape, stored: &[Column]) -> Result<()> {
    let (name, allowed, text) = match &shape.kind {
        EngineKind::Collapsing { sign } | EngineKind::VersionedCollapsing { sign, .. } => {
            (sign, [-1, 1], "Sign = {} (must be 1 or -1)")
        }
        EngineKind::Replacing {
            is_deleted: Some(mark),
            ..
        } => (mark, [0, 1], "is_deleted = {} (must be 1 or 0)"),
        _ => return Ok(()),
    };
    let column = shape
        .column(name)
        .and_then(|at| shape.columns[at].stored)
        .and_then(|at| stored.get(at));
    let Some(column) = column else {
        return Ok(());
    };
    let bad = match column {
        Column::Const(c) => first_other(&c.value, allowed).filter(|_| c.len > 0),
        Column::Dict(_) => first_other(&column.flatten(), allowed),
        column => first_other(column, allowed),
    };
    match bad {
        None => Ok(()),
        Some(value) => Err(EngineError::refused(
            117,
            format!("Incorrect data: {}.", text.replace("{}", &value.to_string())),
        )),
    }
}

fn first_other(column: &Column, allowed: [i64; 2]) -> Option<i64> {
    match column {
        Column::Int8(b) => b.iter().map(|v| i64::from(*v)).find(|v| !allowed.contains(v)),
        Column::UInt8(b) => b.iter().map(|v| i64::from(*v)).find(|v| !allowed.contains(v)),
        _ => None,
    }
}
