//! JSON functions of a column and a constant key get the values of that key from the scan, instead of the text.
//!
//! `f(column, 'key', …)` becomes `f(cell, …)`: a cell is the value as it stands in the text, or '' where it is missing.
//! Cells are asked for where the functions are and handed up from the scan by all operators between.

use engine_functions::JSON_PATH_FUNCTIONS;
use engine_types::{DataType, Field, Schema, Value};

use crate::{
    binder::Catalog,
    plan::{Expr, ExprKind, JsonCell, Plan, SortKey},
};

/// Aggregates whose result is their first argument in one of the rows, which the others choose.
const PICKING: [&str; 4] = ["argMax", "argMin", "argMaxIf", "argMinIf"];

pub(super) fn read_cells(plan: Plan, catalog: &dyn Catalog) -> Plan {
    as_before(plan, catalog)
}

/// A key of a column of some input.
#[derive(Clone, Debug, PartialEq)]
struct Access {
    column: usize,
    key: Vec<u8>,
}

/// A rewritten plan, which may have more columns than before.
struct Pushed {
    plan: Plan,
    /// Where each old column is; `None`: all are where they were.
    moved: Option<Vec<usize>>,
    /// Where the cells are that were asked for.
    granted: Vec<Option<usize>>,
}

impl Pushed {
    fn without(plan: Plan, wanted: &[Access]) -> Self {
        Self {
            plan,
            moved: None,
            granted: vec![None; wanted.len()],
        }
    }

    fn place(&self, column: usize) -> usize {
        match &self.moved {
            None => column,
            Some(places) => places.get(column).copied().unwrap_or(column),
        }
    }

    /// Renumbers columns and takes cells; `asked` is what `granted` answers.
    fn rewrite(&self, expr: &mut Expr, asked: &[Access]) {
        rewrite(expr, &|c| self.place(c), &|access| {
            let at = asked.iter().position(|a| a == access)?;
            self.granted.get(at).copied().flatten()
        });
    }
}

/// The plan with its cells, and the columns that it had.
fn as_before(plan: Plan, catalog: &dyn Catalog) -> Plan {
    let schema = plan.schema();
    let pushed = push(plan, &[], catalog);
    if pushed.moved.is_none() && pushed.plan.schema().len() == schema.len() {
        return pushed.plan;
    }
    Plan::Project {
        exprs: schema
            .iter()
            .enumerate()
            .map(|(i, field)| Expr::column(pushed.place(i), field.ty.clone()))
            .collect(),
        schema,
        input: Box::new(pushed.plan),
    }
}

/// The key that a call looks up in a column of strings.
fn access(expr: &Expr) -> Option<Access> {
    let ExprKind::Call { function, args } = &expr.kind else {
        return None;
    };
    let name = function.name();
    let [text, key, ..] = args.as_slice() else {
        return None;
    };
    // The last argument of these is a type.
    let has_type = matches!(name, "JSONExtract" | "JSONExtractKeysAndValues");
    if !JSON_PATH_FUNCTIONS.contains(&name) || (has_type && args.len() < 3) {
        return None;
    }
    match (&text.kind, &key.kind) {
        (ExprKind::Column(column), ExprKind::Literal(Value::String(key)))
            if text.ty == DataType::String && args[1].ty == DataType::String =>
        {
            Some(Access {
                column: *column,
                key: key.clone(),
            })
        }
        _ => None,
    }
}

fn collect<'e>(exprs: impl IntoIterator<Item = &'e Expr>, out: &mut Vec<Access>) {
    for expr in exprs {
        if let Some(access) = access(expr)
            && !out.contains(&access)
        {
            out.push(access);
        }
        collect(expr.children(), out);
    }
}

fn rewrite(expr: &mut Expr, place: &dyn Fn(usize) -> usize, cell: &dyn Fn(&Access) -> Option<usize>) {
    if let Some(at) = access(expr).and_then(|access| cell(&access))
        && let ExprKind::Call { args, .. } = &mut expr.kind
    {
        args.remove(1);
        args[0] = Expr::column(at, DataType::String);
        args[1..].iter_mut().for_each(|arg| rewrite(arg, place, cell));
        return;
    }
    let list = |list: &mut [Expr]| list.iter_mut().for_each(|e| rewrite(e, place, cell));
    match &mut expr.kind {
        ExprKind::Column(column) => *column = place(*column),
        ExprKind::Literal(_) | ExprKind::ScalarSubquery(_) => {}
        ExprKind::Call { args, .. } => list(args),
        ExprKind::And(operands) | ExprKind::Or(operands) => list(operands),
        ExprKind::HigherOrder { lambda, arrays, .. } => {
            if !lambda.captures.is_empty() {
                list(&mut std::sync::Arc::make_mut(lambda).captures);
            }
            list(arrays);
        }
        ExprKind::InSet { arg, .. } => rewrite(arg, place, cell),
    }
}

