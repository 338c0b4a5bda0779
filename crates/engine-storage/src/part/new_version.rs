//! A new version of a part beside the old one: files that stay the same are linked, others are written.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine_codec::{ColumnCodec, Dictionary};
use engine_types::{Block, Column};

use super::checksums::{CHECKSUMS_FILE, FileChecksum};
use super::column_writer::{ColumnWriter, write_file};
use super::columns_file::{COLUMNS_FILE, Encoding, Layout, PartColumn, columns_to_text};
use super::granule_ranges::{GRANULE_RANGES_FILE, GranuleRanges};
use super::hidden::{Hidden, HiddenWritten, hidden_files};
use super::json_file::JSON_FILE;
use super::primary_index::PRIMARY_FILE;
use super::row_mask::{MASK_FILE, RowMask};
use super::statistics::{ColumnRangeKnown, STATISTICS_FILE, encode_statistics};
use super::{COUNT_FILE, LOG_FILE, Part, PartSummary};
use crate::counters::ReadCounters;
use crate::error::{Result, StorageError, io_at};
use crate::lookup_index::{LOOKUP_FILE, encode_lookup};
use crate::table_def::{ColumnDef, TableDef};

/// Being written aside; publishing it is the caller's business.
pub(crate) struct NewVersion<'a> {
    old: &'a Part,
    folder: String,
    /// Files that are not those of the old version.
    written: Vec<(String, FileChecksum)>,
    /// Files of the old version that do not stay.
    replaced: BTreeSet<String>,
    columns: Vec<PartColumn>,
    statistics: Vec<ColumnRangeKnown>,
    writers: Vec<(usize, ColumnWriter)>,
    /// Hidden parts that lie in the folder already.
    hidden: Vec<HiddenWritten>,
    /// Nothing but indexes and hidden parts is new.
    rows_stay: bool,
}

impl Part {
    /// Whether these columns can be replaced alone: each has files of its own, and nothing else was computed from it that
    /// is not made anew with it.
    pub(crate) fn can_replace(&self, columns: &[&str]) -> bool {
        if self.layout() == Layout::Compact {
            return false;
        }
        // Ranges that cannot be read may be those of any column.
        let is_ranged = |ranges: &GranuleRanges| columns.iter().any(|c| ranges.column(c).is_some());
        if self.checksums.files.contains_key(GRANULE_RANGES_FILE)
            && self
                .granule_ranges(&ReadCounters::default())
                .is_none_or(|ranges| is_ranged(&ranges))
        {
            return false;
        }
        // Of texts that are taken apart there is more than one column.
        let of_json = |c: &&str| {
            let at = self.columns.iter().position(|column| column.name == **c);
            self.json_of(c).is_some() || at.is_some_and(|at| self.is_of_json(at))
        };
        if columns.iter().any(of_json) {
            return false;
        }
        let own = |file: &str| {
            self.columns.iter().any(|c| {
                [c.data_file(), c.marks_file(), c.dictionary_file()]
                    .iter()
                    .any(|f| f == file)
            })
        };
        let known = [
            COLUMNS_FILE,
            COUNT_FILE,
            PRIMARY_FILE,
            STATISTICS_FILE,
            LOOKUP_FILE,
            MASK_FILE,
            GRANULE_RANGES_FILE,
            JSON_FILE,
            LOG_FILE,
        ];
        self.checksums
            .files
            .keys()
            .all(|file| known.contains(&file.as_str()) || own(file))
    }
}

impl<'a> NewVersion<'a> {
    pub fn create(old: &'a Part, folder: String) -> Result<Self> {
        old.directory
            .create_folder(&folder)
            .map_err(io_at("create folder", &folder))?;
        Ok(Self {
            old,
            folder,
            written: Vec::new(),
            replaced: BTreeSet::new(),
            columns: old.columns.clone(),
            statistics: old.statistics.clone(),
            writers: Vec::new(),
            hidden: Vec::new(),
            rows_stay: false,
        })
    }

    /// Starts to write the column; it replaces the one of that name, or is added behind the others.
    pub fn replace_column(
        &mut self,
        def: &TableDef,
        column: &ColumnDef,
        dictionary: Option<Arc<Dictionary>>,
        forced: Option<&ColumnCodec>,
    ) -> Result<()> {
        let at = self.columns.iter().position(|c| c.name == column.name);
        if let Some(old) = at.and_then(|at| self.columns.get(at)) {
            self.replaced
                .extend([old.data_file(), old.marks_file(), old.dictionary_file()]);
        }
        let new = PartColumn {
            name: column.name.clone(),
            ty: column.ty.clone(),
            codec: String::new(),
            encoding: match &dictionary {
                None => Encoding::Plain,
                Some(dictionary) => Encoding::Dictionary(dictionary.width()),
            },
            raw_bytes: 0,
        };
        let codec = forced.filter(|codec| codec.check(&column.ty).is_ok());
        let codec = &codec.map_or_else(|| def.codec_of(column), ColumnCodec::clone);
        let directory = self.old.directory.as_ref();
        let table = def.full_name();
        let writer = ColumnWriter::create(directory, &self.folder, &table, new.clone(), codec, dictionary)?;
        let at = match at {
            Some(at) => {
                self.statistics[at] = ColumnRangeKnown::NoValues;
                at
            }
            None => {
                self.columns.push(new);
                self.statistics.push(ColumnRangeKnown::NoValues);
                self.columns.len() - 1
            }
        };
        self.writers.push((at, writer));
        Ok(())
    }

