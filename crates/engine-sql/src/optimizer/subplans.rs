//! Optimises the plans inside expressions: scalar sub-queries and the right sides of IN.

use std::sync::Arc;

use crate::{
    binder::Catalog,
    plan::{Expr, ExprKind, Plan, SetSource},
};

pub(super) fn optimize_subplans(plan: Plan, catalog: &dyn Catalog) -> Plan {
    let mut plan = plan.map_inputs(&mut |input| optimize_subplans(input, catalog));
    plan.each_expr_mut(&mut |expr| in_expr(expr, catalog));
    plan
}

pub(super) fn in_expr(expr: &mut Expr, catalog: &dyn Catalog) {
    let optimized = |plan: &Arc<Plan>| Arc::new(super::optimize((**plan).clone(), catalog));
    match &mut expr.kind {
        ExprKind::ScalarSubquery(plan) => *plan = optimized(plan),
        ExprKind::InSet { arg, set, .. } => {
            if let SetSource::Subquery(plan) = set {
                *plan = optimized(plan);
            }
            in_expr(arg, catalog);
        }
        ExprKind::Column(_) | ExprKind::Literal(_) => {}
        ExprKind::Call { args: list, .. } | ExprKind::And(list) | ExprKind::Or(list) => {
            list.iter_mut().for_each(|e| in_expr(e, catalog));
        }
        ExprKind::HigherOrder { lambda, arrays, .. } => {
            let lambda = Arc::make_mut(lambda);
            in_expr(&mut lambda.body, catalog);
            lambda.captures.iter_mut().for_each(|e| in_expr(e, catalog));
            arrays.iter_mut().for_each(|e| in_expr(e, catalog));
        }
    }
}
