//! Merging wide tables column by column: first the columns that decide which rows stay and where, then each of the others on
//! its own, by what is known of every row: the part it comes from, and its number among the rows of that which are not deleted.
//!
//! The part is the one that a merge of whole rows would have made, byte by byte; memory is that of one column of the sources.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_codec::Dictionary;
use engine_types::{Block, Column};

use super::Storage;
use super::hidden_part::HiddenPart;
use super::merge::{Job, merged_dictionary};
use crate::counters::ReadCounters;
use crate::error::Result;
use crate::json_shred::{DerivedPlace, merged_dictionaries_of, unread_texts};
use crate::merge_rule::RuleMode;
use crate::merge_stream::{MergeStream, SortedRun};
use crate::part::{Part, PartName, PartWriter, SEGMENT_GRANULES};
use crate::sorted_run::{CacheUse, PartRun, sorting_key, widen};
use crate::table_def::{MergeRule, TableDef};

/// Raw bytes of a column that are read at once of one source, as far as whole granules allow.
const WINDOW_BYTES: usize = 1 << 20;

/// Which columns are merged with the keys, and which after them.
pub(super) struct VerticalPlan {
    early: Vec<usize>,
    /// Columns that are read together, as they are computed from one text.
    late: Vec<Vec<usize>>,
}

impl VerticalPlan {
    /// `None` when the merge is too small to be worth it, or computes rows from all of their columns.
    pub fn of(def: &TableDef, parts: &[Arc<Part>], hidden: &[HiddenPart]) -> Option<Self> {
        let limits = def.vertical;
        let rows: u64 = parts.iter().map(|part| part.rows()).sum();
        let bytes: u64 = parts
            .iter()
            .map(|part| part.rows() * part.row_bytes() as u64)
            .sum();
        let is_large = limits.enabled && rows >= limits.rows_min && bytes >= limits.bytes_min;
        // Small parts are held in memory as a whole anyway.
        let is_wide = def.wide_from.is_wide(bytes, rows);
        let computes = def.fold.is_some() || def.expiry.is_some();
        let is_countable =
            u16::try_from(parts.len()).is_ok() && parts.iter().all(|part| u32::try_from(part.rows()).is_ok());
        if !is_large || !is_wide || computes || !is_countable {
            return None;
        }
        let mut early = def.keys.sorting_key_inputs()?;
        match def.merge_rule {
            MergeRule::Plain => {}
            MergeRule::Replacing { version, is_deleted } => {
                early.extend(version.into_iter().chain(is_deleted))
            }
            MergeRule::Collapsing { sign } | MergeRule::VersionedCollapsing { sign } => early.push(sign),
            MergeRule::Folding => return None,
        }
        early.extend(&def.lookup_columns);
        early.extend(&def.granule_ranges);
        if !def.skip_indexes.is_empty() {
            early.extend(def.keys.skip_index_inputs()?);
        }
        early.extend(hidden.iter().flat_map(HiddenPart::collected_columns));
        early.sort_unstable();
        early.dedup();
        let rest: Vec<usize> = def
            .written_order()
            .into_iter()
            .filter(|column| !early.contains(column))
            .collect();
        (rest.len() >= limits.columns_min).then(|| Self {
            late: grouped(def, parts, rest),
            early,
        })
    }
}

/// Each column alone, but what has to be found in the texts of one column together.
fn grouped(def: &TableDef, parts: &[Arc<Part>], columns: Vec<usize>) -> Vec<Vec<usize>> {
    let mut out: Vec<Vec<usize>> = Vec::new();
    let mut of_texts: Vec<(usize, Vec<usize>)> = Vec::new();
    for column in columns {
        let text = def.derived_at(column).filter(|derived| {
            parts
                .iter()
                .any(|part| part.derived_place(def, derived) == DerivedPlace::Text)
        });
        match text.map(|derived| derived.column()) {
            None => out.push(vec![column]),
            Some(text) => match of_texts.iter_mut().find(|(known, _)| *known == text) {
                Some((_, group)) => group.push(column),
                None => of_texts.push((text, vec![column])),
            },
        }
    }
    out.extend(of_texts.into_iter().map(|(_, group)| group));
    out
}

/// Where the rows of the result come from, in their order.
#[derive(Default)]
struct RowSources {
    runs: Vec<u16>,
    /// Empty when all rows stay: those of a run then come one after the other.
    rows: Vec<u32>,
    all_stay: bool,
    /// Granules of the result that are made together.
    chunks: Vec<Range<usize>>,
    /// Rows up to the end of each chunk.
    ends: Vec<usize>,
}

impl RowSources {
    /// Takes the last two columns of a block.
    fn add(&mut self, runs: &Column, rows: &Column, granules: Range<usize>) {
        if let (Column::UInt16(runs), Column::UInt64(rows)) = (runs, rows) {
            self.runs.extend_from_slice(runs);
            if !self.all_stay {
                self.rows.extend(rows.iter().map(|row| *row as u32));
            }
        }
        self.chunks.push(granules);
        self.ends.push(self.runs.len());
    }

