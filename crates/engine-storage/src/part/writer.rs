//! Writes a part into a folder: sorted rows in, synced files out. Publishing it is the caller's business.

use std::sync::Arc;

use engine_codec::{ColumnCodec, Dictionary};
use engine_types::{Block, Column, DataType};

use super::checksums::{CHECKSUMS_FILE, Checksums, FileChecksum};
use super::column_writer::{ColumnWriter, write_file};
use super::columns_file::{COLUMNS_FILE, Encoding, PartColumn, columns_to_text};
use super::json_file::{CellKinds, JSON_FILE, PartJson, json_to_text};
use super::primary_index::{PRIMARY_FILE, PrimaryIndex};
use super::statistics::{ColumnRangeKnown, STATISTICS_FILE, encode_statistics};
use super::{COUNT_FILE, PartSummary};
use crate::block_cache::weight;
use crate::directory::Directory;
use crate::error::{Result, StorageError, io_at};
use crate::json_shred::{Derived, plain_strings};
use crate::lookup_index::{LOOKUP_FILE, encode_lookup, lookup_hash, lookup_keys};
use crate::table_def::TableDef;

pub(crate) struct PartWriter {
    directory: Arc<dyn Directory>,
    folder: String,
    def: Arc<TableDef>,
    /// By number in the table; `None`: another column stands for it.
    columns: Vec<Option<ColumnWriter>>,
    /// Of cells, by number in the table.
    cells: Vec<Option<CellsSeen>>,
    granule_rows: Vec<u32>,
    /// For each granule the sorting key of its first row, as one-row columns; in the end the last row's.
    first_keys: Vec<Vec<Column>>,
    last_key: Option<Vec<Column>>,
    statistics: Vec<ColumnRangeKnown>,
    lookup: Vec<(u64, u32)>,
    rows: u64,
}

impl PartWriter {
    /// `dictionaries[i]` is of column `i`, which is then stored as codes. `forced` replaces the codecs of columns whose
    /// type it suits.
    pub fn create(
        directory: &Arc<dyn Directory>,
        folder: &str,
        def: &Arc<TableDef>,
        dictionaries: Vec<Option<Arc<Dictionary>>>,
        forced: Option<&ColumnCodec>,
    ) -> Result<Self> {
        directory
            .create_folder(folder)
            .map_err(io_at("create folder", folder))?;
        let table = def.full_name();
        let columns = def
            .columns
            .iter()
            .zip(dictionaries)
            .enumerate()
            .map(|(index, (column, dictionary))| {
                if def.is_taken_apart(index) {
                    return Ok(None);
                }
                let encoding = match &dictionary {
                    None => Encoding::Plain,
                    Some(dictionary) => Encoding::Dictionary(dictionary.width()),
                };
                let codec = forced
                    .filter(|codec| codec.check(&column.ty).is_ok())
                    .unwrap_or(&column.codec);
                let column = PartColumn {
                    name: column.name.clone(),
                    ty: column.ty.clone(),
                    // Known in the end.
                    codec: String::new(),
                    encoding,
                    raw_bytes: 0,
                };
                ColumnWriter::create(directory.as_ref(), folder, &table, column, codec, dictionary).map(Some)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            directory: directory.clone(),
            folder: folder.to_owned(),
            def: def.clone(),
            granule_rows: Vec::new(),
            first_keys: Vec::new(),
            last_key: None,
            statistics: vec![ColumnRangeKnown::NoValues; columns.len()],
            cells: (0..columns.len())
                .map(|c| matches!(def.derived_at(c), Some(Derived::Cells { .. })).then(CellsSeen::default))
                .collect(),
            columns,
            lookup: Vec::new(),
            rows: 0,
        })
    }

    /// Appends rows, sorted, behind those before; `keys` are their sorting key. Every call starts a new granule.
    pub fn append(&mut self, block: &Block, keys: &[Column]) -> Result<()> {
        if block.rows() == 0 {
            return Ok(());
        }
        let proper = self.def.columns.len() - self.def.derived.len();
        let row_bytes = block.columns()[..proper].iter().map(weight).sum::<usize>() / block.rows();
        let rows_max = (self.def.granule_bytes / row_bytes.max(1)).clamp(1, self.def.granule_rows.max(1));
        // Granules that end early by bytes are made alike, so that none is left with a few rows.
        let rows_max = if rows_max < self.def.granule_rows {
            block.rows().div_ceil(block.rows().div_ceil(rows_max))
        } else {
            rows_max
        };
        let mut start = 0;
        while start < block.rows() {
            let rows = rows_max.min(block.rows() - start);
            self.granule(&block.slice(start, rows), keys, start)?;
            start += rows;
        }
        let last = block.rows() - 1;
        self.last_key = Some(keys.iter().map(|k| k.slice(last, 1)).collect());
        Ok(())
    }

    fn granule(&mut self, block: &Block, keys: &[Column], start: usize) -> Result<()> {
        let granule = self.granule_rows.len() as u32;
        for (writer, column) in self.columns.iter_mut().zip(block.columns()) {
            if let Some(writer) = writer {
                writer.granule(column)?;
            }
        }
        for (seen, column) in self.cells.iter_mut().zip(block.columns()) {
            if let Some(seen) = seen {
                seen.add(column);
            }
        }
        for (known, column) in self.statistics.iter_mut().zip(block.columns()) {
            let before = std::mem::take(known);
            *known = if before == ColumnRangeKnown::Unknown {
                before
            } else {
                before.or(ColumnRangeKnown::of(column))
            };
        }
        if !self.def.lookup_columns.is_empty() {
            let columns: Vec<Column> = self
                .def
                .lookup_columns
                .iter()
                .map(|c| block.column(*c).clone())
                .collect();
            self.lookup.extend(
                lookup_keys(&columns)
                    .iter()
                    .map(|key| (lookup_hash(key), granule)),
            );
        }
        self.first_keys
            .push(keys.iter().map(|k| k.slice(start, 1)).collect());
        self.granule_rows.push(block.rows() as u32);
        self.rows += block.rows() as u64;
        Ok(())
    }

