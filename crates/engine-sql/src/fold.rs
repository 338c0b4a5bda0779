//! Calls: the result's type, and evaluation at once where all arguments are constant.

use engine_functions::{
    Argument, FunctionError, ScalarFunction, TypedColumn, eval_scalar, scalar, scalar_return_type,
};
use engine_types::{Column, DataType, Value};

use crate::{
    error::{SqlError, code},
    plan::{Expr, ExprKind},
};

/// The value of a literal.
pub(crate) fn constant(expr: &Expr) -> Option<&Value> {
    match &expr.kind {
        ExprKind::Literal(value) => Some(value),
        _ => None,
    }
}

/// The call, or its value when it is a constant.
pub(crate) fn call(function: &'static dyn ScalarFunction, mut args: Vec<Expr>) -> Result<Expr, SqlError> {
    let ty = match return_type(function, &args) {
        // Int64 beside a large literal: the literal is only unsigned for want of a sign.
        Err(error)
            if error.code == code::NO_COMMON_TYPE
                && args.iter_mut().fold(false, |any, a| signed(a) | any) =>
        {
            return_type(function, &args)?
        }
        other => other?,
    };
    Ok(fold(Expr {
        kind: ExprKind::Call { function, args },
        ty,
    }))
}

fn return_type(function: &'static dyn ScalarFunction, args: &[Expr]) -> Result<DataType, FunctionError> {
    let arguments: Vec<Argument<'_>> = args
        .iter()
        .map(|arg| Argument {
            ty: &arg.ty,
            constant: constant(arg),
        })
        .collect();
    scalar_return_type(function, &arguments)
}

/// Makes Int64 of the UInt64 in a literal, where every value fits. False when there is none.
fn signed(expr: &mut Expr) -> bool {
    let ExprKind::Literal(value) = &expr.kind else {
        return false;
    };
    match signed_value(value, &expr.ty) {
        Some((value, ty)) if ty != expr.ty => {
            *expr = Expr::literal(value, ty);
            true
        }
        _ => false,
    }
}

fn signed_value(value: &Value, ty: &DataType) -> Option<(Value, DataType)> {
    let same = || Some((value.clone(), ty.clone()));
    match (ty, value) {
        (DataType::UInt64, Value::UInt(v)) => Some((Value::Int(i64::try_from(*v).ok()?), DataType::Int64)),
        (DataType::Array(of), Value::Array(items)) if !items.is_empty() => {
            let items = items
                .iter()
                .map(|item| signed_value(item, of))
                .collect::<Option<Vec<_>>>()?;
            let (values, mut types): (Vec<Value>, Vec<DataType>) = items.into_iter().unzip();
            Some((Value::Array(values), types.pop()?.array()))
        }
        (DataType::Tuple(of), Value::Tuple(items)) => {
            let items = items
                .iter()
                .zip(of)
                .map(|(item, (_, ty))| signed_value(item, ty))
                .collect::<Option<Vec<_>>>()?;
            let (values, types): (Vec<Value>, Vec<DataType>) = items.into_iter().unzip();
            let names = of.iter().map(|(name, _)| name.clone());
            Some((Value::Tuple(values), DataType::Tuple(names.zip(types).collect())))
        }
        _ => same(),
    }
}

/// A call by name, for operators and rewrites.
pub(crate) fn call_named(name: &str, args: Vec<Expr>) -> Result<Expr, SqlError> {
    match scalar(name) {
        Some(function) => call(function, args),
        None => Err(SqlError::new(
            code::UNKNOWN_FUNCTION,
            format!("Unknown function {name}"),
        )),
    }
}

/// A plan holds no greater values, `range(10000000)` for one: they are computed where they are used.
const FOLDED_BYTES_MAX: usize = 16 << 20;

