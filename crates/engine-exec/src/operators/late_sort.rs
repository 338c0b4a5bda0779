//! ORDER BY … LIMIT over a table with wide columns: find the first rows by their keys, then read only those rows.

use std::collections::BTreeMap;

use engine_sql::plan::{Expr, JsonCell, Plan, SortKey, TableName};
use engine_types::{Block, Column, DataType, Schema};

use super::scan::{read_cost, row_of, visit};
use crate::{ExecError, Scan};

/// More rows than this are not worth reading one by one.
const LIMIT_MAX: u64 = 10_000;
/// Larger expressions are not put together from those of the projections: they would double with each.
const NODES_MAX: usize = 1_000;
/// Columns from this cost on are worth reading late.
const LATE_COST: u64 = 64;

/// Projections and filters over one scan, below a sort.
pub(crate) struct LateSort<'a> {
    pub(crate) table: &'a TableName,
    pub(crate) columns: &'a [usize],
    pub(crate) schema: &'a Schema,
    pub(crate) final_: bool,
    pub(crate) cells: &'a [JsonCell],
    /// Over the scan's columns: its own filters and those above it.
    pub(crate) filters: Vec<Expr>,
    /// Sort keys over the scan's columns.
    pub(crate) keys: Vec<Expr>,
    /// The columns the keys read.
    pub(crate) key_columns: Vec<usize>,
    /// Projections above the scan, the lowest first.
    pub(crate) projections: Vec<&'a [Expr]>,
}

impl<'a> LateSort<'a> {
    /// `None`: not such a plan, or nothing to be gained.
    pub(crate) fn of(input: &'a Plan, keys: &[SortKey], limit: u64) -> Option<Self> {
        if limit > LIMIT_MAX {
            return None;
        }
        let mut plan = input;
        // From the sort down: what each expression above stands for is put in from below.
        let mut keys: Vec<Expr> = keys.iter().map(|k| k.expr.clone()).collect();
        let mut conditions: Vec<Expr> = Vec::new();
        let mut projections: Vec<&'a [Expr]> = Vec::new();
        loop {
            match plan {
                Plan::Project { input, exprs, .. } => {
                    if !exprs.iter().all(Expr::deterministic) {
                        return None;
                    }
                    for expr in keys.iter_mut().chain(&mut conditions) {
                        if expr.size_with(exprs) > NODES_MAX {
                            return None;
                        }
                        expr.substitute(&|column, _| exprs[column].clone());
                    }
                    projections.push(exprs);
                    plan = input;
                }
                Plan::Filter { input, predicate } => {
                    if !predicate.deterministic() {
                        return None;
                    }
                    conditions.push(predicate.clone());
                    plan = input;
                }
                Plan::Scan {
                    table,
                    columns,
                    schema,
                    filters,
                    final_,
                    cells,
                } => {
                    // Conditions above come after the scan's own: those may guard them.
                    let filters: Vec<Expr> = filters.iter().chain(&conditions).cloned().collect();
                    let mut key_columns = Vec::new();
                    for key in &keys {
                        visit(key, &mut key_columns);
                    }
                    let mut early = key_columns.clone();
                    for filter in &filters {
                        visit(filter, &mut early);
                    }
                    let gains = schema
                        .iter()
                        .enumerate()
                        .any(|(i, field)| !early.contains(&i) && read_cost(&field.ty) >= LATE_COST);
                    projections.reverse();
                    return (gains && keys.iter().all(Expr::deterministic)).then_some(Self {
                        table,
                        columns,
                        schema,
                        final_: *final_,
                        cells,
                        filters,
                        keys,
                        key_columns,
                        projections,
                    });
                }
                Plan::OneRow
                | Plan::Numbers { .. }
                | Plan::Values { .. }
                | Plan::Aggregate { .. }
                | Plan::Join { .. }
                | Plan::ArrayJoin { .. }
                | Plan::Window { .. }
                | Plan::Sort { .. }
                | Plan::LimitBy { .. }
                | Plan::Limit { .. }
                | Plan::Distinct { .. }
                | Plan::UnionAll { .. } => return None,
            }
        }
    }
}

/// All columns of the rows with these ids, in the order of the ids.
pub(crate) fn read_rows(scan: &dyn Scan, ids: &Column, types: &[DataType]) -> Result<Block, ExecError> {
    let Column::UInt64(ids) = ids else {
        return Err(ExecError::InvalidPlan("row ids of another type".to_owned()));
    };
    let mut morsels: BTreeMap<usize, Vec<(u32, usize)>> = BTreeMap::new();
    for (at, &id) in ids.iter().enumerate() {
        let (morsel, row) = row_of(id);
        morsels.entry(morsel).or_default().push((row, at));
    }
    let all: Vec<usize> = (0..types.len()).collect();
    let mut place = vec![0u32; ids.len()];
    let mut pieces: Vec<Block> = Vec::new();
    let mut read = 0u32;
    for (morsel, mut wanted) in morsels {
        wanted.sort_unstable();
        let rows: Vec<u32> = wanted.iter().map(|(row, _)| *row).collect();
        for &(_, at) in &wanted {
            place[at] = read;
            read += 1;
        }
        let columns = scan.read(morsel, &all, Some(&rows))?;
        pieces.push(Block::new(columns, rows.len()));
    }
    Ok(crate::block_ops::concat(&pieces, types).gather(&place))
}
