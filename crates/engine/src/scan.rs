//! Tables as the executor reads them: storage snapshots and `FINAL` merges.

use std::collections::HashMap;
use std::sync::Arc;

use engine_exec::{ExecError, Scan, ScanRequest, TableSource};
use engine_sql::plan::{Expr, ExprKind, JsonCell};
use engine_storage::{Morsel, Snapshot, Storage, TableId};
use engine_types::{Block, Column, DataType, Value};
use parking_lot::Mutex;

use crate::catalogue::{Catalogue, Object, Table};
use crate::error::{EngineError, Result, storage_code};
use crate::pruning;

/// Rows of a morsel; storage keeps whole granules together.
const MORSEL_ROWS: usize = 65_536;

/// All tables as they were at one moment.
pub(crate) struct EngineSource {
    pub(crate) catalogue: Arc<Catalogue>,
    snapshots: HashMap<TableId, Arc<Snapshot>>,
    /// What each scan kept of its parts, for EXPLAIN and the summary.
    pub(crate) scans: Mutex<Vec<ScanSummary>>,
}

/// What pruning left of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanSummary {
    /// `database.table`.
    pub table: String,
    pub parts: usize,
    pub granules: usize,
    pub granules_kept: usize,
    pub conditions: usize,
}

impl EngineSource {
    pub(crate) fn new(storage: &Storage, catalogue: Arc<Catalogue>) -> Result<Self> {
        let ids: Vec<TableId> = catalogue
            .objects
            .values()
            .filter(|o| matches!(o, Object::Table(_)))
            .map(Object::id)
            .collect();
        let snapshots = ids.iter().copied().zip(storage.snapshots(&ids)?).collect();
        Ok(Self {
            catalogue,
            snapshots,
            scans: Mutex::default(),
        })
    }

    fn open_table(&self, request: &ScanRequest<'_>) -> Result<Arc<dyn Scan>> {
        let table = self
            .catalogue
            .table(&request.table.database, &request.table.table)?;
        let snapshot = self
            .snapshots
            .get(&table.id)
            .ok_or_else(|| EngineError::UnknownTable {
                database: request.table.database.clone(),
                table: request.table.table.clone(),
            })?
            .clone();
        let columns = request
            .columns
            .iter()
            .map(|&c| {
                table
                    .shape
                    .columns
                    .get(c)
                    .and_then(|column| column.stored)
                    .ok_or_else(|| {
                        EngineError::Internal(format!("column {c} of `{}` is not stored", table.name))
                    })
            })
            .collect::<Result<Vec<_>>>()?;
        let (snapshot, columns) = with_cells(&snapshot, columns, table, request)?;
        let (all_columns, filters) = over_texts(request);
        let key = pruning::key_condition(&table.shape, &all_columns, &filters);
        let granules: usize = snapshot.parts().iter().map(|p| p.granules()).sum();
        let mut summary = ScanSummary {
            table: format!("{}.{}", table.database, table.name),
            parts: snapshot.parts().len(),
            granules,
            granules_kept: granules,
            conditions: key.ranges.len(),
        };
        if request.final_ && !snapshot.is_final() {
            let blocks = snapshot
                .scan_final(&key, &columns)?
                .collect::<std::result::Result<Vec<Block>, _>>()?;
            self.scans.lock().push(summary);
            return Ok(Arc::new(Blocks::new(blocks)));
        }
        let morsels = snapshot.morsels(&key, MORSEL_ROWS);
        summary.granules_kept = morsels.iter().filter_map(Morsel::granules).map(|g| g.len()).sum();
        self.scans.lock().push(summary);
        Ok(Arc::new(StorageScan {
            snapshot,
            morsels,
            columns,
        }))
    }
}

/// The snapshot with the cells that are asked for behind its columns, and the stored columns of the request.
fn with_cells(
    snapshot: &Arc<Snapshot>,
    mut columns: Vec<usize>,
    table: &Table,
    request: &ScanRequest<'_>,
) -> Result<(Arc<Snapshot>, Vec<usize>)> {
    if request.cells.is_empty() {
        return Ok((snapshot.clone(), columns));
    }
    let cells = request
        .cells
        .iter()
        .map(|cell| {
            let stored = table.shape.columns.get(cell.column).and_then(|c| c.stored);
            let stored = stored.ok_or_else(|| {
                EngineError::Internal(format!("column {} of `{}` is not stored", cell.column, table.name))
            })?;
            Ok((stored, cell.key.clone()))
        })
        .collect::<Result<Vec<_>>>()?;
    let first = snapshot.def().columns.len();
    columns.extend(first..first + cells.len());
    Ok((Arc::new(snapshot.with_cells(&cells)), columns))
}

