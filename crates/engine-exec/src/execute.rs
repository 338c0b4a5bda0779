//! The entry points: a plan, or expressions alone, to blocks.

use engine_sql::plan::{Expr, Plan};
use engine_types::{Block, Column, Schema, Value};

use crate::block_ops::held_bytes;
use crate::pipeline::{Flow, Morsels};
use crate::planner::Planner;
use crate::program::Program;
use crate::workers::{self, Sink};
use crate::{EmptySource, ExecContext, ExecError, TableSource};

/// The rows of a query, in order.
#[derive(Clone, Debug)]
pub struct QueryResult {
    pub schema: Schema,
    pub blocks: Vec<Block>,
}

impl QueryResult {
    pub fn rows(&self) -> usize {
        self.blocks.iter().map(Block::rows).sum()
    }

    /// All rows as values; for small results.
    pub fn to_rows(&self) -> Vec<Vec<Value>> {
        self.blocks
            .iter()
            .flat_map(|block| {
                (0..block.rows()).map(|row| block.columns().iter().map(|c| c.value(row)).collect())
            })
            .collect()
    }
}

/// Runs the plan to its end.
pub fn execute(
    plan: &Plan,
    source: &dyn TableSource,
    context: &ExecContext,
) -> Result<QueryResult, ExecError> {
    context.check()?;
    let planner = Planner::new(source, context);
    let pipeline = planner.pipeline(plan)?;
    let blocks = match context.max_result_rows {
        None => workers::collect(context, &pipeline, "result")?.0,
        Some(limit) => {
            let (blocks, _memory) = workers::collect(context, &pipeline, "result")?;
            let rows = blocks.iter().map(|b| b.rows() as u64).sum();
            if rows > limit {
                return Err(ExecError::TooManyResultRows { rows, limit });
            }
            blocks
        }
    };
    Ok(QueryResult {
        schema: plan.schema(),
        blocks,
    })
}

/// Evaluates expressions over the rows of one block; sub-queries read `source`.
pub fn evaluate_exprs(
    exprs: &[Expr],
    block: &Block,
    source: &dyn TableSource,
    context: &ExecContext,
) -> Result<Vec<Column>, ExecError> {
    let planner = Planner::new(source, context);
    let program = Program::compile(exprs, &planner, &context.memory)?;
    Ok(program.eval(block.columns(), block.rows())?.into_columns())
}

/// Expressions compiled once and evaluated on many blocks: table keys, defaults.
pub struct CompiledExprs {
    program: Program,
}

impl CompiledExprs {
    /// The expressions must not contain sub-queries.
    pub fn new(exprs: &[Expr]) -> Result<Self, ExecError> {
        let context = ExecContext::default();
        let planner = Planner::new(&EmptySource, &context);
        Ok(Self {
            program: Program::compile(exprs, &planner, &context.memory)?,
        })
    }

    /// One column an expression, as long as the block, possibly `Const` or `Dict`.
    pub fn eval(&self, block: &Block) -> Result<Vec<Column>, ExecError> {
        Ok(self.program.eval(block.columns(), block.rows())?.into_columns())
    }
}

/// The value of an expression without columns.
pub fn evaluate_constant(expr: &Expr) -> Result<Value, ExecError> {
    let block = Block::new(Vec::new(), 1);
    let columns = evaluate_exprs(
        std::slice::from_ref(expr),
        &block,
        &EmptySource,
        &ExecContext::default(),
    )?;
    Ok(columns[0].value(0))
}

/// The first rows of a source, in morsel order, reading no more morsels than it takes.
pub(crate) fn first_rows(
    context: &ExecContext,
    source: &dyn Morsels,
    rows: u64,
) -> Result<Vec<Block>, ExecError> {
    let finished = parking_lot::Mutex::new(Finished::default());
    let sinks = workers::run(context, source, &|| FirstRows {
        blocks: Vec::new(),
        wanted: rows,
        in_morsel: 0,
        finished: &finished,
        memory: context.memory.reserve("limit"),
    })?;
    let mut all: Vec<(usize, Block)> = sinks.into_iter().flat_map(|s| s.blocks).collect();
    all.sort_by_key(|(morsel, _)| *morsel);
    Ok(all.into_iter().map(|(_, block)| block).collect())
}

struct FirstRows<'a> {
    blocks: Vec<(usize, Block)>,
    wanted: u64,
    in_morsel: u64,
    finished: &'a parking_lot::Mutex<Finished>,
    memory: crate::memory::Reservation,
}

/// How many rows the morsels `..next` gave, all of which have ended.
#[derive(Default)]
struct Finished {
    next: usize,
    rows: u64,
    /// Rows of morsels that ended before an earlier one.
    early: std::collections::HashMap<usize, u64>,
}

impl Finished {
    fn end(&mut self, morsel: usize, rows: u64) {
        self.early.insert(morsel, rows);
        while let Some(rows) = self.early.remove(&self.next) {
            self.rows += rows;
            self.next += 1;
        }
    }
}

impl Sink for FirstRows<'_> {
    fn block(&mut self, morsel: usize, block: Block) -> Result<Flow, ExecError> {
        self.in_morsel += block.rows() as u64;
        let block = crate::block_ops::compact_block(&block);
        self.memory.add(held_bytes(&block))?;
        self.blocks.push((morsel, block));
        Ok(if self.in_morsel >= self.wanted {
            Flow::Stop
        } else {
            Flow::Continue
        })
    }

    fn end_morsel(&mut self, morsel: usize) -> Result<Flow, ExecError> {
        let mut finished = self.finished.lock();
        finished.end(morsel, std::mem::take(&mut self.in_morsel));
        Ok(if finished.rows >= self.wanted {
            Flow::Stop
        } else {
            Flow::Continue
        })
    }
}
