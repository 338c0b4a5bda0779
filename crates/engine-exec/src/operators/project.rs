//! Computes expressions of each row.

use std::sync::atomic::{AtomicUsize, Ordering};

use engine_types::Block;

use crate::ExecError;
use crate::block_ops::{held_bytes, pieces};
use crate::pipeline::{Emit, Flow, Step};
use crate::program::Program;

/// What an evaluation should hold at most, unless a single row takes more.
const EVALUATION_BYTES: usize = 4 << 20;

pub(crate) struct Project {
    program: Program,
    /// How many bytes an evaluation lately held for each byte of its input.
    growth: AtomicUsize,
}

impl Project {
    pub(crate) fn new(program: Program) -> Self {
        Self {
            program,
            growth: AtomicUsize::new(1),
        }
    }
}

impl Step for Project {
    /// Expressions that make much of little (arrays of arrays) get fewer rows at a time.
    fn apply(&self, block: Block, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        let growth = self.growth.load(Ordering::Relaxed);
        let bytes = held_bytes(&block);
        for block in pieces(block, bytes.saturating_mul(growth).div_ceil(EVALUATION_BYTES)) {
            let evaluated = self.program.eval(block.columns(), block.rows())?;
            let growth = evaluated.peak / held_bytes(&block).max(1);
            self.growth.store(growth.max(1), Ordering::Relaxed);
            if emit(Block::new(evaluated.into_columns(), block.rows()))? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}