/// What is asked of an input: what the operator needs itself, then what is asked of the operator.
fn asked<'e>(
    own: impl IntoIterator<Item = &'e Expr>,
    wanted: impl IntoIterator<Item = Access>,
) -> Vec<Access> {
    let mut out = Vec::new();
    collect(own, &mut out);
    for access in wanted {
        if !out.contains(&access) {
            out.push(access);
        }
    }
    out
}

/// Of `granted`, which answers `asked`, what answers `wanted`.
fn answer(wanted: &[Access], asked: &[Access], granted: &[Option<usize>]) -> Vec<Option<usize>> {
    wanted
        .iter()
        .map(|access| {
            let at = asked.iter().position(|a| a == access)?;
            granted.get(at).copied().flatten()
        })
        .collect()
}

fn push(plan: Plan, wanted: &[Access], catalog: &dyn Catalog) -> Pushed {
    match plan {
        Plan::OneRow | Plan::Numbers { .. } | Plan::Values { .. } => Pushed::without(plan, wanted),
        Plan::Scan { .. } => scan(plan, wanted, catalog),
        Plan::Filter { input, mut predicate } => {
            let asked = asked([&predicate], wanted.iter().cloned());
            let mut pushed = push(*input, &asked, catalog);
            pushed.rewrite(&mut predicate, &asked);
            pushed.granted = answer(wanted, &asked, &pushed.granted);
            pushed.plan = Plan::Filter {
                input: Box::new(pushed.plan),
                predicate,
            };
            pushed
        }
        Plan::Project {
            input,
            mut exprs,
            mut schema,
        } => {
            // Only what the projection hands on as it is.
            let below = |access: &Access| match exprs.get(access.column)?.kind {
                ExprKind::Column(column) => Some(Access {
                    column,
                    key: access.key.clone(),
                }),
                _ => None,
            };
            let handed_on: Vec<Option<Access>> = wanted.iter().map(below).collect();
            let asked = asked(&exprs, handed_on.iter().flatten().cloned());
            let pushed = push(*input, &asked, catalog);
            exprs.iter_mut().for_each(|e| pushed.rewrite(e, &asked));
            let names = pushed.plan.schema();
            let granted = handed_on
                .into_iter()
                .map(|access| {
                    let at = asked.iter().position(|a| Some(a) == access.as_ref())?;
                    let at = pushed.granted.get(at).copied().flatten()?;
                    exprs.push(Expr::column(at, DataType::String));
                    schema.push(names[at].clone());
                    Some(exprs.len() - 1)
                })
                .collect();
            Pushed {
                plan: Plan::Project {
                    input: Box::new(pushed.plan),
                    exprs,
                    schema,
                },
                moved: None,
                granted,
            }
        }
        Plan::Aggregate {
            input,
            mut keys,
            mut aggregates,
            mut schema,
        } => {
            // The column of the row that an aggregate picks: its cell is that of the same row.
            let picked = |access: &Access| {
                let aggregate = aggregates.get(access.column.checked_sub(keys.len())?)?;
                let first = aggregate.args.first()?;
                let plain = first.ty == DataType::String && schema[access.column].ty == DataType::String;
                match first.kind {
                    ExprKind::Column(column)
                        if plain && PICKING.contains(&aggregate.function.name().as_str()) =>
                    {
                        Some(Access {
                            column,
                            key: access.key.clone(),
                        })
                    }
                    _ => None,
                }
            };
            let below: Vec<Option<Access>> = wanted.iter().map(picked).collect();
            let own = keys.iter().chain(aggregates.iter().flat_map(|a| &a.args));
            let asked = asked(own, below.iter().flatten().cloned());
            let pushed = push(*input, &asked, catalog);
            let args = aggregates.iter_mut().flat_map(|a| &mut a.args);
            keys.iter_mut()
                .chain(args)
                .for_each(|e| pushed.rewrite(e, &asked));
            let names = pushed.plan.schema();
            let granted = wanted
                .iter()
                .zip(below)
                .map(|(access, below)| {
                    let at = asked.iter().position(|a| Some(a) == below.as_ref())?;
                    let at = pushed.granted.get(at).copied().flatten()?;
                    let mut aggregate = aggregates[access.column - keys.len()].clone();
                    aggregate.args[0] = Expr::column(at, DataType::String);
                    aggregates.push(aggregate);
                    schema.push(names[at].clone());
                    Some(schema.len() - 1)
                })
                .collect();
            Pushed {
                plan: Plan::Aggregate {
                    input: Box::new(pushed.plan),
                    keys,
                    aggregates,
                    schema,
                },
                moved: None,
                granted,
            }
        }
        Plan::Join { .. } => join(plan, wanted, catalog),
        Plan::ArrayJoin {
            input,
            columns,
            left,
            schema,
        } => {
            let handed_on = wanted.iter().filter(|a| !columns.contains(&a.column)).cloned();
            let asked = asked([], handed_on);
            let mut pushed = push(*input, &asked, catalog);
            let mut wider = pushed.plan.schema();
            for (old, field) in schema.into_iter().enumerate() {
                wider[pushed.place(old)] = field;
            }
            pushed.granted = answer(wanted, &asked, &pushed.granted);
            let columns = columns.iter().map(|c| pushed.place(*c)).collect();
            pushed.plan = Plan::ArrayJoin {
                input: Box::new(pushed.plan),
                columns,
                left,
                schema: wider,
            };
            pushed
        }
        Plan::Window {
            input,
            mut calls,
            schema,
        } => {
            let width = schema.len() - calls.len();
            let asked = {
                let own = calls.iter().flat_map(|call| {
                    let ordered = call.order_by.iter().map(|k| &k.expr);
                    call.args.iter().chain(&call.partition_by).chain(ordered)
                });
                asked(own, wanted.iter().filter(|a| a.column < width).cloned())
            };
            let pushed = push(*input, &asked, catalog);
            for call in &mut calls {
                let ordered = call.order_by.iter_mut().map(|k| &mut k.expr);
                call.args
                    .iter_mut()
                    .chain(&mut call.partition_by)
                    .chain(ordered)
                    .for_each(|e| pushed.rewrite(e, &asked));
            }
            let mut wider = pushed.plan.schema();
            let moved = (0..schema.len())
                .map(|c| match c.checked_sub(width) {
                    None => pushed.place(c),
                    Some(call) => wider.len() + call,
                })
                .collect();
            let granted = answer(wanted, &asked, &pushed.granted);
            wider.extend(schema.into_iter().skip(width));
            Pushed {
                plan: Plan::Window {
                    input: Box::new(pushed.plan),
                    calls,
                    schema: wider,
                },
                moved: Some(moved),
                granted,
            }
        }
        Plan::Sort {
            input,
            mut keys,
            limit,
        } => {
            let asked = asked(keys.iter().map(|k: &SortKey| &k.expr), wanted.iter().cloned());
            let mut pushed = push(*input, &asked, catalog);
            keys.iter_mut().for_each(|k| pushed.rewrite(&mut k.expr, &asked));
            pushed.granted = answer(wanted, &asked, &pushed.granted);
            pushed.plan = Plan::Sort {
                input: Box::new(pushed.plan),
                keys,
                limit,
            };
            pushed
        }
        Plan::LimitBy {
            input,
            mut keys,
            limit,
            offset,
        } => {
            let asked = asked(&keys, wanted.iter().cloned());
            let mut pushed = push(*input, &asked, catalog);
            keys.iter_mut().for_each(|k| pushed.rewrite(k, &asked));
            pushed.granted = answer(wanted, &asked, &pushed.granted);
            pushed.plan = Plan::LimitBy {
                input: Box::new(pushed.plan),
                keys,
                limit,
                offset,
            };
            pushed
        }
        Plan::Limit { input, limit, offset } => {
            let mut pushed = push(*input, wanted, catalog);
            pushed.plan = Plan::Limit {
                input: Box::new(pushed.plan),
                limit,
                offset,
            };
            pushed
        }
        // Every column takes part in the comparison: there may be no more than before.
        Plan::Distinct { input } => {
            let plan = Plan::Distinct {
                input: Box::new(as_before(*input, catalog)),
            };
            Pushed::without(plan, wanted)
        }
        Plan::UnionAll { inputs, schema } => {
            let plan = Plan::UnionAll {
                inputs: inputs
                    .into_iter()
                    .map(|input| as_before(input, catalog))
                    .collect(),
                schema,
            };
            Pushed::without(plan, wanted)
        }
    }
}

