//! Steps of mutations bound to a table: what the storage runs over the rows of its parts.

use std::sync::Arc;

use engine_exec::CompiledExprs;
use engine_sql::ast;
use engine_sql::plan::{Expr, ExprKind};
use engine_storage::{KeyCondition, RowChange, RowEffect};
use engine_types::{Block, Column, DataType, Field, Schema};

use crate::binding;
use crate::engine_kind::EngineKind;
use crate::error::{EngineError, Result};
use crate::mutation_command::{MutationCommand, StepKind};
use crate::pruning;
use crate::shape::{ColumnKind, Shape};

/// The steps of the command, or why they cannot be.
pub(crate) fn row_changes(shape: &Arc<Shape>, command: &MutationCommand) -> Result<Vec<Arc<dyn RowChange>>> {
    let mut changes: Vec<Arc<dyn RowChange>> = Vec::new();
    for step in &command.steps {
        let change = match &step.kind {
            StepKind::Delete(filter) => Some(Change::new(shape, command, filter, RowEffect::Delete)?),
            StepKind::Hide(filter) => Some(Change::new(shape, command, filter, RowEffect::Hide)?),
            StepKind::Update { set, filter } => Some(Change::update(shape, command, set, filter)?),
            StepKind::Materialize(column) => Change::materialize(shape, column)?,
            StepKind::Clear(column) => Change::clear(shape, column)?,
        };
        if let Some(change) = change {
            changes.push(Arc::new(change));
        }
    }
    Ok(changes)
}

struct Change {
    shape: Arc<Shape>,
    effect: RowEffect,
    /// `None`: all rows.
    filter: Option<Bound>,
    condition: KeyCondition,
    /// Columns of the table that get values, by their position in it, in the order of the effect.
    values: Vec<(usize, NewValue)>,
    /// Only parts that do not have the column.
    only_without: Option<usize>,
}

/// An expression over the columns of the table.
struct Bound {
    compiled: CompiledExprs,
    ty: DataType,
    /// Columns of the table.
    inputs: Vec<usize>,
}

enum NewValue {
    /// Over the row as it was.
    Of(Bound),
    /// The column's default, over the row as it becomes.
    Default,
    /// What reading the column gives.
    AsRead,
}

impl Bound {
    fn new(shape: &Shape, command: &MutationCommand, expr: &ast::Expr) -> Result<(Self, Expr)> {
        let schema: Schema = shape
            .columns
            .iter()
            .map(|c| Field::new(&c.name, c.ty.clone()))
            .collect();
        let expr = engine_sql::bind_expression(expr, &schema, command, &command.bind_context())?;
        let mut inputs = Vec::new();
        binding::visit_columns(&expr, &mut |c| {
            if !inputs.contains(&c) {
                inputs.push(c);
            }
        });
        let bound = Self {
            compiled: CompiledExprs::new(std::slice::from_ref(&expr))?,
            ty: expr.ty.clone(),
            inputs,
        };
        Ok((bound, expr))
    }

    fn eval(&self, columns: Vec<Column>, rows: usize) -> Result<Column> {
        let values = self.compiled.eval(&Block::new(columns, rows))?;
        let value = values.into_iter().next();
        value.ok_or_else(|| EngineError::Internal("an expression without a value".to_owned()))
    }
}

impl Change {
    fn new(
        shape: &Arc<Shape>,
        command: &MutationCommand,
        filter: &ast::Expr,
        effect: RowEffect,
    ) -> Result<Self> {
        let (bound, expr) = Bound::new(shape, command, filter)?;
        if !(bound.ty.bare().is_number() || matches!(bound.ty.bare(), DataType::Bool | DataType::Nothing)) {
            return Err(EngineError::refused(
                if effect == RowEffect::Delete { 36 } else { 43 },
                format!("the condition `{filter}` is of type {}, not of UInt8", bound.ty),
            ));
        }
        if bound.inputs.is_empty() {
            // What fails on every row is refused before anything is recorded.
            let columns = shape.columns.iter().map(|c| Column::defaults(&c.ty, 1));
            bound.eval(columns.collect(), 1)?;
        }
        let all: Vec<usize> = (0..shape.columns.len()).collect();
        Ok(Self {
            condition: pruning::key_condition(shape, &all, std::slice::from_ref(&expr)),
            shape: shape.clone(),
            effect,
            filter: Some(bound),
            values: Vec::new(),
            only_without: None,
        })
    }

