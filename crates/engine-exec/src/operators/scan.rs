//! Reads a table morsel by morsel: the columns of one filter after the other, then the rest for the rows that are left.

use std::sync::Arc;

use engine_sql::plan::{Expr, ExprKind};
use engine_types::{Block, Column, ConstColumn, DataType, Schema, Value};

use crate::block_ops::chunks;
use crate::evaluate::Selection;
use crate::pipeline::{Emit, Flow, Morsels};
use crate::program::Program;
use crate::{ExecContext, ExecError, Scan};

pub(crate) struct ScanMorsels {
    scan: Arc<dyn Scan>,
    filters: Vec<ScanFilter>,
    width: usize,
    /// Read only these and add a column of row ids; the others hold something of the right length.
    only: Option<Vec<usize>>,
    context: ExecContext,
}

/// A row of a scan as one number: the morsel, then the row in it.
pub(crate) fn row_id(morsel: usize, row: u32) -> u64 {
    ((morsel as u64) << 32) | u64::from(row)
}

pub(crate) fn row_of(id: u64) -> (usize, u32) {
    ((id >> 32) as usize, id as u32)
}

struct ScanFilter {
    program: Program,
    columns: Vec<usize>,
}

impl ScanMorsels {
    pub(crate) fn new(
        scan: Arc<dyn Scan>,
        filters: Vec<(&Expr, Program)>,
        schema: &Schema,
        context: &ExecContext,
    ) -> Self {
        let mut ranked: Vec<(u64, ScanFilter)> = filters
            .into_iter()
            .map(|(expr, program)| {
                let mut columns = Vec::new();
                let calls = visit(expr, &mut columns);
                let cost = columns.iter().map(|&c| read_cost(&schema[c].ty)).sum::<u64>() + calls;
                // What is dropped for the cost: the order that costs least when conditions do not depend on each other.
                let dropped = 1.0 - passing_share(expr);
                let rank = (cost as f64 / dropped.max(0.01) * 16.0) as u64;
                (rank, ScanFilter { program, columns })
            })
            .collect();
        ranked.sort_by_key(|(cost, _)| *cost);
        Self {
            scan,
            filters: ranked.into_iter().map(|(_, filter)| filter).collect(),
            width: schema.len(),
            only: None,
            context: context.clone(),
        }
    }

    /// Reads only `columns` (beside those of filters) and adds one UInt64 column of row ids at the end.
    pub(crate) fn with_row_ids(mut self, columns: Vec<usize>) -> Self {
        self.only = Some(columns);
        self
    }
}

/// Collects the columns an expression reads; answers how many functions it calls.
pub(crate) fn visit(expr: &Expr, columns: &mut Vec<usize>) -> u64 {
    let mut list = |list: &[Expr]| list.iter().map(|e| visit(e, columns)).sum::<u64>();
    match &expr.kind {
        ExprKind::Column(i) => {
            if !columns.contains(i) {
                columns.push(*i);
            }
            0
        }
        ExprKind::Literal(_) | ExprKind::ScalarSubquery(_) => 0,
        ExprKind::Call { args, .. } => 1 + list(args),
        ExprKind::And(operands) | ExprKind::Or(operands) => list(operands),
        ExprKind::HigherOrder { lambda, arrays, .. } => 8 + list(arrays) + list(&lambda.captures),
        ExprKind::InSet { arg, .. } => 1 + visit(arg, columns),
    }
}

/// Rough share of rows that a condition lets through.
fn passing_share(expr: &Expr) -> f64 {
    const UNKNOWN: f64 = 0.5;
    match &expr.kind {
        ExprKind::Call { function, args } => match function.name() {
            "equals" => 0.05,
            "notEquals" | "notLike" => 0.95,
            "like" | "ilike" | "match" | "startsWith" | "endsWith" | "has" | "hasToken" => 0.1,
            "less" | "lessOrEquals" | "greater" | "greaterOrEquals" => 0.4,
            "isNull" => 0.1,
            "isNotNull" => 0.9,
            "not" => args.first().map_or(UNKNOWN, |inner| 1.0 - passing_share(inner)),
            _ => UNKNOWN,
        },
        ExprKind::InSet {
            set: engine_sql::plan::SetSource::Values(values),
            negated,
            ..
        } => {
            let inside = (0.05 * values.len() as f64).min(UNKNOWN);
            if *negated { 1.0 - inside } else { inside }
        }
        ExprKind::InSet { negated, .. } => {
            if *negated {
                0.7
            } else {
                0.3
            }
        }
        ExprKind::And(operands) => operands.iter().map(passing_share).product(),
        ExprKind::Or(operands) => operands.iter().map(passing_share).sum::<f64>().min(1.0),
        ExprKind::Literal(_)
        | ExprKind::Column(_)
        | ExprKind::HigherOrder { .. }
        | ExprKind::ScalarSubquery(_) => UNKNOWN,
    }
}

