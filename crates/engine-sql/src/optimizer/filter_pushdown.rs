//! Conditions move down to where they see the fewest rows: through projections, into the sides of joins, into scans.

use std::sync::Arc;

use engine_types::Value;

use crate::{
    binder::{BindContext, Catalog, TableInfo, bind_expression},
    fold,
    plan::{Expr, ExprKind, JoinKind, JoinStrictness, Plan},
};

/// A condition with more nodes than this stays where it is.
const MOVED_NODES: usize = 1_000;

pub(super) fn push_filters(plan: Plan, catalog: &dyn Catalog) -> Plan {
    push(plan, Vec::new(), catalog)
}

/// The plan with `filters` (conjuncts over its output) applied as deep as they can go.
fn push(plan: Plan, filters: Vec<Expr>, catalog: &dyn Catalog) -> Plan {
    let mut kept = Vec::with_capacity(filters.len());
    for filter in filters {
        match &filter.kind {
            ExprKind::Literal(Value::UInt(0) | Value::Null) => return nothing(&plan),
            ExprKind::Literal(_) => {}
            _ => kept.push(filter),
        }
    }
    let filters = kept;
    match plan {
        Plan::Filter { input, predicate } => {
            let mut all = Vec::new();
            fold::conjuncts(predicate, &mut all);
            // What was below is checked first.
            all.extend(filters);
            let (movable, fixed) = partition(all, Expr::deterministic);
            above(push(*input, movable, catalog), fixed)
        }
        Plan::Project { input, exprs, schema } => {
            let (movable, fixed) = partition(filters, |f| {
                // What is computed below and again above must be small: else it costs more than the rows it keeps away,
                // and doubles with every sub-query on the way down.
                let mut ok = f.size_with(&exprs) <= MOVED_NODES;
                f.each_column(&mut |c| {
                    ok &= exprs.get(c).is_some_and(|e| e.deterministic() && !e.has_lambda());
                });
                ok
            });
            let movable = movable.into_iter().map(|f| substituted(f, &exprs)).collect();
            let plan = Plan::Project {
                input: Box::new(push(*input, movable, catalog)),
                exprs,
                schema,
            };
            above(plan, fixed)
        }
        Plan::Scan {
            table,
            columns,
            schema,
            filters: mut have,
            final_,
            cells,
        } => {
            let fixed = if final_ {
                // Only what is equal for all versions of a row may be checked before the versions are merged.
                // Without the keys nothing moves below the merge of the versions.
                let info = catalog.table(Some(&table.database), &table.table).ok().flatten();
                let keys = info.map_or_else(Vec::new, |info| key_columns(&info, &schema, catalog));
                let (movable, fixed) = partition(filters, |f| {
                    let mut ok = true;
                    f.each_column(&mut |c| ok &= keys.contains(&c));
                    ok
                });
                have.extend(movable);
                fixed
            } else {
                have.extend(filters);
                Vec::new()
            };
            let plan = Plan::Scan {
                table,
                columns,
                schema,
                filters: have,
                final_,
                cells,
            };
            above(plan, fixed)
        }
        Plan::Aggregate {
            input,
            keys,
            aggregates,
            schema,
        } => {
            let (movable, fixed) = partition(filters, |f| {
                let mut ok = !keys.is_empty();
                f.each_column(&mut |c| ok &= keys.get(c).is_some_and(Expr::deterministic));
                ok
            });
            let movable = movable.into_iter().map(|f| substituted(f, &keys)).collect();
            let plan = Plan::Aggregate {
                input: Box::new(push(*input, movable, catalog)),
                keys,
                aggregates,
                schema,
            };
            above(plan, fixed)
        }
        Plan::Join { .. } => push_join(plan, filters, catalog),
        Plan::ArrayJoin {
            input,
            columns,
            left,
            schema,
        } => {
            let (movable, fixed) = partition(filters, |f| {
                let mut ok = true;
                f.each_column(&mut |c| ok &= !columns.contains(&c));
                ok
            });
            let plan = Plan::ArrayJoin {
                input: Box::new(push(*input, movable, catalog)),
                columns,
                left,
                schema,
            };
            above(plan, fixed)
        }
        Plan::Sort {
            input,
            keys,
            limit: None,
        } => Plan::Sort {
            input: Box::new(push(*input, filters, catalog)),
            keys,
            limit: None,
        },
        Plan::Distinct { input } => Plan::Distinct {
            input: Box::new(push(*input, filters, catalog)),
        },
        Plan::UnionAll { inputs, schema } => Plan::UnionAll {
            inputs: inputs
                .into_iter()
                .map(|input| push(input, filters.clone(), catalog))
                .collect(),
            schema,
        },
        // Which rows these pass depends on the rows they see.
        Plan::Window { .. } | Plan::LimitBy { .. } | Plan::Limit { .. } | Plan::Sort { .. } => above(
            plan.map_inputs(&mut |input| push(input, Vec::new(), catalog)),
            filters,
        ),
        Plan::OneRow | Plan::Numbers { .. } | Plan::Values { .. } => above(plan, filters),
    }
}

