//! Structural equality of expressions: how a SELECT item is found among the GROUP BY keys.

use std::sync::Arc;

use super::{Expr, ExprKind, SetSource};

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.ty == other.ty && same(&self.kind, &other.kind)
    }
}

fn same(a: &ExprKind, b: &ExprKind) -> bool {
    match (a, b) {
        (ExprKind::Column(a), ExprKind::Column(b)) => a == b,
        (ExprKind::Literal(a), ExprKind::Literal(b)) => a == b,
        (
            ExprKind::Call { function, args },
            ExprKind::Call {
                function: other,
                args: others,
            },
        ) => function.name() == other.name() && args == others,
        (ExprKind::And(a), ExprKind::And(b)) | (ExprKind::Or(a), ExprKind::Or(b)) => a == b,
        (
            ExprKind::HigherOrder {
                function,
                lambda,
                arrays,
            },
            ExprKind::HigherOrder {
                function: other,
                lambda: other_lambda,
                arrays: others,
            },
        ) => {
            function.name() == other.name()
                && arrays == others
                && lambda.captures == other_lambda.captures
                && lambda.params == other_lambda.params
                && lambda.body == other_lambda.body
        }
        (
            ExprKind::InSet { arg, set, negated },
            ExprKind::InSet {
                arg: other,
                set: other_set,
                negated: other_negated,
            },
        ) => negated == other_negated && arg == other && same_set(set, other_set),
        // The binder makes one plan of equal sub-queries of a SELECT.
        (ExprKind::ScalarSubquery(a), ExprKind::ScalarSubquery(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

fn same_set(a: &SetSource, b: &SetSource) -> bool {
    match (a, b) {
        (SetSource::Values(a), SetSource::Values(b)) => a == b,
        (SetSource::Subquery(a), SetSource::Subquery(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}
