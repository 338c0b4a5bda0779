//! Columns of a table from granules of a part: by name, with defaults for columns younger than the part.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use engine_codec::has_form;
use engine_types::{Block, Column, DataType};
use hashbrown::HashMap;

use crate::counters::ReadCounters;
use crate::error::{Result, StorageError};
use crate::json_shred::{
    Derived, DerivedPlace, ShredPlan, Shredded, Shredder, assembled, cells_of, plain_strings,
};
use crate::part::Part;
use crate::sorted_run::CacheUse;
use crate::table_def::{ColumnSource, TableDef};

/// The columns `wanted` (numbers in the table) of `granules`.
pub(crate) fn read_part(
    def: &TableDef,
    part: &Arc<Part>,
    granules: Range<usize>,
    wanted: &[usize],
    cache: CacheUse,
    counters: &ReadCounters,
) -> Result<Block> {
    let block = read_part_in_runs(def, part, granules, wanted, cache, counters)?;
    let columns = block.columns().iter().map(Column::without_runs);
    Ok(Block::new(columns.collect(), block.rows()))
}

/// As [`read_part`], columns that are stored in runs as runs.
pub(crate) fn read_part_in_runs(
    def: &TableDef,
    part: &Arc<Part>,
    granules: Range<usize>,
    wanted: &[usize],
    cache: CacheUse,
    counters: &ReadCounters,
) -> Result<Block> {
    let rows = (part.index.start(granules.end) - part.index.start(granules.start)) as usize;
    let source = PartSource {
        def,
        part,
        granules,
        rows,
        cache,
        counters,
        walked: RefCell::default(),
    };
    let columns = wanted
        .iter()
        .map(|column| source.table_column(*column))
        .collect::<Result<Vec<_>>>()?;
    Ok(Block::new(columns, rows))
}

struct PartSource<'a> {
    def: &'a TableDef,
    part: &'a Arc<Part>,
    granules: Range<usize>,
    rows: usize,
    cache: CacheUse,
    counters: &'a ReadCounters,
    /// JSON columns (by number) that were taken apart here.
    walked: RefCell<HashMap<usize, Shredded>>,
}

impl PartSource<'_> {
    fn table_column(&self, index: usize) -> Result<Column> {
        if let Some(derived) = self.def.derived_at(index) {
            let column = self.derived_column(derived)?;
            return self.fitting(index, column);
        }
        let column = &self.def.columns[index];
        let Some(position) = self.part.column_position(&column.name) else {
            let made = self.def.keys.missing_column(index, &column.ty, self);
            let made = made.map_err(|problem| StorageError::Expression {
                table: self.def.full_name(),
                problem,
            })?;
            return self.fitting(index, made);
        };
        let read = match self.part.json_of(&column.name) {
            Some(json) => assembled(self.part, json, |position| self.read_rows(position))?,
            None => self.read(position)?,
        };
        self.fitting(index, read)
    }

    /// The column at `position` of the part, a value or code for each row.
    fn read_rows(&self, position: usize) -> Result<Column> {
        Ok(self.read(position)?.without_runs())
    }

    /// The column at `position` of the part, as it is stored.
    fn read(&self, position: usize) -> Result<Column> {
        let granules = self.granules.clone();
        match self.cache {
            CacheUse::Keep => self.part.read_granules(position, granules, self.counters),
            CacheUse::Bypass => self.part.decode_granules(position, granules, self.counters),
        }
    }

    fn derived_column(&self, derived: &Derived) -> Result<Column> {
        let column = derived.column();
        match (self.part.derived_place(self.def, derived), derived) {
            (DerivedPlace::Column(position), _) => self.read(position),
            (DerivedPlace::Absent, _) => Ok(Column::defaults(&DataType::String, self.rows)),
            (DerivedPlace::Text, Derived::Rest { plan, .. }) => {
                self.walk(column, plan)?;
                let rest = self.walked.borrow().get(&column).and_then(|w| w.rest.clone());
                rest.map_or_else(|| self.table_column(column), Ok)
            }
            (DerivedPlace::Text, Derived::Cells { key, .. }) => {
                let plan = self.def.derived.iter().find_map(|d| match &d.0 {
                    Derived::Rest { column: of, plan } if *of == column => Some((&d.0, plan)),
                    _ => None,
                });
                if let Some((rest, plan)) = plan
                    && self.part.derived_place(self.def, rest) == DerivedPlace::Text
                    && let Some(place) = plan.keys.place(key)
                {
                    self.walk(column, plan)?;
                    if let Some(cells) = self.walked.borrow().get(&column).and_then(|w| w.cells.get(place)) {
                        return Ok(cells.clone());
                    }
                }
                match self.part.json_of(&self.def.columns[column].name) {
                    Some(json) => Ok(cells_of(&self.read_rows(json.rest)?, key)),
                    None => Ok(cells_of(&self.table_column(column)?.without_runs(), key)),
                }
            }
        }
    }

    /// Takes the texts of a column apart, once.
    fn walk(&self, column: usize, plan: &ShredPlan) -> Result<()> {
        if self.walked.borrow().contains_key(&column) {
            return Ok(());
        }
        let texts = plain_strings(&self.table_column(column)?);
        let mut shredder = Shredder::new(plan.keys.clone(), true);
        texts.iter().for_each(|text| shredder.row(text));
        self.walked.borrow_mut().insert(column, shredder.finish());
        Ok(())
    }

    fn fitting(&self, index: usize, column: Column) -> Result<Column> {
        let def = &self.def.columns[index];
        // FixedString widths were checked when the rows were written; looking at every value again is not for scans.
        let strings = matches!(column, Column::String(_)) && def.ty.without_low_cardinality().is_string();
        if column.len() == self.rows && (strings || has_form(&column, &def.ty)) {
            return Ok(column);
        }
        Err(StorageError::BadBlock {
            table: self.def.full_name(),
            problem: format!(
                "column `{}` of part `{}` is not {} rows of {}",
                def.name,
                self.part.name(),
                self.rows,
                def.ty
            ),
        })
    }
}

impl ColumnSource for PartSource<'_> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn column(&self, index: usize) -> std::result::Result<Column, String> {
        if index >= self.def.columns.len() {
            return Err(format!("there is no column {index}"));
        }
        let column = self.table_column(index).map_err(|e| e.to_string())?;
        Ok(column.without_runs())
    }
}