fn scan(plan: Plan, wanted: &[Access], catalog: &dyn Catalog) -> Pushed {
    let Plan::Scan {
        table,
        columns,
        mut schema,
        mut filters,
        final_,
        mut cells,
    } = plan
    else {
        return Pushed::without(plan, wanted);
    };
    let asked = asked(&filters, wanted.iter().cloned());
    let info = if asked.is_empty() {
        None
    } else {
        // Without the columns nothing is asked for cell by cell, which is never wrong.
        catalog.table(Some(&table.database), &table.table).ok().flatten()
    };
    let granted: Vec<Option<usize>> = asked
        .iter()
        .map(|access| {
            let column = *columns.get(access.column)?;
            let declared = info.as_ref()?.columns.get(column)?;
            if !declared.json || declared.ty != DataType::String {
                return None;
            }
            let cell = JsonCell {
                column,
                key: access.key.clone(),
            };
            let at = cells.iter().position(|c| *c == cell).unwrap_or_else(|| {
                let name = format!("{}.{}", declared.name, String::from_utf8_lossy(&cell.key));
                schema.push(Field::new(name, DataType::String));
                cells.push(cell);
                cells.len() - 1
            });
            Some(columns.len() + at)
        })
        .collect();
    let mut pushed = Pushed {
        plan: Plan::OneRow,
        moved: None,
        granted,
    };
    filters.iter_mut().for_each(|f| pushed.rewrite(f, &asked));
    pushed.granted = answer(wanted, &asked, &pushed.granted);
    pushed.plan = Plan::Scan {
        table,
        columns,
        schema,
        filters,
        final_,
        cells,
    };
    pushed
}

