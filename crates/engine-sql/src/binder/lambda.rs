//! Higher-order functions: the lambda's body over its captures and parameters.

use std::sync::Arc;

use engine_functions::HigherOrderFunction;
use engine_types::DataType;

use super::{
    Binder,
    scope::{LAMBDA_PARAM, LambdaParam, Scope},
};
use crate::{
    ast,
    error::{SqlError, code},
    plan::{Expr, ExprKind, Lambda},
};

impl Binder<'_> {
    /// `function(lambda, arrays…)`; without a lambda the elements themselves.
    pub(super) fn higher_order(
        &mut self,
        scope: &mut Scope,
        function: &'static dyn HigherOrderFunction,
        args: &[ast::Expr],
    ) -> Result<Expr, SqlError> {
        let (lambda, array_args) = match args.split_first() {
            Some((ast::Expr::Lambda { params, body }, rest)) => (Some((params, body)), rest),
            _ => (None, args),
        };
        let arrays = self.exprs(scope, array_args)?;
        let array_types: Vec<DataType> = arrays.iter().map(|a| a.ty.clone()).collect();
        let types = function.lambda_params(&array_types)?;
        if let Some((params, _)) = lambda
            && params.len() != types.len()
        {
            return Err(SqlError::new(
                code::ILLEGAL_TYPE_OF_ARGUMENT,
                format!(
                    "Function {} wants a lambda of {} parameters, got {}",
                    function.name(),
                    types.len(),
                    params.len()
                ),
            ));
        }
        let first = self.next_param;
        self.next_param += types.len();
        let frame: Vec<LambdaParam> = types
            .iter()
            .enumerate()
            .map(|(i, ty)| LambdaParam {
                name: lambda.map_or_else(String::new, |(params, _)| params[i].clone()),
                column: LAMBDA_PARAM + first + i,
                ty: ty.clone(),
            })
            .collect();
        let body = match lambda {
            Some((_, body)) => {
                scope.lambdas.push(frame.clone());
                let bound = self.expr(scope, body);
                scope.lambdas.pop();
                bound?
            }
            None => match frame.as_slice() {
                [only] => Expr::column(only.column, only.ty.clone()),
                _ => {
                    return Err(SqlError::new(
                        code::BAD_ARGUMENTS,
                        format!("Function {} of several arrays needs a lambda", function.name()),
                    ));
                }
            },
        };
        let ty = function.return_type(&body.ty, &array_types)?;
        let lambda = Arc::new(close(body, &frame));
        Ok(Expr {
            kind: ExprKind::HigherOrder {
                function,
                lambda,
                arrays,
            },
            ty,
        })
    }
}

/// Numbers the body's columns: what it takes from outside becomes captures 0.., then come the parameters.
fn close(mut body: Expr, frame: &[LambdaParam]) -> Lambda {
    let mut captures: Vec<Expr> = Vec::new();
    body.each_column_typed(&mut |column, ty| {
        let own = frame.iter().any(|p| p.column == column);
        if !own
            && !captures
                .iter()
                .any(|c| matches!(c.kind, ExprKind::Column(have) if have == column))
        {
            captures.push(Expr::column(column, ty.clone()));
        }
    });
    let place = |column: usize| match frame.iter().position(|p| p.column == column) {
        Some(param) => captures.len() + param,
        None => captures
            .iter()
            .position(|c| matches!(c.kind, ExprKind::Column(have) if have == column))
            .unwrap_or(0),
    };
    body.map_columns(&place);
    Lambda {
        captures,
        params: frame.iter().map(|p| p.ty.clone()).collect(),
        body,
    }
}
