//! Dictionaries that nobody asked for: of columns without a codec of their own whose values repeat.
//!
//! Codes take fewer bytes than the values, and what reads the part works on codes: a function once for each value, a
//! group or a join by an array look-up. Every part decides for itself.

use std::sync::Arc;

use engine_codec::{ColumnCodec, Dictionary, DistinctValues};
use engine_types::{Block, Column, DataType};

use super::merge::Job;
use crate::counters::ReadCounters;
use crate::error::Result;
use crate::options::{AutoDictionaries, StorageOptions};
use crate::part::Part;
use crate::part_scan::read_part;
use crate::sorted_run::CacheUse;
use crate::table_def::TableDef;

/// In smaller parts the file of its own weighs more.
const ROWS_MIN: usize = 4096;
/// A value stands for so many rows at least, on average.
const ROWS_PER_VALUE: usize = 4;
/// After so many rows a column that hardly repeats is given up.
const GIVE_UP_ROWS: usize = 8192;
/// A part's dictionaries are in memory as a whole, once it is read.
const VALUES_MAX: usize = 1 << 20;
const VALUE_BYTES_MAX: usize = 16 << 20;

/// Whether the writer chooses how the column is stored.
fn is_automatic(def: &TableDef, index: usize, options: &StorageOptions) -> bool {
    let column = &def.columns[index];
    // Rows folded into one may have values that none of them had.
    def.fold.is_none()
        && options.auto_dictionaries != AutoDictionaries::Nowhere
        && options.forced_codec.is_none()
        && column.codec == ColumnCodec::Auto
        && DistinctValues::supports(&column.ty)
}

/// Whether it may still become a dictionary that pays.
fn is_promising(distinct: &DistinctValues, options: &StorageOptions) -> bool {
    options.auto_dictionaries == AutoDictionaries::Everywhere
        || distinct.len() <= VALUES_MAX
            && distinct.value_bytes() <= VALUE_BYTES_MAX
            && (distinct.rows() < GIVE_UP_ROWS || distinct.len() <= distinct.rows() / 8 * 7)
}

fn is_worth_it(distinct: &DistinctValues, options: &StorageOptions) -> bool {
    options.auto_dictionaries == AutoDictionaries::Everywhere
        || is_promising(distinct, options)
            && distinct.rows() >= ROWS_MIN
            && distinct.len() <= distinct.rows() / ROWS_PER_VALUE
}

/// The blocks with codes in place of values that repeat; their dictionaries go to `dictionaries`.
pub(super) fn encode(
    def: &TableDef,
    blocks: Vec<Block>,
    dictionaries: &mut [Option<Arc<Dictionary>>],
    options: &StorageOptions,
) -> Vec<Block> {
    let rows: Vec<usize> = blocks.iter().map(Block::rows).collect();
    let mut blocks: Vec<Vec<Column>> = blocks.into_iter().map(Block::into_columns).collect();
    for index in 0..def.columns.len() {
        // What became codes already, or stands for a text that is not written, stays.
        let is_plain = |block: &Vec<Column>| !matches!(block[index], Column::Dict(_) | Column::Const(_));
        if !is_automatic(def, index, options) || !blocks.iter().all(is_plain) {
            continue;
        }
        let whole = Column::concat(&blocks.iter().map(|block| &block[index]).collect::<Vec<_>>());
        let Some((dictionary, codes)) = encoded(&whole, &def.columns[index].ty, options) else {
            continue;
        };
        dictionaries[index] = Some(Arc::new(dictionary));
        let mut start = 0;
        for (block, rows) in blocks.iter_mut().zip(&rows) {
            block[index] = codes.slice(start, *rows);
            start += rows;
        }
    }
    blocks
        .into_iter()
        .zip(rows)
        .map(|(columns, rows)| Block::new(columns, rows))
        .collect()
}

fn encoded(column: &Column, ty: &DataType, options: &StorageOptions) -> Option<(Dictionary, Column)> {
    if options.auto_dictionaries == AutoDictionaries::WhereValuesRepeat && column.len() < ROWS_MIN {
        return None;
    }
    let (mut distinct, mut numbers) = (DistinctValues::new(ty), Vec::with_capacity(column.len()));
    let mut start = 0;
    while start < column.len() {
        let rows = GIVE_UP_ROWS.min(column.len() - start);
        distinct.add(&column.slice(start, rows), &mut numbers);
        if !is_promising(&distinct, options) {
            return None;
        }
        start += rows;
    }
    if !is_worth_it(&distinct, options) {
        return None;
    }
    let (dictionary, codes) = distinct.into_dictionary();
    let column = dictionary.encoded(&numbers, &codes);
    Some((dictionary, column))
}

/// The dictionary of a column of what the parts of a merge become, where one pays.
pub(super) fn of_merged(
    job: &Job,
    index: usize,
    counters: &ReadCounters,
    options: &StorageOptions,
) -> Result<Option<Arc<Dictionary>>> {
    if !is_automatic(&job.def, index, options) {
        return Ok(None);
    }
    Ok(of_merged_column(job, index, counters, options)?.map(Arc::new))
}

fn of_merged_column(
    job: &Job,
    index: usize,
    counters: &ReadCounters,
    options: &StorageOptions,
) -> Result<Option<Dictionary>> {
    let rows: u64 = job.parts.iter().map(|part| part.rows()).sum();
    if options.auto_dictionaries == AutoDictionaries::WhereValuesRepeat && rows < ROWS_MIN as u64 {
        return Ok(None);
    }
    let mut distinct = DistinctValues::new(&job.def.columns[index].ty);
    // Cheap ones first: a column is often given up before rows are read.
    let mut plain: Vec<&Arc<Part>> = Vec::new();
    for part in &job.parts {
        // Values of deleted rows alone must not live on.
        let dictionary = match part.has_deleted_rows() {
            true => None,
            false => dictionary_of(job, part, index)?,
        };
        match dictionary {
            Some(values) => distinct.add_dictionary(&values, part.rows() as usize),
            None => plain.push(part),
        }
    }
    for part in plain {
        let mut at = 0;
        while at < part.granules() {
            let until = (at + crate::part::SEGMENT_GRANULES).min(part.granules());
            let block = read_part(&job.def, part, at..until, &[index], CacheUse::Bypass, counters)?;
            match part.live_in(&(at..until)) {
                None if part.has_deleted_rows() => distinct.add(&block.column(0).flatten(), &mut Vec::new()),
                None => distinct.add(block.column(0), &mut Vec::new()),
                Some(live) => distinct.add(&block.column(0).gather(&live).flatten(), &mut Vec::new()),
            }
            if !is_promising(&distinct, options) {
                return Ok(None);
            }
            at = until;
        }
    }
    Ok(is_worth_it(&distinct, options).then(|| distinct.into_dictionary().0))
}

fn dictionary_of(job: &Job, part: &Part, index: usize) -> Result<Option<Arc<Column>>> {
    let column = &job.def.columns[index];
    match part.column_position(&column.name) {
        Some(position) if *part.column_type(position) == column.ty => part.dictionary_of(position),
        _ => Ok(None),
    }
}
