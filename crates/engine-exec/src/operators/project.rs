//! Computes expressions of each row.

use engine_types::Block;

use crate::ExecError;
use crate::pipeline::{Emit, Flow, Step};
use crate::program::Program;

pub(crate) struct Project {
    pub(crate) program: Program,
}

impl Step for Project {
    fn apply(&self, block: Block, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        let columns = self.program.eval(block.columns(), block.rows())?;
        emit(Block::new(columns, block.rows()))
    }
}
