//! Writes a part into a folder: sorted rows in, synced files out. Publishing it is the caller's business.

use std::ops::Range;
use std::sync::Arc;

use engine_codec::{ColumnCodec, Dictionary};
use engine_types::{Block, Column, DataType};

use super::checksums::{CHECKSUMS_FILE, Checksums, FileChecksum};
use super::column_writer::{ColumnWriter, write_file};
use super::columns_file::{COLUMNS_FILE, Encoding, Layout, PartColumn, columns_to_text};
use super::granule_ranges::{GRANULE_RANGES_FILE, GranuleRanges};
use super::hidden::{HiddenWritten, PROJECTION_FILE};
use super::json_file::{CellKinds, JSON_FILE, PartJson, json_to_text};
use super::packed_folder::PackedFolder;
use super::primary_index::{PRIMARY_FILE, PrimaryIndex};
use super::statistics::{ColumnRangeKnown, STATISTICS_FILE, encode_statistics};
use super::{COUNT_FILE, LOG_FILE, LogRows, PartName, PartSummary};
use crate::block_cache::weight;
use crate::directory::Directory;
use crate::error::{Result, StorageError, io_at};
use crate::expiry::{EXPIRY_FILE, ExpiryBounds, PartExpiry, later};
use crate::json_shred::{Derived, plain_strings};
use crate::lookup_index::{LOOKUP_FILE, encode_lookup, lookup_hash, lookup_keys};
use crate::skip_index::SkipIndexWriter;
use crate::table_def::{TableDef, WideFrom};

/// A column of a part, names and checksums of its files.
type ColumnWritten = (PartColumn, Vec<(String, FileChecksum)>);