    /// The rows of the next granule, in the columns that are replaced, in the order in which these were named.
    pub fn granule(&mut self, rows: &Block) -> Result<()> {
        for ((at, writer), column) in self.writers.iter_mut().zip(rows.columns()) {
            writer.granule(column)?;
            let known = std::mem::take(&mut self.statistics[*at]);
            self.statistics[*at] = if known == ColumnRangeKnown::Unknown {
                known
            } else {
                known.or(ColumnRangeKnown::of(column))
            };
        }
        Ok(())
    }

    /// With these deleted rows.
    pub fn mask(&mut self, mask: &RowMask) -> Result<()> {
        let bytes = mask.encode().map_err(|source| StorageError::Encode {
            table: self.old.table.clone(),
            source,
        })?;
        self.write(MASK_FILE, &bytes)
    }

    /// With this look-up index: hash and granule of every row.
    pub fn lookup(&mut self, entries: Vec<(u64, u32)>) -> Result<()> {
        self.write(LOOKUP_FILE, &encode_lookup(entries))
    }

    /// Says that the rows are those of the old version, so that what was made of them stays right.
    #[must_use]
    pub fn of_same_rows(mut self) -> Self {
        self.rows_stay = true;
        self
    }

    /// With this file of a skip index.
    pub fn skip_index(&mut self, file: &str, bytes: &[u8]) -> Result<()> {
        self.write(file, bytes)
    }

    /// With a hidden part that was written into the folder.
    pub fn hide(&mut self, hidden: HiddenWritten) {
        self.hidden.push(hidden);
    }

    fn write(&mut self, file: &str, bytes: &[u8]) -> Result<()> {
        self.replaced.insert(file.to_owned());
        let written = write_file(self.old.directory.as_ref(), &self.folder, file, bytes)?;
        self.written.push(written);
        Ok(())
    }

    /// Links what stays, and syncs the folder. (Linked files are durable already.)
    pub fn finish(mut self) -> Result<PartSummary> {
        let directory = self.old.directory.clone();
        let has_new_columns = !self.writers.is_empty();
        for (at, writer) in std::mem::take(&mut self.writers) {
            let (column, files) = writer.finish(directory.as_ref(), &self.folder)?;
            self.columns[at] = column;
            self.replaced.extend(files.iter().map(|(file, _)| file.clone()));
            self.written.extend(files);
        }
        if has_new_columns {
            let statistics = encode_statistics(&self.statistics);
            self.write(STATISTICS_FILE, &statistics)?;
            let columns = columns_to_text(&self.columns, self.old.layout());
            self.write(COLUMNS_FILE, columns.as_bytes())?;
        }
        let link = |file: &str| {
            let from = format!("{}/{file}", self.old.folder);
            let to = format!("{}/{file}", self.folder);
            directory.hard_link(&from, &to).map_err(io_at("link", &from))
        };
        // Hidden parts have the rows as they were, and stay only with these.
        let mut hidden: BTreeSet<String> = BTreeSet::new();
        let new_hidden: BTreeSet<String> = self.hidden.iter().map(|h| h.name.clone()).collect();
        if self.replaced.is_empty() || self.rows_stay {
            let stay = |part: &&Hidden| !new_hidden.contains(&part.checksums_file());
            for part in self.old.hidden.iter().filter(stay) {
                part.link_into(directory.as_ref(), &self.folder)?;
                hidden.insert(part.checksums_file());
            }
        }
        self.replaced
            .extend(hidden_files(&self.old.checksums).filter(|file| !hidden.contains(file)));
        // Sections of a data file stay as a whole: what replaces one lies beside it.
        let mut checksums = self.old.checksums.clone();
        for (file, _) in self.old.checksums.on_disk() {
            if !self.replaced.contains(file) && !hidden.contains(file) {
                link(file)?;
            }
        }
        for file in &self.replaced {
            checksums.files.remove(file);
            checksums.sections.remove(file);
        }
        checksums.files.extend(self.written);
        let hidden = self.hidden.into_iter();
        checksums
            .files
            .extend(hidden.map(|hidden| (hidden.name, hidden.checksum)));
        let summary = if checksums == self.old.checksums {
            link(CHECKSUMS_FILE)?;
            self.old.summary
        } else {
            let text = checksums.to_text();
            let (_, own) = write_file(directory.as_ref(), &self.folder, CHECKSUMS_FILE, text.as_bytes())?;
            PartSummary {
                rows: self.old.summary.rows,
                bytes: checksums.total_bytes() + own.bytes,
                checksums_hash: own.hash,
            }
        };
        directory
            .sync_folder(&self.folder)
            .map_err(io_at("sync folder", &self.folder))?;
        Ok(summary)
    }
}

/// Values that a column of rows really uses, each at least once: those of a dictionary that no row names are left out.
pub(crate) fn used_values(column: &Column) -> Column {
    let Column::Dict(dict) = column else {
        return column.clone();
    };
    let mut codes: Vec<u32> = dict.codes.to_vec();
    codes.sort_unstable();
    codes.dedup();
    dict.values.gather(&codes)
}