fn partition(filters: Vec<Expr>, movable: impl Fn(&Expr) -> bool) -> (Vec<Expr>, Vec<Expr>) {
    filters.into_iter().partition(|f| movable(f))
}

fn above(plan: Plan, filters: Vec<Expr>) -> Plan {
    match fold::and(filters) {
        Some(predicate) => Plan::Filter {
            input: Box::new(plan),
            predicate,
        },
        None => plan,
    }
}

/// No rows of the plan's schema.
fn nothing(plan: &Plan) -> Plan {
    Plan::Values {
        schema: plan.schema(),
        rows: Arc::default(),
    }
}

/// The filter over the inputs of a projection, folded where constants came in.
fn substituted(mut filter: Expr, exprs: &[Expr]) -> Expr {
    filter.substitute(&|c, ty| {
        exprs
            .get(c)
            .cloned()
            .unwrap_or_else(|| Expr::column(c, ty.clone()))
    });
    fold::refold(filter)
}

/// Places in `schema` of the plain columns of the table's sorting key.
fn key_columns(info: &TableInfo, schema: &[engine_types::Field], catalog: &dyn Catalog) -> Vec<usize> {
    let context = BindContext::default();
    info.sorting_key
        .iter()
        .filter_map(
            |key| match bind_expression(key, schema, catalog, &context).ok()?.kind {
                ExprKind::Column(column) => Some(column),
                _ => None,
            },
        )
        .collect()
}

/// Which input of a join an expression reads.
fn reads(expr: &Expr, width: usize) -> (bool, bool) {
    let (mut left, mut right) = (false, false);
    expr.each_column(&mut |c| {
        left |= c < width;
        right |= c >= width;
    });
    (left, right)
}

fn push_join(plan: Plan, filters: Vec<Expr>, catalog: &dyn Catalog) -> Plan {
    let Plan::Join {
        left,
        right,
        mut kind,
        strictness,
        mut on,
        residual,
        schema,
    } = plan
    else {
        return above(plan, filters);
    };
    let width = left.schema().len();
    let any = strictness == JoinStrictness::Any;
    // An outer join keeps the rows of a side whatever the condition; a filter above may then go to that side only.
    let to_left = match kind {
        JoinKind::Inner | JoinKind::Cross => !any,
        JoinKind::Left => true,
        JoinKind::Right | JoinKind::Full => false,
    };
    let to_right = match kind {
        JoinKind::Inner | JoinKind::Cross => !any,
        JoinKind::Right => true,
        JoinKind::Left | JoinKind::Full => false,
    };
    let (mut left_filters, mut right_filters, mut fixed) = (Vec::new(), Vec::new(), Vec::new());
    for filter in filters {
        match reads(&filter, width) {
            (true, false) if to_left => left_filters.push(filter),
            (false, true) if to_right => right_filters.push(shifted(filter, width)),
            (true, true) if kind == JoinKind::Cross && strictness == JoinStrictness::All => {
                match equal_pair(&filter, width) {
                    Some(pair) => on.push(pair),
                    None => fixed.push(filter),
                }
            }
            _ => fixed.push(filter),
        }
    }
    if kind == JoinKind::Cross && !on.is_empty() {
        kind = JoinKind::Inner;
    }
    // A condition over the side that need not match can be checked before the join.
    let semi = strictness == JoinStrictness::Semi;
    let inner = kind == JoinKind::Inner && !any;
    let mut rest = Vec::new();
    let mut conditions = Vec::new();
    if let Some(residual) = residual {
        fold::conjuncts(residual, &mut conditions);
    }
    for condition in conditions {
        match reads(&condition, width) {
            (true, false) if condition.deterministic() && (inner || semi || kind == JoinKind::Right) => {
                left_filters.push(condition);
            }
            (false, true) if condition.deterministic() && (inner || kind == JoinKind::Left) => {
                right_filters.push(shifted(condition, width));
            }
            _ => rest.push(condition),
        }
    }
    let plan = Plan::Join {
        left: Box::new(push(*left, left_filters, catalog)),
        right: Box::new(push(*right, right_filters, catalog)),
        kind,
        strictness,
        on,
        residual: fold::and(rest),
        schema,
    };
    above(plan, fixed)
}

fn shifted(mut filter: Expr, width: usize) -> Expr {
    filter.map_columns(&|c| c - width);
    filter
}

/// `l = r` of equal types, each side over one input.
fn equal_pair(filter: &Expr, width: usize) -> Option<(Expr, Expr)> {
    let ExprKind::Call { function, args } = &filter.kind else {
        return None;
    };
    let [a, b] = args.as_slice() else {
        return None;
    };
    if function.name() != "equals" || a.ty.bare() != b.ty.bare() {
        return None;
    }
    match (reads(a, width), reads(b, width)) {
        ((true, false), (false, true)) => Some((a.clone(), shifted(b.clone(), width))),
        ((false, true), (true, false)) => Some((b.clone(), shifted(a.clone(), width))),
        _ => None,
    }
}
