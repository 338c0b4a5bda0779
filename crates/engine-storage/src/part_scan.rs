//! Columns of a table from granules of a part: by name, with defaults for columns younger than the part.

use std::ops::Range;
use std::sync::Arc;

use engine_codec::has_form;
use engine_types::{Block, Column};

use crate::counters::ReadCounters;
use crate::error::{Result, StorageError};
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
    let rows = (part.index.start(granules.end) - part.index.start(granules.start)) as usize;
    let source = PartSource {
        def,
        part,
        granules,
        rows,
        cache,
        counters,
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
}

impl PartSource<'_> {
    fn table_column(&self, index: usize) -> Result<Column> {
        let column = &self.def.columns[index];
        let Some(position) = self.part.column_position(&column.name) else {
            let made = self.def.keys.missing_column(index, &column.ty, self);
            let made = made.map_err(|problem| StorageError::Expression {
                table: self.def.full_name(),
                problem,
            })?;
            return self.fitting(index, made);
        };
        let granules = self.granules.clone();
        let read = match self.cache {
            CacheUse::Keep => self.part.read_granules(position, granules, self.counters)?,
            CacheUse::Bypass => self.part.decode_granules(position, granules, self.counters)?,
        };
        self.fitting(index, read)
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
        self.table_column(index).map_err(|e| e.to_string())
    }
}