    fn of_all_rows(shape: &Arc<Shape>, values: Vec<(usize, NewValue)>) -> Self {
        let mut change = Self {
            shape: shape.clone(),
            effect: RowEffect::Delete,
            filter: None,
            condition: KeyCondition::all(),
            values: Vec::new(),
            only_without: None,
        };
        change.set_values(values);
        change
    }

    fn set_values(&mut self, values: Vec<(usize, NewValue)>) {
        let stored = |(column, _): &(usize, NewValue)| self.shape.columns[*column].stored;
        self.effect = RowEffect::Update {
            columns: values.iter().filter_map(stored).collect(),
        };
        self.values = values;
    }

    fn update(
        shape: &Arc<Shape>,
        command: &MutationCommand,
        set: &[(String, ast::Expr)],
        filter: &ast::Expr,
    ) -> Result<Self> {
        let mut values: Vec<(usize, NewValue)> = Vec::new();
        for (name, expr) in set {
            let column = updatable(shape, name)?;
            if values.iter().any(|(c, _)| *c == column) {
                return Err(EngineError::refused(
                    419,
                    format!("column `{name}` is assigned twice"),
                ));
            }
            let (bound, expr) = Bound::new(shape, command, expr)?;
            let target = &shape.columns[column].ty;
            if matches!(bound.ty.bare(), DataType::Nothing) && !target.is_nullable() {
                return Err(EngineError::refused(
                    70,
                    format!("column `{name}` of type {target} cannot be NULL"),
                ));
            }
            if let ExprKind::Literal(value) = &expr.kind {
                // What can never be is refused before anything is recorded.
                let value = Column::from_values(&bound.ty, std::slice::from_ref(value));
                engine_functions::cast_column(&value, &bound.ty, target)?;
            }
            values.push((column, NewValue::Of(bound)));
        }
        add_dependent(shape, &mut values)?;
        let columns = Vec::new();
        let mut change = Self::new(shape, command, filter, RowEffect::Update { columns })?;
        change.set_values(values);
        Ok(change)
    }

    /// `None`: there is nothing to store.
    fn materialize(shape: &Arc<Shape>, name: &str) -> Result<Option<Self>> {
        let column = find(shape, name)?;
        let without_default = || {
            EngineError::refused(
                36,
                format!("column `{name}` cannot be materialized: it has no default expression"),
            )
        };
        let value = match shape.columns[column].kind {
            ColumnKind::Alias => return Ok(None),
            ColumnKind::Ordinary | ColumnKind::Ephemeral => return Err(without_default()),
            ColumnKind::Default => NewValue::AsRead,
            ColumnKind::Materialized => NewValue::Default,
        };
        if matches!(value, NewValue::Default) && in_key(shape, column) {
            return Err(key_column(name));
        }
        let as_read = matches!(value, NewValue::AsRead);
        let mut change = Self::of_all_rows(shape, vec![(column, value)]);
        // A DEFAULT column that is stored has values of its own, which stay.
        change.only_without = if as_read {
            shape.columns[column].stored
        } else {
            None
        };
        Ok(Some(change))
    }

    fn clear(shape: &Arc<Shape>, name: &str) -> Result<Option<Self>> {
        let column = find(shape, name)?;
        if shape.columns[column].stored.is_none() {
            return Ok(None);
        }
        if in_key(shape, column) {
            return Err(key_column(name));
        }
        Ok(Some(Self::of_all_rows(shape, vec![(column, NewValue::Default)])))
    }

