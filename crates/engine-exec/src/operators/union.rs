//! UNION ALL: the morsels of the first input, then those of the second, and so on.

use crate::ExecError;
use crate::pipeline::{Emit, Flow, Morsels, Pipeline};

pub(crate) struct Union {
    pub(crate) inputs: Vec<Pipeline>,
}

impl Morsels for Union {
    fn count(&self) -> usize {
        self.inputs.iter().map(Morsels::count).sum()
    }

    fn run(&self, mut morsel: usize, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        for input in &self.inputs {
            if morsel < input.count() {
                return input.run(morsel, emit);
            }
            morsel -= input.count();
        }
        Ok(Flow::Continue)
    }
}
