//! Sorted runs to merge: rows in memory, and granules of a part.

use std::ops::Range;
use std::sync::Arc;

use engine_codec::{Dictionary, row_keys};
use engine_types::{Block, Column, DictColumn, StringColumn, StringColumnBuilder};

use crate::block_cache::weight;
use crate::counters::ReadCounters;
use crate::error::{Result, StorageError};
use crate::json_shred::memory_column;
use crate::merge_stream::{SortedRun, row_bytes};
use crate::part::Part;
use crate::part_scan::read_part;
use crate::table_def::TableDef;

/// The sorting key columns of a block that has all columns of the table.
pub(crate) fn sorting_key(def: &TableDef, block: &Block) -> Result<Vec<Column>> {
    if def.sorting_key_types.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |problem: String| StorageError::Expression {
        table: def.full_name(),
        problem,
    };
    let keys = def.keys.sorting_key(block).map_err(failed)?;
    let fits = keys.len() == def.sorting_key_types.len()
        && keys
            .iter()
            .zip(&def.sorting_key_types)
            .all(|(key, ty)| key.len() == block.rows() && engine_codec::has_form(key, ty));
    if fits {
        Ok(keys)
    } else {
        Err(failed(
            "the sorting key has other columns than its types".to_owned(),
        ))
    }
}

/// Row keys of `rows` rows; without key columns all are equal.
pub(crate) fn keys_in_order(keys: &[Column], rows: usize) -> StringColumn {
    if !keys.is_empty() {
        return row_keys(keys);
    }
    let mut out = StringColumnBuilder::with_capacity(rows, 0);
    for _ in 0..rows {
        out.end_row();
    }
    out.finish()
}

/// Rows in memory are copied out in pieces of about so many bytes …
const PIECE_BYTES: usize = 1 << 20;
/// … but of so many rows at least.
const PIECE_ROWS_MIN: usize = 1024;

/// Rows in memory, put in order on construction; equal keys stay in their order. Only the order is made at once: rows are
/// copied when it is their turn.
pub(crate) struct MemoryRun {
    def: Arc<TableDef>,
    full: Block,
    wanted: Vec<usize>,
    keys: StringColumn,
    order: Vec<u32>,
    at: usize,
    piece_rows: usize,
    row_bytes: Option<usize>,
}

impl MemoryRun {
    /// `full` has all columns of the table; the run yields the columns `wanted` of it.
    pub fn new(def: &Arc<TableDef>, full: &Block, wanted: &[usize]) -> Result<Self> {
        let keys = keys_in_order(&sorting_key(def, full)?, full.rows());
        let mut order: Vec<u32> = (0..full.rows() as u32).collect();
        if !order.is_sorted_by_key(|row| keys.get(*row as usize)) {
            order.sort_by(|a, b| keys.get(*a as usize).cmp(keys.get(*b as usize)));
        }
        let row_bytes = full.columns().iter().map(weight).sum::<usize>() / full.rows().max(1);
        Ok(Self {
            def: def.clone(),
            full: full.clone(),
            wanted: wanted.to_vec(),
            keys,
            order,
            at: 0,
            piece_rows: (PIECE_BYTES / row_bytes.max(1)).max(PIECE_ROWS_MIN),
            row_bytes: None,
        })
    }

    /// Says that a row counts as so many bytes.
    #[must_use]
    pub fn sized(mut self, row_bytes: usize) -> Self {
        self.row_bytes = Some(row_bytes);
        self
    }
}

impl SortedRun for MemoryRun {
    fn next(&mut self) -> Result<Option<(Block, StringColumn)>> {
        let until = (self.at + self.piece_rows).min(self.order.len());
        let rows = &self.order[self.at..until];
        if rows.is_empty() {
            return Ok(None);
        }
        let had = self.full.columns().len();
        let columns = self
            .wanted
            .iter()
            .map(|c| match *c {
                c if c < had => self.full.column(c).gather(rows),
                c => memory_column(&self.def, &self.full, c, |column| column.gather(rows)),
            })
            .collect();
        let keys = rows.iter().map(|row| self.keys.get(*row as usize)).collect();
        let block = Block::new(columns, rows.len());
        self.at = until;
        Ok(Some((block, keys)))
    }