/// The request's columns and filters as if it asked for JSON texts instead of the values of keys: `f(cell, …)` is
/// `f(text, key, …)` again, as expressions of the table's keys have it.
fn over_texts(request: &ScanRequest<'_>) -> (Vec<usize>, Vec<Expr>) {
    let mut columns = request.columns.to_vec();
    let first = columns.len();
    columns.extend(request.cells.iter().map(|cell| cell.column));
    let mut filters = request.filters.to_vec();
    if !request.cells.is_empty() {
        for filter in &mut filters {
            name_keys(filter, first, request.cells);
        }
    }
    (columns, filters)
}

fn name_keys(expr: &mut Expr, first: usize, cells: &[JsonCell]) {
    match &mut expr.kind {
        ExprKind::Call { args, .. } => {
            let cell = match args.first().map(|a| &a.kind) {
                Some(ExprKind::Column(at)) => at.checked_sub(first).and_then(|at| cells.get(at)),
                _ => None,
            };
            if let Some(cell) = cell {
                args.insert(1, Expr::literal(Value::String(cell.key.clone()), DataType::String));
            }
            args.iter_mut().for_each(|arg| name_keys(arg, first, cells));
        }
        ExprKind::And(list) | ExprKind::Or(list) => {
            list.iter_mut().for_each(|e| name_keys(e, first, cells));
        }
        ExprKind::InSet { arg, .. } => name_keys(arg, first, cells),
        // Pruning does not look into these.
        ExprKind::Column(_)
        | ExprKind::Literal(_)
        | ExprKind::HigherOrder { .. }
        | ExprKind::ScalarSubquery(_) => {}
    }
}

impl TableSource for EngineSource {
    fn open(&self, request: &ScanRequest<'_>) -> std::result::Result<Arc<dyn Scan>, ExecError> {
        self.open_table(request).map_err(|error| ExecError::Source {
            code: error.code(),
            message: error.to_string(),
        })
    }
}

struct StorageScan {
    snapshot: Arc<Snapshot>,
    morsels: Vec<Morsel>,
    /// Stored columns, by position in the request.
    columns: Vec<usize>,
}

impl Scan for StorageScan {
    fn morsels(&self) -> usize {
        self.morsels.len()
    }

    fn rows(&self, morsel: usize) -> usize {
        self.morsels[morsel].rows()
    }

    fn read(
        &self,
        morsel: usize,
        columns: &[usize],
        rows: Option<&[u32]>,
    ) -> std::result::Result<Vec<Column>, ExecError> {
        let stored: Vec<usize> = columns.iter().map(|&c| self.columns[c]).collect();
        let morsel = &self.morsels[morsel];
        let block = match rows {
            None => self.snapshot.read(morsel, &stored),
            Some(rows) => self.snapshot.read_rows(morsel, &stored, rows),
        };
        match block {
            Ok(block) => Ok(block.into_columns()),
            Err(error) => Err(ExecError::Source {
                code: storage_code(&error),
                message: error.to_string(),
            }),
        }
    }
}

/// Rows that are in memory already: one block a morsel.
pub(crate) struct Blocks {
    blocks: Vec<Block>,
}

impl Blocks {
    pub(crate) fn new(blocks: Vec<Block>) -> Self {
        Self { blocks }
    }
}

impl Scan for Blocks {
    fn morsels(&self) -> usize {
        self.blocks.len()
    }

    fn rows(&self, morsel: usize) -> usize {
        self.blocks[morsel].rows()
    }

    fn read(
        &self,
        morsel: usize,
        columns: &[usize],
        rows: Option<&[u32]>,
    ) -> std::result::Result<Vec<Column>, ExecError> {
        let block = &self.blocks[morsel];
        Ok(columns
            .iter()
            .map(|&c| match rows {
                None => block.column(c).clone(),
                Some(rows) => block.column(c).gather(rows),
            })
            .collect())
    }
}
