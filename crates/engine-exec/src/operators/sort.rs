//! ORDER BY: stable, with a top-N that keeps memory near N rows when there is a limit.

use engine_sql::plan::SortKey;
use engine_types::{Block, DataType};

use crate::block_ops::{compact_block, held_bytes};
use crate::memory::Reservation;
use crate::pipeline::{Flow, Morsels};
use crate::program::Program;
use crate::sort_key::{Direction, SortKeys};
use crate::workers::{self, Sink};
use crate::{ExecContext, ExecError};

/// Rows gathered between two cuts to the limit, at least.
const CUT_ROWS: usize = 16_384;

/// One block of all rows in order, only the first `limit`.
pub(crate) fn sort(
    context: &ExecContext,
    input: &dyn Morsels,
    program: &Program,
    keys: &[SortKey],
    limit: Option<u64>,
    types: &[DataType],
) -> Result<Block, ExecError> {
    let order = Order {
        program,
        directions: keys.iter().map(Direction::from).collect(),
        limit: limit.map(|l| usize::try_from(l).unwrap_or(usize::MAX)),
    };
    let sinks = workers::run(context, input, &|| Gathered {
        order: &order,
        blocks: Vec::new(),
        rows: 0,
        worst: None,
        memory: context.memory.reserve("sort"),
    })?;
    let mut all: Vec<(usize, Block)> = Vec::new();
    let mut held = Vec::new();
    for sink in sinks {
        all.extend(sink.blocks);
        held.push(sink.memory);
    }
    all.sort_by_key(|(morsel, _)| *morsel);
    let blocks: Vec<Block> = all.into_iter().map(|(_, block)| block).collect();
    let block = crate::block_ops::concat(&blocks, types);
    drop(blocks);
    let mut memory = context.memory.reserve("sort");
    // The concatenation, beside what the threads still account for.
    memory.set(held_bytes(&block))?;
    drop(held);
    let keys = order.keys(&block)?;
    memory.add(keys.byte_size())?;
    Ok(block.gather(&keys.order(order.limit)))
}

struct Order<'a> {
    program: &'a Program,
    directions: Vec<Direction>,
    limit: Option<usize>,
}

impl Order<'_> {
    fn keys(&self, block: &Block) -> Result<SortKeys, ExecError> {
        let columns = self.program.eval(block.columns(), block.rows())?;
        Ok(SortKeys::new(&columns, &self.directions, block.rows()))
    }
}

struct Gathered<'a> {
    order: &'a Order<'a>,
    blocks: Vec<(usize, Block)>,
    rows: usize,
    /// The last key of the rows kept by a cut. This thread's later rows come after them: with an equal key, or a
    /// greater one, they are not among the first.
    worst: Option<Vec<u8>>,
    memory: Reservation,
}

impl Gathered<'_> {
    /// Drops rows that cannot be among the first `limit`. The others stay in their morsels and order, so that ties
    /// are still broken by position at the end.
    fn cut(&mut self, limit: usize) -> Result<(), ExecError> {
        let blocks: Vec<Block> = self.blocks.iter().map(|(_, b)| b.clone()).collect();
        let block = Block::concat(&blocks);
        let keys = self.order.keys(&block)?;
        let mut kept = keys.order(Some(limit));
        self.worst = kept.last().map(|&row| keys.get(row).to_vec());
        kept.sort_unstable();
        let mut out = Vec::new();
        let (mut start, mut at) = (0u32, 0);
        for (morsel, block) in &self.blocks {
            let end = start + block.rows() as u32;
            let from = at;
            while at < kept.len() && kept[at] < end {
                at += 1;
            }
            if at > from {
                let rows: Vec<u32> = kept[from..at].iter().map(|r| r - start).collect();
                out.push((*morsel, block.gather(&rows)));
            }
            start = end;
        }
        // Many blocks with a row or two each would cost more than one joined block a morsel.
        let mut joined: Vec<(usize, Vec<Block>)> = Vec::new();
        for (morsel, block) in out {
            match joined.last_mut() {
                Some((last, blocks)) if *last == morsel => blocks.push(block),
                _ => joined.push((morsel, vec![block])),
            }
        }
        self.blocks = joined
            .into_iter()
            .map(|(morsel, blocks)| (morsel, compact_block(&Block::concat(&blocks))))
            .collect();
        self.rows = kept.len();
        self.memory
            .set(self.blocks.iter().map(|(_, b)| held_bytes(b)).sum())
    }
}

impl Sink for Gathered<'_> {
    fn block(&mut self, morsel: usize, block: Block) -> Result<Flow, ExecError> {
        let block = match &self.worst {
            Some(worst) => {
                let keys = self.order.keys(&block)?;
                let better: Vec<u32> = (0..block.rows() as u32)
                    .filter(|&row| keys.get(row) < worst.as_slice())
                    .collect();
                if better.is_empty() {
                    return Ok(Flow::Continue);
                }
                block.gather(&better)
            }
            None => block,
        };
        let block = compact_block(&block);
        self.memory.add(held_bytes(&block))?;
        self.rows += block.rows();
        self.blocks.push((morsel, block));
        if let Some(limit) = self.order.limit
            && self.rows >= CUT_ROWS.max(limit.saturating_mul(2))
        {
            self.cut(limit)?;
        }
        Ok(Flow::Continue)
    }
}
