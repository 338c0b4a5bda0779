//! Hash join: the right side becomes a table, the left side streams past it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_sql::plan::{JoinKind, JoinStrictness};
use engine_types::{Block, Buffer, Column, DataType, DictColumn, Schema};
use parking_lot::Mutex;

use crate::block_ops::{chunks, widen_to_nullable};
use crate::evaluate::Selection;
use crate::key_table::{ABSENT, CodeCache, KeyTable, NullKeys};
use crate::memory::Reservation;
use crate::pipeline::{Emit, Flow, Morsels, Step};
use crate::program::Program;
use crate::{ExecContext, ExecError, workers};

/// The right side, ready to be asked.
pub(crate) struct Built {
    table: KeyTable,
    /// Rows with key `g` are `rows[starts[g]..starts[g + 1]]`, ascending.
    starts: Vec<u32>,
    rows: Vec<u32>,
    /// The right rows in the types of the join's output, and one more row of defaults at the end.
    right: Vec<Arc<Column>>,
    right_rows: usize,
    /// No key has two rows: row `rows[g]` is that of key `g`.
    is_unique: bool,
    _memory: Reservation,
}

impl Built {
    /// The right columns at `rows`. Columns that are costly to copy become dictionaries over the whole right side, so
    /// that strings are never copied and later functions and groups work once for each right row.
    fn right_columns<'a>(&'a self, rows: &[u32]) -> impl Iterator<Item = Column> + 'a {
        let codes: Buffer<u32> = rows.to_vec().into();
        self.right.iter().map(move |column| {
            if is_costly(column) {
                Column::Dict(DictColumn {
                    codes: codes.clone(),
                    values: column.clone(),
                })
            } else {
                column.gather(&codes)
            }
        })
    }

    fn matches(&self, group: u32) -> &[u32] {
        if group == ABSENT {
            return &[];
        }
        let group = group as usize;
        &self.rows[self.starts[group] as usize..self.starts[group + 1] as usize]
    }
}

fn is_costly(column: &Column) -> bool {
    match column {
        // Groups and distinct counts of UUIDs work on the codes of a dictionary.
        Column::Uuid(_) | Column::String(_) | Column::Array(_) | Column::Tuple(_) => true,
        Column::Nullable(n) => is_costly(&n.values),
        _ => false,
    }
}