pub(crate) struct PartWriter {
    /// Holds the files together while the part may become a compact one.
    directory: Arc<PackedFolder>,
    wide_from: WideFrom,
    raw_bytes: u64,
    folder: String,
    def: Arc<TableDef>,
    /// By number in the table; `None`: another column stands for it.
    columns: Vec<Option<ColumnWriter>>,
    /// Columns that are written after the rows of the others …
    late: Vec<bool>,
    /// … and are complete.
    finished: Vec<Option<ColumnWritten>>,
    /// Of cells, by number in the table.
    cells: Vec<Option<CellsSeen>>,
    granule_rows: Vec<u32>,
    /// For each granule the sorting key of its first row, as one-row columns; in the end the last row's.
    first_keys: Vec<Vec<Column>>,
    last_key: Option<Vec<Column>>,
    statistics: Vec<ColumnRangeKnown>,
    lookup: Vec<(u64, u32)>,
    rows: u64,
    /// Hidden parts that lie in the folder already.
    hidden: Vec<HiddenWritten>,
    /// Of a hidden part: what it is made by.
    hidden_by: Option<Vec<u8>>,
    /// Of the columns of [`TableDef::granule_ranges`], in that order.
    granule_ranges: Vec<Vec<ColumnRangeKnown>>,
    skip_indexes: Vec<SkipIndexWriter>,
    expiry: ExpiryBounds,
    /// For each rule about parts.
    latest: Vec<i64>,
    expiry_failed: bool,
    expired_at: Option<i64>,
    log: Option<String>,
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
        Self::create_without(directory, folder, def, dictionaries, forced, &[])
    }

    /// The same; the columns `late` come after all rows of the others, by [`Self::open_late`].
    pub fn create_without(
        directory: &Arc<dyn Directory>,
        folder: &str,
        def: &Arc<TableDef>,
        dictionaries: Vec<Option<Arc<Dictionary>>>,
        forced: Option<&ColumnCodec>,
        late: &[usize],
    ) -> Result<Self> {
        directory
            .create_folder(folder)
            .map_err(io_at("create folder", folder))?;
        let directory = Arc::new(PackedFolder::create(directory, folder));
        let columns = dictionaries
            .into_iter()
            .enumerate()
            .map(|(index, dictionary)| {
                if def.is_taken_apart(index) || late.contains(&index) {
                    return Ok(None);
                }
                column_writer(directory.as_ref(), folder, def, index, dictionary, forced).map(Some)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            directory,
            wide_from: def.wide_from,
            raw_bytes: 0,
            folder: folder.to_owned(),
            def: def.clone(),
            granule_rows: Vec::new(),
            first_keys: Vec::new(),
            last_key: None,
            statistics: vec![ColumnRangeKnown::NoValues; columns.len()],
            cells: (0..columns.len())
                .map(|c| matches!(def.derived_at(c), Some(Derived::Cells { .. })).then(CellsSeen::default))
                .collect(),
            late: (0..columns.len()).map(|index| late.contains(&index)).collect(),
            finished: columns.iter().map(|_| None).collect(),
            columns,
            lookup: Vec::new(),
            rows: 0,
            hidden: Vec::new(),
            hidden_by: None,
            granule_ranges: vec![Vec::new(); def.granule_ranges.len()],
            skip_indexes: def.skip_indexes.iter().map(SkipIndexWriter::new).collect(),
            expiry: ExpiryBounds::NONE,
            latest: Vec::new(),
            expiry_failed: false,
            expired_at: None,
            log: None,
        })
    }

    /// For a hidden part: what it is made by.
    #[must_use]
    pub fn hidden_by(mut self, definition: Vec<u8>) -> Self {
        self.hidden_by = Some(definition);
        self
    }

    /// Takes up a hidden part that was written into the folder.
    pub fn hide(&mut self, hidden: HiddenWritten) {
        self.hidden.push(hidden);
    }

    /// Other limits than the table's.
    #[must_use]
    pub fn wide_from(mut self, limits: Option<WideFrom>) -> Self {
        self.wide_from = limits.unwrap_or(self.wide_from);
        self
    }

    /// The moment as of which the rows have expired, where something was done about that.
    #[must_use]
    pub fn expired_at(mut self, moment: Option<i64>) -> Self {
        self.expired_at = moment;
        self
    }

    /// The rows of the log that a flush took, in whose part `name` these are.
    #[must_use]
    pub fn of_log(mut self, rows: Option<LogRows>, name: &PartName) -> Self {
        self.log = rows.map(|rows| rows.to_text(name));
        self
    }

    /// Appends rows, sorted, behind those before; `keys` are their sorting key. Every call starts a new granule.
    pub fn append(&mut self, block: &Block, keys: &[Column]) -> Result<()> {
        let proper = self.def.columns.len() - self.def.derived.len();
        let bytes = block.columns()[..proper].iter().map(weight).sum::<usize>();
        self.append_sized(block, keys, bytes)
    }

    /// The same of rows that count as so many bytes together.
    pub fn append_sized(&mut self, block: &Block, keys: &[Column], block_bytes: usize) -> Result<()> {
        if block.rows() == 0 {
            return Ok(());
        }
        self.note_expiry(block);
        self.raw_bytes += block_bytes as u64;
        if self
            .wide_from
            .is_wide(self.raw_bytes, self.rows + block.rows() as u64)
            || self.directory.is_full()
        {
            self.directory.spill()?;
        }
        let row_bytes = block_bytes / block.rows();
        let rows_max = (self.def.granule_bytes / row_bytes.max(1)).clamp(1, self.def.granule_rows.max(1));
        // Granules that end early by bytes are made alike, so that none is left with a few rows.
        let rows_max = if rows_max < self.def.granule_rows {
            block.rows().div_ceil(block.rows().div_ceil(rows_max))
        } else {
            rows_max
        };
        let indexed = (0..self.skip_indexes.len())
            .map(|index| self.def.keys.skip_index(index, block))
            .collect::<std::result::Result<Vec<_>, String>>()
            .map_err(|problem| StorageError::Expression {
                table: self.def.full_name(),
                problem,
            })?;
        let mut start = 0;
        while start < block.rows() {
            let rows = rows_max.min(block.rows() - start);
            self.granule(&block.slice(start, rows), keys, start)?;
            for (writer, columns) in self.skip_indexes.iter_mut().zip(&indexed) {
                let columns: Vec<Column> = columns.iter().map(|c| c.slice(start, rows)).collect();
                writer.granule(&columns);
            }
            start += rows;
        }
        let last = block.rows() - 1;
        self.last_key = Some(keys.iter().map(|k| k.slice(last, 1)).collect());
        Ok(())
    }

    /// A table whose rules fail for some rows takes these all the same; merges will look at them again.
    fn note_expiry(&mut self, block: &Block) {
        let Some(expiry) = self.def.expiry.as_ref().filter(|_| !self.expiry_failed) else {
            return;
        };
        let bounds = expiry.bounds(block, self.expired_at);
        match bounds.and_then(|bounds| Ok((bounds, expiry.latest(block)?))) {
            Ok((bounds, latest)) => {
                self.expiry = self.expiry.or(bounds);
                self.latest = later(std::mem::take(&mut self.latest), latest);
            }
            Err(problem) => {
                let table = self.def.full_name();
                tracing::warn!(table, problem, "cannot tell when rows expire");
                self.expiry_failed = true;
            }
        }
    }

    fn granule(&mut self, block: &Block, keys: &[Column], start: usize) -> Result<()> {
        let granule = self.granule_rows.len() as u32;
        for (writer, column) in self.columns.iter_mut().zip(block.columns()) {
            if let Some(writer) = writer {
                writer.granule(column)?;
            }
        }
        for (index, column) in block.columns().iter().enumerate() {
            if !self.late[index] {
                self.note(index, column);
            }
        }
        for (known, column) in self.granule_ranges.iter_mut().zip(&self.def.granule_ranges) {
            known.push(ColumnRangeKnown::of_any(block.column(*column)));
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

    /// Notes what is known of values of a column.
    fn note(&mut self, index: usize, column: &Column) {
        if let Some(seen) = &mut self.cells[index] {
            seen.add(column);
        }
        let known = &mut self.statistics[index];
        let before = std::mem::take(known);
        *known = if before == ColumnRangeKnown::Unknown {
            before
        } else {
            before.or(ColumnRangeKnown::of(column))
        };
    }

    /// Granules so far.
    pub fn granules(&self) -> usize {
        self.granule_rows.len()
    }

    /// Starts to write a late column.
    pub fn open_late(
        &mut self,
        index: usize,
        dictionary: Option<Arc<Dictionary>>,
        forced: Option<&ColumnCodec>,
    ) -> Result<()> {
        let (directory, folder) = (self.directory.as_ref(), self.folder.as_str());
        self.columns[index] = Some(column_writer(
            directory, folder, &self.def, index, dictionary, forced,
        )?);
        Ok(())
    }

    /// The rows of these granules in a late column.
    pub fn append_late(&mut self, index: usize, granules: Range<usize>, rows: &Column) -> Result<()> {
        let mut start = 0;
        for granule in granules {
            let piece = rows.slice(start, self.granule_rows[granule] as usize);
            start += piece.len();
            if let Some(writer) = &mut self.columns[index] {
                writer.granule(&piece)?;
            }
            self.note(index, &piece);
        }
        Ok(())
    }

    /// Ends a late column: its files are written and synced.
    pub fn close_late(&mut self, index: usize) -> Result<()> {
        if let Some(writer) = self.columns[index].take() {
            let written = writer.finish(self.directory.as_ref(), &self.folder)?;
            self.finished[index] = Some(written);
        }
        if self.directory.is_full() {
            self.directory.spill()?;
        }
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
            .map(|&column| {
                // Of the texts, where their rests are written.
                let of = match self.def.derived_at(column) {
                    Some(Derived::Rest { column, .. }) => *column,
                    _ => column,
                };
                std::mem::take(&mut self.statistics[of])
            })
            .collect();
        if let Some(definition) = &self.hidden_by {
            files.push(write_file(directory, folder, PROJECTION_FILE, definition)?);
        }
        for &column in &order {
            let (column, written) = match (self.finished[column].take(), self.columns[column].take()) {
                (Some(late), _) => late,
                (None, Some(writer)) => writer.finish(directory, folder)?,
                (None, None) => continue,
            };
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
        let failed = |source| StorageError::Encode {
            table: self.def.full_name(),
            source,
        };
        if !self.granule_ranges.is_empty() {
            let names = self
                .def
                .granule_ranges
                .iter()
                .map(|c| self.def.columns[*c].name.clone());
            let ranges = GranuleRanges::new(names.zip(self.granule_ranges).collect());
            let bytes = ranges.encode(self.granule_rows.len()).map_err(failed)?;
            files.push(write_file(directory, folder, GRANULE_RANGES_FILE, &bytes)?);
        }
        for (writer, index) in self.skip_indexes.into_iter().zip(&self.def.skip_indexes) {
            let bytes = writer.finish().map_err(failed)?;
            files.push(write_file(directory, folder, &index.file(), &bytes)?);
        }
        if let Some(expiry) = self.def.expiry.as_ref().filter(|_| !self.expiry_failed) {
            let known = PartExpiry {
                fingerprint: expiry.fingerprint(),
                bounds: self.expiry,
                latest: self.latest,
                codec: match &self.def.default_codec {
                    ColumnCodec::Auto => None,
                    codec => Some(codec.to_string()),
                },
            };
            files.push(write_file(
                directory,
                folder,
                EXPIRY_FILE,
                known.to_text().as_bytes(),
            )?);
        }
        if let Some(text) = &self.log {
            files.push(write_file(directory, folder, LOG_FILE, text.as_bytes())?);
        }
        let count = format!("{}\n", self.rows);
        files.push(write_file(directory, folder, COUNT_FILE, count.as_bytes())?);
        let layout = if self.directory.is_packing() {
            Layout::Compact
        } else {
            Layout::Wide
        };
        let columns = columns_to_text(&part_columns, layout);
        files.push(write_file(directory, folder, COLUMNS_FILE, columns.as_bytes())?);
        let mut checksums = Checksums {
            files: files.into_iter().collect(),
            ..Checksums::default()
        };
        let hidden_bytes: u64 = self.hidden.iter().map(|h| h.bytes).sum();
        for hidden in self.hidden {
            checksums.files.insert(hidden.name, hidden.checksum);
        }
        if let Some((data, sections)) = self.directory.pack()? {
            checksums.data = Some(data);
            checksums.sections = sections;
            // What comes now lies beside the data file.
            self.directory.spill()?;
        }
        let (_, own) = write_file(directory, folder, CHECKSUMS_FILE, checksums.to_text().as_bytes())?;
        directory
            .sync_folder(folder)
            .map_err(io_at("sync folder", folder))?;
        Ok(PartSummary {
            rows: self.rows,
            bytes: checksums.total_bytes() + own.bytes + hidden_bytes,
            checksums_hash: own.hash,
        })
    }
}

fn column_writer(
    directory: &dyn Directory,
    folder: &str,
    def: &TableDef,
    index: usize,
    dictionary: Option<Arc<Dictionary>>,
    forced: Option<&ColumnCodec>,
) -> Result<ColumnWriter> {
    let column = &def.columns[index];
    let encoding = match &dictionary {
        None => Encoding::Plain,
        Some(dictionary) => Encoding::Dictionary(dictionary.width()),
    };
    let codec = forced.filter(|codec| codec.check(&column.ty).is_ok());
    let codec = &codec.map_or_else(|| def.codec_of(column), ColumnCodec::clone);
    let column = PartColumn {
        name: column.name.clone(),
        ty: column.ty.clone(),
        // Known in the end.
        codec: String::new(),
        encoding,
        raw_bytes: 0,
    };
    ColumnWriter::create(directory, folder, &def.full_name(), column, codec, dictionary)
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
            self.rows += d
                .codes
                .iter()
                .filter(|code| Some(**code as usize) != empty)
                .count() as u64;
            if self
                .dictionary
                .as_ref()
                .is_none_or(|known| !Arc::ptr_eq(known, &d.values))
            {
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
    for (index, seen) in cells.iter().enumerate() {
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
                if let Some(seen) = seen {
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
