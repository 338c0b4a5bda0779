//! Streams of blocks: a source cut into morsels, and the steps every block of it takes without waiting for others.

use engine_types::Block;

use crate::block_ops::chunks;
use crate::held::InFlight;
use crate::memory::{Memory, Reservation};
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
    memory: Memory,
}

impl Pipeline {
    /// The source counts what its blocks hold; `memory` is for what the steps make of them.
    pub(crate) fn new(source: impl Morsels + 'static, memory: &Memory) -> Self {
        Self {
            source: Box::new(source),
            steps: Vec::new(),
            memory: memory.clone(),
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
        if self.steps.is_empty() {
            return self.source.run(morsel, emit);
        }
        self.source.run(morsel, &mut |block| {
            let flight = InFlight::of_source(&block);
            self.push(&self.steps, block, &flight, emit)
        })
    }
}

impl Pipeline {
    /// Takes the block, which is `flying` already, through the steps.
    fn push(
        &self,
        steps: &[Box<dyn Step>],
        block: Block,
        flying: &InFlight<'_>,
        emit: &mut Emit<'_>,
    ) -> Result<Flow, ExecError> {
        if block.rows() == 0 {
            return Ok(Flow::Continue);
        }
        let Some((step, rest)) = steps.split_first() else {
            return emit(block);
        };
        for block in chunks(block, usize::MAX) {
            let flow = step.apply(block, &mut |block| {
                let behind = InFlight::behind(flying, &block, &self.memory)?;
                self.push(rest, block, &behind, emit)
            })?;
            if flow == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
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
