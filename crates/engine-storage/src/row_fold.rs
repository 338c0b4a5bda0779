//! Rows of equal sorting keys joined into one: sums, and states of aggregates. What joins them is the caller's.

use std::sync::Arc;

use engine_types::Block;

/// How rows of one sorting key become one row. Joining must not depend on how the rows were split before: rows joined
/// in pieces, in their order, and the pieces joined, are the rows joined at once.
pub trait RowFold: Send + Sync {
    /// The columns of the table that must be read beside `columns`, so that these can be joined and rows be dropped.
    fn inputs(&self, columns: &[usize]) -> Vec<usize>;

    /// Whether a row alone may become another one, too.
    fn joins_single_rows(&self) -> bool {
        false
    }

    /// One row for each of `count` groups, in order. Row `i` of the block belongs to group `groups[i]`, groups never
    /// fall. `columns` are the numbers in the table of the block's columns.
    fn fold(&self, columns: &[usize], block: &Block, groups: &[u32], count: usize) -> Result<Block, String>;

    /// For each joined row whether it stays (not 0); `None`: all do.
    fn kept(&self, columns: &[usize], block: &Block) -> Option<Vec<u8>>;
}

/// Folds merged blocks as they come. A group may go on in the next block: its row so far is carried over.
pub(crate) struct FoldStage {
    fold: Arc<dyn RowFold>,
    /// Numbers in the table of the columns that flow.
    columns: Vec<usize>,
    carried: Option<Block>,
    /// Groups of the rows of the block to come; the carried row is of group 0.
    groups: Vec<u32>,
}

impl FoldStage {
    pub fn new(fold: Arc<dyn RowFold>, columns: Vec<usize>) -> Self {
        Self {
            fold,
            columns,
            carried: None,
            groups: Vec::new(),
        }
    }

    /// The next row of the block to come: of the open group, or the first of a new one.
    pub fn row(&mut self, is_new_group: bool) {
        let last = self.groups.last().copied();
        self.groups.push(match last {
            Some(group) => group + u32::from(is_new_group),
            None => u32::from(is_new_group && self.carried.is_some()),
        });
    }

    /// The joined rows of the block, without those of its last group unless it is the last block.
    pub fn block(&mut self, block: Option<Block>, is_last: bool) -> Result<Block, String> {
        let groups = std::mem::take(&mut self.groups);
        let joined = match (self.carried.take(), block) {
            (None, None) => return Ok(Block::new(Vec::new(), 0)),
            (Some(carried), None) => carried,
            (None, Some(block)) => self.folded(block, &groups)?,
            (Some(carried), Some(block)) => {
                let groups: Vec<u32> = std::iter::once(0).chain(groups).collect();
                self.folded(Block::concat(&[carried, block]), &groups)?
            }
        };
        let done = if is_last {
            joined
        } else {
            let rows = joined.rows();
            self.carried = Some(joined.slice(rows - 1, 1));
            joined.slice(0, rows - 1)
        };
        Ok(match self.fold.kept(&self.columns, &done) {
            Some(kept) if kept.contains(&0) => {
                let rows = (0..).zip(&kept).filter(|(_, kept)| **kept != 0);
                done.gather(&rows.map(|(row, _)| row).collect::<Vec<u32>>())
            }
            _ => done,
        })
    }

    fn folded(&self, block: Block, groups: &[u32]) -> Result<Block, String> {
        let count = groups.last().map_or(0, |last| *last as usize + 1);
        if count == block.rows() && !self.fold.joins_single_rows() {
            return Ok(block);
        }
        self.fold.fold(&self.columns, &block, groups, count)
    }
}