/// Rough relative cost of reading and testing a column of this type.
pub(crate) fn read_cost(ty: &DataType) -> u64 {
    match ty {
        DataType::LowCardinality(_) => 4,
        DataType::Nullable(inner) => 1 + read_cost(inner),
        DataType::String | DataType::FixedString(_) => 64,
        DataType::AggregateFunction(_) => 256,
        DataType::Array(_) | DataType::Map(..) => 128,
        DataType::Tuple(elements) => elements.iter().map(|(_, ty)| read_cost(ty)).sum(),
        DataType::Uuid => 8,
        _ => 2,
    }
}

impl ScanMorsels {
    fn emit(&self, block: Block, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        for block in chunks(block, self.context.block_size) {
            if emit(block)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    /// Rows of the block that pass, testing at most a block's worth at a time.
    fn select(
        &self,
        filter: &ScanFilter,
        columns: &[Option<Column>],
        rows: usize,
    ) -> Result<Selection, ExecError> {
        let unread = Arc::new(Column::UInt8(vec![0].into()));
        let size = self.context.block_size.max(1);
        let mut kept = Vec::new();
        let mut all = true;
        let mut start = 0;
        while start < rows {
            let len = size.min(rows - start);
            let inputs: Vec<Column> = columns
                .iter()
                .map(|column| match column {
                    Some(column) if len == rows => column.clone(),
                    Some(column) => column.slice(start, len),
                    None => Column::Const(ConstColumn {
                        value: unread.clone(),
                        len,
                    }),
                })
                .collect();
            let offset = start as u32;
            match filter.program.select(&inputs, len)? {
                Selection::All => kept.extend(offset..offset + len as u32),
                Selection::Rows(rows) => {
                    all = false;
                    kept.extend(rows.into_iter().map(|r| r + offset));
                }
            }
            start += len;
        }
        Ok(if all {
            Selection::All
        } else {
            Selection::Rows(kept)
        })
    }
}

impl Morsels for ScanMorsels {
    fn count(&self) -> usize {
        self.scan.morsels()
    }

    fn run(&self, morsel: usize, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        let mut rows = self.scan.rows(morsel);
        self.context.count_read(rows)?;
        let mut columns: Vec<Option<Column>> = vec![None; self.width];
        // Row numbers in the morsel of the rows that are left; `None`: all.
        let mut left: Option<Vec<u32>> = None;
        let mut memory = self.context.memory.reserve("scan");
        let mut read = |wanted: &[usize], left: &Option<Vec<u32>>, columns: &mut [Option<Column>]| {
            let missing: Vec<usize> = wanted.iter().copied().filter(|&c| columns[c].is_none()).collect();
            if missing.is_empty() {
                return Ok(());
            }
            let found = self.scan.read(morsel, &missing, left.as_deref())?;
            for (at, column) in missing.into_iter().zip(found) {
                columns[at] = Some(column);
            }
            memory.set(columns.iter().flatten().map(Column::byte_size).sum())
        };
        for filter in &self.filters {
            if rows == 0 {
                return Ok(Flow::Continue);
            }
            read(&filter.columns, &left, &mut columns)?;
            if let Selection::Rows(kept) = self.select(filter, &columns, rows)? {
                for column in columns.iter_mut().flatten() {
                    *column = column.gather(&kept);
                }
                rows = kept.len();
                left = Some(match left {
                    None => kept,
                    Some(before) => kept.into_iter().map(|i| before[i as usize]).collect(),
                });
            }
        }
        if rows == 0 {
            return Ok(Flow::Continue);
        }
        if let Some(only) = &self.only {
            read(only, &left, &mut columns)?;
            let unread = Column::constant(&DataType::UInt8, &Value::UInt(0), rows);
            let ids = match left {
                None => (0..rows as u32).map(|row| row_id(morsel, row)).collect(),
                Some(left) => left.into_iter().map(|row| row_id(morsel, row)).collect(),
            };
            let mut columns: Vec<Column> = columns
                .into_iter()
                .map(|c| c.unwrap_or_else(|| unread.clone()))
                .collect();
            columns.push(Column::UInt64(ids));
            return self.emit(Block::new(columns, rows), emit);
        }
        read(&(0..self.width).collect::<Vec<_>>(), &left, &mut columns)?;
        let columns: Vec<Column> = columns.into_iter().flatten().collect();
        if columns.len() != self.width {
            return Err(ExecError::InvalidPlan(
                "a scan answered too few columns".to_owned(),
            ));
        }
        self.emit(Block::new(columns, rows), emit)
    }
}