    fn row_bytes(&self, block: &Block) -> usize {
        self.row_bytes.unwrap_or_else(|| row_bytes(block))
    }
}

/// Whether a run keeps what it decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheUse {
    /// Queries.
    Keep,
    /// Merges: read once.
    Bypass,
}

/// A part's dictionary, and the shared codes of its values; those of deleted rows may have none.
type Translation = (Arc<Column>, Vec<Option<u32>>);

/// Granules of a part, a few at a time.
pub(crate) struct PartRun {
    part: Arc<Part>,
    def: Arc<TableDef>,
    wanted: Vec<usize>,
    key_inputs: Vec<usize>,
    cache: CacheUse,
    counters: Arc<ReadCounters>,
    /// For each wanted column a dictionary that its codes are rewritten to.
    dictionaries: Vec<Option<Arc<Dictionary>>>,
    translations: Vec<Option<Translation>>,
    steps: std::vec::IntoIter<Range<usize>>,
    /// Columns that come as defaults: what is made of them is wanted, not they.
    unread: Vec<usize>,
    /// The number of the run, which its blocks then say behind their columns, with the numbers of their rows in the run.
    number: Option<u16>,
    /// Rows given so far.
    given: u64,
    row_bytes: Option<usize>,
}

impl PartRun {
    /// Yields the columns `wanted`, which must include what the merge rule needs.
    pub fn new(
        part: Arc<Part>,
        def: &Arc<TableDef>,
        wanted: &[usize],
        granules: &[Range<usize>],
        cache: CacheUse,
        counters: &Arc<ReadCounters>,
    ) -> Self {
        let per_step = granules_per_step(&part);
        let mut steps = Vec::new();
        for range in granules {
            let mut at = range.start;
            while at < range.end {
                let end = (at - at % per_step + per_step).min(range.end);
                steps.push(at..end);
                at = end;
            }
        }
        let all = || (0..def.columns.len()).collect();
        Self {
            def: def.clone(),
            wanted: wanted.to_vec(),
            key_inputs: def.keys.sorting_key_inputs().unwrap_or_else(all),
            cache,
            counters: counters.clone(),
            dictionaries: vec![None; wanted.len()],
            translations: wanted.iter().map(|_| None).collect(),
            steps: steps.into_iter(),
            unread: Vec::new(),
            number: None,
            given: 0,
            row_bytes: None,
            part,
        }
    }

    /// Gives defaults for these of the wanted columns.
    #[must_use]
    pub fn without(mut self, unread: Vec<usize>) -> Self {
        self.unread = unread;
        self
    }

    /// Gives two columns more, behind the wanted ones: this number, and the numbers of the rows in the run.
    #[must_use]
    pub fn numbered(mut self, number: u16) -> Self {
        self.number = Some(number);
        self
    }

    /// Says that rows count as what the part says they are, whatever columns are wanted.
    #[must_use]
    pub fn sized(mut self) -> Self {
        self.row_bytes = Some(self.part.row_bytes());
        self
    }

    /// The wanted columns of some granules, whatever was given before.
    pub fn read(&mut self, granules: Range<usize>) -> Result<Block> {
        let (def, part) = (&self.def, &self.part);
        let live = part.live_in(&granules);
        let read = read_part(def, part, granules, &self.wanted, self.cache, &self.counters)?;
        let read = match live {
            None => read,
            Some(live) => read.gather(&live),
        };
        let rows = read.rows();
        let columns = read.into_columns().into_iter().enumerate();
        let columns = columns.map(|(at, column)| self.translate(at, column)).collect();
        Ok(Block::new(columns, rows))
    }

