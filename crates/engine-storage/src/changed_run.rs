//! The rows of a part with the steps of a mutation applied, as a sorted run.

use std::sync::Arc;

use engine_codec::Dictionary;
use engine_types::{Block, Column, StringColumn};

use crate::counters::ReadCounters;
use crate::error::Result;
use crate::merge_stream::SortedRun;
use crate::mutation::{RowChanges, RowEffect};
use crate::part::Part;
use crate::sorted_run::{CacheUse, PartRun, widen};
use crate::storage::{matches, placed, updated};
use crate::table_def::TableDef;

/// Blocks have all columns of the table; those that were not asked for are defaults. Keys do not change: columns of the
/// sorting key are never updated.
pub(crate) struct ChangedRun {
    run: PartRun,
    def: Arc<TableDef>,
    columns: Vec<usize>,
    changes: RowChanges,
}

impl ChangedRun {
    /// `columns` must include what the steps look at.
    pub fn new(
        part: &Arc<Part>,
        def: &Arc<TableDef>,
        columns: &[usize],
        changes: RowChanges,
        counters: &Arc<ReadCounters>,
    ) -> Self {
        let granules = 0..part.granules();
        let run = PartRun::new(
            part.clone(),
            def,
            columns,
            &[granules],
            CacheUse::Bypass,
            counters,
        );
        Self {
            run,
            def: def.clone(),
            columns: columns.to_vec(),
            changes,
        }
    }

    /// Rewrites codes of dictionary columns to shared dictionaries, one for each column; none: as they are.
    pub fn translated(mut self, dictionaries: &[Option<Arc<Dictionary>>]) -> Self {
        if !dictionaries.is_empty() {
            self.run = self.run.translated(dictionaries.to_vec());
        }
        self
    }

    fn changed(&self, mut rows: Block, mut keys: StringColumn) -> Result<(Block, StringColumn)> {
        for change in self.changes.iter() {
            let matched = matches(&self.def, change.as_ref(), &rows)?;
            let picks = |wanted: bool| -> Vec<u32> {
                (0u32..)
                    .zip(&matched)
                    .filter(|(_, hit)| **hit == wanted)
                    .map(|(row, _)| row)
                    .collect()
            };
            let hits = picks(true);
            if hits.is_empty() {
                continue;
            }
            match change.effect() {
                RowEffect::Delete | RowEffect::Hide => {
                    let stay = picks(false);
                    rows = rows.gather(&stay);
                    keys = stay.iter().map(|row| keys.get(*row as usize)).collect();
                }
                RowEffect::Update { columns } => {
                    let new = updated(&self.def, change.as_ref(), &columns, &rows.gather(&hits))?;
                    let count = rows.rows();
                    let mut all: Vec<Column> = rows.into_columns();
                    for (column, new) in columns.iter().zip(&new) {
                        all[*column] = placed(&all[*column], new, &hits);
                    }
                    rows = Block::new(all, count);
                }
            }
        }
        Ok((rows, keys))
    }
}

impl SortedRun for ChangedRun {
    fn next(&mut self) -> Result<Option<(Block, StringColumn)>> {
        let Some((block, keys)) = self.run.next()? else {
            return Ok(None);
        };
        let full = widen(&self.def, &block, &self.columns);
        self.changed(full, keys).map(Some)
    }
}