    /// The numbers of the rows `at`. `next` has for each run the number of the row that comes next, to begin with 0.
    fn numbers(&self, at: &Range<usize>, next: &mut [u32]) -> Vec<u32> {
        if !self.all_stay {
            return self.rows[at.clone()].to_vec();
        }
        let runs = self.runs[at.clone()].iter();
        runs.map(|run| {
            let next = &mut next[usize::from(*run)];
            *next += 1;
            *next - 1
        })
        .collect()
    }

    fn chunks(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let rows = starts.zip(&self.ends).map(|(start, end)| start..*end);
        self.chunks.iter().cloned().zip(rows)
    }
}

impl Storage {
    /// Writes the merge of the job's parts as `name`; `None` when no rows are left.
    pub(super) fn merge_vertically(
        &self,
        job: &Job,
        def: &Arc<TableDef>,
        plan: &VerticalPlan,
        name: PartName,
        mut hidden: Vec<HiddenPart>,
        counters: &Arc<ReadCounters>,
    ) -> Result<Option<Arc<Part>>> {
        let early = &plan.early;
        let mut dictionaries = Vec::with_capacity(early.len());
        for column in early {
            dictionaries.push(self.dictionary_of_merge(job, def, *column, counters)?);
        }
        let unread = unread_texts(def);
        let runs = job.parts.iter().zip(0u16..).map(|(part, number)| {
            let granules = 0..part.granules();
            let run = PartRun::new(part.clone(), def, early, &[granules], CacheUse::Bypass, counters);
            let run = run.translated(dictionaries.clone()).without(unread.clone());
            Box::new(run.sized().numbered(number)) as Box<dyn SortedRun>
        });
        let rule = among(def.merge_rule, early);
        let mut stream = MergeStream::new(runs.collect(), rule, RuleMode::Merge);
        let Some(first) = stream.next()? else {
            return Ok(None);
        };
        let late: Vec<usize> = plan.late.iter().flatten().copied().collect();
        let mut of_columns: Vec<Option<Arc<Dictionary>>> = vec![None; def.columns.len()];
        for (column, dictionary) in early.iter().zip(dictionaries) {
            of_columns[*column] = dictionary;
        }
        let write = |aside: &str| -> Result<_> {
            let forced = self.options.forced_codec.as_ref();
            let (directory, late) = (&self.directory, late.as_slice());
            let mut writer = PartWriter::create_without(directory, aside, def, of_columns, forced, late)?
                .wide_from(self.options.forced_wide_from);
            let mut sources = RowSources {
                all_stay: def.merge_rule == MergeRule::Plain,
                ..RowSources::default()
            };
            let mut next = Some(first);
            while let Some(block) = next {
                let full = widen(def, &block, early);
                let before = writer.granules();
                let bytes = stream.taken_bytes().unwrap_or_default();
                writer.append_sized(&full, &sorting_key(def, &full)?, bytes)?;
                hidden.iter_mut().for_each(|h| h.collect(&full));
                let numbers = (block.column(early.len()), block.column(early.len() + 1));
                sources.add(numbers.0, numbers.1, before..writer.granules());
                next = stream.next()?;
            }
            drop(stream);
            for columns in &plan.late {
                self.gather(job, def, columns, &sources, &mut writer, counters)?;
            }
            self.write_all_hidden(aside, &mut writer, std::mem::take(&mut hidden))?;
            writer.finish()
        };
        let part = self.publish_part(def, &job.folder, name, write)?;
        self.vertical_merges.fetch_add(1, Ordering::Relaxed);
        Ok(Some(part))
    }

    /// Writes the columns, row by row from where they are.
    fn gather(
        &self,
        job: &Job,
        def: &Arc<TableDef>,
        columns: &[usize],
        sources: &RowSources,
        writer: &mut PartWriter,
        counters: &Arc<ReadCounters>,
    ) -> Result<()> {
        let mut dictionaries = Vec::with_capacity(columns.len());
        for column in columns {
            let dictionary = self.dictionary_of_merge(job, def, *column, counters)?;
            writer.open_late(*column, dictionary.clone(), self.options.forced_codec.as_ref())?;
            dictionaries.push(dictionary);
        }
        let window = |part: &Arc<Part>| {
            let run = PartRun::new(part.clone(), def, columns, &[], CacheUse::Bypass, counters);
            Window::new(part, run.translated(dictionaries.clone()), def, columns)
        };
        let mut windows: Vec<Window> = job.parts.iter().map(window).collect();
        let mut next = vec![0; windows.len()];
        for (granules, rows) in sources.chunks() {
            let numbers = sources.numbers(&rows, &mut next);
            let block = picked(&mut windows, &sources.runs[rows], &numbers)?;
            for (column, values) in columns.iter().zip(block) {
                writer.append_late(*column, granules.clone(), &values)?;
            }
        }
        columns.iter().try_for_each(|column| writer.close_late(*column))
    }

