//! Two projections in a row become one, where no expression is evaluated more often for it.

use crate::plan::{Expr, ExprKind, Plan};

pub(super) fn merge_projects(plan: Plan) -> Plan {
    // The outermost projection names the result; below it names mean nothing.
    merge(plan, true)
}

fn merge(plan: Plan, root: bool) -> Plan {
    let keeps_names = root
        && matches!(
            plan,
            Plan::Sort { .. }
                | Plan::Limit { .. }
                | Plan::LimitBy { .. }
                | Plan::Distinct { .. }
                | Plan::Filter { .. }
        );
    let plan = plan.map_inputs(&mut |input| merge(input, keeps_names));
    match plan {
        Plan::Project { input, exprs, schema } => {
            let (input, exprs) = match *input {
                Plan::Project {
                    input: inner,
                    exprs: inner_exprs,
                    ..
                } if mergeable(exprs.iter(), &inner_exprs) => {
                    let exprs = exprs.into_iter().map(|e| substituted(e, &inner_exprs)).collect();
                    (inner, exprs)
                }
                other => (Box::new(other), exprs),
            };
            let input_schema = input.schema();
            let identity = exprs.len() == input_schema.len()
                && exprs
                    .iter()
                    .enumerate()
                    .all(|(i, e)| matches!(e.kind, ExprKind::Column(c) if c == i))
                && schema
                    .iter()
                    .zip(&input_schema)
                    .all(|(a, b)| a.ty == b.ty && (!root || a.name == b.name));
            if identity {
                return *input;
            }
            Plan::Project { input, exprs, schema }
        }
        Plan::Aggregate {
            input,
            keys,
            aggregates,
            schema,
        } => match *input {
            Plan::Project {
                input: inner,
                exprs: inner_exprs,
                ..
            } if mergeable(
                keys.iter().chain(aggregates.iter().flat_map(|a| &a.args)),
                &inner_exprs,
            ) =>
            {
                Plan::Aggregate {
                    input: inner,
                    keys: keys.into_iter().map(|e| substituted(e, &inner_exprs)).collect(),
                    aggregates: aggregates
                        .into_iter()
                        .map(|mut a| {
                            a.args = a.args.into_iter().map(|e| substituted(e, &inner_exprs)).collect();
                            a
                        })
                        .collect(),
                    schema,
                }
            }
            other => Plan::Aggregate {
                input: Box::new(other),
                keys,
                aggregates,
                schema,
            },
        },
        other => other,
    }
}

/// No inner expression but a column or literal is read twice, or read at all where that would be less often.
fn mergeable<'e>(outer: impl Iterator<Item = &'e Expr>, inner: &[Expr]) -> bool {
    let mut uses = vec![0usize; inner.len()];
    let mut in_range = true;
    for expr in outer {
        expr.each_column(&mut |c| match uses.get_mut(c) {
            Some(count) => *count += 1,
            None => in_range = false,
        });
    }
    in_range
        && inner
            .iter()
            .zip(uses)
            .all(|(e, uses)| uses <= 1 || matches!(e.kind, ExprKind::Column(_) | ExprKind::Literal(_)))
}

fn substituted(mut expr: Expr, inner: &[Expr]) -> Expr {
    expr.substitute(&|column, ty| {
        inner
            .get(column)
            .cloned()
            .unwrap_or_else(|| Expr::column(column, ty.clone()))
    });
    expr
}
