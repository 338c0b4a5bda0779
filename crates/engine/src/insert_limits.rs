//! What one INSERT statement may do to a table.

use engine_sql::ast::Setting;
use engine_storage::{Storage, TableId};
use engine_types::Block;

use crate::binding::setting_text;
use crate::error::{EngineError, Result};
use crate::options::QueryOptions;

const PARTITIONS_SETTING: &str = "max_partitions_per_insert_block";
const PARTITIONS_MAX: usize = 100;

/// Partitions that a block of the statement may touch: from its settings or the caller's, `None` = any number.
pub(crate) fn partitions_max(settings: &[&[Setting]], options: &QueryOptions) -> Result<Option<usize>> {
    let own = settings.iter().flat_map(|list| list.iter());
    let text = own
        .filter(|setting| setting.name == PARTITIONS_SETTING)
        .map(|setting| setting_text(&setting.value))
        .last()
        .or_else(|| options.settings.get(PARTITIONS_SETTING).cloned());
    match text.as_deref().map(str::parse::<usize>) {
        None => Ok(Some(PARTITIONS_MAX)),
        Some(Ok(0)) => Ok(None),
        Some(Ok(max)) => Ok(Some(max)),
        Some(Err(_)) => Err(EngineError::BadSetting {
            name: PARTITIONS_SETTING.to_owned(),
            value: text.unwrap_or_default(),
            expected: "a whole number",
        }),
    }
}

/// Refuses rows of more than `max` partitions.
pub(crate) fn check_partitions(storage: &Storage, writes: &[(TableId, Block)], max: usize) -> Result<()> {
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
