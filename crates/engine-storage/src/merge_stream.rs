//! K-way merge of sorted runs by sorting key; ties keep the order of the runs; equal keys go through the merge rule.

use std::collections::HashMap;
use std::sync::Arc;

use engine_types::{Block, Column, StringColumn};

use crate::block_cache::weight;
use crate::error::{Result, StorageError};
use crate::expiry::{ExpiryStage, RowExpiry};
use crate::merge_rule::{GroupRule, RuleMode};
use crate::part::LogRows;
use crate::row_fold::{FoldStage, RowFold};
use crate::table_def::MergeRule;

/// Sorted rows with their row keys, block by block.
pub(crate) trait SortedRun: Send {
    fn next(&mut self) -> Result<Option<(Block, StringColumn)>>;

    /// What a row of a block it has given counts as, when blocks, granules and parts are sized.
    fn row_bytes(&self, block: &Block) -> usize {
        row_bytes(block)
    }
}

/// Rows of an output block, unless bytes end it before.
const OUTPUT_ROWS: usize = 65_536;
const OUTPUT_BYTES: usize = 16 << 20;

/// Number of a loaded block, row in it.
type RowRef = (u64, u32);

struct Cursor {
    run: Box<dyn SortedRun>,
    id: u64,
    block: Arc<Block>,
    row_bytes: usize,
    keys: StringColumn,
    row: usize,
}

/// Yields merged blocks.
pub(crate) struct MergeStream {
    waiting: Vec<Box<dyn SortedRun>>,
    cursors: Vec<Cursor>,
    /// Binary heap of indices into `cursors`, least (key, index) first.
    heap: Vec<usize>,
    rule: GroupRule<RowRef>,
    fold: Option<FoldStage>,
    /// What is done about rows whose time is over, until no rows follow.
    expiry: Option<Box<dyn ExpiryStage>>,
    expired_at: Option<i64>,
    log: Option<LogRows>,
    /// Key of the group that is open.
    group: Vec<u8>,
    has_group: bool,
    /// Bytes of one of its rows, about.
    group_row_bytes: usize,
    /// Blocks that cursors, the open group or the output point to.
    blocks: HashMap<u64, Arc<Block>>,
    output: Vec<RowRef>,
    output_bytes: usize,
    /// Of the block that was given last.
    taken_bytes: usize,
    next_id: u64,
}

impl MergeStream {
    /// `runs` in insertion order; `rule` with column numbers of the runs' blocks.
    pub fn new(runs: Vec<Box<dyn SortedRun>>, rule: MergeRule, mode: RuleMode) -> Self {
        Self {
            waiting: runs,
            cursors: Vec::new(),
            heap: Vec::new(),
            rule: GroupRule::new(rule, mode),
            fold: None,
            expiry: None,
            expired_at: None,
            log: None,
            group: Vec::new(),
            has_group: false,
            group_row_bytes: 0,
            blocks: HashMap::new(),
            output: Vec::new(),
            output_bytes: 0,
            taken_bytes: 0,
            next_id: 0,
        }
    }

    /// Joins rows of one key. `columns` are the numbers in the table of the runs' columns.
    #[must_use]
    pub fn folding(mut self, fold: Option<&Arc<dyn RowFold>>, columns: &[usize]) -> Self {
        self.fold = fold.map(|fold| FoldStage::new(fold.clone(), columns.to_vec()));
        self
    }

    /// Drops or joins rows and resets values whose time is over at `now`. The runs have all columns of the table.
    #[must_use]
    pub fn expiring(mut self, expiry: Option<&Arc<dyn RowExpiry>>, now: Option<i64>) -> Self {
        if let (Some(expiry), Some(now)) = (expiry, now) {
            self.expiry = Some(expiry.clone().stage(now));
            self.expired_at = Some(now);
        }
        self
    }

    /// The rows are some of these of the log.
    #[must_use]
    pub fn of_log(mut self, rows: LogRows) -> Self {
        self.log = Some(rows);
        self
    }

