//! Tables as the executor reads them: storage snapshots and `FINAL` merges.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use engine_exec::{ExecError, Scan, ScanRequest, TableSource};
use engine_sql::plan::{Expr, ExprKind, JsonCell, Plan, TableName};
use engine_storage::{
    KeyCondition, KeyRef, Morsel, PruningStage, PruningStep, ReadCounts, Snapshot, Storage, TableId,
};
use engine_types::{Block, Column, DataType, Value};
use parking_lot::Mutex;

use crate::binding;
use crate::catalogue::{Catalogue, Object, Table};
use crate::error::{EngineError, Result, storage_code};
use crate::group_projection::through_groups;
use crate::joined_scan::JoinedScan;
use crate::pruning;
use crate::shape::key_list;

/// Rows of a morsel; storage keeps whole granules together.
const MORSEL_ROWS: usize = 65_536;

/// All tables as they were at one moment.
pub(crate) struct EngineSource {
    pub(crate) catalogue: Arc<Catalogue>,
    snapshots: HashMap<TableId, Arc<Snapshot>>,
    /// What each scan kept of its parts, for EXPLAIN and the summary.
    pub(crate) scans: Mutex<Vec<ScanSummary>>,
    pub(crate) rules: ScanRules,
    /// Under names that no table has.
    planned: Vec<PlannedScan>,
}

/// Some of a table, or what stands for it, as a plan reads it.
pub(crate) struct PlannedScan {
    /// For people; no table of a database without a name.
    pub(crate) name: String,
    /// The name in it is that of the table; a projection has its own shape.
    pub(crate) table: Arc<Table>,
    pub(crate) snapshot: Arc<Snapshot>,
    /// And how many parts are read through it.
    pub(crate) projection: Option<(String, usize)>,
}

/// What pruning left of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanSummary {
    /// `database.table`.
    pub table: String,
    pub parts: usize,
    pub granules: usize,
    pub granules_kept: usize,
    /// Through which projection parts are read, and how many of them.
    pub projection: Option<(String, usize)>,
    /// Parts with something left.
    pub parts_kept: usize,
    /// What each step of pruning left.
    pub steps: Vec<ScanStep>,
    /// What all scans of the table in this query have read.
    pub read: ReadCounts,
    table_id: TableId,
}

/// A step of pruning, as EXPLAIN shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanStep {
    /// `MinMax`, `Partition`, `PrimaryKey`, `GranuleMinMax` or `Skip`.
    pub kind: &'static str,
    /// Of a skip index.
    pub name: Option<String>,
    /// What it is made of.
    pub description: String,
    /// Whether the filters say anything that it can test.
    pub used: bool,
    pub parts: usize,
    pub granules: usize,
}

/// Settings of a query that concern how its tables are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanRules {
    force_primary_key: bool,
    force_index_by_date: bool,
    use_skip_indexes: bool,
    use_projections: bool,
}

impl Default for ScanRules {
    fn default() -> Self {
        Self {
            force_primary_key: false,
            force_index_by_date: false,
            use_skip_indexes: true,
            use_projections: true,
        }
    }
}

impl ScanRules {
    pub(crate) fn of(settings: &BTreeMap<String, String>) -> Self {
        let on = |name: &str, otherwise: bool| {
            settings
                .get(name)
                .map_or(otherwise, |value| !matches!(value.as_str(), "0" | "false" | ""))
        };
        Self {
            force_primary_key: on("force_primary_key", false),
            force_index_by_date: on("force_index_by_date", false),
            use_skip_indexes: on("use_skip_indexes", true),
            use_projections: on("optimize_use_projections", true),
        }
    }

    /// Error 277 where an index must be used and is not.
    fn check(&self, table: &Table, key: &KeyCondition) -> Result<()> {
        let shape = &table.shape;
        if self.force_index_by_date && shape.partition_key.is_some() {
            let mut partition = Vec::new();
            for element in shape.partition_elements() {
                binding::visit_columns(element, &mut |c| partition.extend(shape.columns[c].stored));
            }
            let used = key.restricts(|k| match k {
                KeyRef::Partition(_) => true,
                KeyRef::Column(column) => partition.contains(&column),
                KeyRef::SortingKey(_) | KeyRef::Index(..) => false,
            });
            if !used {
                return Err(EngineError::refused(
                    277,
                    format!(
                        "neither the partition key nor its columns are used in reading `{}`, and force_index_by_date is set",
                        table.name
                    ),
                ));
            }
        }
        if self.force_primary_key && !shape.sorting_key.is_empty() && !key.uses_sorting_key() {
            return Err(EngineError::refused(
                277,
                format!(
                    "the primary key is not used in reading `{}`, and force_primary_key is set",
                    table.name
                ),
            ));
        }
        Ok(())
    }
}

