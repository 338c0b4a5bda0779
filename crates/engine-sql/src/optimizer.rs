//! Rewrites of bound plans, one rule a file; each keeps the rows and the schema of the whole.

mod column_pruning;
mod filter_pushdown;
mod json_cells;
mod project_merging;
mod subplans;
mod top_n;

use crate::{
    binder::Catalog,
    plan::{Expr, Plan},
};

/// All rules, in the order that lets each profit from those before it.
pub fn optimize(plan: Plan, catalog: &dyn Catalog) -> Plan {
    let plan = filter_pushdown::push_filters(plan, catalog);
    let plan = column_pruning::prune_columns(plan);
    let plan = project_merging::merge_projects(plan);
    let plan = column_pruning::prune_columns(plan);
    let plan = json_cells::read_cells(plan, catalog);
    let plan = column_pruning::prune_columns(plan);
    let plan = top_n::limit_sorts(plan);
    subplans::optimize_subplans(plan, catalog)
}

/// An expression outside of a query: only its sub-queries have plans.
pub(crate) fn optimize_expression(mut expr: Expr, catalog: &dyn Catalog) -> Expr {
    subplans::in_expr(&mut expr, catalog);
    expr
}

#[cfg(test)]
mod tests;
