//! A table as it is at one moment: an immutable set of parts and memtable blocks, and reads from them.

use std::ops::Range;
use std::sync::Arc;

use engine_types::{Block, Column};

use crate::counters::ReadCounters;
use crate::error::Result;
use crate::final_scan::FinalScan;
use crate::json_shred::{memory_column, with_cells};
use crate::key_condition::KeyCondition;
use crate::part::Part;
use crate::part_scan::read_part_in_runs;
use crate::pruning::{Pruning, prune, prune_part};
use crate::sorted_run::CacheUse;
use crate::table_def::{MergeRule, TableDef, TableId};

/// Keeps its parts alive. Cheap to make; shared by the threads of a query.
pub struct Snapshot {
    pub(crate) table: TableId,
    pub(crate) def: Arc<TableDef>,
    pub(crate) parts: Arc<Vec<Arc<Part>>>,
    pub(crate) memory: Vec<Arc<Block>>,
    pub(crate) lsn: u64,
    pub(crate) version: u64,
    pub(crate) counters: Arc<ReadCounters>,
    /// Parts whose hidden parts are read: their folders must stay.
    pub(crate) around: Arc<Vec<Arc<Part>>>,
}

/// A unit of scanning: rows in table order of one part, or of one memtable block.
#[derive(Clone, Debug)]
pub struct Morsel {
    rows: usize,
    source: MorselSource,
}

#[derive(Clone, Debug)]
enum MorselSource {
    Part { part: Arc<Part>, granules: Range<usize> },
    Memory { block: Arc<Block>, start: usize },
}

impl Morsel {
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The part it reads, `None` for memory. A morsel of a part is sorted.
    pub fn part(&self) -> Option<&Arc<Part>> {
        match &self.source {
            MorselSource::Part { part, .. } => Some(part),
            MorselSource::Memory { .. } => None,
        }
    }

    /// The granules of the part it reads, half-open.
    pub fn granules(&self) -> Option<Range<usize>> {
        match &self.source {
            MorselSource::Part { granules, .. } => Some(granules.clone()),
            MorselSource::Memory { .. } => None,
        }
    }
}

impl Snapshot {
    /// The same rows with columns behind those of the table: for each `(column, key)` the value of that key in the JSON
    /// texts of the column as it stands there, '' where it is missing or the text is no JSON object. Where parts have
    /// such values in columns of their own the text is not read.
    #[must_use]
    pub fn with_cells(&self, cells: &[(usize, Vec<u8>)]) -> Self {
        Self {
            def: Arc::new(with_cells(&self.def, cells)),
            around: self.around.clone(),
            ..self.shared()
        }
    }

    pub fn table(&self) -> TableId {
        self.table
    }

    pub fn def(&self) -> &Arc<TableDef> {
        &self.def
    }

    pub fn parts(&self) -> &[Arc<Part>] {
        &self.parts
    }

    /// Memtable blocks, in insertion order.
    pub fn memory_blocks(&self) -> &[Arc<Block>] {
        &self.memory
    }

    /// The last log entry that is visible.
    pub fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Grows with every change of the table's rows or parts; snapshots of one table and process with equal versions
    /// have the same rows and the same definition, so that what was computed from one holds for the other.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Counts of everything read through this snapshot.
    pub fn counters(&self) -> &ReadCounters {
        &self.counters
    }