fn steps(table: &Table, stages: &[PruningStage]) -> Vec<ScanStep> {
    let shape = &table.shape;
    let create = shape.create().ok();
    let listed = |expr: Option<&engine_sql::ast::Expr>| {
        let list: Vec<String> = key_list(expr).iter().map(ToString::to_string).collect();
        list.join(", ")
    };
    let storage = create.map(|c| &c.storage);
    stages
        .iter()
        .map(|stage| {
            let (kind, name, description) = match stage.step {
                PruningStep::MinMax => ("MinMax", None, "columns".to_owned()),
                PruningStep::Partition => (
                    "Partition",
                    None,
                    listed(storage.and_then(|s| s.partition_by.as_ref())),
                ),
                PruningStep::PrimaryKey => (
                    "PrimaryKey",
                    None,
                    listed(storage.and_then(|s| s.order_by.as_ref().or(s.primary_key.as_ref()))),
                ),
                PruningStep::GranuleMinMax => ("GranuleMinMax", None, "columns of keys and times".to_owned()),
                PruningStep::Skip(at) => match shape.skip_indexes.get(at) {
                    Some(index) => (
                        "Skip",
                        Some(index.name.clone()),
                        format!("{} GRANULARITY {}", index.type_text, index.granularity),
                    ),
                    None => ("Skip", None, String::new()),
                },
            };
            ScanStep {
                kind,
                name,
                description,
                used: stage.used,
                parts: stage.parts,
                granules: stage.granules,
            }
        })
        .collect()
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
            rules: ScanRules::default(),
            planned: Vec::new(),
        })
    }

    pub(crate) fn snapshot(&self, table: TableId) -> Option<&Arc<Snapshot>> {
        self.snapshots.get(&table)
    }

    /// Makes the scan known. What plans call it.
    pub(crate) fn plan_scan(&mut self, scan: PlannedScan) -> TableName {
        let name = format!("{} ({})", scan.name, self.planned.len());
        self.planned.push(PlannedScan {
            name: name.clone(),
            ..scan
        });
        TableName {
            database: String::new(),
            table: name,
        }
    }

    /// The plan with hidden groups of projections in the place of rows, where the settings allow that.
    pub(crate) fn planned(&mut self, plan: Plan) -> Plan {
        let rules = &self.rules;
        if rules.use_projections && !rules.force_primary_key && !rules.force_index_by_date {
            through_groups(plan, self)
        } else {
            plan
        }
    }

    /// The scans of a query that has ended.
    pub(crate) fn finished_scans(&self) -> Vec<ScanSummary> {
        let mut scans = std::mem::take(&mut *self.scans.lock());
        for scan in &mut scans {
            if let Some(snapshot) = self.snapshots.get(&scan.table_id) {
                scan.read = snapshot.counters().counts();
            }
        }
        scans
    }

    fn open_table(&self, request: &ScanRequest<'_>) -> Result<Arc<dyn Scan>> {
        let TableName {
            database,
            table: name,
        } = request.table;
        let planned = self
            .planned
            .iter()
            .find(|scan| database.is_empty() && scan.name == *name);
        let (table, snapshot) = match planned {
            Some(scan) => (&scan.table, scan.snapshot.clone()),
            None => {
                let table = self.catalogue.table(database, name)?;
                let snapshot = self.snapshots.get(&table.id);
                let snapshot = snapshot.ok_or_else(|| EngineError::UnknownTable {
                    database: database.clone(),
                    table: name.clone(),
                })?;
                (table, snapshot.clone())
            }
        };
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
                        let name = table.shape.columns.get(c).map_or("", |c| c.name.as_str());
                        EngineError::refused(
                            16,
                            format!(
                                "column `{name}` of `{}` is not stored and cannot be read",
                                table.name
                            ),
                        )
                    })
            })
            .collect::<Result<Vec<_>>>()?;
        let (snapshot, columns) = with_cells(&snapshot, columns, table, request)?;
        let (all_columns, filters) = over_texts(request);
        let mut key = pruning::key_condition(&table.shape, &all_columns, &filters);
        if !self.rules.use_skip_indexes {
            key = key.without_skip_indexes();
        }
        if planned.is_none() {
            self.rules.check(table, &key)?;
        }
        if request.final_ && !snapshot.is_final() {
            key = key.on_sorting_key();
        }
        let pruned = snapshot.prune(&key);
        let mut summary = ScanSummary {
            table: format!("{}.{}", table.database, table.name),
            projection: planned.and_then(|scan| scan.projection.clone()),
            parts: pruned.parts_before,
            granules: pruned.granules_before,
            granules_kept: pruned.granules(),
            parts_kept: pruned.parts.len(),
            steps: steps(table, &pruned.stages),
            read: ReadCounts::default(),
            table_id: table.id,
        };
        if request.final_ && !snapshot.is_final() {
            let blocks = snapshot
                .scan_final(&key, &columns)?
                .collect::<std::result::Result<Vec<Block>, _>>()?;
            self.scans.lock().push(summary);
            return Ok(Arc::new(Blocks::new(blocks)));
        }
        if self.rules.use_projections
            && planned.is_none()
            && let Some(scan) = through_projection(table, &snapshot, &key, request, &columns, &mut summary)
        {
            self.scans.lock().push(summary);
            return Ok(scan);
        }
        let morsels = snapshot.morsels_of(&pruned, MORSEL_ROWS);
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
                EngineError::Internal(format!(
                    "column {} of `{}` is not stored",
                    cell.column, table.name
                ))
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
                args.insert(
                    1,
                    Expr::literal(Value::String(cell.key.clone()), DataType::String),
                );
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

