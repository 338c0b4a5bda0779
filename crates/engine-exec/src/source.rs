//! Where scans get their rows: the interface the storage implements.

use std::sync::Arc;

use engine_sql::plan::{Expr, JsonCell, TableName};
use engine_types::{Column, Schema};

use crate::ExecError;

/// One scan of one table, as the plan asks for it.
#[derive(Debug)]
pub struct ScanRequest<'a> {
    pub table: &'a TableName,
    /// Positions of the table's columns.
    pub columns: &'a [usize],
    /// Names and types of `columns`, in that order, then of `cells`.
    pub schema: &'a Schema,
    /// Conjuncts over `schema`, sub-queries already replaced by their values. For pruning only: the executor applies them.
    pub filters: &'a [Expr],
    pub final_: bool,
    /// The last columns of `schema`.
    pub cells: &'a [JsonCell],
}

/// Tables by name. Every scan sees the snapshot of its opening.
pub trait TableSource: Send + Sync {
    fn open(&self, request: &ScanRequest<'_>) -> Result<Arc<dyn Scan>, ExecError>;
}

/// An opened scan: disjoint runs of rows (morsels) that any thread may read in any order.
pub trait Scan: Send + Sync {
    fn morsels(&self) -> usize;

    /// Rows of the morsel before filtering.
    fn rows(&self, morsel: usize) -> usize;

    /// The columns at positions `columns` of the request, in that order: all rows of the morsel, or the ascending row
    /// numbers in `rows`. Columns may be `Const` or `Dict`; one dictionary shared by many morsels is evaluated once.
    fn read(&self, morsel: usize, columns: &[usize], rows: Option<&[u32]>) -> Result<Vec<Column>, ExecError>;
}

/// A source without tables, for plans that read none.
#[derive(Clone, Copy, Debug)]
pub struct EmptySource;

impl TableSource for EmptySource {
    fn open(&self, request: &ScanRequest<'_>) -> Result<Arc<dyn Scan>, ExecError> {
        Err(ExecError::Source {
            code: 60,
            message: format!(
                "table `{}`.`{}` does not exist",
                request.table.database, request.table.table
            ),
        })
    }
}
