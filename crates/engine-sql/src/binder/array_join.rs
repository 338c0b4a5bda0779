//! `arrayJoin(x)` as a function: equal calls are one multiplication of the rows.

use engine_types::DataType;

use super::{
    Binder,
    scope::{ARRAY_JOIN, Scope},
};
use crate::{
    error::{SqlError, code},
    plan::Expr,
};

/// The element type of an array or map.
pub(super) fn element_type(ty: &DataType) -> Result<DataType, SqlError> {
    match ty.bare() {
        DataType::Array(element) => Ok((**element).clone()),
        DataType::Map(key, value) => Ok(DataType::Tuple(vec![
            (Some("keys".to_owned()), (**key).clone()),
            (Some("values".to_owned()), (**value).clone()),
        ])),
        other => Err(SqlError::new(
            code::TYPE_MISMATCH,
            format!("ARRAY JOIN requires array argument, got {other}"),
        )),
    }
}

impl Binder<'_> {
    pub(super) fn array_join_call(scope: &mut Scope, arg: Expr) -> Result<Expr, SqlError> {
        if !scope.lambdas.is_empty() {
            return Err(SqlError::new(
                code::BAD_ARGUMENTS,
                "arrayJoin inside a lambda is not possible",
            ));
        }
        let element = element_type(&arg.ty)?;
        let index = match scope.array_joins.iter().position(|(have, _)| *have == arg) {
            Some(index) => index,
            None => {
                scope.array_joins.push((arg, element.clone()));
                scope.array_joins.len() - 1
            }
        };
        Ok(Expr::column(ARRAY_JOIN + index, element))
    }
}
