//! Answers questions for groups from the hidden groups of parts, and from the rows where there are none.

use std::sync::Arc;

use engine_sql::plan::{Aggregate, Expr, ExprKind, JsonCell, Plan, TableName};
use engine_storage::{ProjectionChoice, Snapshot};
use engine_types::{DataType, Field, Schema, Value};

use super::{Groups, stated, with_suffix};
use crate::catalogue::Table;
use crate::pruning;
use crate::scan::{EngineSource, PlannedScan};

/// Aliases may make an expression grow; such questions are left as they are.
const SIZE_MAX: usize = 10_000;

/// Keys and aggregates over the columns of the one table that they come from.
pub(super) struct Question {
    pub keys: Vec<Expr>,
    pub aggregates: Vec<Aggregate>,
    pub filters: Vec<Expr>,
}

impl Question {
    /// `types` are those of the table's columns. `None`: there is more between the table and the groups than conditions and
    /// expressions.
    pub fn of(
        input: &Plan,
        keys: &[Expr],
        aggregates: &[Aggregate],
        types: &dyn Fn(usize) -> Option<DataType>,
    ) -> Option<Self> {
        let (mut keys, mut aggregates, mut filters) = (keys.to_vec(), aggregates.to_vec(), Vec::new());
        let mut input = input;
        loop {
            match input {
                Plan::Filter {
                    input: below,
                    predicate,
                } => {
                    filters.push(predicate.clone());
                    input = below;
                }
                Plan::Project {
                    input: below, exprs, ..
                } => {
                    for expr in all(&mut keys, &mut aggregates, &mut filters) {
                        if expr.size_with(exprs) > SIZE_MAX {
                            return None;
                        }
                        expr.substitute(&|column, _| exprs[column].clone());
                    }
                    input = below;
                }
                Plan::Scan {
                    columns,
                    filters: own,
                    final_: false,
                    cells,
                    ..
                } => {
                    filters.extend(own.iter().cloned());
                    let scanned = Scanned {
                        columns,
                        cells,
                        types,
                    };
                    for expr in all(&mut keys, &mut aggregates, &mut filters) {
                        *expr = scanned.over_table(expr)?;
                    }
                    return Some(Self {
                        keys,
                        aggregates,
                        filters,
                    });
                }
                _ => return None,
            }
        }
    }
}

fn all<'e>(
    keys: &'e mut [Expr],
    aggregates: &'e mut [Aggregate],
    filters: &'e mut [Expr],
) -> impl Iterator<Item = &'e mut Expr> {
    let args = aggregates.iter_mut().flat_map(|a| &mut a.args);
    keys.iter_mut().chain(args).chain(filters)
}

/// The output of a scan.
struct Scanned<'a> {
    columns: &'a [usize],
    cells: &'a [JsonCell],
    types: &'a dyn Fn(usize) -> Option<DataType>,
}

impl Scanned<'_> {
    /// The same over the columns of the table: `f(cell, …)` is `f(text, key, …)` again.
    fn over_table(&self, expr: &Expr) -> Option<Expr> {
        if let ExprKind::Column(at) = expr.kind {
            return Some(Expr::column(*self.columns.get(at)?, expr.ty.clone()));
        }
        if let ExprKind::Call { function, args } = &expr.kind
            && let Some((ExprKind::Column(at), rest)) = args.split_first().map(|(a, rest)| (&a.kind, rest))
            && let Some(cell) = at
                .checked_sub(self.columns.len())
                .and_then(|at| self.cells.get(at))
        {
            let mut all = vec![
                Expr::column(cell.column, (self.types)(cell.column)?),
                Expr::literal(Value::String(cell.key.clone()), DataType::String),
            ];
            for arg in rest {
                all.push(self.over_table(arg)?);
            }
            return Some(Expr {
                kind: ExprKind::Call {
                    function: *function,
                    args: all,
                },
                ty: expr.ty.clone(),
            });
        }
        let over_table = &mut |child: &Expr| self.over_table(child).ok_or(());
        expr.try_map_children(over_table).ok()
    }
}

