//! Each operator gets only the columns that are read above it, down to the scans.

use engine_types::Schema;

use crate::plan::{Expr, Plan, SortKey};

pub(super) fn prune_columns(plan: Plan) -> Plan {
    let width = plan.schema().len();
    exactly(plan, &vec![true; width])
}

/// A pruned plan: `places[i]` is where the old column `i` is now, for those that were asked for.
struct Pruned {
    plan: Plan,
    places: Vec<Option<usize>>,
}

impl Pruned {
    fn place(&self, column: usize) -> usize {
        self.places.get(column).copied().flatten().unwrap_or(0)
    }

    fn renumber(&self, expr: &mut Expr) {
        expr.map_columns(&|c| self.place(c));
    }

    fn renumber_all(&self, exprs: &mut [Expr]) {
        exprs.iter_mut().for_each(|e| self.renumber(e));
    }
}

/// The plan with just the needed columns, in their order.
fn exactly(plan: Plan, needed: &[bool]) -> Plan {
    let old = plan.schema();
    let pruned = prune(plan, needed);
    let schema = pruned.plan.schema();
    let wanted: Vec<usize> = (0..needed.len()).filter(|&i| needed[i]).collect();
    let fits = schema.len() == wanted.len()
        && wanted
            .iter()
            .enumerate()
            .all(|(new, &old)| pruned.place(old) == new);
    if fits {
        return pruned.plan;
    }
    Plan::Project {
        exprs: wanted
            .iter()
            .map(|&i| Expr::column(pruned.place(i), old[i].ty.clone()))
            .collect(),
        schema: wanted.iter().map(|&i| old[i].clone()).collect(),
        input: Box::new(pruned.plan),
    }
}

fn mark<'e>(needed: &mut [bool], exprs: impl IntoIterator<Item = &'e Expr>) {
    for expr in exprs {
        expr.each_column(&mut |c| {
            if let Some(slot) = needed.get_mut(c) {
                *slot = true;
            }
        });
    }
}

/// The places of the kept columns, and how many there are.
fn places(kept: &[bool]) -> Vec<Option<usize>> {
    let mut next = 0;
    kept.iter()
        .map(|&keep| {
            keep.then(|| {
                next += 1;
                next - 1
            })
        })
        .collect()
}

fn kept<T>(items: Vec<T>, keep: &[bool]) -> Vec<T> {
    items
        .into_iter()
        .zip(keep)
        .filter_map(|(item, &keep)| keep.then_some(item))
        .collect()
}

fn identity(plan: Plan) -> Pruned {
    let places = (0..plan.schema().len()).map(Some).collect();
    Pruned { plan, places }
}

fn key_exprs(keys: &[SortKey]) -> impl Iterator<Item = &Expr> {
    keys.iter().map(|k| &k.expr)
}

