//! `numbers(offset, count)`: consecutive UInt64 values, wrapping.

use engine_types::{Block, Column};

use crate::pipeline::{Emit, Flow, Morsels};
use crate::{ExecContext, ExecError};

const MORSEL_ROWS: u64 = 65_536;

pub(crate) struct Numbers {
    offset: u64,
    count: u64,
    block_size: u64,
}

impl Numbers {
    pub(crate) fn new(offset: u64, count: u64, context: &ExecContext) -> Self {
        Self {
            offset,
            count,
            block_size: context.block_size.max(1) as u64,
        }
    }
}

impl Morsels for Numbers {
    fn count(&self) -> usize {
        usize::try_from(self.count.div_ceil(MORSEL_ROWS)).unwrap_or(usize::MAX)
    }

    fn run(&self, morsel: usize, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        let first = morsel as u64 * MORSEL_ROWS;
        let end = self.count.min(first.saturating_add(MORSEL_ROWS));
        let mut at = first;
        while at < end {
            let rows = self.block_size.min(end - at);
            let numbers = (at..at + rows).map(|i| self.offset.wrapping_add(i)).collect();
            if emit(Block::new(vec![Column::UInt64(numbers)], rows as usize))? == Flow::Stop {
                return Ok(Flow::Stop);
            }
            at += rows;
        }
        Ok(Flow::Continue)
    }
}