impl Groups {
    /// The same over the hidden columns, when the keys say all that it needs.
    fn over_keys(&self, expr: &Expr) -> Option<Expr> {
        if let Some(at) = self.keys.iter().position(|key| key == expr) {
            return Some(Expr::column(at, expr.ty.clone()));
        }
        if let ExprKind::Column(_) = expr.kind {
            return None;
        }
        let over_keys = &mut |child: &Expr| self.over_keys(child).ok_or(());
        expr.try_map_children(over_keys).ok().filter(Expr::deterministic)
    }

    /// The hidden column of the aggregate's states.
    fn state_of(&self, aggregate: &Aggregate) -> Option<usize> {
        let same = |own: &Aggregate| {
            own.function.name() == aggregate.function.name()
                && own.params == aggregate.params
                && own.args == aggregate.args
        };
        Some(self.keys.len() + self.aggregates.iter().position(same)?)
    }
}

/// The plan with hidden groups in the place of rows wherever that is less to read.
pub(crate) fn through_groups(plan: Plan, source: &mut EngineSource) -> Plan {
    let plan = plan.map_inputs(&mut |input| through_groups(input, source));
    match &plan {
        Plan::Aggregate {
            input,
            keys,
            aggregates,
            schema,
        } => answered(input, keys, aggregates, schema, source).unwrap_or(plan),
        _ => plan,
    }
}

/// How a question is answered by one projection.
struct Answer {
    projection: usize,
    choice: ProjectionChoice,
    /// Over the hidden columns.
    keys: Vec<Expr>,
    filters: Vec<Expr>,
    /// Hidden columns.
    states: Vec<usize>,
}