    pub fn log_rows(&self) -> Option<LogRows> {
        self.log
    }

    /// The moment as of which rows have expired.
    pub fn expired_at(&self) -> Option<i64> {
        self.expired_at
    }

    /// What the rows of the last block count as together; `None` when they are other rows than those of the runs.
    pub fn taken_bytes(&self) -> Option<usize> {
        (self.fold.is_none() && self.expired_at.is_none()).then_some(self.taken_bytes)
    }

    /// The next merged rows, never none.
    pub fn next(&mut self) -> Result<Option<Block>> {
        loop {
            let block = self.next_folded()?;
            let Some(stage) = &mut self.expiry else {
                return Ok(block);
            };
            let is_last = block.is_none();
            let left = stage.next(block).map_err(StorageError::Expiry)?;
            if is_last {
                self.expiry = None;
            }
            if left.rows() > 0 {
                return Ok(Some(left));
            }
        }
    }

    fn next_folded(&mut self) -> Result<Option<Block>> {
        loop {
            let block = self.next_rows()?;
            let Some(fold) = &mut self.fold else {
                return Ok(block);
            };
            let is_last = block.is_none() || self.heap.is_empty();
            let folded = fold.block(block, is_last).map_err(StorageError::Fold)?;
            if folded.rows() > 0 {
                return Ok(Some(folded));
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    fn next_rows(&mut self) -> Result<Option<Block>> {
        for mut run in std::mem::take(&mut self.waiting) {
            if let Some((block, keys)) = next_nonempty(run.as_mut())? {
                let row_bytes = run.row_bytes(&block);
                let (id, block) = self.load(block);
                self.cursors.push(Cursor {
                    run,
                    id,
                    block,
                    row_bytes,
                    keys,
                    row: 0,
                });
                self.heap.push(self.cursors.len() - 1);
                self.sift_up();
            }
        }
        while self.output.len() < OUTPUT_ROWS && self.output_bytes < OUTPUT_BYTES {
            let Some(&top) = self.heap.first() else {
                self.end_group();
                break;
            };
            self.take_row(top);
            self.advance(top)?;
        }
        if self.output.is_empty() {
            return Ok(None);
        }
        let rows = std::mem::take(&mut self.output);
        self.taken_bytes = std::mem::take(&mut self.output_bytes);
        let merged = assemble(&rows, &self.blocks);
        let (cursors, rule) = (&self.cursors, &self.rule);
        self.blocks
            .retain(|id, _| cursors.iter().any(|c| c.id == *id) || rule.held().any(|(held, _)| held == id));
        Ok(Some(merged))
    }

    fn load(&mut self, block: Block) -> (u64, Arc<Block>) {
        self.next_id += 1;
        let block = Arc::new(block);
        self.blocks.insert(self.next_id, block.clone());
        (self.next_id, block)
    }

    fn take_row(&mut self, top: usize) {
        let cursor = &self.cursors[top];
        if let Some(fold) = &mut self.fold {
            let key = cursor.keys.get(cursor.row);
            let is_new = !self.has_group || self.group != key;
            fold.row(is_new);
            if is_new {
                self.group.clear();
                self.group.extend_from_slice(key);
                self.has_group = true;
            }
        } else if !self.rule.is_plain() {
            let key = cursor.keys.get(cursor.row);
            if !self.has_group || self.group != key {
                self.end_group();
                let cursor = &self.cursors[top];
                self.group.clear();
                self.group.extend_from_slice(cursor.keys.get(cursor.row));
                self.has_group = true;
            }
        }
        let cursor = &self.cursors[top];
        let reference = (cursor.id, cursor.row as u32);
        let row_bytes = cursor.row_bytes;
        self.group_row_bytes = row_bytes;
        if let Some(row) = self.rule.row(&cursor.block, cursor.row, reference) {
            self.emit(row, row_bytes);
        }
    }

    fn end_group(&mut self) {
        self.has_group = false;
        for row in self.rule.end() {
            self.emit(row, self.group_row_bytes);
        }
    }

    fn emit(&mut self, row: RowRef, row_bytes: usize) {
        self.output_bytes += row_bytes;
        self.output.push(row);
    }

    fn advance(&mut self, top: usize) -> Result<()> {
        self.cursors[top].row += 1;
        if self.cursors[top].row == self.cursors[top].keys.len() {
            match next_nonempty(self.cursors[top].run.as_mut())? {
                Some((block, keys)) => {
                    let row_bytes = self.cursors[top].run.row_bytes(&block);
                    let (id, block) = self.load(block);
                    let cursor = &mut self.cursors[top];
                    cursor.id = id;
                    cursor.block = block;
                    cursor.row_bytes = row_bytes;
                    cursor.keys = keys;
                    cursor.row = 0;
                }
                None => {
                    self.heap.swap_remove(0);
                }
            }
        }
        self.sift_down();
        Ok(())
    }

    fn less(&self, a: usize, b: usize) -> bool {
        let key = |c: usize| self.cursors[c].keys.get(self.cursors[c].row);
        match key(a).cmp(key(b)) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => a < b,
            std::cmp::Ordering::Greater => false,
        }
    }

    fn sift_up(&mut self) {
        let mut at = self.heap.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.less(self.heap[at], self.heap[parent]) {
                break;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    fn sift_down(&mut self) {
        let mut at = 0;
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && self.less(self.heap[child], self.heap[least]) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }
}

fn next_nonempty(run: &mut dyn SortedRun) -> Result<Option<(Block, StringColumn)>> {
    while let Some((block, keys)) = run.next()? {
        if block.rows() > 0 {
            return Ok(Some((block, keys)));
        }
    }
    Ok(None)
}

pub(crate) fn row_bytes(block: &Block) -> usize {
    block.columns().iter().map(weight).sum::<usize>() / block.rows().max(1)
}

/// The rows of a block that an output uses.
struct Span<'b> {
    block: &'b Block,
    first: u32,
    last: u32,
}

/// Copies the rows out of their blocks: the used span of each block first, so that the copy stays small.
fn assemble(rows: &[RowRef], blocks: &HashMap<u64, Arc<Block>>) -> Block {
    let mut spans: Vec<Span<'_>> = Vec::new();
    let mut span_of: Vec<u32> = Vec::with_capacity(rows.len());
    let mut by_id: HashMap<u64, usize> = HashMap::new();
    let mut latest: Option<(u64, usize)> = None;
    for (id, row) in rows {
        let at = match latest {
            Some((latest, at)) if latest == *id => at,
            _ => *by_id.entry(*id).or_insert_with(|| {
                spans.push(Span {
                    block: &blocks[id],
                    first: *row,
                    last: *row,
                });
                spans.len() - 1
            }),
        };
        latest = Some((*id, at));
        let span = &mut spans[at];
        span.first = span.first.min(*row);
        span.last = span.last.max(*row);
        span_of.push(at as u32);
    }
    if let [only] = spans.as_slice()
        && (only.last - only.first) as usize + 1 == rows.len()
        && rows
            .iter()
            .zip(only.first..)
            .all(|((_, row), expected)| *row == expected)
    {
        return only.block.slice(only.first as usize, rows.len());
    }
    let mut bases = Vec::with_capacity(spans.len());
    let mut base = 0u32;
    for span in &spans {
        bases.push(base);
        base += span.last - span.first + 1;
    }
    let picks: Vec<u32> = rows
        .iter()
        .zip(&span_of)
        .map(|((_, row), at)| bases[*at as usize] + (row - spans[*at as usize].first))
        .collect();
    let columns = (0..spans[0].block.columns().len())
        .map(|c| {
            let pieces: Vec<Column> = spans
                .iter()
                .map(|s| {
                    s.block
                        .column(c)
                        .slice(s.first as usize, (s.last - s.first) as usize + 1)
                })
                .collect();
            Column::concat(&pieces.iter().collect::<Vec<_>>()).gather(&picks)
        })
        .collect();
    Block::new(columns, rows.len())
}
