//! Rows on their way into a table: missing columns get their defaults, materialised ones are computed.

use engine_storage::TableId;
use engine_types::{Block, Column};

use crate::catalogue::{Catalogue, Table};
use crate::engine_kind::EngineKind;
use crate::error::{EngineError, Result};
use crate::row_signs;
use crate::shape::ColumnKind;

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

/// The stored columns of the rows. `None`: the table keeps none.
pub(crate) fn prepare(catalogue: &Catalogue, insert: TableInsert) -> Result<Option<(TableId, Block)>> {
    let table = catalogue.table(&insert.database, &insert.table)?;
    if table.shape.kind == EngineKind::Null {
        return Ok(None);
    }
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
            ColumnKind::Materialized | ColumnKind::Alias => {
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
    let mut filling = Filling {
        table,
        rows,
        columns: given,
        open: Vec::new(),
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
    Ok(Some((table.id, Block::new(columns, rows))))
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
}

impl Filling<'_> {
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
        let columns = (0..self.columns.len())
            .map(|i| {
                if default.inputs.contains(&i) {
                    self.column(i)
                } else {
                    Ok(Column::defaults(&self.table.shape.columns[i].ty, self.rows))
                }
            })
            .collect::<Result<Vec<_>>>()?;
        self.open.pop();
        let column = default.eval(&columns, self.rows, &definition.ty)?;
        self.columns[at] = Some(column.clone());
        Ok(column)
    }
}
