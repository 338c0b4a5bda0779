//! What the binder asks of the engine: tables by name.

use std::sync::Arc;

use engine_types::{DataType, Value};

use crate::{ast, error::SqlError, plan::TableName};

pub trait Catalog {
    /// The table or view of that name; without a database, of the current one. `None` when there is none, an error
    /// when its rows cannot be computed.
    fn table(&self, database: Option<&str>, name: &str) -> Result<Option<TableInfo>, SqlError>;

    /// Names near which a misspelled one may be, for "maybe you meant".
    fn table_names(&self, database: Option<&str>) -> Vec<String> {
        let _ = database;
        Vec::new()
    }
}

#[derive(Clone, Debug)]
pub struct TableInfo {
    pub name: TableName,
    /// All columns in order; [`crate::plan::Plan::Scan`] addresses them by position here, ALIAS columns counted.
    pub columns: Vec<ColumnInfo>,
    /// The ORDER BY expressions of the table. FINAL may be pre-filtered by conditions over these only.
    pub sorting_key: Vec<ast::Expr>,
    /// The SAMPLE BY expression.
    pub sampling_key: Option<ast::Expr>,
    /// Rows of the table, about: what `SAMPLE n` is a share of.
    pub total_rows: u64,
    /// The query of a view: bound in place of the table.
    pub view: Option<Arc<ast::Query>>,
    /// The rows of a table that is computed, not stored (system tables): one value a column.
    pub rows: Option<Arc<Vec<Vec<Value>>>>,
    /// Rows may be marked as deleted: there is a column `_row_exists`.
    pub has_row_mask: bool,
}

#[derive(Clone, Debug)]
pub struct ColumnInfo {
    pub name: String,
    pub ty: DataType,
    pub kind: ColumnKind,
    /// Its strings are JSON objects whose values can be read one by one: [`crate::plan::JsonCell`].
    pub json: bool,
}

#[derive(Clone, Debug)]
pub enum ColumnKind {
    /// Plain and DEFAULT columns.
    Ordinary,
    /// Stored, but not part of `*`.
    Materialized,
    /// Computed on read from the other columns, not part of `*`.
    Alias(ast::Expr),
}
