//! Gives aggregates, arrayJoin and window results their places while the operators of a SELECT are stacked.

use std::collections::HashMap;

use super::scope::{AGGREGATE, ARRAY_JOIN, LAMBDA_PARAM, Scope, WINDOW};
use crate::{
    error::{SqlError, code},
    plan::{Expr, ExprKind},
};

/// What the bound expressions of a SELECT become over the operator built so far.
#[derive(Default)]
pub(super) struct Lowering {
    /// Behind GROUP BY: the keys, as bound; column `i` of the operator is key `i`.
    pub keys: Option<Vec<Expr>>,
    /// Places of the numbers at and above [`AGGREGATE`].
    pub places: HashMap<usize, usize>,
}

impl Lowering {
    pub fn lower(&self, scope: &Scope, expr: &Expr) -> Result<Expr, SqlError> {
        if let Some(keys) = &self.keys
            && !matches!(expr.kind, ExprKind::Literal(_))
            && let Some(key) = keys.iter().position(|k| k == expr)
        {
            return Ok(Expr::column(key, expr.ty.clone()));
        }
        match expr.kind {
            ExprKind::Column(column) => Ok(Expr::column(self.column(scope, column)?, expr.ty.clone())),
            _ => expr.try_map_children(&mut |child| self.lower(scope, child)),
        }
    }

    fn column(&self, scope: &Scope, column: usize) -> Result<usize, SqlError> {
        if let Some(place) = self.places.get(&column) {
            return Ok(*place);
        }
        if column < AGGREGATE {
            let Some(_) = &self.keys else {
                return Ok(column);
            };
            let name = scope.columns.get(column).map_or("", |c| c.name.as_str());
            return Err(SqlError::new(
                code::NOT_AN_AGGREGATE,
                format!("Column `{name}` is not under aggregate function and not in GROUP BY"),
            ));
        }
        let (code, what) = match column {
            LAMBDA_PARAM.. => (
                code::UNKNOWN_IDENTIFIER,
                "A lambda's parameter is used outside of it",
            ),
            WINDOW.. => (code::ILLEGAL_AGGREGATION, "A window function cannot be used here"),
            ARRAY_JOIN.. => (
                code::NOT_AN_AGGREGATE,
                "arrayJoin() is not under aggregate function and not in GROUP BY",
            ),
            _ => (
                code::ILLEGAL_AGGREGATION,
                "An aggregate function cannot be used here",
            ),
        };
        Err(SqlError::new(code, what))
    }
}