/// Runs the right side and hashes it by its keys.
pub(crate) fn build(
    context: &ExecContext,
    input: &dyn Morsels,
    keys: &Program,
    key_types: &[DataType],
    right_schema: &Schema,
    out_schema: &Schema,
    left_width: usize,
) -> Result<Built, ExecError> {
    let (blocks, mut memory) = workers::collect(context, input, "join")?;
    let mut table = KeyTable::new(key_types, NullKeys::Skip);
    let mut group_of: Vec<u32> = Vec::new();
    let (mut groups, mut fresh) = (Vec::new(), Vec::new());
    for block in blocks.iter().flat_map(|b| chunks(b.clone(), context.block_size)) {
        context.check()?;
        let columns = keys.eval(block.columns(), block.rows())?;
        table.insert(&columns, block.rows(), &mut groups, &mut fresh);
        group_of.extend_from_slice(&groups);
    }
    let mut starts = vec![0u32; table.len() + 1];
    for &group in group_of.iter().filter(|g| **g != ABSENT) {
        starts[group as usize + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut next = starts.clone();
    let mut rows = vec![0u32; starts.last().copied().unwrap_or(0) as usize];
    for (row, &group) in group_of.iter().enumerate() {
        if group != ABSENT {
            let slot = &mut next[group as usize];
            rows[*slot as usize] = row as u32;
            *slot += 1;
        }
    }
    let types: Vec<DataType> = right_schema.iter().map(|f| f.ty.clone()).collect();
    let all = crate::block_ops::concat(&blocks, &types);
    drop(blocks);
    let count = all.rows();
    // Semi and anti joins have no right columns in their schema; theirs are needed for the residual only.
    let right: Vec<Arc<Column>> = all
        .columns()
        .iter()
        .zip(&types)
        .enumerate()
        .map(|(i, (column, ty))| {
            let to = out_schema.get(left_width + i).map_or(ty, |f| &f.ty);
            let column = widen_to_nullable(column.clone(), ty, to);
            Arc::new(Column::concat(&[&column, &Column::defaults(to, 1)]))
        })
        .collect();
    let bytes: usize = right.iter().map(|c| c.byte_size()).sum();
    memory.set(bytes + table.byte_size() + 4 * (starts.len() + rows.len()))?;
    Ok(Built {
        is_unique: rows.len() == table.len(),
        table,
        starts,
        rows,
        right,
        right_rows: count,
        _memory: memory,
    })
}

pub(crate) struct Probe {
    kind: JoinKind,
    strictness: JoinStrictness,
    built: Built,
    keys: Program,
    residual: Option<Program>,
    left_types: Vec<DataType>,
    out_types: Vec<DataType>,
    /// By right row, for RIGHT and FULL.
    matched_right: Vec<AtomicBool>,
    /// By key, for ANY INNER, where a key gives one row in all.
    used_keys: Vec<AtomicBool>,
    cache: Mutex<CodeCache>,
    block_size: usize,
}

/// Pairs of rows waiting to be joined.
#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Probe {
    #[expect(clippy::too_many_arguments, reason = "the parts of one plan node, compiled")]
    pub(crate) fn new(
        kind: JoinKind,
        strictness: JoinStrictness,
        built: Built,
        keys: Program,
        residual: Option<Program>,
        left_types: Vec<DataType>,
        out_types: Vec<DataType>,
        context: &ExecContext,
    ) -> Result<Self, ExecError> {
        if matches!(strictness, JoinStrictness::Semi | JoinStrictness::Anti)
            && !matches!(kind, JoinKind::Left | JoinKind::Inner)
        {
            return Err(ExecError::Unsupported(format!("{strictness:?} {kind:?} JOIN")));
        }
        let flags = |n: usize| (0..n).map(|_| AtomicBool::new(false)).collect::<Vec<_>>();
        let mut probe = Self {
            kind,
            strictness,
            keys,
            residual,
            left_types,
            out_types,
            matched_right: Vec::new(),
            used_keys: Vec::new(),
            cache: Mutex::default(),
            block_size: context.block_size.max(1),
            built,
        };
        if probe.has_tail() {
            probe.matched_right = flags(probe.built.right_rows);
        }
        if kind == JoinKind::Inner && strictness == JoinStrictness::Any {
            probe.used_keys = flags(probe.built.table.len());
        }
        Ok(probe)
    }

    /// Right rows without a match come after all left rows.
    pub(crate) fn has_tail(&self) -> bool {
        matches!(self.kind, JoinKind::Right | JoinKind::Full)
    }

    /// The right rows no left row matched, with defaults on the left. Call once, after the last block.
    pub(crate) fn tail(&self) -> Vec<Block> {
        let rows: Vec<u32> = self
            .matched_right
            .iter()
            .enumerate()
            .filter(|(_, matched)| !matched.load(Ordering::Relaxed))
            .map(|(row, _)| row as u32)
            .collect();
        let mut columns: Vec<Column> = self.out_types[..self.left_types.len()]
            .iter()
            .map(|ty| Column::defaults(ty, rows.len()))
            .collect();
        columns.extend(self.built.right_columns(&rows));
        vec![Block::new(columns, rows.len())]
    }

    fn keeps_left(&self) -> bool {
        matches!(self.kind, JoinKind::Left | JoinKind::Full)
    }

    fn emit_pairs(&self, block: &Block, pairs: &Pairs, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        let rows = pairs.left.len();
        if rows == 0 {
            return Ok(Flow::Continue);
        }
        let identity =
            rows == block.rows() && pairs.left.iter().enumerate().all(|(i, &row)| i == row as usize);
        let mut columns: Vec<Column> = block
            .columns()
            .iter()
            .zip(&self.left_types)
            .zip(&self.out_types)
            .map(|((column, from), to)| {
                let column = if identity {
                    column.clone()
                } else {
                    column.gather(&pairs.left)
                };
                widen_to_nullable(column, from, to)
            })
            .collect();
        columns.extend(self.built.right_columns(&pairs.right));
        emit(Block::new(columns, rows))
    }

    /// Drops pairs that the residual condition refuses.
    fn apply_residual(&self, block: &Block, pairs: &mut Pairs) -> Result<(), ExecError> {
        let Some(residual) = &self.residual else {
            return Ok(());
        };
        if pairs.left.is_empty() {
            return Ok(());
        }
        let columns: Vec<Column> = block
            .columns()
            .iter()
            .map(|c| c.gather(&pairs.left))
            .chain(self.built.right_columns(&pairs.right))
            .collect();
        if let Selection::Rows(kept) = residual.select(&columns, pairs.left.len())? {
            pairs.left = kept.iter().map(|&i| pairs.left[i as usize]).collect();
            pairs.right = kept.iter().map(|&i| pairs.right[i as usize]).collect();
        }
        Ok(())
    }

    /// Applies the residual and the strictness, notes what matched, and hands the joined rows on.
    fn flush(
        &self,
        block: &Block,
        groups: &[u32],
        pairs: &mut Pairs,
        matched_left: &mut [bool],
        emit: &mut Emit<'_>,
    ) -> Result<Flow, ExecError> {
        self.apply_residual(block, pairs)?;
        let mut kept = Pairs::default();
        for (&left, &right) in pairs.left.iter().zip(&pairs.right) {
            let first = !std::mem::replace(&mut matched_left[left as usize], true);
            let keep = match (self.strictness, self.kind) {
                (JoinStrictness::All, _) => true,
                (JoinStrictness::Any, JoinKind::Right) => {
                    !self.matched_right[right as usize].load(Ordering::Relaxed)
                }
                (JoinStrictness::Any, JoinKind::Inner) => {
                    first && !self.used_keys[groups[left as usize] as usize].swap(true, Ordering::Relaxed)
                }
                (JoinStrictness::Any, JoinKind::Left | JoinKind::Full | JoinKind::Cross) => first,
                (JoinStrictness::Semi | JoinStrictness::Anti, _) => false,
            };
            let keep = match self.matched_right.get(right as usize) {
                Some(matched) => {
                    let before = matched.swap(true, Ordering::Relaxed);
                    keep && (self.kind != JoinKind::Right
                        || self.strictness != JoinStrictness::Any
                        || !before)
                }
                None => keep,
            };
            if keep {
                kept.left.push(left);
                kept.right.push(right);
            }
        }
        pairs.left.clear();
        pairs.right.clear();
        self.emit_pairs(block, &kept, emit)
    }

    fn groups(&self, block: &Block) -> Result<Vec<u32>, ExecError> {
        let keys = self.keys.eval(block.columns(), block.rows())?;
        let mut cache = self.cache.lock().clone();
        let before: Vec<_> = cache.dictionaries().collect();
        let mut groups = Vec::new();
        self.built
            .table
            .find(&keys, block.rows(), &mut cache, &mut groups);
        if !cache.dictionaries().eq(before) {
            self.cache.lock().adopt(&cache);
        }
        Ok(groups)
    }

    /// Every row on the left has one partner or none, and nothing else is asked of them.
    fn is_lookup(&self) -> bool {
        self.built.is_unique
            && self.kind == JoinKind::Inner
            && self.strictness == JoinStrictness::All
            && self.residual.is_none()
            && !self.built.rows.is_empty()
    }

    fn look_up(&self, block: &Block, groups: &[u32], emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        let mut pairs = Pairs::default();
        if groups.contains(&ABSENT) {
            for (row, &group) in (0u32..).zip(groups) {
                if group != ABSENT {
                    pairs.left.push(row);
                    pairs.right.push(self.built.rows[group as usize]);
                }
            }
            return self.emit_pairs(block, &pairs, emit);
        }
        pairs.left.extend(0..groups.len() as u32);
        pairs
            .right
            .extend(groups.iter().map(|&group| self.built.rows[group as usize]));
        self.emit_pairs(block, &pairs, emit)
    }

    fn filter_left(
        &self,
        block: Block,
        matched: impl Fn(usize) -> bool,
        emit: &mut Emit<'_>,
    ) -> Result<Flow, ExecError> {
        let wanted = self.strictness == JoinStrictness::Semi;
        let rows: Vec<u32> = (0..block.rows())
            .filter(|&row| matched(row) == wanted)
            .map(|row| row as u32)
            .collect();
        if rows.is_empty() {
            Ok(Flow::Continue)
        } else if rows.len() == block.rows() {
            emit(block)
        } else {
            emit(block.gather(&rows))
        }
    }
}

impl Step for Probe {
    fn apply(&self, block: Block, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        let groups = self.groups(&block)?;
        let filters = matches!(self.strictness, JoinStrictness::Semi | JoinStrictness::Anti);
        if filters && self.residual.is_none() {
            return self.filter_left(block, |row| groups[row] != ABSENT, emit);
        }
        if self.is_lookup() {
            return self.look_up(&block, &groups, emit);
        }
        let default_row = self.built.right_rows as u32;
        // Without a residual a row without candidates is known to be unmatched and can keep its place.
        let inline = self.residual.is_none() && self.keeps_left() && self.strictness == JoinStrictness::All;
        let first_only =
            self.residual.is_none() && self.strictness == JoinStrictness::Any && self.kind != JoinKind::Right;
        let mut matched_left = vec![false; block.rows()];
        let mut pairs = Pairs::default();
        for (row, &group) in groups.iter().enumerate() {
            let mut candidates = self.built.matches(group);
            if first_only {
                candidates = &candidates[..candidates.len().min(1)];
            }
            if candidates.is_empty() && inline {
                pairs.left.push(row as u32);
                pairs.right.push(default_row);
                matched_left[row] = true;
            }
            while !candidates.is_empty() {
                let room = self.block_size.saturating_sub(pairs.left.len()).max(1);
                let (now, later) = candidates.split_at(candidates.len().min(room));
                pairs.left.extend(std::iter::repeat_n(row as u32, now.len()));
                pairs.right.extend_from_slice(now);
                candidates = later;
                if pairs.left.len() >= self.block_size
                    && self.flush(&block, &groups, &mut pairs, &mut matched_left, emit)? == Flow::Stop
                {
                    return Ok(Flow::Stop);
                }
            }
        }
        if self.flush(&block, &groups, &mut pairs, &mut matched_left, emit)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
        if filters {
            return self.filter_left(block, |row| matched_left[row], emit);
        }
        if self.keeps_left() {
            let left: Vec<u32> = (0..block.rows())
                .filter(|&row| !matched_left[row])
                .map(|row| row as u32)
                .collect();
            let pairs = Pairs {
                right: vec![default_row; left.len()],
                left,
            };
            return self.emit_pairs(&block, &pairs, emit);
        }
        Ok(Flow::Continue)
    }
}

/// A probe whose tail is read after the pipeline has run.
pub(crate) struct SharedProbe(pub(crate) Arc<Probe>);

impl Step for SharedProbe {
    fn apply(&self, block: Block, emit: &mut Emit<'_>) -> Result<Flow, ExecError> {
        self.0.apply(block, emit)
    }
}