    fn dictionary_of_merge(
        &self,
        job: &Job,
        def: &TableDef,
        column: usize,
        counters: &Arc<ReadCounters>,
    ) -> Result<Option<Arc<Dictionary>>> {
        let proper = def.columns.len() - def.derived.len();
        if def.is_taken_apart(column) {
            return Ok(None);
        }
        match column.checked_sub(proper) {
            None => merged_dictionary(job, column, counters, &self.options),
            Some(place) => {
                let found = merged_dictionaries_of(def, &job.parts, &[place], counters)?;
                Ok(found.into_iter().next().flatten())
            }
        }
    }
}

/// The rule with the places of its columns among `columns`.
fn among(rule: MergeRule, columns: &[usize]) -> MergeRule {
    let place = |column: usize| columns.iter().position(|c| *c == column).unwrap_or(column);
    match rule {
        MergeRule::Plain => MergeRule::Plain,
        MergeRule::Replacing { version, is_deleted } => MergeRule::Replacing {
            version: version.map(place),
            is_deleted: is_deleted.map(place),
        },
        MergeRule::Collapsing { sign } => MergeRule::Collapsing { sign: place(sign) },
        MergeRule::VersionedCollapsing { sign } => MergeRule::VersionedCollapsing { sign: place(sign) },
        MergeRule::Folding => MergeRule::Folding,
    }
}

/// The rows `(runs[i], rows[i])`, column by column.
fn picked(windows: &mut [Window], runs: &[u16], rows: &[u32]) -> Result<Vec<Column>> {
    let mut spans: Vec<Option<Range<u64>>> = vec![None; windows.len()];
    for (run, row) in runs.iter().zip(rows) {
        let row = u64::from(*row);
        let span = spans[usize::from(*run)].get_or_insert(row..row + 1);
        *span = span.start.min(row)..span.end.max(row + 1);
    }
    let mut pieces: Vec<Block> = Vec::new();
    // What to add to the number of a row for its place in the pieces.
    let mut offsets: Vec<i64> = vec![0; windows.len()];
    let mut before = 0;
    for ((window, span), offset) in windows.iter_mut().zip(&spans).zip(&mut offsets) {
        let Some(span) = span else {
            continue;
        };
        *offset = before - span.start as i64;
        before += (span.end - span.start) as i64;
        window.read(span.clone(), &mut pieces)?;
    }
    let picks: Vec<u32> = runs
        .iter()
        .zip(rows)
        .map(|(run, row)| (i64::from(*row) + offsets[usize::from(*run)]) as u32)
        .collect();
    let columns = pieces.first().map_or(0, |piece| piece.columns().len());
    Ok((0..columns)
        .map(|c| {
            Column::concat(&pieces.iter().map(|piece| piece.column(c)).collect::<Vec<_>>()).gather(&picks)
        })
        .collect())
}

/// The granules of a source that were read last: rows are asked for nearly in order.
struct Window {
    run: PartRun,
    /// Rows of the run before each granule, and at the end all.
    starts: Vec<u64>,
    /// Granules that are read at once: a power of two, so that blocks are not decoded twice.
    step: usize,
    /// Neighbours.
    loaded: VecDeque<(Range<usize>, Block)>,
}

impl Window {
    fn new(part: &Part, run: PartRun, def: &TableDef, columns: &[usize]) -> Self {
        let rows = part.rows() as usize / part.granules().max(1);
        let bytes = part.row_bytes_of(def, columns) * rows;
        let fits = (WINDOW_BYTES / bytes.max(1)).clamp(1, SEGMENT_GRANULES);
        Self {
            run,
            starts: part.live_starts(),
            step: 1 << fits.ilog2(),
            loaded: VecDeque::new(),
        }
    }

    /// Adds the rows to `out`.
    fn read(&mut self, rows: Range<u64>, out: &mut Vec<Block>) -> Result<()> {
        let of = |row: u64| {
            self.starts
                .partition_point(|start| *start <= row)
                .saturating_sub(1)
        };
        let (first, last) = (of(rows.start), of(rows.end - 1));
        let all = self.starts.len() - 1;
        // Rows before the ones that are loaded: of a group that was answered in another order.
        if self
            .loaded
            .front()
            .is_some_and(|(granules, _)| granules.start > first)
        {
            self.loaded.clear();
        }
        while self
            .loaded
            .front()
            .is_some_and(|(granules, _)| granules.end <= first)
        {
            self.loaded.pop_front();
        }
        let mut at = match self.loaded.back() {
            Some((granules, _)) => granules.end,
            None => first - first % self.step,
        };
        while at <= last {
            let granules = at..(at - at % self.step + self.step).min(all);
            at = granules.end;
            let block = self.run.read(granules.clone())?;
            self.loaded.push_back((granules, block));
        }
        for (granules, block) in &self.loaded {
            let (start, end) = (self.starts[granules.start], self.starts[granules.end]);
            let (from, to) = (rows.start.max(start), rows.end.min(end));
            if from < to {
                out.push(block.slice((from - start) as usize, (to - from) as usize));
            }
        }
        Ok(())
    }
}
