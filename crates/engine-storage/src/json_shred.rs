//! JSON text taken apart on disk: the values of frequent keys in columns of their own, the rest of the text in another.
//!
//! A *cell* is the value of a key as it stands in the text, '' where the key is missing (no JSON value is empty). The
//! *rest* is the text with the value of each shredded key replaced by `0`; it is valid JSON exactly when the text is, so
//! that it can be put together again, and keys that were not shredded can be looked up in it. Nothing is normalised:
//! what is put together is the text, byte for byte, and what a function finds in a cell is what it finds in the text.
//! Decision 0010, docs/format/part.md.

mod assemble;
mod keys;
mod merging;
mod rewriting;
mod shredder;

use std::sync::Arc;

use engine_types::{Block, Column, DataType, StringColumn};

pub(crate) use assemble::assembled;
pub(crate) use keys::{KeyCounts, KeySet};
pub(crate) use merging::{
    DerivedPlace, is_worth_it, merged_def, merged_dictionaries, merged_dictionaries_of,
};
pub(crate) use rewriting::Reshredding;
pub(crate) use shredder::{CellsBuilder, Shredded, Shredder, cells_of, plain_strings};

use crate::options::StorageOptions;
use crate::table_def::{ColumnDef, MergeRule, TableDef};

/// What stands in the rest of a text for a value in a column of its own.
pub(crate) const PLACEHOLDER: &[u8] = b"0";

/// A column that storage computes from a JSON column; those of a [`TableDef`] come after its columns proper.
#[derive(Clone, Debug)]
pub struct DerivedColumn(pub(crate) Derived);

#[derive(Clone, Debug)]
pub(crate) enum Derived {
    /// What is left of the texts of `column` without the values of `keys`. In a part it stands for the text.
    Rest { column: usize, plan: Arc<ShredPlan> },
    /// The values of `key` in `column`.
    Cells { column: usize, key: Arc<[u8]> },
}

impl Derived {
    pub fn column(&self) -> usize {
        match self {
            Self::Rest { column, .. } | Self::Cells { column, .. } => *column,
        }
    }
}

/// How a JSON column is taken apart in a part that is being written.
#[derive(Debug)]
pub(crate) struct ShredPlan {
    pub keys: Arc<KeySet>,
    /// What is known of all keys, those that get no column included.
    pub counts: KeyCounts,
}

/// The table with columns for cells (of column, key) behind its own, to read them.
pub(crate) fn with_cells(def: &TableDef, cells: &[(usize, Vec<u8>)]) -> TableDef {
    let mut def = def.clone();
    for (column, key) in cells {
        push(
            &mut def,
            Derived::Cells {
                column: *column,
                key: key.as_slice().into(),
            },
        );
    }
    def
}

fn push(def: &mut TableDef, derived: Derived) {
    let column = derived.column();
    let (name, codec) = match &derived {
        Derived::Rest { .. } => (
            def.columns[column].name.clone(),
            def.columns[column].codec.clone(),
        ),
        Derived::Cells { .. } => (
            format!("{}.json{}", def.columns[column].name, def.derived.len()),
            Default::default(),
        ),
    };
    def.columns.push(ColumnDef {
        codec,
        ..ColumnDef::new(name, DataType::String)
    });
    def.derived.push(DerivedColumn(derived));
}

/// The table as a part is written: for each column of `plans` its rest and its cells behind the columns proper.
fn with_plans(def: &TableDef, plans: Vec<(usize, ShredPlan)>) -> TableDef {
    let mut def = def.clone();
    for (column, plan) in plans {
        let plan = Arc::new(plan);
        let keys = plan.keys.clone();
        push(&mut def, Derived::Rest { column, plan });
        for key in keys.iter() {
            push(
                &mut def,
                Derived::Cells {
                    column,
                    key: key.clone(),
                },
            );
        }
    }
    def
}