fn join(plan: Plan, wanted: &[Access], catalog: &dyn Catalog) -> Pushed {
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
        return Pushed::without(plan, wanted);
    };
    let (left_width, right_width) = (left.schema().len(), right.schema().len());
    let left_only = schema.len() == left_width && right_width > 0;
    let mut across = Vec::new();
    collect(&residual, &mut across);
    // Where the join makes NULLs of what it does not find, functions of it are not those of the cells.
    let plain = |access: &&Access| {
        schema
            .get(access.column)
            .is_some_and(|field| field.ty == DataType::String)
    };
    for access in wanted.iter().filter(plain) {
        if !across.contains(access) {
            across.push(access.clone());
        }
    }
    let of_right = |access: &Access| Access {
        column: access.column - left_width,
        key: access.key.clone(),
    };
    let left_asked = asked(
        on.iter().map(|(l, _)| l),
        across.iter().filter(|a| a.column < left_width).cloned(),
    );
    let right_asked = asked(
        on.iter().map(|(_, r)| r),
        across.iter().filter(|a| a.column >= left_width).map(of_right),
    );
    let left = push(*left, &left_asked, catalog);
    let right = push(*right, &right_asked, catalog);
    for (l, r) in &mut on {
        left.rewrite(l, &left_asked);
        right.rewrite(r, &right_asked);
    }
    let left_schema = left.plan.schema();
    let new_left = left_schema.len();
    let place = |c: usize| match c.checked_sub(left_width) {
        None => left.place(c),
        Some(c) => new_left + right.place(c),
    };
    let cell = |access: &Access| {
        if access.column < left_width {
            let at = left_asked.iter().position(|a| a == access)?;
            left.granted.get(at).copied().flatten()
        } else {
            let at = right_asked.iter().position(|a| *a == of_right(access))?;
            Some(new_left + right.granted.get(at).copied().flatten()?)
        }
    };
    if let Some(residual) = &mut residual {
        rewrite(residual, &place, &cell);
    }
    let granted = wanted
        .iter()
        .map(|access| {
            let known = plain(&access) && !(left_only && access.column >= left_width);
            known.then(|| cell(access)).flatten()
        })
        .collect();
    let mut wider: Schema = left_schema;
    if !left_only {
        wider.extend(right.plan.schema());
    }
    for (old, field) in schema.iter().enumerate() {
        wider[place(old)] = field.clone();
    }
    let moved = (0..schema.len()).map(place).collect();
    Pushed {
        plan: Plan::Join {
            left: Box::new(left.plan),
            right: Box::new(right.plan),
            kind,
            strictness,
            on,
            residual,
            schema: wider,
        },
        moved: Some(moved),
        granted,
    }
}
