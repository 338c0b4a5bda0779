//! LIMIT n BY keys: the first rows of each key, in the order of the input.

use engine_types::{Block, DataType};

use crate::key_table::{KeyTable, NullKeys};
use crate::pipeline::Morsels;
use crate::program::Program;
use crate::{ExecContext, ExecError, workers};

pub(crate) fn limit_by(
    context: &ExecContext,
    input: &dyn Morsels,
    program: &Program,
    key_types: &[DataType],
    limit: u64,
    offset: u64,
) -> Result<Vec<Block>, ExecError> {
    // The order of the input decides, so this runs on one thread over the collected blocks.
    let (blocks, _memory) = workers::collect(context, input, "limit by")?;
    let mut table = KeyTable::new(key_types, NullKeys::Group);
    let mut seen: Vec<u64> = Vec::new();
    let (mut groups, mut fresh) = (Vec::new(), Vec::new());
    let end = offset.saturating_add(limit);
    let mut out = Vec::new();
    for block in blocks {
        context.check()?;
        let keys = program.eval(block.columns(), block.rows())?;
        table.insert(&keys, block.rows(), &mut groups, &mut fresh);
        seen.resize(table.len(), 0);
        let mut kept = Vec::new();
        for (row, &group) in groups.iter().enumerate() {
            let count = &mut seen[group as usize];
            if (offset..end).contains(count) {
                kept.push(row as u32);
            }
            *count += 1;
        }
        out.push(if kept.len() == block.rows() {
            block
        } else {
            block.gather(&kept)
        });
    }
    Ok(out)
}
