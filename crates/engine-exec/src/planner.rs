//! A logical plan to a pipeline. Operators that need all their input (sort, aggregation, the build side of a join) run here,
//! on the way.

use std::collections::HashMap;
use std::sync::Arc;

use engine_sql::plan::{Expr, ExprKind, Plan, SetSource, SortKey};
use engine_types::{Block, Column, DataType, Schema, Value};
use parking_lot::Mutex;

use crate::block_ops::column_of;
use crate::execute::first_rows;
use crate::in_set::PreparedSet;
use crate::memory::Reservation;
use crate::operators::late_sort::LateSort;
use crate::operators::{
    aggregate, array_join, filter, join, late_sort, limit_by, numbers, project, scan, sort, union, window,
};
use crate::pipeline::{Materialized, Morsels, Pipeline};
use crate::program::{Program, Subqueries};
use crate::{ExecContext, ExecError, TableSource, workers};

pub(crate) struct Planner<'a> {
    source: &'a dyn TableSource,
    context: &'a ExecContext,
    /// Sub-queries that already ran, by the address of their plan; the plan is kept so that the address stays taken.
    ran: Mutex<HashMap<usize, Ran>>,
    sets: Mutex<HashMap<(usize, String), Set>>,
}

/// A sub-query and its columns.
struct Ran {
    _plan: Arc<Plan>,
    columns: Arc<[Column]>,
    _memory: Reservation,
}

/// The set of an IN, and the memory it holds.
struct Set {
    set: Arc<PreparedSet>,
    _memory: Reservation,
}

/// Sub-query sets up to this size are shown to the table source for pruning.
const PRUNING_VALUES: usize = 10_000;

fn types(schema: &Schema) -> Vec<DataType> {
    schema.iter().map(|f| f.ty.clone()).collect()
}

impl<'a> Planner<'a> {
    pub(crate) fn new(source: &'a dyn TableSource, context: &'a ExecContext) -> Self {
        Self {
            source,
            context,
            ran: Mutex::default(),
            sets: Mutex::default(),
        }
    }

