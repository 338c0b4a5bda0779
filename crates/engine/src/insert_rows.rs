//! Rows on their way into a table: missing columns get their defaults, materialised ones are computed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use engine_types::{Block, Column};

use crate::binding;
use crate::catalogue::{Catalogue, Table};
use crate::error::{EngineError, Result};
use crate::nested_arrays;
use crate::row_signs;
use crate::shape::{ColumnKind, DefaultExpr};

/// Rows for one table, by column name. Columns must have the physical form of the table's types (or be `Const` or
/// `Dict` of it) and equal lengths; those left out get their defaults.
#[derive(Clone, Debug)]
pub struct TableInsert {
    pub database: String,
    pub table: String,
    /// How many rows, where no column says it; `None`: as many as the first column has.
    pub rows: Option<usize>,
    pub columns: Vec<(String, Column)>,
}

impl TableInsert {
    /// Rows for a table of the database `default`.
    pub fn new(table: impl Into<String>, columns: Vec<(String, Column)>) -> Self {
        Self {
            database: crate::catalogue::DEFAULT_DATABASE.to_owned(),
            table: table.into(),
            rows: None,
            columns,
        }
    }
}

/// Rows of one table with all their stored columns, constraints met.
pub(crate) struct Prepared {
    pub(crate) table: Arc<Table>,
    pub(crate) block: Block,
}

/// The stored columns of the rows. `now` is what `now()` is in defaults.
pub(crate) fn prepare(
    catalogue: &Catalogue,
    insert: TableInsert,
    now: Option<DateTime<Utc>>,
) -> Result<Prepared> {
    let table = catalogue.table(&insert.database, &insert.table)?;
    let rows = insert
        .rows
        .unwrap_or_else(|| insert.columns.first().map_or(0, |(_, c)| c.len()));
    let mut given: Vec<Option<Column>> = vec![None; table.shape.columns.len()];
    for (name, column) in insert.columns {
        let at = table
            .shape
            .column(&name)
            .ok_or_else(|| EngineError::UnknownColumn {
                table: full_name(table),
                column: name.clone(),
            })?;
        match table.shape.columns[at].kind {
            ColumnKind::Ordinary | ColumnKind::Default | ColumnKind::Ephemeral => {}
            ColumnKind::Alias => {
                return Err(EngineError::UnknownColumn {
                    table: full_name(table),
                    column: name,
                });
            }
            ColumnKind::Materialized => {
                return Err(EngineError::refused(
                    44,
                    format!(
                        "column `{name}` of {} is computed and takes no values",
                        full_name(table)
                    ),
                ));
            }
        }
        if column.len() != rows {
            return Err(EngineError::refused(
                9,
                format!(
                    "column `{name}` has {} rows, the others have {rows}",
                    column.len()
                ),
            ));
        }
        if given[at].replace(column).is_some() {
            return Err(EngineError::refused(
                15,
                format!("column `{name}` is given twice"),
            ));
        }
    }
    nested_arrays::fill(&table.shape, &mut given);
    let mut filling = Filling {
        table,
        rows,
        columns: given,
        open: Vec::new(),
        now,
    };
    let columns = table
        .shape
        .stored
        .iter()
        .map(|stored| match stored.column {
            Some(column) => filling.column(column),
            None => Ok(Column::defaults(&stored.ty, rows)),
        })
        .collect::<Result<Vec<_>>>()?;
    row_signs::check(&table.shape, &columns)?;
    nested_arrays::check(&table.shape, &columns)?;
    if rows > 0 && !table.shape.checks.is_empty() {
        let schema = table.shape.schema();
        let name = format!("{}.{}", table.database, table.name);
        for check in &table.shape.checks {
            check.verify(&filling.columns(&check.inputs)?, rows, &name, &schema)?;
        }
    }
    Ok(Prepared {
        table: table.clone(),
        block: Block::new(columns, rows),
    })
}

pub(crate) fn full_name(table: &Table) -> String {
    format!("`{}`.`{}`", table.database, table.name)
}

/// Computes columns that were not given, each once, after those it reads.
struct Filling<'a> {
    table: &'a Table,
    rows: usize,
    columns: Vec<Option<Column>>,
    /// Columns being computed: a default may not read itself.
    open: Vec<usize>,
    now: Option<DateTime<Utc>>,
}

impl Filling<'_> {
    /// All columns of the table, of which those at `inputs` are computed and the others hold defaults.
    fn columns(&mut self, inputs: &[usize]) -> Result<Vec<Column>> {
        (0..self.columns.len())
            .map(|i| {
                if inputs.contains(&i) {
                    self.column(i)
                } else {
                    Ok(Column::defaults(&self.table.shape.columns[i].ty, self.rows))
                }
            })
            .collect()
    }

    fn column(&mut self, at: usize) -> Result<Column> {
        if let Some(column) = &self.columns[at] {
            return Ok(column.clone());
        }
        let definition = &self.table.shape.columns[at];
        let Some(default) = &definition.default else {
            return Ok(Column::defaults(&definition.ty, self.rows));
        };
        if self.open.contains(&at) {
            return Err(EngineError::refused(
                174,
                format!("the default of column `{}` depends on itself", definition.name),
            ));
        }
        self.open.push(at);
        let columns = self.columns(&default.inputs)?;
        self.open.pop();
        let column = if default.timed {
            self.at_this_time(at)?.eval(&columns, self.rows, &definition.ty)?
        } else {
            default.eval(&columns, self.rows, &definition.ty)?
        };
        self.columns[at] = Some(column.clone());
        Ok(column)
    }

    /// The default of a column that depends on the time, bound for the time of this insert.
    fn at_this_time(&self, at: usize) -> Result<DefaultExpr> {
        let shape = &self.table.shape;
        let definition = &shape.columns[at];
        match (self.now, &definition.default_text) {
            (Some(now), Some(text)) => {
                DefaultExpr::new(&binding::bind_over_at(text, &shape.schema(), now)?, true)
            }
            _ => Err(EngineError::refused(
                36,
                format!(
                    "the default of column `{}` of {} depends on the time, which this insert does not say",
                    definition.name,
                    full_name(self.table)
                ),
            )),
        }
    }
}
