//! Reading everything: whether what is on disk is what was written.

use crate::engine::Engine;
use crate::error::Result;

/// A part that was read from end to end.
#[derive(Debug)]
pub struct CheckedPart {
    /// `` `database`.`table` ``
    pub table: String,
    pub part: String,
    pub rows: u64,
    pub bytes: u64,
    /// What is damaged: names the part, the file and the offset.
    pub outcome: Result<()>,
}

impl Engine {
    /// Reads and verifies every file of every part, one after the other; `report` hears of each.
    pub fn check_parts(&self, mut report: impl FnMut(CheckedPart)) -> Result<()> {
        for (table, def) in self.storage.tables() {
            for part in self.storage.snapshot(table)?.parts() {
                report(CheckedPart {
                    table: def.full_name(),
                    part: part.name().to_string(),
                    rows: part.rows(),
                    bytes: part.bytes(),
                    outcome: part.check().map_err(Into::into),
                });
            }
        }
        Ok(())
    }

    /// Paths below the data folder of parts that were set aside: damaged, or unknown to the manifest.
    pub fn detached(&self) -> Result<Vec<String>> {
        Ok(self.storage.detached()?)
    }
}
