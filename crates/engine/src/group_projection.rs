//! `PROJECTION p (SELECT a, count() GROUP BY a)`: groups of the rows of every part, with states of aggregates.

mod through;

use std::sync::Arc;

use engine_exec::{ExecContext, ExecError, Scan, ScanRequest, TableSource};
use engine_functions::AggregateFunction;
use engine_sql::ast::{self, ProjectionDef};
use engine_sql::plan::{Aggregate, Expr, Plan};
use engine_storage::ProjectionRows;
use engine_types::{Block, Column, DataType, Field, Schema};

use crate::binding;
use crate::error::{EngineError, Result};
use crate::scan::Blocks;
use crate::shape::TableColumn;

pub(crate) use through::through_groups;

const ILLEGAL: u32 = 583;

/// What the hidden rows of a projection with groups are: the columns of the hidden table are the keys, then the states.
pub(crate) struct Groups {
    /// Over the table's columns.
    keys: Vec<Expr>,
    /// The same.
    aggregates: Vec<Aggregate>,
    /// Aggregates that make the states.
    stated: Vec<Arc<dyn AggregateFunction>>,
}

impl Groups {
    /// `None`: a projection without groups.
    pub(crate) fn of(
        create: &ast::CreateTable,
        definition: &ProjectionDef,
        columns: &[TableColumn],
    ) -> Result<Option<Self>> {
        let refused = |problem: &str| {
            EngineError::refused(
                ILLEGAL,
                format!("projection `{}` of {}: {problem}", definition.name, create.name),
            )
        };
        let mut select = definition.select.as_ref().clone();
        let only_groups = ast::Select {
            projection: Vec::new(),
            group_by: None,
            order_by: Vec::new(),
            ..select.clone()
        };
        if only_groups != ast::Select::default() {
            return Ok(None);
        }
        select.order_by.clear();
        let mut plan = binding::bind_over_rows(select, columns.iter())?;
        while let Plan::Project { input, .. } = plan {
            plan = *input;
        }
        let Plan::Aggregate {
            input,
            keys,
            aggregates,
            ..
        } = plan
        else {
            return Ok(None);
        };
        if !definition.select.order_by.is_empty() {
            return Err(refused("ORDER BY and groups exclude each other"));
        }
        let question = through::Question::of(&input, &keys, &aggregates, &|column| {
            columns.get(column).map(|c| c.ty.clone())
        })
        .ok_or_else(|| refused("its groups are not made of columns"))?;
        let all = || {
            question
                .keys
                .iter()
                .chain(question.aggregates.iter().flat_map(|a| &a.args))
        };
        if !all().all(Expr::deterministic) {
            return Err(refused("its expressions must not depend on anything but the row"));
        }
        let stated = question
            .aggregates
            .iter()
            .map(|a| {
                let stated = stated(a)?;
                // Some aggregates have no state that could be kept.
                let mut none = stated.accumulator();
                none.resize(1);
                none.finish()?;
                Ok(stated)
            })
            .collect::<Result<_>>()?;
        Ok(Some(Self {
            keys: question.keys,
            aggregates: question.aggregates,
            stated,
        }))
    }

    /// The columns of the table that the groups are made of, without repeats.
    pub(crate) fn inputs(&self) -> Vec<usize> {
        let mut inputs = Vec::new();
        let args = self.aggregates.iter().flat_map(|a| &a.args);
        for expr in self.keys.iter().chain(args) {
            expr.each_column(&mut |column| {
                if !inputs.contains(&column) {
                    inputs.push(column);
                }
            });
        }
        inputs
    }

    /// Names and types of the hidden columns; the first are keys.
    pub(crate) fn schema(&self) -> Schema {
        let keys = self.keys.iter().enumerate();
        let keys = keys.map(|(i, key)| Field::new(format!("key_{i}"), key.ty.clone()));
        let states = self.stated.iter().enumerate();
        let states = states.map(|(i, state)| Field::new(format!("state_{i}"), state.return_type().clone()));
        keys.chain(states).collect()
    }

    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// What it is, for comparing it with another one of the same name.
    pub(crate) fn identity(&self) -> String {
        let mut out = String::new();
        for key in &self.keys {
            out.push_str(&format!("\nkey {:?} {}", key.kind, key.ty));
        }
        for (aggregate, state) in self.aggregates.iter().zip(&self.stated) {
            let args: Vec<_> = aggregate.args.iter().map(|a| &a.kind).collect();
            out.push_str(&format!("\nstate {args:?} {}", state.return_type()));
        }
        out
    }

    /// Makes the hidden rows of rows of the table, given the columns [`Groups::inputs`] of type `types`.
    pub(crate) fn rows(&self, types: Vec<DataType>) -> Arc<dyn ProjectionRows> {
        let inputs = self.inputs();
        let over_inputs = |expr: &Expr| {
            let mut expr = expr.clone();
            expr.map_columns(&|column| inputs.iter().position(|c| *c == column).unwrap_or(column));
            expr
        };
        let fields = types.into_iter().enumerate();
        let scan = Plan::Scan {
            table: binding::inserted_block(),
            columns: (0..inputs.len()).collect(),
            schema: fields
                .map(|(i, ty)| Field::new(format!("input_{i}"), ty))
                .collect(),
            filters: Vec::new(),
            final_: false,
            cells: Vec::new(),
        };
        let stated = self.aggregates.iter().zip(&self.stated);
        Arc::new(GroupRows(Plan::Aggregate {
            input: Box::new(scan),
            keys: self.keys.iter().map(over_inputs).collect(),
            aggregates: stated
                .map(|(aggregate, stated)| Aggregate {
                    function: stated.clone(),
                    params: aggregate.params.clone(),
                    args: aggregate.args.iter().map(over_inputs).collect(),
                })
                .collect(),
            schema: self.schema(),
        }))
    }
}

/// `f` as `fState` or `fMerge`.
fn with_suffix(aggregate: &Aggregate, suffix: &str, args: &[DataType]) -> Result<Arc<dyn AggregateFunction>> {
    let name = format!("{}{suffix}", aggregate.function.name());
    match engine_functions::aggregate(&name, &aggregate.params, args) {
        Some(function) => Ok(Arc::from(function?)),
        None => Err(EngineError::Internal(format!("there is no aggregate {name}"))),
    }
}

fn stated(aggregate: &Aggregate) -> Result<Arc<dyn AggregateFunction>> {
    let types: Vec<DataType> = aggregate.args.iter().map(|a| a.ty.clone()).collect();
    with_suffix(aggregate, "State", &types)
}

struct GroupRows(Plan);

impl ProjectionRows for GroupRows {
    fn rows(&self, block: &Block) -> std::result::Result<Block, String> {
        let done = engine_exec::execute(&self.0, &OneBlock(block), &ExecContext::default())
            .map_err(|e| e.to_string())?;
        Ok(match crate::engine::joined(&done.blocks) {
            Some(rows) => Block::new(rows.columns().iter().map(|c| c.flatten()).collect(), rows.rows()),
            None => {
                let none = done.schema.iter().map(|field| Column::defaults(&field.ty, 0));
                Block::new(none.collect(), 0)
            }
        })
    }
}

struct OneBlock<'a>(&'a Block);

impl TableSource for OneBlock<'_> {
    fn open(&self, request: &ScanRequest<'_>) -> std::result::Result<Arc<dyn Scan>, ExecError> {
        let columns = request.columns.iter().map(|&c| self.0.column(c).clone());
        let block = Block::new(columns.collect(), self.0.rows());
        Ok(Arc::new(Blocks::new(vec![block])))
    }
}