    fn compile<'e>(&self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<Program, ExecError> {
        Program::compile(exprs, self, &self.context.memory)
    }

    fn piped(&self, source: impl Morsels + 'static) -> Pipeline {
        Pipeline::new(source, &self.context.memory)
    }

    fn materialized(&self, blocks: Vec<Block>, what: &'static str) -> Result<Pipeline, ExecError> {
        let mut memory = self.context.memory.reserve(what);
        memory.set(blocks.iter().map(crate::block_ops::held_bytes).sum())?;
        Ok(self.piped(Materialized::new(blocks, self.context, memory)))
    }

    pub(crate) fn pipeline(&self, plan: &Plan) -> Result<Pipeline, ExecError> {
        self.context.check()?;
        match plan {
            Plan::OneRow => self.materialized(vec![Block::new(Vec::new(), 1)], "one row"),
            Plan::Values { schema, rows } => {
                let columns = schema
                    .iter()
                    .enumerate()
                    .map(|(i, field)| {
                        let values: Vec<Value> = rows
                            .iter()
                            .map(|r| r.get(i).cloned().unwrap_or(Value::Null))
                            .collect();
                        column_of(&field.ty, &values)
                    })
                    .collect();
                self.materialized(vec![Block::new(columns, rows.len())], "values")
            }
            Plan::Numbers { offset, count } => {
                Ok(self.piped(numbers::Numbers::new(*offset, *count, self.context)))
            }
            Plan::Scan {
                table,
                columns,
                schema,
                filters,
                final_,
                cells,
            } => {
                let resolved = filters
                    .iter()
                    .map(|f| self.resolve(f))
                    .collect::<Result<Vec<_>, _>>()?;
                let scan = self.source.open(&crate::ScanRequest {
                    table,
                    columns,
                    schema,
                    filters: &resolved,
                    final_: *final_,
                    cells,
                })?;
                let compiled = filters
                    .iter()
                    .map(|f| Ok((f, self.compile([f])?)))
                    .collect::<Result<Vec<_>, ExecError>>()?;
                Ok(self.piped(scan::ScanMorsels::new(scan, compiled, schema, self.context)))
            }
            Plan::Filter { input, predicate } => {
                let program = self.compile([predicate])?;
                Ok(self.pipeline(input)?.then(filter::Filter { program }))
            }
            Plan::Project { input, exprs, .. } => {
                let program = self.compile(exprs)?;
                Ok(self.pipeline(input)?.then(project::Project::new(program)))
            }
            Plan::Aggregate {
                input,
                keys,
                aggregates,
                ..
            } => {
                let program = self.compile(keys.iter().chain(aggregates.iter().flat_map(|a| &a.args)))?;
                let input = self.pipeline(input)?;
                let block = aggregate::aggregate(self.context, &input, &program, keys, aggregates)?;
                self.materialized(vec![block], "aggregation result")
            }
            Plan::Distinct { input } => {
                let schema = input.schema();
                let keys: Vec<Expr> = schema
                    .iter()
                    .enumerate()
                    .map(|(i, f)| Expr::column(i, f.ty.clone()))
                    .collect();
                let program = self.compile(&keys)?;
                let input = self.pipeline(input)?;
                let block = aggregate::distinct(self.context, &input, &program, &keys)?;
                self.materialized(vec![block], "distinct")
            }
            Plan::Join {
                left,
                right,
                kind,
                strictness,
                on,
                residual,
                schema,
            } => {
                let (left_schema, right_schema) = (left.schema(), right.schema());
                let built = {
                    let keys = self.compile(on.iter().map(|(_, right)| right))?;
                    let key_types: Vec<DataType> = on.iter().map(|(_, right)| right.ty.clone()).collect();
                    let right = self.pipeline(right)?;
                    join::build(
                        self.context,
                        &right,
                        &keys,
                        &key_types,
                        &right_schema,
                        schema,
                        left_schema.len(),
                    )?
                };
                let probe = join::Probe::new(
                    *kind,
                    *strictness,
                    built,
                    self.compile(on.iter().map(|(left, _)| left))?,
                    residual.as_ref().map(|r| self.compile([r])).transpose()?,
                    types(&left_schema),
                    types(schema),
                    self.context,
                )?;
                let left = self.pipeline(left)?;
                if probe.has_tail() {
                    let probe = Arc::new(probe);
                    let matched = left.then(join::SharedProbe(probe.clone()));
                    let (mut blocks, memory) = workers::collect(self.context, &matched, "join")?;
                    blocks.extend(probe.tail());
                    Ok(self.piped(Materialized::new(blocks, self.context, memory)))
                } else {
                    Ok(left.then(probe))
                }
            }
            Plan::ArrayJoin {
                input,
                columns,
                left,
                schema,
            } => {
                let step = array_join::ArrayJoin {
                    columns: columns.clone(),
                    left: *left,
                    types: types(schema),
                    block_size: self.context.block_size,
                };
                Ok(self.pipeline(input)?.then(step))
            }
            Plan::Window { input, calls, .. } => {
                let schema = input.schema();
                let specs = calls
                    .iter()
                    .map(|call| {
                        let exprs = call
                            .partition_by
                            .iter()
                            .chain(call.order_by.iter().map(|k| &k.expr))
                            .chain(&call.args);
                        self.compile(exprs)
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                let input = self.pipeline(input)?;
                let (blocks, memory) = workers::collect(self.context, &input, "window")?;
                let block = crate::block_ops::concat(&blocks, &types(&schema));
                drop((blocks, memory));
                let block = window::window(self.context, block, calls, &specs)?;
                self.materialized(vec![block], "window")
            }
            Plan::Sort { input, keys, limit } => {
                if let Some(limit) = *limit
                    && let Some(late) = LateSort::of(input, keys, limit)
                {
                    return self.late_sort(&late, keys, limit);
                }
                let schema = input.schema();
                let program = self.compile(keys.iter().map(|k| &k.expr))?;
                let input = self.pipeline(input)?;
                let block = sort::sort(self.context, &input, &program, keys, *limit, &types(&schema))?;
                self.materialized(vec![block], "sort")
            }
            Plan::LimitBy {
                input,
                keys,
                limit,
                offset,
            } => {
                let program = self.compile(keys)?;
                let key_types: Vec<DataType> = keys.iter().map(|k| k.ty.clone()).collect();
                let input = self.pipeline(input)?;
                let blocks = limit_by::limit_by(self.context, &input, &program, &key_types, *limit, *offset)?;
                self.materialized(blocks, "limit by")
            }
            Plan::Limit { input, limit, offset } => {
                let input = self.pipeline(input)?;
                let wanted = limit.map_or(u64::MAX, |limit| limit.saturating_add(*offset));
                let blocks = if wanted == 0 {
                    Vec::new()
                } else {
                    first_rows(self.context, &input, wanted)?
                };
                self.materialized(cut(blocks, *offset, *limit), "limit")
            }
            Plan::UnionAll { inputs, .. } => {
                let inputs = inputs
                    .iter()
                    .map(|p| self.pipeline(p))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(self.piped(union::Union { inputs }))
            }
        }
    }

    /// Sorts keys and row ids alone, then reads the rows that are left.
    fn late_sort(&self, late: &LateSort<'_>, keys: &[SortKey], limit: u64) -> Result<Pipeline, ExecError> {
        let resolved = late
            .filters
            .iter()
            .map(|f| self.resolve(f))
            .collect::<Result<Vec<_>, _>>()?;
        let scan = self.source.open(&crate::ScanRequest {
            table: late.table,
            columns: late.columns,
            schema: late.schema,
            filters: &resolved,
            final_: late.final_,
            cells: late.cells,
        })?;
        let compiled = late
            .filters
            .iter()
            .map(|f| Ok((f, self.compile([f])?)))
            .collect::<Result<Vec<_>, ExecError>>()?;
        let ids = Expr::column(late.schema.len(), DataType::UInt64);
        let mut key_types: Vec<DataType> = late.keys.iter().map(|k| k.ty.clone()).collect();
        key_types.push(DataType::UInt64);
        let sort_keys: Vec<Expr> = (0..keys.len())
            .map(|i| Expr::column(i, key_types[i].clone()))
            .collect();
        let source = scan::ScanMorsels::new(scan.clone(), compiled, late.schema, self.context)
            .with_row_ids(late.key_columns.clone());
        let keys_and_ids = self.piped(source).then(project::Project::new(
            self.compile(late.keys.iter().chain([&ids]))?,
        ));
        let program = self.compile(&sort_keys)?;
        let sorted = sort::sort(
            self.context,
            &keys_and_ids,
            &program,
            keys,
            Some(limit),
            &key_types,
        )?;
        let block = late_sort::read_rows(
            scan.as_ref(),
            &sorted.column(keys.len()).flatten(),
            &types(late.schema),
        )?;
        let mut pipeline = self.materialized(vec![block], "sort")?;
        for exprs in &late.projections {
            pipeline = pipeline.then(project::Project::new(self.compile(*exprs)?));
        }
        Ok(pipeline)
    }

    /// Runs a sub-query once; answers its columns.
    fn subquery(&self, plan: &Arc<Plan>) -> Result<Arc<[Column]>, ExecError> {
        let address = Arc::as_ptr(plan) as usize;
        if let Some(ran) = self.ran.lock().get(&address) {
            return Ok(ran.columns.clone());
        }
        let pipeline = self.pipeline(plan)?;
        let (blocks, memory) = workers::collect(self.context, &pipeline, "sub-query")?;
        let block = crate::block_ops::concat(&blocks, &types(&plan.schema()));
        let columns: Arc<[Column]> = block.into_columns().into();
        let ran = Ran {
            _plan: plan.clone(),
            columns: columns.clone(),
            _memory: memory,
        };
        self.ran.lock().insert(address, ran);
        Ok(columns)
    }

    /// The same expression with the results of sub-queries in their place, for pruning.
    fn resolve(&self, expr: &Expr) -> Result<Expr, ExecError> {
        if let ExprKind::ScalarSubquery(plan) = &expr.kind {
            let value = self.scalar(plan, &expr.ty)?.value(0);
            return Ok(Expr::literal(value, expr.ty.clone()));
        }
        let mut out = expr.try_map_children(&mut |child| self.resolve(child))?;
        if let ExprKind::InSet { arg, set, .. } = &mut out.kind
            && let SetSource::Subquery(plan) = set
        {
            let column = self.set_column(plan, &arg.ty)?;
            if column.len() <= PRUNING_VALUES {
                *set = SetSource::Values(Arc::new((0..column.len()).map(|r| column.value(r)).collect()));
            }
        }
        Ok(out)
    }

    /// The values of a sub-query set in the type of the left side of IN.
    fn set_column(&self, plan: &Arc<Plan>, ty: &DataType) -> Result<Column, ExecError> {
        let columns = self.subquery(plan)?;
        let schema = plan.schema();
        let (Some(column), Some(field)) = (columns.first(), schema.first()) else {
            return Err(ExecError::InvalidPlan(
                "a sub-query of IN without columns".to_owned(),
            ));
        };
        if field.ty.bare() == ty.bare() {
            return Ok(column.clone());
        }
        let to = if field.ty.is_nullable() {
            ty.bare().clone().nullable()
        } else {
            ty.bare().clone()
        };
        Ok(engine_functions::cast_column(column, &field.ty, &to)?)
    }
}

impl Subqueries for Planner<'_> {
    fn scalar(&self, plan: &Arc<Plan>, ty: &DataType) -> Result<Column, ExecError> {
        let columns = self.subquery(plan)?;
        let Some(column) = columns.first() else {
            return Err(ExecError::InvalidPlan(
                "a scalar sub-query without columns".to_owned(),
            ));
        };
        let value = match column.len() {
            0 => Value::Null,
            1 => column.value(0),
            _ => return Err(ExecError::ScalarSubqueryRows),
        };
        Ok(column_of(ty, &[value]))
    }

    fn set(&self, source: &SetSource, ty: &DataType) -> Result<Arc<PreparedSet>, ExecError> {
        match source {
            SetSource::Values(values) => Ok(Arc::new(PreparedSet::of_values(ty, values))),
            SetSource::Subquery(plan) => {
                let key = (Arc::as_ptr(plan) as usize, ty.to_string());
                if let Some(known) = self.sets.lock().get(&key) {
                    return Ok(known.set.clone());
                }
                let mut set = PreparedSet::new(ty);
                set.add(&self.set_column(plan, ty)?);
                let mut memory = self.context.memory.reserve("set of IN");
                memory.set(set.byte_size())?;
                let set = Arc::new(set);
                let known = Set {
                    set: set.clone(),
                    _memory: memory,
                };
                self.sets.lock().insert(key, known);
                Ok(set)
            }
        }
    }
}

/// Rows `offset..offset + limit` of the blocks.
fn cut(blocks: Vec<Block>, offset: u64, limit: Option<u64>) -> Vec<Block> {
    let (mut skip, mut left) = (offset, limit.unwrap_or(u64::MAX));
    let mut out = Vec::new();
    for block in blocks {
        let rows = block.rows() as u64;
        if skip >= rows {
            skip -= rows;
            continue;
        }
        let take = (rows - skip).min(left);
        if take == 0 {
            break;
        }
        out.push(block.slice(skip as usize, take as usize));
        left -= take;
        skip = 0;
    }
    out
}
