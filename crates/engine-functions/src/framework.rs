//! What happens around every scalar kernel: NULLs, constants and dictionaries are taken off before and put back after.

use std::sync::Arc;

use engine_types::{Buffer, Column, ConstColumn, DataType, DictColumn, Value};

use crate::operand::{nullable, plain, repeat, row, split_nulls};
use crate::{Argument, FunctionError, ScalarFunction, TypedColumn};

/// The type of `function(args)`: LowCardinality and (unless the function sees NULL) Nullable are taken off the
/// arguments and put back on the result, as ClickHouse does.
pub fn scalar_return_type(
    function: &dyn ScalarFunction,
    args: &[Argument<'_>],
) -> Result<DataType, FunctionError> {
    let mut low_cardinality = 0;
    let mut ordinary = 0;
    let mut any_null = false;
    let mut only_null = false;
    let bare: Vec<DataType> = args
        .iter()
        .map(|arg| {
            match arg.ty {
                DataType::LowCardinality(_) if arg.constant.is_none() => low_cardinality += 1,
                _ if arg.constant.is_none() => ordinary += 1,
                _ => {}
            }
            let ty = arg.ty.without_low_cardinality();
            if function.handles_null() {
                return ty.clone();
            }
            match ty {
                DataType::Nullable(inner) => {
                    any_null = true;
                    only_null |= **inner == DataType::Nothing;
                    (**inner).clone()
                }
                other => other.clone(),
            }
        })
        .collect();
    if only_null {
        return Ok(DataType::Nothing.nullable());
    }
    let stripped: Vec<Argument<'_>> = args
        .iter()
        .zip(&bare)
        .map(|(arg, ty)| Argument {
            ty,
            constant: arg.constant.filter(|v| function.handles_null() || !v.is_null()),
        })
        .collect();
    let mut result = function.return_type(&stripped)?;
    if any_null && can_be_nullable(&result) {
        result = result.nullable();
    }
    if low_cardinality == 1 && ordinary == 0 && function.deterministic() && can_be_low_cardinality(&result) {
        result = DataType::LowCardinality(Box::new(result));
    }
    Ok(result)
}

fn can_be_nullable(ty: &DataType) -> bool {
    !matches!(
        ty,
        DataType::Array(_)
            | DataType::Map(..)
            | DataType::Tuple(_)
            | DataType::LowCardinality(_)
            | DataType::AggregateFunction(_)
    )
}

fn can_be_low_cardinality(ty: &DataType) -> bool {
    match ty {
        DataType::Nullable(inner) => can_be_low_cardinality(inner),
        DataType::String | DataType::FixedString(_) | DataType::Uuid | DataType::Date => true,
        DataType::DateTime(_) => true,
        other => other.is_number() && *other != DataType::Bool,
    }
}

/// Evaluates `function` on `rows` rows; `result` is what [`scalar_return_type`] said.
///
/// All arguments constant: one evaluation, a `Const` back. One `Dict` among constants: evaluated on the dictionary
/// (unless it is much longer than the block), the codes kept. One `Runs`: evaluated once for each run. An error from a
/// value that no row needs (an unused dictionary entry, a default below a NULL) is not raised.
pub fn eval_scalar(
    function: &dyn ScalarFunction,
    args: &[TypedColumn],
    result: &DataType,
    rows: usize,
) -> Result<Column, FunctionError> {
    let result = result.without_low_cardinality();
    if rows == 0 {
        return Ok(Column::empty(result));
    }
    let args: Vec<TypedColumn> = args
        .iter()
        .map(|arg| TypedColumn {
            ty: arg.ty.without_low_cardinality().clone(),
            column: arg.column.clone(),
        })
        .collect();
    if !function.handles_null() && args.iter().any(|a| a.ty == DataType::Nothing.nullable()) {
        return Ok(Column::constant(result, &Value::Null, rows));
    }
    let is_const = |c: &Column| matches!(c, Column::Const(_));
    if function.deterministic() && args.iter().all(|a| is_const(&a.column)) {
        let one: Vec<TypedColumn> = args.iter().map(|a| resized(a, 1)).collect();
        return Ok(repeat(eval_plain(function, &one, result, 1)?, rows));
    }
    if function.deterministic() {
        let varying: Vec<usize> = (0..args.len()).filter(|&i| !is_const(&args[i].column)).collect();
        if let [only] = varying.as_slice() {
            match &args[*only].column {
                Column::Runs(runs) => {
                    let of_runs = with_argument(&args, *only, runs.values().clone());
                    let values = eval_scalar(function, &of_runs, result, runs.values().len())?;
                    return Ok(runs.with_values(values));
                }
                Column::Dict(dict) if dict.values.len() <= rows.saturating_mul(2).max(64) => {
                    if let Some(column) = on_dictionary(function, &args, *only, dict, result) {
                        return Ok(column);
                    }
                }
                _ => {}
            }
        }
    }
    let flat: Vec<TypedColumn> = args
        .into_iter()
        .map(|a| match a.column {
            Column::Dict(_) | Column::Runs(_) => TypedColumn {
                column: a.column.flatten(),
                ty: a.ty,
            },
            _ => a,
        })
        .collect();
    eval_plain(function, &flat, result, rows)
}

fn on_dictionary(
    function: &dyn ScalarFunction,
    args: &[TypedColumn],
    only: usize,
    dict: &DictColumn,
    result: &DataType,
) -> Option<Column> {
    let len = dict.values.len();
    if len == 0 {
        return None;
    }
    let on_values = with_argument(args, only, dict.values.as_ref().clone());
    match eval_plain(function, &on_values, result, len).ok()? {
        Column::Const(c) => Some(Column::Const(ConstColumn {
            value: c.value,
            len: dict.codes.len(),
        })),
        values => Some(Column::Dict(DictColumn {
            codes: dict.codes.clone(),
            values: Arc::new(values.flatten()),
        })),
    }
}

/// The arguments with `column` in the place of `only`, the constants as long as it is.
fn with_argument(args: &[TypedColumn], only: usize, column: Column) -> Vec<TypedColumn> {
    let len = column.len();
    let replaced = |(i, arg): (usize, &TypedColumn)| {
        if i == only {
            TypedColumn {
                ty: arg.ty.clone(),
                column: column.clone(),
            }
        } else {
            resized(arg, len)
        }
    };
    args.iter().enumerate().map(replaced).collect()
}

fn resized(arg: &TypedColumn, len: usize) -> TypedColumn {
    let column = match &arg.column {
        Column::Const(c) => Column::Const(ConstColumn {
            value: c.value.clone(),
            len,
        }),
        other => other.clone(),
    };
    TypedColumn {
        ty: arg.ty.clone(),
        column,
    }
}

/// The NULL half of the framework. No `Dict` among the arguments.
fn eval_plain(
    function: &dyn ScalarFunction,
    args: &[TypedColumn],
    result: &DataType,
    rows: usize,
) -> Result<Column, FunctionError> {
    if function.handles_null() || !args.iter().any(|a| a.ty.is_nullable()) {
        return function.eval(args, result, rows);
    }
    let mut mask: Option<Vec<u8>> = None;
    let mut values = Vec::with_capacity(args.len());
    for arg in args {
        let DataType::Nullable(inner) = &arg.ty else {
            values.push(arg.clone());
            continue;
        };
        let column = match &arg.column {
            Column::Const(c) => match c.value.as_ref() {
                Column::Nullable(n) if n.nulls[0] != 0 => {
                    return Ok(Column::defaults(result, rows));
                }
                Column::Nullable(n) => repeat((*n.values).clone(), rows),
                other => repeat(other.clone(), rows),
            },
            other => {
                let (nulls, column) = split_nulls(other);
                if let Some(nulls) = nulls {
                    merge_mask(&mut mask, &nulls);
                }
                column
            }
        };
        values.push(TypedColumn {
            ty: (**inner).clone(),
            column,
        });
    }
    let inner_result = match result {
        DataType::Nullable(inner) => inner,
        other => other,
    };
    let Some(mask) = mask.filter(|m| m.iter().any(|&n| n != 0)) else {
        let column = function.eval(&values, inner_result, rows)?;
        return Ok(with_mask(column, &vec![0; rows].into(), result));
    };
    match function.eval(&values, inner_result, rows) {
        Ok(column) => Ok(with_mask(column, &mask.into(), result)),
        // Perhaps only a default below a NULL was refused: look again without those rows.
        Err(error) => {
            let kept: Vec<u32> = (0..rows).filter(|&i| mask[i] == 0).map(row).collect();
            if kept.is_empty() {
                return Ok(Column::defaults(result, rows));
            }
            let compact: Vec<TypedColumn> = values
                .iter()
                .map(|v| TypedColumn {
                    ty: v.ty.clone(),
                    column: v.column.gather(&kept),
                })
                .collect();
            let Ok(column) = function.eval(&compact, inner_result, kept.len()) else {
                return Err(error);
            };
            let mut back = vec![0u32; rows];
            for (at, &k) in kept.iter().enumerate() {
                back[k as usize] = row(at);
            }
            Ok(with_mask(plain(&column).gather(&back), &mask.into(), result))
        }
    }
}

fn merge_mask(mask: &mut Option<Vec<u8>>, nulls: &[u8]) {
    match mask {
        None => *mask = Some(nulls.to_vec()),
        Some(mask) => {
            for (m, n) in mask.iter_mut().zip(nulls) {
                *m |= n;
            }
        }
    }
}

/// Puts the mask on `column`. A result that cannot be Nullable (an array) has its default where the mask is set.
fn with_mask(column: Column, mask: &Buffer<u8>, result: &DataType) -> Column {
    if !result.is_nullable() {
        if mask.iter().all(|&m| m == 0) {
            return column;
        }
        let len = row(column.len());
        let both = Column::concat(&[&plain(&column), &Column::defaults(result, 1)]);
        let picks: Vec<u32> = mask
            .iter()
            .enumerate()
            .map(|(i, &m)| if m != 0 { len } else { row(i) })
            .collect();
        return both.gather(&picks);
    }
    let (inner_nulls, values) = split_nulls(&column);
    let nulls = match inner_nulls {
        None => mask.clone(),
        Some(inner) => mask.iter().zip(inner.iter()).map(|(a, b)| a | b).collect(),
    };
    nullable(values, nulls)
}