/// The scan through the projection with which the fewest rows are read, where that is less than without.
fn through_projection(
    table: &Table,
    snapshot: &Arc<Snapshot>,
    key: &KeyCondition,
    request: &ScanRequest<'_>,
    columns: &[usize],
    summary: &mut ScanSummary,
) -> Option<Arc<dyn Scan>> {
    let mut best = None;
    let mut fewest = snapshot.rows_to_read(key);
    let (all_columns, filters) = over_texts(request);
    let texts = ScanRequest {
        table: request.table,
        columns: &all_columns,
        schema: request.schema,
        filters: &filters,
        final_: request.final_,
        cells: &[],
    };
    for (projection, stored) in table.shape.projections.iter().zip(&snapshot.def().projections) {
        let Some(own) = projection.columns_of(&texts) else {
            continue;
        };
        let wanted = pruning::key_condition(&projection.shape, &own, &filters);
        if let Some(choice) = snapshot.through(stored, key, &wanted)
            && choice.rows < fewest
        {
            fewest = choice.rows;
            best = Some((projection, own, wanted, choice));
        }
    }
    let (projection, own, wanted, choice) = best?;
    let own = own
        .iter()
        .map(|&c| projection.shape.columns[c].stored)
        .collect::<Option<Vec<_>>>()?;
    let (of_columns, of_cells) = own.split_at(request.columns.len());
    let cells: Vec<(usize, Vec<u8>)> = of_cells
        .iter()
        .zip(request.cells)
        .map(|(stored, cell)| (*stored, cell.key.clone()))
        .collect();
    let first = choice.hidden.def().columns.len();
    let own: Vec<usize> = of_columns
        .iter()
        .copied()
        .chain(first..first + cells.len())
        .collect();
    let hidden = if cells.is_empty() {
        choice.hidden
    } else {
        Arc::new(choice.hidden.with_cells(&cells))
    };
    summary.projection = Some((projection.name.clone(), hidden.parts().len()));
    let (mut granules, mut parts) = (0, 0);
    let mut scan = |snapshot: Arc<Snapshot>, key: &KeyCondition, columns: Vec<usize>| -> Arc<dyn Scan> {
        let pruned = snapshot.prune(key);
        granules += pruned.granules();
        parts += pruned.parts.len();
        let morsels = snapshot.morsels_of(&pruned, MORSEL_ROWS);
        Arc::new(StorageScan {
            snapshot,
            morsels,
            columns,
        })
    };
    let hidden = scan(hidden, &wanted, own);
    let rest = scan(choice.rest, key, columns.to_vec());
    summary.granules_kept = granules;
    summary.parts_kept = parts;
    Some(Arc::new(JoinedScan(vec![hidden, rest])))
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