impl Answer {
    /// The hidden columns that it reads, in order.
    fn columns(&self) -> Vec<usize> {
        let mut columns = self.states.clone();
        for expr in self.keys.iter().chain(&self.filters) {
            expr.each_column(&mut |column| columns.push(column));
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

fn answered(
    input: &Plan,
    keys: &[Expr],
    aggregates: &[Aggregate],
    schema: &Schema,
    source: &mut EngineSource,
) -> Option<Plan> {
    let (table, snapshot) = {
        let name = scanned_table(input)?;
        let table = source.catalogue.table(&name.database, &name.table).ok()?.clone();
        let snapshot = source.snapshot(table.id)?.clone();
        (table, snapshot)
    };
    if table.shape.projections.iter().all(|p| p.groups().is_none()) {
        return None;
    }
    let question = Question::of(input, keys, aggregates, &|column| {
        table.shape.columns.get(column).map(|c| c.ty.clone())
    })?;
    let answer = best(&question, &table, &snapshot)?;
    let projection = &table.shape.projections[answer.projection];

    // Keys, then states: of the hidden groups, and of the rows of all other parts.
    let states = aggregates
        .iter()
        .map(stated)
        .collect::<crate::Result<Vec<_>>>()
        .ok()?;
    let merging = aggregates
        .iter()
        .zip(&states)
        .map(|(a, state)| with_suffix(a, "Merge", std::slice::from_ref(state.return_type())))
        .collect::<crate::Result<Vec<_>>>()
        .ok()?;
    let same_types = aggregates
        .iter()
        .zip(&merging)
        .all(|(a, merging)| a.function.return_type() == merging.return_type());
    if !same_types {
        return None;
    }
    let mut between: Schema = schema[..keys.len()].to_vec();
    let fields = schema[keys.len()..].iter().zip(&states);
    between.extend(fields.map(|(field, state)| Field::new(&field.name, state.return_type().clone())));

    let read = answer.columns();
    let place = |column: usize| read.iter().position(|c| *c == column).unwrap_or(column);
    let over_read = |mut expr: Expr| {
        expr.map_columns(&place);
        expr
    };
    let fields = read.iter().map(|&c| &projection.shape.columns[c]);
    let read_schema: Schema = fields.map(|c| Field::new(&c.name, c.ty.clone())).collect();
    let state_columns = answer.states.iter().map(|&c| place(c));
    let state_columns = state_columns.map(|at| Expr::column(at, read_schema[at].ty.clone()));
    let parts = answer.choice.hidden.parts().len();
    let hidden_table = Arc::new(Table {
        id: table.id,
        database: table.database.clone(),
        name: table.name.clone(),
        shape: projection.shape.clone(),
    });
    let hidden = source.plan_scan(PlannedScan {
        name: format!(
            "{}.{}, projection {}",
            table.database, table.name, projection.name
        ),
        table: hidden_table,
        snapshot: answer.choice.hidden,
        projection: Some((projection.name.clone(), parts)),
    });
    let from_groups = Plan::Project {
        input: Box::new(Plan::Scan {
            table: hidden,
            columns: read.clone(),
            schema: read_schema.clone(),
            filters: answer.filters.into_iter().map(over_read).collect(),
            final_: false,
            cells: Vec::new(),
        }),
        exprs: answer
            .keys
            .into_iter()
            .map(over_read)
            .chain(state_columns)
            .collect(),
        schema: between.clone(),
    };
    let rest = &answer.choice.rest;
    let all_parts = if rest.parts().is_empty() && rest.memory_blocks().is_empty() {
        from_groups
    } else {
        let others = source.plan_scan(PlannedScan {
            name: format!("{}.{}, other rows", table.database, table.name),
            table: table.clone(),
            snapshot: answer.choice.rest,
            projection: None,
        });
        let from_rows = Plan::Aggregate {
            input: Box::new(with_table(input.clone(), &others)),
            keys: keys.to_vec(),
            aggregates: aggregates
                .iter()
                .zip(&states)
                .map(|(aggregate, state)| Aggregate {
                    function: state.clone(),
                    ..aggregate.clone()
                })
                .collect(),
            schema: between.clone(),
        };
        Plan::UnionAll {
            inputs: vec![from_groups, from_rows],
            schema: between.clone(),
        }
    };
    let column = |at: usize| Expr::column(at, between[at].ty.clone());
    Some(Plan::Aggregate {
        input: Box::new(all_parts),
        keys: (0..keys.len()).map(column).collect(),
        aggregates: aggregates
            .iter()
            .zip(merging)
            .enumerate()
            .map(|(i, (aggregate, merging))| Aggregate {
                function: merging,
                params: aggregate.params.clone(),
                args: vec![column(keys.len() + i)],
            })
            .collect(),
        schema: schema.clone(),
    })
}

/// The projection with which the fewest rows are read, where those are fewer than without.
fn best(question: &Question, table: &Table, snapshot: &Arc<Snapshot>) -> Option<Answer> {
    let columns: Vec<usize> = (0..table.shape.columns.len()).collect();
    let key = pruning::key_condition(&table.shape, &columns, &question.filters);
    let mut fewest = snapshot.rows_to_read(&key);
    let mut best = None;
    let projections = table.shape.projections.iter().zip(&snapshot.def().projections);
    for (at, (projection, stored)) in projections.enumerate() {
        let answer = || {
            let groups = projection.groups()?;
            let over_keys = |list: &[Expr]| {
                list.iter()
                    .map(|e| groups.over_keys(e))
                    .collect::<Option<Vec<_>>>()
            };
            let (keys, filters) = (over_keys(&question.keys)?, over_keys(&question.filters)?);
            let states = question.aggregates.iter().map(|a| groups.state_of(a));
            let states = states.collect::<Option<Vec<_>>>()?;
            let own: Vec<usize> = (0..projection.shape.columns.len()).collect();
            let wanted = pruning::key_condition(&projection.shape, &own, &filters);
            Some(Answer {
                projection: at,
                choice: snapshot.through(stored, &key, &wanted)?,
                keys,
                filters,
                states,
            })
        };
        if let Some(answer) = answer()
            && answer.choice.rows < fewest
        {
            fewest = answer.choice.rows;
            best = Some(answer);
        }
    }
    best
}

fn scanned_table(plan: &Plan) -> Option<&TableName> {
    match plan {
        Plan::Filter { input, .. } | Plan::Project { input, .. } => scanned_table(input),
        Plan::Scan { table, .. } => Some(table),
        _ => None,
    }
}

fn with_table(plan: Plan, other: &TableName) -> Plan {
    match plan {
        Plan::Scan {
            columns,
            schema,
            filters,
            final_,
            cells,
            ..
        } => Plan::Scan {
            table: other.clone(),
            columns,
            schema,
            filters,
            final_,
            cells,
        },
        plan => plan.map_inputs(&mut |input| with_table(input, other)),
    }
}