/// Evaluates a call of constants. What fails stays a call: it may never be reached, and raises then if it is.
pub(crate) fn fold(expr: Expr) -> Expr {
    let ExprKind::Call { function, args } = &expr.kind else {
        return expr;
    };
    if !function.deterministic() || !args.iter().all(|arg| constant(arg).is_some()) {
        return expr;
    }
    let columns: Vec<TypedColumn> = args
        .iter()
        .filter_map(|arg| {
            constant(arg).map(|value| TypedColumn {
                ty: arg.ty.clone(),
                column: Column::constant(&arg.ty, value, 1),
            })
        })
        .collect();
    match eval_scalar(*function, &columns, &expr.ty, 1) {
        Ok(column) if column.len() == 1 && column.byte_size() <= FOLDED_BYTES_MAX => {
            let value = column.value(0);
            Expr::literal(value, expr.ty)
        }
        _ => expr,
    }
}

/// `expr` as `ty`; the same expression when it is of that type already.
pub(crate) fn cast(expr: Expr, ty: &DataType) -> Result<Expr, SqlError> {
    if expr.ty == *ty {
        return Ok(expr);
    }
    let type_name = Expr::literal(Value::string(ty.to_string()), DataType::String);
    let mut out = call_named("CAST", vec![expr, type_name])?;
    // CAST keeps to the letter of the name; the asked type is what the caller's schema says.
    out.ty = ty.clone();
    Ok(out)
}

/// `expr` as a condition: UInt8, Bool or Nullable of them. Other numbers are compared with 0.
pub(crate) fn predicate(expr: Expr) -> Result<Expr, SqlError> {
    match expr.ty.bare() {
        DataType::UInt8 | DataType::Bool | DataType::Nothing => Ok(expr),
        ty if ty.is_number() => call_named(
            "notEquals",
            vec![expr, Expr::literal(Value::UInt(0), DataType::UInt8)],
        ),
        ty => Err(SqlError::new(
            code::ILLEGAL_COLUMN_FOR_FILTER,
            format!("Illegal type {ty} of condition: must be UInt8, Bool or a number"),
        )),
    }
}

/// The conjunction; `None` of nothing.
pub(crate) fn and(mut list: Vec<Expr>) -> Option<Expr> {
    match list.len() {
        0 => None,
        1 => list.pop(),
        _ => Some(Expr {
            ty: logical_type(&list),
            kind: ExprKind::And(list),
        }),
    }
}

/// UInt8, or Nullable of it when an operand can be NULL.
pub(crate) fn logical_type(list: &[Expr]) -> DataType {
    if list.iter().any(|e| e.ty.is_nullable()) {
        DataType::UInt8.nullable()
    } else {
        DataType::UInt8
    }
}

/// Splits at the ANDs on top.
pub(crate) fn conjuncts(expr: Expr, out: &mut Vec<Expr>) {
    match expr.kind {
        ExprKind::And(list) => {
            for item in list {
                conjuncts(item, out);
            }
        }
        _ => out.push(expr),
    }
}

/// Folds from the leaves up, after constants were put in place of columns.
pub(crate) fn refold(mut expr: Expr) -> Expr {
    let take = |list: &mut Vec<Expr>| {
        for item in list {
            let taken = std::mem::replace(item, Expr::literal(Value::Null, DataType::Nothing.nullable()));
            *item = refold(taken);
        }
    };
    match &mut expr.kind {
        ExprKind::Call { args, .. } => take(args),
        ExprKind::And(list) | ExprKind::Or(list) => take(list),
        _ => {}
    }
    let truth = |value: u64| Expr::literal(Value::UInt(value), DataType::UInt8);
    let is = |e: &Expr, wanted: bool| matches!(constant(e), Some(Value::UInt(v)) if (*v != 0) == wanted);
    match &expr.kind {
        ExprKind::And(list) if list.iter().any(|e| is(e, false)) => truth(0),
        ExprKind::Or(list) if list.iter().any(|e| is(e, true)) => truth(1),
        ExprKind::And(list) if list.iter().all(|e| is(e, true)) => truth(1),
        ExprKind::Or(list) if list.iter().all(|e| is(e, false)) => truth(0),
        _ => fold(expr),
    }
}
