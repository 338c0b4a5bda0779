//! Keeps the rows for which a condition is true.

use engine_types::Block;

use crate::ExecError;
use crate::evaluate::Selection;
use crate::pipeline::{Emit, Flow, Step};
use crate::program::Program;

pub(crate) struct Filter {
    pub(crate) program: Program,
}

impl Step for Filter {
    fn apply(&self, block: Block, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        match self.program.select(block.columns(), block.rows())? {
            Selection::All => emit(block),
            Selection::Rows(rows) if rows.is_empty() => Ok(Flow::Continue),
            Selection::Rows(rows) => emit(block.gather(&rows)),
        }
    }
}
