//! What one INSERT statement may do to a table.

use engine_storage::{Storage, TableId};
use engine_types::Block;

use crate::error::{EngineError, Result};
use crate::options::QueryOptions;

const PARTITIONS_SETTING: &str = "max_partitions_per_insert_block";
const PARTITIONS_MAX: usize = 100;

/// Refuses a block of a statement that touches more partitions than its settings allow.
pub(crate) fn check_partitions(
    storage: &Storage,
    writes: &[(TableId, Block)],
    options: Option<&QueryOptions>,
) -> Result<()> {
    let text = options.and_then(|options| options.settings.get(PARTITIONS_SETTING));
    let max = match text {
        None => PARTITIONS_MAX,
        Some(text) => text.parse().map_err(|_| EngineError::BadSetting {
            name: PARTITIONS_SETTING.to_owned(),
            value: text.clone(),
            expected: "a whole number",
        })?,
    };
    if max == 0 {
        return Ok(());
    }
    for (table, block) in writes {
        let def = storage.table_def(*table)?;
        let partitions = def
            .keys
            .partition(block)
            .map_err(|problem| EngineError::refused(117, problem))?;
        if partitions.ids.len() > max {
            return Err(EngineError::refused(
                252,
                format!(
                    "too many partitions for one insert into {}: {}, `{PARTITIONS_SETTING}` is {max}",
                    def.full_name(),
                    partitions.ids.len()
                ),
            ));
        }
    }
    Ok(())
}