/// The JSON columns whose texts may be taken apart. What orders or joins rows stays as it is.
pub(crate) fn shreddable(def: &TableDef) -> Vec<usize> {
    let Some(key_inputs) = def.keys.sorting_key_inputs() else {
        return Vec::new();
    };
    if def.expiry.as_ref().is_some_and(|expiry| expiry.changes_rows()) {
        // Merges may reset texts.
        return Vec::new();
    }
    let dated = |column: usize| {
        let expiry = def.expiry.as_ref();
        expiry.is_some_and(|expiry| expiry.latest_inputs().contains(&column))
    };
    let ruled = |column: usize| match def.merge_rule {
        MergeRule::Plain => false,
        MergeRule::Replacing { version, is_deleted } => version == Some(column) || is_deleted == Some(column),
        MergeRule::Collapsing { sign } | MergeRule::VersionedCollapsing { sign } => sign == column,
        // Rows are computed, not picked.
        MergeRule::Folding => true,
    };
    // Merges empty these: rests and cells would stay.
    let resets = |column: usize| {
        let expiry = def.expiry.as_ref();
        expiry.is_some_and(|expiry| expiry.reset_columns().contains(&column))
    };
    (0..def.columns.len())
        .filter(|c| !resets(*c) && !dated(*c))
        .filter(|c| def.columns[*c].json && def.columns[*c].ty == DataType::String)
        .filter(|c| !key_inputs.contains(c) && !def.lookup_columns.contains(c) && !ruled(*c))
        .collect()
}

/// Whether something else than the rest and the cells is made of the texts of a column while a part is written.
fn is_text_read(def: &TableDef, column: usize) -> bool {
    def.granule_ranges.contains(&column)
        || def.projections.iter().any(|p| p.columns.contains(&column))
        || (!def.skip_indexes.is_empty()
            && def
                .keys
                .skip_index_inputs()
                .is_none_or(|inputs| inputs.contains(&column)))
}

/// The columns whose texts nobody looks at while a part of this table is written: their rests and cells are written.
pub(crate) fn unread_texts(def: &TableDef) -> Vec<usize> {
    let proper = def.columns.len() - def.derived.len();
    (0..proper)
        .filter(|column| def.is_taken_apart(*column) && !is_text_read(def, *column))
        .collect()
}

/// The table, and the blocks, with what the rows of a flush are written as; the same when nothing is taken apart. Texts
/// that nobody looks at any more are left out.
pub(crate) fn flushed(
    def: &Arc<TableDef>,
    blocks: Vec<Block>,
    options: &StorageOptions,
) -> (Arc<TableDef>, Vec<Block>) {
    let columns = shreddable(def);
    let rows: usize = blocks.iter().map(Block::rows).sum();
    if columns.is_empty() || options.json_keys_max == 0 || rows < options.json_rows_min.max(1) {
        return (def.clone(), blocks);
    }
    let mut derived = Vec::new();
    let mut plans = Vec::new();
    for column in columns {
        let texts: Vec<StringColumn> = blocks.iter().map(|b| plain_strings(b.column(column))).collect();
        let mut sampled = KeyCounts::new();
        let step = rows.div_ceil(KeyCounts::SAMPLE_ROWS).max(1);
        sampled.add_texts(texts.iter().flat_map(StringColumn::iter).step_by(step));
        let keys = Arc::new(sampled.choose(options.json_keys_max));
        let mut shredder = Shredder::new(keys.clone(), true);
        for text in texts.iter().flat_map(StringColumn::iter) {
            shredder.row(text);
        }
        let Shredded { rest, cells, counts } = shredder.finish();
        derived.extend(rest);
        derived.extend(cells);
        plans.push((column, ShredPlan { keys, counts }));
    }
    let def = Arc::new(with_plans(def, plans));
    let unread = unread_texts(&def);
    let mut start = 0;
    let blocks = blocks
        .into_iter()
        .map(|block| {
            let rows = block.rows();
            let mut columns = block.into_columns();
            for column in &unread {
                columns[*column] = Column::defaults(&DataType::String, rows);
            }
            columns.extend(derived.iter().map(|column| column.slice(start, rows)));
            start += rows;
            Block::new(columns, rows)
        })
        .collect();
    (def, blocks)
}

/// Values of a dictionary of cells.
pub(crate) fn present(dictionary: &Column) -> u64 {
    plain_strings(dictionary)
        .iter()
        .filter(|cell| !cell.is_empty())
        .count() as u64
}

/// Column `index` of rows `start..start + rows` of a block that has the columns proper only.
pub(crate) fn memory_column(
    def: &TableDef,
    block: &Block,
    index: usize,
    slice: impl Fn(&Column) -> Column,
) -> Column {
    match def.derived_at(index) {
        Some(Derived::Cells { column, key }) => cells_of(&slice(block.column(*column)), key),
        Some(Derived::Rest { column, .. }) => slice(block.column(*column)),
        None => slice(block.column(index)),
    }
}
