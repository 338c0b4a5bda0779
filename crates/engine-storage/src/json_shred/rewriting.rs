//! Taking texts apart anew: of rows that a mutation has changed, so that no part has known them before.

use std::sync::Arc;

use engine_codec::Dictionary;
use engine_types::{Block, Column, DataType, DictColumn, StringColumn};

use super::merging::{is_hopeful, note_values};
use super::{
    CellsBuilder, KeyCounts, KeySet, ShredPlan, Shredded, Shredder, is_worth_it, plain_strings, shreddable,
    unread_texts, with_plans,
};
use crate::error::Result;
use crate::merge_stream::{SortedRun, row_bytes};
use crate::options::StorageOptions;
use crate::table_def::TableDef;

/// How the JSON columns of some rows are taken apart.
pub(crate) struct Reshredding {
    /// The table as the part is written.
    pub def: Arc<TableDef>,
    /// Of the derived columns.
    pub dictionaries: Vec<Option<Arc<Dictionary>>>,
    keys: Vec<(usize, Arc<KeySet>)>,
}

impl Reshredding {
    /// Looks at all rows, twice; `run` begins anew with each call, and its blocks have all columns of the table. `rows` is how many
    /// there are, about. `None`: texts stay texts.
    pub fn of(
        def: &Arc<TableDef>,
        rows: u64,
        options: &StorageOptions,
        run: &dyn Fn(&[usize]) -> Box<dyn SortedRun>,
    ) -> Result<Option<Self>> {
        let columns = shreddable(def);
        if columns.is_empty() || options.json_keys_max == 0 || rows < options.json_rows_min as u64 {
            return Ok(None);
        }
        let keys = chosen(&columns, rows, options, run(&columns).as_mut())?;
        let mut known: Vec<(KeyCounts, Vec<Option<CellsBuilder>>)> = keys
            .iter()
            .map(|(_, keys)| {
                let builders = (0..=keys.len()).map(|_| Some(CellsBuilder::new()));
                (KeyCounts::new(), builders.collect())
            })
            .collect();
        let mut seen = 0;
        let mut all = run(&columns);
        while let Some((block, _)) = all.next()? {
            seen += block.rows();
            for ((column, keys), (counts, distinct)) in keys.iter().zip(&mut known) {
                let found = taken_apart(block.column(*column), keys);
                counts.add_scaled(&found.counts, found.counts.rows);
                for (values, column) in distinct.iter_mut().zip(found.rest.iter().chain(&found.cells)) {
                    if let Some(open) = values {
                        note_values(open, column);
                        if !is_hopeful(open, seen) {
                            *values = None;
                        }
                    }
                }
            }
        }
        let mut dictionaries = Vec::new();
        let mut plans = Vec::new();
        for ((column, keys), (counts, distinct)) in keys.iter().zip(known) {
            let keys = keys.clone();
            plans.push((*column, ShredPlan { keys, counts }));
            dictionaries.extend(distinct.into_iter().map(|values| {
                let values = Column::String(values?.into_values());
                let dictionary = Dictionary::of(&[&values], &DataType::String);
                is_worth_it(dictionary.len(), seen).then(|| Arc::new(dictionary))
            }));
        }
        Ok(Some(Self {
            def: Arc::new(with_plans(def, plans)),
            dictionaries,
            keys,
        }))
    }

    /// The rows of `run`, whose blocks have all columns of the table, with the derived columns behind.
    pub fn over(&self, run: Box<dyn SortedRun>) -> ReshreddedRun {
        ReshreddedRun {
            run,
            keys: self.keys.clone(),
            dictionaries: self.dictionaries.clone(),
            unread: unread_texts(&self.def),
            row_bytes: 0,
        }
    }
}

/// The keys that get columns, by some of the rows.
fn chosen(
    columns: &[usize],
    rows: u64,
    options: &StorageOptions,
    run: &mut dyn SortedRun,
) -> Result<Vec<(usize, Arc<KeySet>)>> {
    let step = (rows as usize).div_ceil(KeyCounts::SAMPLE_ROWS).max(1);
    let mut sampled: Vec<KeyCounts> = columns.iter().map(|_| KeyCounts::new()).collect();
    while let Some((block, _)) = run.next()? {
        for (column, counts) in columns.iter().zip(&mut sampled) {
            counts.add_texts(plain_strings(block.column(*column)).iter().step_by(step));
        }
    }
    let keys = sampled
        .iter()
        .map(|counts| Arc::new(counts.choose(options.json_keys_max)));
    Ok(columns.iter().copied().zip(keys).collect())
}

fn taken_apart(texts: &Column, keys: &Arc<KeySet>) -> Shredded {
    let mut shredder = Shredder::new(keys.clone(), true);
    let texts: StringColumn = plain_strings(texts);
    texts.iter().for_each(|text| shredder.row(text));
    shredder.finish()
}

/// See [`Reshredding::over`].
pub(crate) struct ReshreddedRun {
    run: Box<dyn SortedRun>,
    keys: Vec<(usize, Arc<KeySet>)>,
    dictionaries: Vec<Option<Arc<Dictionary>>>,
    unread: Vec<usize>,
    /// Of the last block, as it was before.
    row_bytes: usize,
}

impl SortedRun for ReshreddedRun {
    fn next(&mut self) -> Result<Option<(Block, StringColumn)>> {
        let Some((block, sorting)) = self.run.next()? else {
            return Ok(None);
        };
        self.row_bytes = row_bytes(&block);
        let rows = block.rows();
        let mut columns = block.into_columns();
        let mut dictionaries = self.dictionaries.iter();
        for (column, keys) in &self.keys {
            let found = taken_apart(&columns[*column], keys);
            for (derived, dictionary) in found.rest.into_iter().chain(found.cells).zip(&mut dictionaries) {
                let codes = dictionary.as_ref().and_then(|d| Some((d.codes(&derived)?, d)));
                columns.push(match codes {
                    Some((codes, dictionary)) => Column::Dict(DictColumn {
                        codes: codes.into(),
                        values: dictionary.values().clone(),
                    }),
                    // Blocks agree in the form of a column.
                    None => derived.flatten(),
                });
            }
        }
        for column in &self.unread {
            columns[*column] = Column::defaults(&DataType::String, rows);
        }
        Ok(Some((Block::new(columns, rows), sorting)))
    }

    fn row_bytes(&self, _block: &Block) -> usize {
        self.row_bytes
    }
}