fn prune(plan: Plan, needed: &[bool]) -> Pruned {
    let mut wanted = needed.to_vec();
    match plan {
        Plan::OneRow | Plan::Numbers { .. } | Plan::Values { .. } => identity(plan),
        Plan::Scan {
            table,
            columns,
            schema,
            mut filters,
            final_,
            cells,
        } => {
            mark(&mut wanted, &filters);
            let places = places(&wanted);
            let plan = Plan::OneRow;
            let mut pruned = Pruned { plan, places };
            pruned.renumber_all(&mut filters);
            let cells = kept(cells, &wanted[columns.len()..]);
            pruned.plan = Plan::Scan {
                table,
                columns: kept(columns, &wanted),
                schema: kept(schema, &wanted),
                filters,
                final_,
                cells,
            };
            pruned
        }
        Plan::Filter { input, mut predicate } => {
            mark(&mut wanted, [&predicate]);
            let mut pruned = prune(*input, &wanted);
            pruned.renumber(&mut predicate);
            pruned.plan = Plan::Filter {
                input: Box::new(pruned.plan),
                predicate,
            };
            pruned
        }
        Plan::Project { input, exprs, schema } => {
            let places = places(&wanted);
            let mut exprs = kept(exprs, &wanted);
            let mut below = vec![false; input.schema().len()];
            mark(&mut below, &exprs);
            let pruned = prune(*input, &below);
            pruned.renumber_all(&mut exprs);
            Pruned {
                plan: Plan::Project {
                    input: Box::new(pruned.plan),
                    exprs,
                    schema: kept(schema, &wanted),
                },
                places,
            }
        }
        Plan::Aggregate {
            input,
            mut keys,
            aggregates,
            schema,
        } => {
            // The keys make the groups, read or not.
            wanted[..keys.len()].fill(true);
            let places = places(&wanted);
            let mut aggregates = kept(aggregates, &wanted[keys.len()..]);
            let mut below = vec![false; input.schema().len()];
            mark(
                &mut below,
                keys.iter().chain(aggregates.iter().flat_map(|a| &a.args)),
            );
            let pruned = prune(*input, &below);
            pruned.renumber_all(&mut keys);
            for aggregate in &mut aggregates {
                pruned.renumber_all(&mut aggregate.args);
            }
            Pruned {
                plan: Plan::Aggregate {
                    input: Box::new(pruned.plan),
                    keys,
                    aggregates,
                    schema: kept(schema, &wanted),
                },
                places,
            }
        }
        Plan::Join { .. } => prune_join(plan, needed),
        Plan::ArrayJoin {
            input,
            columns,
            left,
            schema,
        } => {
            for &column in &columns {
                wanted[column] = true;
            }
            let mut pruned = prune(*input, &wanted);
            let columns: Vec<usize> = columns.iter().map(|&c| pruned.place(c)).collect();
            let mut new_schema = pruned.plan.schema();
            for (old, place) in pruned.places.iter().enumerate() {
                if let Some(place) = place {
                    new_schema[*place] = schema[old].clone();
                }
            }
            pruned.plan = Plan::ArrayJoin {
                input: Box::new(pruned.plan),
                columns,
                left,
                schema: new_schema,
            };
            pruned
        }
        Plan::Window { input, calls, schema } => {
            let width = schema.len() - calls.len();
            let mut calls = kept(calls, &wanted[width..]);
            let mut below = wanted[..width].to_vec();
            for call in &calls {
                mark(
                    &mut below,
                    call.args
                        .iter()
                        .chain(&call.partition_by)
                        .chain(key_exprs(&call.order_by)),
                );
            }
            let pruned = prune(*input, &below);
            for call in &mut calls {
                pruned.renumber_all(&mut call.args);
                pruned.renumber_all(&mut call.partition_by);
                call.order_by
                    .iter_mut()
                    .for_each(|k| pruned.renumber(&mut k.expr));
            }
            if calls.is_empty() {
                let mut places = pruned.places;
                places.resize(schema.len(), None);
                return Pruned {
                    plan: pruned.plan,
                    places,
                };
            }
            let mut new_schema = pruned.plan.schema();
            let mut places = pruned.places;
            for (i, field) in schema.into_iter().enumerate().skip(width) {
                places.push(wanted[i].then(|| {
                    new_schema.push(field);
                    new_schema.len() - 1
                }));
            }
            Pruned {
                plan: Plan::Window {
                    input: Box::new(pruned.plan),
                    calls,
                    schema: new_schema,
                },
                places,
            }
        }
        Plan::Sort {
            input,
            mut keys,
            limit,
        } => {
            mark(&mut wanted, key_exprs(&keys));
            let mut pruned = prune(*input, &wanted);
            keys.iter_mut().for_each(|k| pruned.renumber(&mut k.expr));
            pruned.plan = Plan::Sort {
                input: Box::new(pruned.plan),
                keys,
                limit,
            };
            pruned
        }
        Plan::LimitBy {
            input,
            mut keys,
            limit,
            offset,
        } => {
            mark(&mut wanted, &keys);
            let mut pruned = prune(*input, &wanted);
            pruned.renumber_all(&mut keys);
            pruned.plan = Plan::LimitBy {
                input: Box::new(pruned.plan),
                keys,
                limit,
                offset,
            };
            pruned
        }
        Plan::Limit { input, limit, offset } => {
            let mut pruned = prune(*input, &wanted);
            pruned.plan = Plan::Limit {
                input: Box::new(pruned.plan),
                limit,
                offset,
            };
            pruned
        }
        Plan::Distinct { input } => {
            // Every column takes part in the comparison, and none but these.
            wanted.fill(true);
            identity(Plan::Distinct {
                input: Box::new(exactly(*input, &wanted)),
            })
        }
        Plan::UnionAll { inputs, schema } => Pruned {
            plan: Plan::UnionAll {
                inputs: inputs.into_iter().map(|input| exactly(input, needed)).collect(),
                schema: kept(schema, needed),
            },
            places: places(needed),
        },
    }
}

fn prune_join(plan: Plan, needed: &[bool]) -> Pruned {
    let Plan::Join {
        left,
        right,
        kind,
        strictness,
        mut on,
        mut residual,
        schema,
    } = plan
    else {
        return identity(plan);
    };
    let left_width = left.schema().len();
    let right_width = right.schema().len();
    let left_only = schema.len() == left_width && right_width > 0;
    let mut wanted = needed.to_vec();
    wanted.resize(left_width + right_width, false);
    mark(&mut wanted, &residual);
    let (left_wanted, right_wanted) = wanted.split_at_mut(left_width);
    mark(left_wanted, on.iter().map(|(l, _)| l));
    mark(right_wanted, on.iter().map(|(_, r)| r));
    let left = prune(*left, left_wanted);
    let right = prune(*right, right_wanted);
    for (l, r) in &mut on {
        left.renumber(l);
        right.renumber(r);
    }
    let new_left = left.plan.schema().len();
    if let Some(residual) = &mut residual {
        residual.map_columns(&|c| {
            if c < left_width {
                left.place(c)
            } else {
                new_left + right.place(c - left_width)
            }
        });
    }
    // Types come from the join's schema: NULLs of unmatched rows may have made them Nullable.
    let mut places: Vec<Option<usize>> = left.places.clone();
    let mut new_schema: Schema = left.plan.schema();
    if !left_only {
        places.extend(right.places.iter().map(|p| p.map(|p| p + new_left)));
        new_schema.extend(right.plan.schema());
    }
    for (old, place) in places.iter().enumerate() {
        if let (Some(place), Some(field)) = (place, schema.get(old)) {
            new_schema[*place] = field.clone();
        }
    }
    Pruned {
        plan: Plan::Join {
            left: Box::new(left.plan),
            right: Box::new(right.plan),
            kind,
            strictness,
            on,
            residual,
            schema: new_schema,
        },
        places,
    }
}
