//! Reading with `FINAL`: parts and memory merged on the fly under the table's merge rule.

use engine_types::Block;

use crate::error::Result;
use crate::key_condition::KeyCondition;
use crate::merge_rule::RuleMode;
use crate::merge_stream::{MergeStream, SortedRun};
use crate::snapshot::Snapshot;
use crate::sorted_run::{CacheUse, MemoryRun, PartRun};
use crate::table_def::MergeRule;

/// Blocks of the wanted columns, in sorting order. The merge is one thread; work is bounded by what `key` leaves.
pub struct FinalScan {
    stream: MergeStream,
    columns: usize,
    failed: bool,
}

impl FinalScan {
    pub(crate) fn new(snapshot: &Snapshot, key: &KeyCondition, columns: &[usize]) -> Result<Self> {
        let def = &snapshot.def;
        let mut wanted = columns.to_vec();
        let mut position = |column: usize| {
            wanted.iter().position(|c| *c == column).unwrap_or_else(|| {
                wanted.push(column);
                wanted.len() - 1
            })
        };
        let rule = match def.merge_rule {
            MergeRule::Plain => MergeRule::Plain,
            MergeRule::Replacing { version, is_deleted } => MergeRule::Replacing {
                version: version.map(&mut position),
                is_deleted: is_deleted.map(&mut position),
            },
            MergeRule::Collapsing { sign } => MergeRule::Collapsing { sign: position(sign) },
            MergeRule::VersionedCollapsing { sign } => {
                MergeRule::VersionedCollapsing { sign: position(sign) }
            }
            MergeRule::Folding => {
                for input in def.fold.iter().flat_map(|fold| fold.inputs(columns)) {
                    position(input);
                }
                MergeRule::Folding
            }
        };
        let mut runs: Vec<Box<dyn SortedRun>> = Vec::new();
        let mut parts: Vec<_> = snapshot.parts.iter().collect();
        parts.sort_by_key(|p| p.name.min_block);
        for part in parts {
            let granules = snapshot.pruned(part, key);
            if !granules.is_empty() {
                runs.push(Box::new(PartRun::new(
                    part.clone(),
                    def,
                    &wanted,
                    &granules,
                    CacheUse::Keep,
                    &snapshot.counters,
                )));
            }
        }
        if !snapshot.memory.is_empty() {
            let blocks: Vec<Block> = snapshot.memory.iter().map(|b| b.as_ref().clone()).collect();
            runs.push(Box::new(MemoryRun::new(def, &Block::concat(&blocks), &wanted)?));
        }
        Ok(Self {
            stream: MergeStream::new(runs, rule, RuleMode::Final).folding(def.fold.as_ref(), &wanted),
            columns: columns.len(),
            failed: false,
        })
    }
}

impl Iterator for FinalScan {
    type Item = Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let block = self.stream.next().transpose()?;
        self.failed = block.is_err();
        Some(block.map(|block| {
            let rows = block.rows();
            let mut columns = block.into_columns();
            columns.truncate(self.columns);
            Block::new(columns, rows)
        }))
    }
}
