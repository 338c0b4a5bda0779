//! GROUP BY and DISTINCT: partial groups in each thread, merged at the end.

use engine_functions::Accumulator;
use engine_sql::plan::{Aggregate, Expr};
use engine_types::{Block, Column, DataType};

use crate::key_table::{KeyTable, NullKeys};
use crate::memory::Reservation;
use crate::pipeline::{Flow, Morsels};
use crate::program::Program;
use crate::row_runs::RowRuns;
use crate::workers::{self, Sink};
use crate::{ExecContext, ExecError};

/// One block: the keys, then the aggregates; one row a group, in no order. Without keys exactly one row.
pub(crate) fn aggregate(
    context: &ExecContext,
    input: &dyn Morsels,
    program: &Program,
    keys: &[Expr],
    aggregates: &[Aggregate],
) -> Result<Block, ExecError> {
    let mut groups = run(context, input, program, keys, aggregates)?;
    if keys.is_empty() {
        for accumulator in &mut groups.accumulators {
            accumulator.resize(1);
        }
        let columns = finish(&mut groups.accumulators)?;
        return Ok(Block::new(columns, 1));
    }
    let rows = groups.table.len();
    let mut columns = groups.key_columns();
    columns.extend(finish(&mut groups.accumulators)?);
    Ok(Block::new(columns, rows))
}

/// One block of the distinct rows of the keys.
pub(crate) fn distinct(
    context: &ExecContext,
    input: &dyn Morsels,
    program: &Program,
    keys: &[Expr],
) -> Result<Block, ExecError> {
    let mut groups = run(context, input, program, keys, &[])?;
    let rows = groups.table.len();
    Ok(Block::new(groups.key_columns(), rows))
}

fn run(
    context: &ExecContext,
    input: &dyn Morsels,
    program: &Program,
    keys: &[Expr],
    aggregates: &[Aggregate],
) -> Result<Groups, ExecError> {
    let types: Vec<DataType> = keys.iter().map(|k| k.ty.clone()).collect();
    let arities: Vec<usize> = aggregates.iter().map(|a| a.args.len()).collect();
    let partials = workers::run(context, input, &|| Partial {
        program,
        arities: &arities,
        groups: Groups {
            table: KeyTable::new(&types, NullKeys::Group),
            keys: vec![KeyParts::default(); types.len()],
            types: types.clone(),
            accumulators: aggregates.iter().map(|a| a.function.accumulator()).collect(),
            memory: context.memory.reserve("aggregation"),
        },
        group_of: Vec::new(),
        fresh: Vec::new(),
        rows_since_count: 0,
    })?;
    let mut partials = partials.into_iter().map(|p| p.groups);
    let mut first = partials
        .next()
        .ok_or_else(|| ExecError::InvalidPlan("no thread ran".to_owned()))?;
    for other in partials {
        first.merge(other)?;
    }
    Ok(first)
}

fn finish(accumulators: &mut [Box<dyn Accumulator>]) -> Result<Vec<Column>, ExecError> {
    accumulators.iter_mut().map(|a| Ok(a.finish()?)).collect()
}

struct Groups {
    table: KeyTable,
    /// The key columns of the groups, in order of their numbers.
    keys: Vec<KeyParts>,
    types: Vec<DataType>,
    accumulators: Vec<Box<dyn Accumulator>>,
    memory: Reservation,
}

/// A column that grows by the keys first seen in each block. Parts are joined as they double, so that many small ones
/// cost O(n log n) in all.
#[derive(Clone, Debug, Default)]
struct KeyParts {
    parts: Vec<Column>,
    bytes: usize,
}

impl KeyParts {
    fn push(&mut self, part: Column) {
        self.bytes += part.byte_size();
        self.parts.push(part);
        while let [.., a, b] = self.parts.as_slice()
            && a.len() <= 2 * b.len()
        {
            let joined = Column::concat(&[a, b]);
            self.parts.truncate(self.parts.len() - 2);
            self.parts.push(joined);
        }
    }

    fn take(&mut self, ty: &DataType) -> Column {
        let parts = std::mem::take(&mut self.parts);
        if parts.is_empty() {
            return Column::empty(ty);
        }
        Column::concat(&parts.iter().collect::<Vec<_>>())
    }
}

impl Groups {
    fn key_columns(&mut self) -> Vec<Column> {
        self.keys
            .iter_mut()
            .zip(&self.types)
            .map(|(parts, ty)| parts.take(ty))
            .collect()
    }

