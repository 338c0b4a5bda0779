//! Streams of blocks: a source cut into morsels, and the steps every block of it takes without waiting for others.

use engine_types::Block;

use crate::block_ops::chunks;
use crate::memory::Reservation;
use crate::{ExecContext, ExecError};

/// Whether the receiver of a block wants more of this morsel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Stop,
}

pub(crate) type Emit<'a> = dyn FnMut(Block) -> Result<Flow, ExecError> + 'a;

/// Work that can be split: any thread may run any morsel, each once.
pub(crate) trait Morsels: Send + Sync {
    fn count(&self) -> usize;

    /// Emits the blocks of a morsel in order, until the receiver says stop.
    fn run(&self, morsel: usize, emit: &mut Emit<'_>) -> Result<Flow, ExecError>;
}

/// A block in, some blocks out; no state that depends on the order of blocks.
pub(crate) trait Step: Send + Sync {
    fn apply(&self, block: Block, emit: &mut Emit<'_>) -> Result<Flow, ExecError>;
}

pub(crate) struct Pipeline {
    source: Box<dyn Morsels>,
    steps: Vec<Box<dyn Step>>,
}

impl Pipeline {
    pub(crate) fn new(source: impl Morsels + 'static) -> Self {
        Self {
            source: Box::new(source),
            steps: Vec::new(),
        }
    }

    pub(crate) fn then(mut self, step: impl Step + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }
}

impl Morsels for Pipeline {
    fn count(&self) -> usize {
        self.source.count()
    }

    fn run(&self, morsel: usize, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        self.source
            .run(morsel, &mut |block| push(&self.steps, block, emit))
    }
}

fn push(steps: &[Box<dyn Step>], block: Block, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
    if block.rows() == 0 {
        return Ok(Flow::Continue);
    }
    match steps.split_first() {
        None => emit(block),
        Some((step, rest)) => step.apply(block, &mut |block| push(rest, block, emit)),
    }
}

/// Blocks that are already there, with the memory they hold.
pub(crate) struct Materialized {
    blocks: Vec<Block>,
    block_size: usize,
    _memory: Reservation,
}

impl Materialized {
    pub(crate) fn new(blocks: Vec<Block>, context: &ExecContext, memory: Reservation) -> Self {
        Self {
            blocks: blocks.into_iter().filter(|b| b.rows() > 0).collect(),
            block_size: context.block_size,
            _memory: memory,
        }
    }
}

impl Morsels for Materialized {
    fn count(&self) -> usize {
        self.blocks.len()
    }

    fn run(&self, morsel: usize, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        for block in chunks(self.blocks[morsel].clone(), self.block_size) {
            if emit(block)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}