    /// Rows stored and not deleted, before any merge rule.
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|p| p.live_rows()).sum::<u64>()
            + self.memory.iter().map(|b| b.rows() as u64).sum::<u64>()
    }

    /// Whether a plain scan already answers what `FINAL` would.
    pub fn is_final(&self) -> bool {
        match self.def.merge_rule {
            MergeRule::Plain => true,
            MergeRule::Replacing { is_deleted: None, .. } => self.parts.len() <= 1 && self.memory.is_empty(),
            MergeRule::VersionedCollapsing { .. } | MergeRule::Folding => {
                self.parts.len() <= 1 && self.memory.is_empty()
            }
            MergeRule::Replacing { .. } | MergeRule::Collapsing { .. } => self.rows() == 0,
        }
    }

    /// All rows that may match `key`, in pieces of about `target_rows` (whole granules; from 65,536 rows on they fit
    /// the units that are decoded and cached). Memory is not pruned.
    pub fn morsels(&self, key: &KeyCondition, target_rows: usize) -> Vec<Morsel> {
        self.morsels_of(&self.prune(key), target_rows)
    }

    /// The same of what pruning left.
    pub fn morsels_of(&self, pruning: &Pruning, target_rows: usize) -> Vec<Morsel> {
        let mut out = Vec::new();
        for (part, runs) in &pruning.parts {
            for granules in runs {
                cut(part, granules.clone(), target_rows, &mut out);
            }
        }
        for block in &self.memory {
            let step = target_rows.max(1);
            for start in (0..block.rows()).step_by(step) {
                out.push(Morsel {
                    rows: step.min(block.rows() - start),
                    source: MorselSource::Memory {
                        block: block.clone(),
                        start,
                    },
                });
            }
        }
        out
    }

    /// Runs of granules of a part that may match.
    pub(crate) fn pruned(&self, part: &Arc<Part>, key: &KeyCondition) -> Vec<Range<usize>> {
        prune_part(&self.def, part, key, &self.counters)
    }

    /// What of the parts may hold rows that match.
    pub fn prune(&self, key: &KeyCondition) -> Pruning {
        prune(&self.def, &self.parts, key, &self.counters)
    }

    /// The columns `columns` (numbers in the table) of all rows of the morsel. Dictionary columns come as `Dict` over
    /// the part's dictionary, columns stored in runs as `Runs`; fixed-width ones share memory with the cache.
    pub fn read(&self, morsel: &Morsel, columns: &[usize]) -> Result<Block> {
        match &morsel.source {
            MorselSource::Part { part, granules } => {
                self.counters.add_rows(morsel.rows, granules.len());
                let block = read_part_in_runs(
                    &self.def,
                    part,
                    granules.clone(),
                    columns,
                    CacheUse::Keep,
                    &self.counters,
                )?;
                Ok(match part.live_in(granules) {
                    None => block,
                    Some(live) => block.gather(&live),
                })
            }
            MorselSource::Memory { block, start } => {
                self.counters.add_rows(morsel.rows, 0);
                let slice = |column: &Column| column.slice(*start, morsel.rows);
                let picked = columns
                    .iter()
                    .map(|c| memory_column(&self.def, block, *c, slice))
                    .collect();
                Ok(Block::new(picked, morsel.rows))
            }
        }
    }

    /// The same for some rows of the morsel (ascending, counted from its first). Decodes only granules with such rows.
    pub fn read_rows(&self, morsel: &Morsel, columns: &[usize], rows: &[u32]) -> Result<Block> {
        if rows.len() == morsel.rows {
            return self.read(morsel, columns);
        }
        match &morsel.source {
            MorselSource::Part { part, granules } => match part.live_in(granules) {
                None => self.read_part_rows(part, granules, columns, rows),
                Some(live) => {
                    let rows: Vec<u32> = rows.iter().map(|row| live[*row as usize]).collect();
                    self.read_part_rows(part, granules, columns, &rows)
                }
            },
            MorselSource::Memory { block, start } => {
                self.counters.add_rows(rows.len(), 0);
                let picks: Vec<u32> = rows.iter().map(|r| r + *start as u32).collect();
                let gather = |column: &Column| column.gather(&picks);
                let picked = columns
                    .iter()
                    .map(|c| memory_column(&self.def, block, *c, gather))
                    .collect();
                Ok(Block::new(picked, rows.len()))
            }
        }
    }

    fn read_part_rows(
        &self,
        part: &Arc<Part>,
        granules: &Range<usize>,
        columns: &[usize],
        rows: &[u32],
    ) -> Result<Block> {
        let base = part.index.start(granules.start);
        let end_of = |granule: usize| (part.index.start(granule + 1) - base) as u32;
        // Runs of neighbouring granules with selected rows, and their rows counted from the first granule of the run.
        let mut runs: Vec<(Range<usize>, Vec<u32>)> = Vec::new();
        let mut granule = granules.start;
        for &row in rows {
            while granule + 1 < granules.end && row >= end_of(granule) {
                granule += 1;
            }
            match runs.last_mut() {
                Some((run, _)) if run.end == granule + 1 => {}
                Some((run, _)) if run.end == granule => run.end += 1,
                _ => runs.push((granule..granule + 1, Vec::new())),
            }
            if let Some((run, picks)) = runs.last_mut() {
                picks.push(row - (part.index.start(run.start) - base) as u32);
            }
        }
        self.counters
            .add_rows(rows.len(), runs.iter().map(|(run, _)| run.len()).sum());
        let mut pieces = Vec::with_capacity(runs.len());
        for (run, picks) in &runs {
            let block = read_part_in_runs(
                &self.def,
                part,
                run.clone(),
                columns,
                CacheUse::Keep,
                &self.counters,
            )?;
            pieces.push(block.gather(picks));
        }
        if pieces.is_empty() {
            let empty = columns
                .iter()
                .map(|c| Column::empty(&self.def.columns[*c].ty))
                .collect();
            return Ok(Block::new(empty, 0));
        }
        Ok(Block::concat_runs(&pieces))
    }

    /// Rows as if everything were merged, in sorting order: the merge rule applied over parts and memory, deleted and
    /// cancelled rows hidden. `key` prunes by its sorting-key conditions only, because others could drop the row that
    /// replaces a matching one.
    pub fn scan_final(&self, key: &KeyCondition, columns: &[usize]) -> Result<FinalScan> {
        FinalScan::new(self, &key.on_sorting_key(), columns)
    }
}

/// Cuts a run of granules into morsels, preferably where segments end. Of deleted rows alone none is made.
fn cut(part: &Arc<Part>, granules: Range<usize>, target_rows: usize, out: &mut Vec<Morsel>) {
    let mut push = |granules: Range<usize>, rows: usize| {
        let gone = part.mask().map_or(0, |mask| {
            mask.count_in(part.index.start(granules.start)..part.index.start(granules.end))
        });
        if gone < rows {
            out.push(Morsel {
                rows: rows - gone,
                source: MorselSource::Part {
                    part: part.clone(),
                    granules,
                },
            });
        }
    };
    let mut start = granules.start;
    let mut rows = 0;
    for granule in granules.clone() {
        rows += part.index.granule_rows(granule);
        let end = granule + 1;
        let next = if end < granules.end {
            part.index.granule_rows(end)
        } else {
            usize::MAX - rows
        };
        let at_segment = end.is_multiple_of(crate::part::SEGMENT_GRANULES) && rows * 2 > target_rows;
        if rows + next > target_rows || at_segment {
            push(start..end, rows);
            start = end;
            rows = 0;
        }
    }
    if rows > 0 {
        push(start..granules.end, rows);
    }
}