    /// Rewrites the codes of dictionary columns to shared dictionaries, one for each wanted column.
    #[must_use]
    pub fn translated(mut self, dictionaries: Vec<Option<Arc<Dictionary>>>) -> Self {
        self.dictionaries = dictionaries;
        self
    }

    /// Derived columns as codes of their dictionary, so that runs agree in their encoding.
    fn coded(&self, at: usize, column: Column) -> Column {
        let Some(dictionary) = &self.dictionaries[at] else {
            return column;
        };
        if self.def.derived_at(self.wanted[at]).is_none() {
            return column;
        }
        match dictionary.codes(&column) {
            Some(codes) => Column::Dict(DictColumn {
                codes: codes.into(),
                values: dictionary.values().clone(),
            }),
            None => column,
        }
    }

    fn translate(&mut self, at: usize, column: Column) -> Column {
        let (Some(dictionary), Column::Dict(d)) = (&self.dictionaries[at], &column) else {
            return self.coded(at, column);
        };
        let known = self.translations[at]
            .as_ref()
            .is_some_and(|(values, _)| Arc::ptr_eq(values, &d.values));
        if !known {
            let map = dictionary.translate(&d.values);
            self.translations[at] = Some((d.values.clone(), map));
        }
        let Some((_, map)) = &self.translations[at] else {
            return column;
        };
        let codes: Option<Vec<u32>> = d.codes.iter().map(|code| map[*code as usize]).collect();
        match codes {
            Some(codes) => Column::Dict(DictColumn {
                codes: codes.into(),
                values: dictionary.values().clone(),
            }),
            None => column,
        }
    }
}

impl SortedRun for PartRun {
    fn next(&mut self) -> Result<Option<(Block, StringColumn)>> {
        let Some(granules) = self.steps.next() else {
            return Ok(None);
        };
        let wanted = self.wanted.iter().filter(|column| !self.unread.contains(column));
        let mut needed: Vec<usize> = wanted.copied().collect();
        for input in &self.key_inputs {
            if !needed.contains(input) {
                needed.push(*input);
            }
        }
        let live = self.part.live_in(&granules);
        let read = read_part(
            &self.def,
            &self.part,
            granules,
            &needed,
            self.cache,
            &self.counters,
        )?;
        let read = match live {
            None => read,
            Some(live) => read.gather(&live),
        };
        let rows = read.rows();
        let full = widen(&self.def, &read, &needed);
        let keys = keys_in_order(&sorting_key(&self.def, &full)?, rows);
        let mut columns: Vec<Column> = (0..self.wanted.len())
            .map(|at| self.translate(at, full.column(self.wanted[at]).clone()))
            .collect();
        if let Some(number) = self.number {
            columns.push(Column::UInt16(vec![number; rows].into()));
            let numbers: Vec<u64> = (self.given..self.given + rows as u64).collect();
            columns.push(Column::UInt64(numbers.into()));
        }
        self.given += rows as u64;
        Ok(Some((Block::new(columns, rows), keys)))
    }

    fn row_bytes(&self, block: &Block) -> usize {
        self.row_bytes.unwrap_or_else(|| row_bytes(block))
    }
}

/// A block of all columns of the table: those read, and defaults elsewhere.
pub(crate) fn widen(def: &TableDef, read: &Block, columns: &[usize]) -> Block {
    let full = (0..def.columns.len())
        .map(|c| match columns.iter().position(|have| *have == c) {
            Some(at) => read.column(at).clone(),
            None => Column::defaults(&def.columns[c].ty, read.rows()),
        })
        .collect();
    Block::new(full, read.rows())
}

/// Granules read at once: a power of two within a segment, so that blocks are not decoded twice, and about a MiB
/// compressed, so that a merge of many parts stays small.
pub(crate) fn granules_per_step(part: &Part) -> usize {
    let fits = (part.granules() as u64 * (1 << 20) / part.bytes().max(1)).max(1);
    let fits = fits.min(crate::part::SEGMENT_GRANULES as u64) as usize;
    1 << fits.ilog2()
}