    /// Stored columns behind columns of the table: those of ALIAS columns are what they are computed from.
    fn stored(&self, columns: &[usize]) -> Vec<usize> {
        let mut out = Vec::new();
        let mut seen = Vec::new();
        let mut open = columns.to_vec();
        while let Some(column) = open.pop() {
            if seen.contains(&column) {
                continue;
            }
            seen.push(column);
            let column = &self.shape.columns[column];
            match column.stored {
                Some(stored) => out.push(stored),
                None => open.extend(column.default.iter().flat_map(|d| &d.inputs)),
            }
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Columns of the table over stored ones, with the ALIAS columns that `inputs` need.
    fn table_columns(&self, stored: &Block, inputs: &[usize]) -> Result<Vec<Column>> {
        let mut columns = self.shape.table_columns(stored);
        let mut open = Vec::new();
        for &input in inputs {
            self.fill_alias(input, &mut columns, stored.rows(), &mut open)?;
        }
        Ok(columns)
    }

    fn fill_alias(
        &self,
        at: usize,
        columns: &mut Vec<Column>,
        rows: usize,
        open: &mut Vec<usize>,
    ) -> Result<()> {
        let column = &self.shape.columns[at];
        let (ColumnKind::Alias, Some(default)) = (column.kind, &column.default) else {
            return Ok(());
        };
        if open.contains(&at) {
            return Err(EngineError::refused(
                174,
                format!("the alias `{}` depends on itself", column.name),
            ));
        }
        open.push(at);
        for &input in &default.inputs {
            self.fill_alias(input, columns, rows, open)?;
        }
        open.pop();
        columns[at] = default.eval(columns, rows, &column.ty)?;
        Ok(())
    }

    fn new_values(&self, rows: &Block) -> Result<Vec<Column>> {
        let count = rows.rows();
        let mut columns = self.table_columns(rows, &[])?;
        let old = columns.clone();
        // Assignments see the row as it was …
        for (column, value) in &self.values {
            let ty = &self.shape.columns[*column].ty;
            columns[*column] = match value {
                NewValue::Of(bound) => {
                    let value = bound.eval(self.table_columns(rows, &bound.inputs)?, count)?;
                    engine_functions::cast_column(&value, &bound.ty, ty)?.flatten()
                }
                NewValue::AsRead => old[*column].flatten(),
                NewValue::Default => continue,
            };
        }
        // … and defaults as it becomes; a column comes behind those it is computed from.
        for (column, value) in &self.values {
            let (NewValue::Default, of) = (value, &self.shape.columns[*column]) else {
                continue;
            };
            columns[*column] = match &of.default {
                None => Column::defaults(&of.ty, count),
                Some(default) => {
                    for &input in &default.inputs {
                        self.fill_alias(input, &mut columns, count, &mut Vec::new())?;
                    }
                    default.eval(&columns, count, &of.ty)?.flatten()
                }
            };
        }
        Ok(self
            .values
            .iter()
            .map(|(column, _)| columns[*column].clone())
            .collect())
    }
}

impl RowChange for Change {
    fn effect(&self) -> RowEffect {
        self.effect.clone()
    }

    fn concerns(&self, has_column: &dyn Fn(usize) -> bool) -> bool {
        !self.only_without.is_some_and(has_column)
    }

    fn condition(&self) -> KeyCondition {
        self.condition.clone()
    }

    fn match_inputs(&self) -> Vec<usize> {
        self.filter
            .as_ref()
            .map_or_else(Vec::new, |f| self.stored(&f.inputs))
    }

    fn matches(&self, rows: &Block) -> std::result::Result<Vec<bool>, String> {
        let Some(filter) = &self.filter else {
            return Ok(vec![true; rows.rows()]);
        };
        let columns = self
            .table_columns(rows, &filter.inputs)
            .map_err(|e| e.to_string())?;
        let column = filter.eval(columns, rows.rows()).map_err(|e| e.to_string())?;
        Ok(truths(&column))
    }

    fn update_inputs(&self) -> Vec<usize> {
        let of = |(column, value): &(usize, NewValue)| match value {
            NewValue::Of(bound) => bound.inputs.clone(),
            NewValue::AsRead => vec![*column],
            NewValue::Default => {
                let default = &self.shape.columns[*column].default;
                default.as_ref().map_or_else(Vec::new, |d| d.inputs.clone())
            }
        };
        self.stored(&self.values.iter().flat_map(of).collect::<Vec<_>>())
    }

    fn updated(&self, rows: &Block) -> std::result::Result<Vec<Column>, String> {
        self.new_values(rows).map_err(|e| e.to_string())
    }
}

/// For each row whether it is true: neither 0 nor NULL.
fn truths(column: &Column) -> Vec<bool> {
    match column {
        Column::UInt8(values) => values.iter().map(|v| *v != 0).collect(),
        other => {
            use engine_types::Value;
            (0..other.len())
                .map(|row| match other.value(row) {
                    Value::UInt(n) => n != 0,
                    Value::Int(n) => n != 0,
                    Value::Float(n) => n != 0.0,
                    Value::Null | Value::String(_) | Value::Uuid(_) | Value::Array(_) | Value::Tuple(_) => {
                        false
                    }
                })
                .collect()
        }
    }
}

fn find(shape: &Shape, name: &str) -> Result<usize> {
    shape.column(name).ok_or_else(|| no_column(name))
}

fn no_column(name: &str) -> EngineError {
    EngineError::refused(16, format!("there is no column `{name}` in the table"))
}

fn key_column(name: &str) -> EngineError {
    EngineError::refused(
        420,
        format!("column `{name}` is part of a key: it cannot be updated"),
    )
}

/// The column of that name, when it takes values by UPDATE.
fn updatable(shape: &Shape, name: &str) -> Result<usize> {
    let column = find(shape, name)?;
    match shape.columns[column].kind {
        ColumnKind::Alias | ColumnKind::Ephemeral => return Err(no_column(name)),
        ColumnKind::Materialized => {
            return Err(EngineError::refused(
                420,
                format!("column `{name}` is materialized: it cannot be updated"),
            ));
        }
        ColumnKind::Ordinary | ColumnKind::Default => {}
    }
    if in_key(shape, column) {
        return Err(key_column(name));
    }
    Ok(column)
}

/// Whether rows are sorted, partitioned or merged by the column.
fn in_key(shape: &Shape, column: usize) -> bool {
    let mut found = false;
    for expr in shape.sorting_key.iter().chain(&shape.partition_key) {
        binding::visit_columns(expr, &mut |c| found |= c == column);
    }
    let merged_by: Vec<&str> = match &shape.kind {
        EngineKind::MergeTree
        | EngineKind::Summing { .. }
        | EngineKind::Aggregating
        | EngineKind::Plain
        | EngineKind::Null
        | EngineKind::Distributed { .. } => Vec::new(),
        EngineKind::Replacing { version, .. } => version.iter().map(String::as_str).collect(),
        EngineKind::Collapsing { sign } => vec![sign],
        EngineKind::VersionedCollapsing { sign, version } => vec![sign, version],
    };
    found || merged_by.contains(&shape.columns[column].name.as_str())
}

/// MATERIALIZED columns that are computed from columns that change, each behind those it needs.
fn add_dependent(shape: &Shape, values: &mut Vec<(usize, NewValue)>) -> Result<()> {
    loop {
        let changed: Vec<usize> = values.iter().map(|(c, _)| *c).collect();
        let reads = |column: usize| {
            // Through aliases too.
            let mut seen = Vec::new();
            let mut open = vec![column];
            while let Some(at) = open.pop() {
                if seen.contains(&at) {
                    continue;
                }
                seen.push(at);
                let inputs = shape.columns[at]
                    .default
                    .iter()
                    .flat_map(|d| d.inputs.iter().copied());
                for input in inputs {
                    if changed.contains(&input) {
                        return true;
                    }
                    if shape.columns[input].kind == ColumnKind::Alias {
                        open.push(input);
                    }
                }
            }
            false
        };
        let next = (0..shape.columns.len()).find(|&at| {
            shape.columns[at].kind == ColumnKind::Materialized && !changed.contains(&at) && reads(at)
        });
        let Some(next) = next else {
            break;
        };
        if in_key(shape, next) {
            return Err(key_column(&shape.columns[next].name));
        }
        values.push((next, NewValue::Default));
    }
    // A column may have been found before one that it is computed from.
    let mut ordered: Vec<usize> = Vec::new();
    let dependent: Vec<usize> = values
        .iter()
        .filter(|(_, v)| matches!(v, NewValue::Default))
        .map(|(c, _)| *c)
        .collect();
    while ordered.len() < dependent.len() {
        let ready = dependent.iter().copied().find(|c| {
            let default = &shape.columns[*c].default;
            let waits = |i: &usize| dependent.contains(i) && !ordered.contains(i) && i != c;
            !ordered.contains(c) && !default.iter().flat_map(|d| &d.inputs).any(waits)
        });
        match ready {
            Some(column) => ordered.push(column),
            // A circle, which inserts refuse.
            None => break,
        }
    }
    let place = |column: usize| ordered.iter().position(|c| *c == column);
    values.sort_by_key(|(column, _)| place(*column).map_or(0, |at| at + 1));
    Ok(())
}