    fn add_keys(&mut self, keys: &[Column], fresh: &[u32]) {
        if fresh.is_empty() {
            return;
        }
        for (parts, key) in self.keys.iter_mut().zip(keys) {
            parts.push(key.gather(fresh).flatten());
        }
    }

    fn count_memory(&mut self) -> Result<(), ExecError> {
        let bytes = self.table.byte_size()
            + self.keys.iter().map(|k| k.bytes).sum::<usize>()
            + self.accumulators.iter().map(|a| a.byte_size()).sum::<usize>();
        self.memory.set(bytes)
    }

    fn merge(&mut self, mut other: Self) -> Result<(), ExecError> {
        let rows = other.table.len();
        let keys = other.key_columns();
        let (mut group_of, mut fresh) = (Vec::new(), Vec::new());
        self.table.insert(&keys, rows, &mut group_of, &mut fresh);
        self.add_keys(&keys, &fresh);
        let len = self.table.len();
        for (mine, theirs) in self.accumulators.iter_mut().zip(other.accumulators.drain(..)) {
            mine.resize(len);
            mine.merge(theirs, &group_of)?;
        }
        drop(other);
        self.count_memory()
    }
}

/// What one thread has seen.
struct Partial<'a> {
    program: &'a Program,
    arities: &'a [usize],
    groups: Groups,
    group_of: Vec<u32>,
    fresh: Vec<u32>,
    rows_since_count: usize,
}

/// Memory is counted at least once in this many rows; counting may visit every state.
const COUNT_EVERY_ROWS: usize = 65_536;

impl Partial<'_> {
    fn add_rows(&mut self, keys: &[Column], mut args: &[Column], rows: usize) -> Result<(), ExecError> {
        self.groups
            .table
            .insert(keys, rows, &mut self.group_of, &mut self.fresh);
        self.groups.add_keys(keys, &self.fresh);
        let len = self.groups.table.len();
        for (accumulator, &arity) in self.groups.accumulators.iter_mut().zip(self.arities) {
            let (mine, rest) = args.split_at(arity);
            args = rest;
            accumulator.resize(len);
            let mine: Vec<Column> = mine.iter().map(Column::without_runs).collect();
            accumulator.update(&self.group_of, &mine)?;
        }
        Ok(())
    }

    /// The same for rows whose keys come in runs: a run is looked up once, and counted once where arguments come in runs, too.
    fn add_runs(&mut self, runs: &RowRuns, mut args: &[Column]) -> Result<(), ExecError> {
        let mut of_runs = Vec::new();
        self.groups
            .table
            .insert(&runs.columns, runs.len(), &mut of_runs, &mut self.fresh);
        self.groups.add_keys(&runs.columns, &self.fresh);
        let len = self.groups.table.len();
        self.group_of.clear();
        for (accumulator, &arity) in self.groups.accumulators.iter_mut().zip(self.arities) {
            let (mine, rest) = args.split_at(arity);
            args = rest;
            accumulator.resize(len);
            match runs.with(mine) {
                Some((inner, outer)) => {
                    let groups: Vec<u32> = outer.iter().map(|run| of_runs[*run as usize]).collect();
                    accumulator.update_repeated(&groups, &inner.columns, &inner.lengths())?;
                }
                None => {
                    if self.group_of.is_empty() {
                        runs.expand(&of_runs, &mut self.group_of);
                    }
                    let mine: Vec<Column> = mine.iter().map(Column::without_runs).collect();
                    accumulator.update(&self.group_of, &mine)?;
                }
            }
        }
        Ok(())
    }
}

impl Sink for Partial<'_> {
    fn block(&mut self, _morsel: usize, block: Block) -> Result<Flow, ExecError> {
        let rows = block.rows();
        let columns = self.program.eval(block.columns(), rows)?;
        let (keys, args) = columns.split_at(self.groups.types.len());
        let runs = if keys.is_empty() {
            RowRuns::one(rows)
        } else {
            RowRuns::of(keys, rows)
        };
        match runs {
            Some(runs) => self.add_runs(&runs, args)?,
            None => self.add_rows(keys, args, rows)?,
        }
        self.rows_since_count += rows;
        if self.rows_since_count >= COUNT_EVERY_ROWS {
            self.rows_since_count = 0;
            self.groups.count_memory()?;
        }
        Ok(Flow::Continue)
    }

    fn end_morsel(&mut self, _morsel: usize) -> Result<Flow, ExecError> {
        if self.rows_since_count > 0 {
            self.rows_since_count = 0;
            self.groups.count_memory()?;
        }
        Ok(Flow::Continue)
    }
}