    /// Writes what remains, syncs all files and the folder.
    pub fn finish(mut self) -> Result<PartSummary> {
        let directory = self.directory.as_ref();
        let folder = self.folder.as_str();
        let mut part_columns: Vec<PartColumn> = Vec::with_capacity(self.columns.len());
        let mut files: Vec<(String, FileChecksum)> = Vec::new();
        let order = self.def.written_order();
        let statistics: Vec<ColumnRangeKnown> = order
            .iter()
            .map(|&column| std::mem::take(&mut self.statistics[column]))
            .collect();
        for &column in &order {
            let Some(column) = self.columns[column].take() else {
                continue;
            };
            let (column, written) = column.finish(directory, folder)?;
            part_columns.push(column);
            files.extend(written);
        }
        if let Some(last) = self.last_key {
            self.first_keys.push(last);
        }
        let types = &self.def.sorting_key_types;
        let index = PrimaryIndex::new(&self.granule_rows, stack_keys(&self.first_keys, types));
        let index = index.encode(types).map_err(|source| StorageError::Encode {
            table: self.def.full_name(),
            source,
        })?;
        files.push(write_file(directory, folder, PRIMARY_FILE, &index)?);
        let statistics = encode_statistics(&statistics);
        files.push(write_file(directory, folder, STATISTICS_FILE, &statistics)?);
        if !self.def.lookup_columns.is_empty() {
            let lookup = encode_lookup(self.lookup);
            files.push(write_file(directory, folder, LOOKUP_FILE, &lookup)?);
        }
        let json = part_json(&self.def, &order, &self.cells);
        if !json.is_empty() {
            let json = json_to_text(&json);
            files.push(write_file(directory, folder, JSON_FILE, json.as_bytes())?);
        }
        let count = format!("{}\n", self.rows);
        files.push(write_file(directory, folder, COUNT_FILE, count.as_bytes())?);
        let columns = columns_to_text(&part_columns);
        files.push(write_file(directory, folder, COLUMNS_FILE, columns.as_bytes())?);
        let checksums = Checksums {
            files: files.into_iter().collect(),
        };
        let (_, own) = write_file(directory, folder, CHECKSUMS_FILE, checksums.to_text().as_bytes())?;
        directory
            .sync_folder(folder)
            .map_err(io_at("sync folder", folder))?;
        Ok(PartSummary {
            rows: self.rows,
            bytes: checksums.total_bytes() + own.bytes,
            checksums_hash: own.hash,
        })
    }
}

/// What was written of the cells of a key.
#[derive(Default)]
struct CellsSeen {
    rows: u64,
    kinds: CellKinds,
    /// The dictionary whose values were looked at last.
    dictionary: Option<Arc<Column>>,
}

impl CellsSeen {
    fn add(&mut self, cells: &Column) {
        if let Column::Dict(d) = cells {
            let values = plain_strings(&d.values);
            let empty = values.iter().position(|value| value.is_empty());
            self.rows += d.codes.iter().filter(|code| Some(**code as usize) != empty).count() as u64;
            if self.dictionary.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &d.values)) {
                values.iter().for_each(|value| self.kinds.add(value));
                self.dictionary = Some(d.values.clone());
            }
            return;
        }
        for cell in plain_strings(cells).iter() {
            self.rows += u64::from(!cell.is_empty());
            self.kinds.add(cell);
        }
    }
}

/// What `json.txt` says of the columns that were written.
fn part_json(def: &TableDef, order: &[usize], cells: &[Option<CellsSeen>]) -> Vec<PartJson> {
    let position = |index: usize| order.iter().position(|at| *at == index).unwrap_or(usize::MAX);
    let mut out: Vec<PartJson> = Vec::new();
    for index in 0..def.columns.len() {
        match (def.derived_at(index), out.last_mut()) {
            (Some(Derived::Rest { column, plan }), _) => out.push(PartJson {
                name: def.columns[*column].name.clone(),
                rest: position(index),
                keys: plan.keys.clone(),
                positions: Vec::new(),
                kinds: Vec::new(),
                counts: plan.counts.clone(),
            }),
            (Some(Derived::Cells { key, .. }), Some(json)) => {
                json.positions.push(position(index));
                if let Some(seen) = &cells[index] {
                    json.kinds.push(seen.kinds);
                    if let Some(count) = json.counts.counts.get_mut(key.as_ref()) {
                        *count = seen.rows;
                    }
                }
            }
            _ => {}
        }
    }
    out
}

/// One column per key expression from one-row columns.
fn stack_keys(rows: &[Vec<Column>], types: &[DataType]) -> Vec<Column> {
    types
        .iter()
        .enumerate()
        .map(|(k, ty)| {
            let cells: Vec<&Column> = rows.iter().map(|row| &row[k]).collect();
            if cells.is_empty() {
                Column::empty(ty)
            } else {
                // Cells share the buffers of their blocks; a copy lets those go.
                Column::concat(&cells).gather(&(0..cells.len() as u32).collect::<Vec<_>>())
            }
        })
        .collect()
}
