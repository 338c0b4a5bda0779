//! A part: an immutable, sorted, self-contained folder of columns. Format: docs/format/part.md.

mod checksums;
mod column_reader;
mod column_writer;
mod columns_file;
mod decoded_blocks;
pub(crate) mod granule_ranges;
mod hidden;
mod json_file;
mod log_rows;
mod marks;
mod name;
mod new_version;
mod packed_folder;
mod primary_index;
mod row_mask;
mod statistics;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use engine_codec::{CodecError, hash64, hash128};
use engine_types::{DataType, Value};

pub use columns_file::Layout;
pub use name::{PartName, escape, unescape};

pub(crate) use hidden::{HiddenWritten, hidden_folder, written as hidden_written};
pub(crate) use json_file::PartJson;
pub(crate) use log_rows::LogRows;
pub(crate) use marks::{Marks, SEGMENT_GRANULES};
pub(crate) use new_version::{NewVersion, used_values};
pub(crate) use primary_index::PrimaryIndex;
pub(crate) use row_mask::RowMask;
pub(crate) use statistics::ColumnRangeKnown;
pub(crate) use writer::PartWriter;

use crate::block_cache::BlockCache;
use crate::counters::ReadCounters;
use crate::directory::{Directory, ReadFile, read_all};
use crate::error::{Result, StorageError, io_at};
use crate::json_shred::{self, DerivedPlace};
use crate::lookup_index::{LOOKUP_FILE, LookupIndex};
use crate::skip_index::{SkipIndex, SkipIndexDef};
use crate::table_def::TableDef;
use checksums::{CHECKSUMS_FILE, Checksums};
use columns_file::{COLUMNS_FILE, Encoding, PartColumn, parse_columns};
use granule_ranges::{GRANULE_RANGES_FILE, GranuleRanges};
use json_file::{JSON_FILE, parse_json};
use packed_folder::DATA_FILE;
use row_mask::MASK_FILE;

use crate::expiry::{EXPIRY_FILE, ExpiryBounds, PartExpiry, RowExpiry};

pub(crate) const COUNT_FILE: &str = "count.txt";

/// Which rows of the log a flush was of, that wrote the part.
pub(crate) const LOG_FILE: &str = "log.txt";

/// What the manifest remembers of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSummary {
    pub rows: u64,
    /// Of all files together.
    pub bytes: u64,
    /// Hash of `checksums.txt`, which has the hashes of all other files.
    pub checksums_hash: u128,
}

/// A column of a part, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnOnDisk {
    pub name: String,
    pub ty: DataType,
    /// The codec of its blocks; an automatic one is what was chosen.
    pub codec: String,
    /// Of its data and dictionary.
    pub data_bytes: u64,
    pub marks_bytes: u64,
    /// Before compression; 0 when the part is too old to know.
    pub raw_bytes: u64,
}

/// A key of a JSON column of a part, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPathOnDisk {
    pub column: String,
    pub path: String,
    /// Rows that have the key; an estimate unless it is stored apart.
    pub rows: u64,
    /// Where its values are; `None`: in the rest of the text.
    pub stored: Option<JsonCellsOnDisk>,
}

/// The column of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonCellsOnDisk {
    /// JSON types of its values.
    pub types: Vec<&'static str>,
    pub codec: String,
    /// Of a dictionary; the '' of missing keys does not count.
    pub distinct: Option<u64>,
    pub data_bytes: u64,
    pub marks_bytes: u64,
    pub raw_bytes: u64,
}

/// An open part. Small files are in memory; marks, dictionaries and indexes are loaded when needed, and cached.
pub struct Part {
    pub(crate) uid: u64,
    pub(crate) name: PartName,
    pub(crate) table: String,
    pub(crate) folder: String,
    pub(crate) summary: PartSummary,
    pub(crate) index: PrimaryIndex,
    columns: Vec<PartColumn>,
    statistics: Vec<ColumnRangeKnown>,
    /// Of parts written while the table had rules.
    expiry: Option<PartExpiry>,
    /// Of a part that a flush wrote: its name then, and what the flush took.
    log: Option<(String, LogRows)>,
    /// Columns of JSON texts that are taken apart.
    json: Vec<PartJson>,
    checksums: Checksums,
    checksums_bytes: u64,
    lookup: OnceLock<Arc<LookupIndex>>,
    /// Rows that were deleted and are still in the files.
    mask: Option<RowMask>,
    /// Finds the files, also those that are sections of one.
    directory: Arc<dyn Directory>,
    below: Arc<dyn Directory>,
    hidden: Vec<hidden::Hidden>,
    cache: Arc<BlockCache>,
    /// When [`crate::Storage::merge_old`] first saw it.
    seen_ms: OnceLock<u64>,
    /// How old it was when the storage was opened.
    age_at_open_ms: AtomicU64,
    /// The latest moments of its rows by rules that are younger than it, and the rules.
    looked_at: parking_lot::Mutex<Option<(u64, Vec<i64>)>>,
    /// Set when a merge or DROP made the part useless: its folder goes with the last reader.
    obsolete: AtomicBool,
    /// Set when a reader met damage.
    suspect: AtomicBool,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Part({} of {}, {} rows)",
            self.name, self.table, self.summary.rows
        )
    }
}

impl Part {
    /// Opens the folder; its checksums file must have the hash of `summary` when one is given.
    pub(crate) fn open(
        directory: &Arc<dyn Directory>,
        cache: &Arc<BlockCache>,
        uid: u64,
        table: &str,
        folder: &str,
        name: PartName,
        expected: Option<PartSummary>,
    ) -> Result<Self> {
        let loading = Loading {
            directory: directory.as_ref(),
            table,
            part: name.to_string(),
            folder,
            checksums: None,
            suspect: None,
        };
        let text = loading.file(CHECKSUMS_FILE, None)?;
        let checksums_hash = hash128(&text);
        if expected.is_some_and(|e| e.checksums_hash != checksums_hash) {
            return Err(loading.damaged(CHECKSUMS_FILE, 0, "not the file that the manifest knows"));
        }
        let checksums = loading.parse(CHECKSUMS_FILE, &text, Checksums::parse)?;
        for (file, checksum) in checksums.on_disk().filter(|(file, _)| !hidden::is_hidden(file)) {
            loading.check_size(file, checksum.bytes)?;
        }
        let below = directory;
        let directory = &checksums.directory(directory, folder);
        let loading = Loading {
            directory: directory.as_ref(),
            checksums: Some(&checksums),
            ..loading
        };
        let load = |file: &str| loading.file(file, Some(&checksums));
        let columns = loading.parse(COLUMNS_FILE, &load(COLUMNS_FILE)?, parse_columns)?;
        let rows: u64 = loading.parse(COUNT_FILE, &load(COUNT_FILE)?, |text| {
            text.trim_end().parse().map_err(|_| "not a number".to_owned())
        })?;
        let expiry = match checksums.files.contains_key(EXPIRY_FILE) {
            true => Some(loading.parse(EXPIRY_FILE, &load(EXPIRY_FILE)?, PartExpiry::parse)?),
            false => None,
        };
        let log = match checksums.files.contains_key(LOG_FILE) {
            true => Some(loading.parse(LOG_FILE, &load(LOG_FILE)?, LogRows::parse)?),
            false => None,
        };
        let decoded = |file: &str, error: CodecError| loading.damaged(file, 0, error.to_string());
        let (index, _) = PrimaryIndex::decode(&load(primary_index::PRIMARY_FILE)?)
            .map_err(|e| decoded(primary_index::PRIMARY_FILE, e))?;
        if index.start(index.granules()) != rows {
            return Err(loading.damaged(
                primary_index::PRIMARY_FILE,
                0,
                "another number of rows than count.txt",
            ));
        }
        let statistics = statistics::decode_statistics(&load(statistics::STATISTICS_FILE)?, columns.len())
            .map_err(|e| decoded(statistics::STATISTICS_FILE, e))?;
        let json = if checksums.files.contains_key(JSON_FILE) {
            loading.parse(JSON_FILE, &load(JSON_FILE)?, |text| parse_json(text, &columns))?
        } else {
            Vec::new()
        };
        let mask = if checksums.files.contains_key(MASK_FILE) {
            let mask = RowMask::decode(&load(MASK_FILE)?).map_err(|e| decoded(MASK_FILE, e))?;
            if mask.rows() != rows {
                return Err(loading.damaged(MASK_FILE, 0, "another number of rows than count.txt"));
            }
            Some(mask)
        } else {
            None
        };
        let around = hidden::Around {
            directory: below,
            cache,
            uid,
            table,
            folder,
            name: &name,
        };
        let hidden = around.open_all(&checksums)?;
        // The checksums of hidden parts are among the files already.
        let hidden_bytes = hidden.iter().map(|h| {
            let own = h.part.checksums_bytes();
            h.part.bytes().saturating_sub(own)
        });
        let summary = PartSummary {
            rows,
            bytes: checksums.total_bytes() + text.len() as u64 + hidden_bytes.sum::<u64>(),
            checksums_hash,
        };
        let directory = directory.clone();
        Ok(Self {
            uid,
            table: table.to_owned(),
            folder: folder.to_owned(),
            summary,
            index,
            lookup: OnceLock::new(),
            mask,
            columns,
            statistics,
            expiry,
            log,
            json,
            checksums_bytes: text.len() as u64,
            checksums,
            directory,
            below: below.clone(),
            hidden,
            cache: cache.clone(),
            seen_ms: OnceLock::new(),
            age_at_open_ms: AtomicU64::new(0),
            looked_at: parking_lot::Mutex::default(),
            obsolete: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
            name,
        })
    }

    /// What the part knows by these rules; nothing when it was written before them.
    pub(crate) fn expiry_bounds(&self, rules: &dyn RowExpiry) -> Option<ExpiryBounds> {
        let known = self
            .expiry
            .as_ref()
            .filter(|known| known.fingerprint == rules.fingerprint());
        known.map(|known| known.bounds)
    }

    /// The latest moments of its rows by these rules about parts; nothing when it was written before
    /// them and not looked at since.
    pub(crate) fn latest(&self, rules: &dyn RowExpiry) -> Option<Vec<i64>> {
        let known = self
            .expiry
            .as_ref()
            .map(|known| (known.fingerprint, &known.latest));
        let looked_at = self.looked_at.lock();
        let looked_at = looked_at
            .as_ref()
            .map(|(fingerprint, latest)| (*fingerprint, latest));
        let (_, latest) = known.into_iter().chain(looked_at).find(|(fingerprint, latest)| {
            *fingerprint == rules.fingerprint() && latest.len() == rules.part_rules().len()
        })?;
        Some(latest.clone())
    }

    /// Keeps what was found out by looking at its rows.
    pub(crate) fn set_latest(&self, rules: &dyn RowExpiry, latest: Vec<i64>) {
        *self.looked_at.lock() = Some((rules.fingerprint(), latest));
    }

    pub(crate) fn set_age_at_open(&self, age_ms: u64) {
        self.age_at_open_ms.store(age_ms, Ordering::Relaxed);
    }

    /// As old as the part that it is a copy of.
    pub(crate) fn set_age_of(&self, other: &Self) {
        self.set_age_at_open(other.age_at_open_ms.load(Ordering::Relaxed));
        if let Some(seen) = other.seen_ms.get() {
            let _ = self.seen_ms.set(*seen);
        }
    }

    /// The rows of the flush that wrote the part under this name.
    pub(crate) fn log_rows(&self) -> Option<LogRows> {
        let (name, rows) = self.log.as_ref()?;
        (*name == self.name.to_string()).then_some(*rows)
    }

    /// The codec of columns without one of their own, when a rule chose it; otherwise each has what suits it.
    pub fn default_codec(&self) -> Option<&str> {
        self.expiry.as_ref()?.codec.as_deref()
    }

    /// Whether a merge at `now` drops rows of it or resets values.
    pub(crate) fn may_expire(&self, rules: &dyn RowExpiry, now: i64) -> bool {
        self.expiry_bounds(rules).is_none_or(|bounds| bounds.first <= now)
    }

    /// Whether a merge changes rows of it, alone or with others.
    pub(crate) fn may_join(&self, rules: &dyn RowExpiry, now: i64) -> bool {
        self.expiry_bounds(rules)
            .is_none_or(|bounds| bounds.first <= now || bounds.joins <= now)
    }

    pub fn name(&self) -> &PartName {
        &self.name
    }

    /// Rows in the files, also deleted ones.
    pub fn rows(&self) -> u64 {
        self.summary.rows
    }

    /// Rows that are not deleted.
    pub fn live_rows(&self) -> u64 {
        self.rows() - self.mask.as_ref().map_or(0, RowMask::count)
    }

    /// Whether rows in its files are deleted: what was computed over all of them (counts, sums) does not hold.
    pub fn has_deleted_rows(&self) -> bool {
        self.mask.is_some()
    }

    /// The part as it would be with these deleted rows, and without what was made of other rows.
    pub(crate) fn with_mask(&self, mask: RowMask) -> Self {
        Self {
            uid: self.uid,
            name: self.name.clone(),
            table: self.table.clone(),
            folder: self.folder.clone(),
            summary: self.summary,
            index: self.index.clone(),
            columns: self.columns.clone(),
            statistics: self.statistics.clone(),
            expiry: self.expiry.clone(),
            log: self.log.clone(),
            json: self.json.clone(),
            checksums: self.checksums.clone(),
            checksums_bytes: self.checksums_bytes,
            lookup: OnceLock::new(),
            mask: Some(mask),
            directory: self.directory.clone(),
            below: self.below.clone(),
            hidden: Vec::new(),
            cache: self.cache.clone(),
            seen_ms: OnceLock::new(),
            age_at_open_ms: AtomicU64::new(0),
            looked_at: parking_lot::Mutex::default(),
            obsolete: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
        }
    }

    /// Takes over what a reader of [`Self::with_mask`] met.
    pub(crate) fn suspect_as(&self, other: &Self) {
        if other.is_suspect() {
            self.suspect.store(true, Ordering::Release);
        }
    }

    pub(crate) fn mask(&self) -> Option<&RowMask> {
        self.mask.as_ref()
    }

    /// Those rows of `granules` that are not deleted, counted from the first. `None`: all.
    pub(crate) fn live_in(&self, granules: &std::ops::Range<usize>) -> Option<Vec<u32>> {
        let rows = self.index.start(granules.start)..self.index.start(granules.end);
        self.mask.as_ref()?.live_in(rows)
    }

    /// Bytes of a row before compression, about.
    pub(crate) fn row_bytes(&self) -> usize {
        // Old parts do not say, and compress to a quarter, say.
        let of_column = |c: &PartColumn| match c.raw_bytes {
            0 => 4 * self.checksums.files.get(&c.data_file()).map_or(0, |f| f.bytes),
            raw => raw,
        };
        let bytes: u64 = self.columns.iter().map(of_column).sum();
        (bytes / self.rows().max(1)) as usize
    }

    /// Bytes of a row of some columns, by number in the table, before compression.
    pub(crate) fn row_bytes_of(&self, def: &TableDef, columns: &[usize]) -> usize {
        let position = |column: usize| match def.derived_at(column) {
            None => self.column_position(&def.columns[column].name),
            Some(derived) => match self.derived_place(def, derived) {
                DerivedPlace::Column(position) => Some(position),
                DerivedPlace::Absent | DerivedPlace::Text => None,
            },
        };
        let found = columns.iter().filter_map(|column| position(*column));
        let bytes: u64 = found
            .filter_map(|at| self.columns.get(at))
            .map(|c| c.raw_bytes)
            .sum();
        (bytes / self.rows().max(1)) as usize
    }

    /// Before each granule, and behind the last one, how many rows are not deleted.
    pub(crate) fn live_starts(&self) -> Vec<u64> {
        let mut starts = vec![0];
        let mut live = 0;
        for granule in 0..self.granules() {
            let rows = self.index.start(granule)..self.index.start(granule + 1);
            let gone = self.mask.as_ref().map_or(0, |mask| mask.count_in(rows.clone()));
            live += rows.end - rows.start - gone as u64;
            starts.push(live);
        }
        starts
    }

    /// Size of all files.
    pub fn bytes(&self) -> u64 {
        self.summary.bytes
    }

    pub fn layout(&self) -> Layout {
        if self.checksums.sections.is_empty() {
            Layout::Wide
        } else {
            Layout::Compact
        }
    }

    /// Files in its folder.
    pub fn files_on_disk(&self) -> usize {
        self.checksums.on_disk().count() + 1
    }

    pub fn granules(&self) -> usize {
        self.index.granules()
    }

    pub fn primary_key_bytes_in_memory(&self) -> usize {
        self.index.byte_size()
    }

    /// Path of the folder, from the root of the storage.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// What each column is on disk.
    pub fn columns_on_disk(&self) -> Vec<ColumnOnDisk> {
        let bytes = |file: String| self.checksums.files.get(&file).map_or(0, |f| f.bytes);
        self.columns
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.is_of_json(*at))
            .map(|(_, c)| ColumnOnDisk {
                name: c.name.clone(),
                ty: c.ty.clone(),
                codec: match c.encoding {
                    Encoding::Plain => c.codec.clone(),
                    Encoding::Dictionary(_) => format!("codes: {}", c.codec),
                },
                data_bytes: bytes(c.data_file()) + bytes(c.dictionary_file()),
                marks_bytes: bytes(c.marks_file()),
                raw_bytes: c.raw_bytes,
            })
            .collect()
    }

    /// The keys of JSON columns that are taken apart, and where their values are.
    pub fn json_paths(&self) -> Result<Vec<JsonPathOnDisk>> {
        let bytes = |file: String| self.checksums.files.get(&file).map_or(0, |f| f.bytes);
        let mut out = Vec::new();
        for json in &self.json {
            let mut keys: Vec<(&[u8], u64)> = json.counts.counts.iter().map(|(k, n)| (&**k, *n)).collect();
            keys.sort_unstable();
            for (key, rows) in keys {
                let stored = match json.keys.place(key) {
                    None => None,
                    Some(place) => {
                        let position = json.positions[place];
                        let column = &self.columns[position];
                        Some(JsonCellsOnDisk {
                            types: json.kinds[place].names(),
                            codec: column.codec.clone(),
                            distinct: self.dictionary_of(position)?.map(|d| json_shred::present(&d)),
                            data_bytes: bytes(column.data_file()) + bytes(column.dictionary_file()),
                            marks_bytes: bytes(column.marks_file()),
                            raw_bytes: column.raw_bytes,
                        })
                    }
                };
                out.push(JsonPathOnDisk {
                    column: json.name.clone(),
                    path: String::from_utf8_lossy(key).into_owned(),
                    rows,
                    stored,
                });
            }
        }
        Ok(out)
    }

    pub(crate) fn json_of(&self, column: &str) -> Option<&PartJson> {
        self.json.iter().find(|json| json.name == column)
    }

    /// Whether the column at `position` has cells of a key.
    fn is_of_json(&self, position: usize) -> bool {
        self.json.iter().any(|json| json.positions.contains(&position))
    }

    /// Least and greatest value of a fixed-width column, when there are any.
    pub fn min_max(&self, column: &str) -> Option<(Value, Value)> {
        match self.range_of(column) {
            ColumnRangeKnown::Between(min, max) => Some((min.clone(), max.clone())),
            ColumnRangeKnown::Unknown | ColumnRangeKnown::NoValues => None,
        }
    }

    pub(crate) fn range_of(&self, column: &str) -> &ColumnRangeKnown {
        self.column_position(column)
            .and_then(|at| self.statistics.get(at))
            .unwrap_or(&ColumnRangeKnown::Unknown)
    }

    pub(crate) fn column_position(&self, name: &str) -> Option<usize> {
        let at = self.columns.iter().position(|c| c.name == name)?;
        (!self.is_of_json(at)).then_some(at)
    }

    pub(crate) fn column_type(&self, position: usize) -> &DataType {
        &self.columns[position].ty
    }

    /// An error that says what is wrong with the data of a column.
    pub(crate) fn damaged_column(&self, position: usize, problem: impl Into<String>) -> StorageError {
        self.loading()
            .damaged(&self.columns[position].data_file(), 0, problem)
    }

    /// Reads and verifies every file and every block.
    pub fn check(&self) -> Result<()> {
        self.check_own()?;
        self.around().check_all(&self.checksums)
    }

    /// The same without hidden parts, whose damage costs no row.
    pub(crate) fn check_own(&self) -> Result<()> {
        let loading = self.loading();
        for file in self
            .checksums
            .files
            .keys()
            .filter(|file| !hidden::is_hidden(file))
        {
            loading.file(file, Some(&self.checksums))?;
        }
        let counters = crate::ReadCounters::default();
        for column in 0..self.columns.len() {
            self.decode_granules(column, 0..self.granules(), &counters)?;
        }
        for json in &self.json {
            self.check_json(json)?;
        }
        if self.has_lookup() {
            self.lookup()?;
        }
        Ok(())
    }

    /// Of `checksums.txt`.
    fn checksums_bytes(&self) -> u64 {
        self.checksums_bytes
    }

    /// Puts all texts of a column together again.
    fn check_json(&self, json: &PartJson) -> Result<()> {
        let counters = crate::ReadCounters::default();
        for start in (0..self.granules()).step_by(SEGMENT_GRANULES) {
            let granules = start..(start + SEGMENT_GRANULES).min(self.granules());
            json_shred::assembled(self, json, |position| {
                self.decode_granules(position, granules.clone(), &counters)
            })?;
        }
        Ok(())
    }

    /// Least and greatest values of granules, when the part has them. Damage is reported and otherwise means that
    /// nothing is known.
    pub(crate) fn granule_ranges(&self, counters: &ReadCounters) -> Option<Arc<GranuleRanges>> {
        if !self.checksums.files.contains_key(GRANULE_RANGES_FILE) {
            return None;
        }
        let loaded = self.cache.ranges.get_or_load((self.uid, 0), || {
            let loading = self.loading();
            let bytes = loading.file(GRANULE_RANGES_FILE, Some(&self.checksums))?;
            counters.add_file_bytes(bytes.len());
            let ranges = GranuleRanges::decode(&bytes, self.granules())
                .map_err(|e| loading.damaged(GRANULE_RANGES_FILE, 0, e.to_string()))?;
            let size = ranges.byte_size();
            Ok::<_, StorageError>((ranges, size))
        });
        self.or_unknown(loaded)
    }

    /// The skip index, when the part has it as it is declared.
    pub(crate) fn skip_index(&self, def: &SkipIndexDef, counters: &ReadCounters) -> Option<Arc<SkipIndex>> {
        let file = def.file();
        if !self.checksums.files.contains_key(&file) {
            return None;
        }
        // Another declaration under the same name is another object.
        let object = (hash64(format!("{file} {}", def.fingerprint).as_bytes()) >> 32) as u32;
        let loaded = self.cache.indexes.get_or_load((self.uid, object), || {
            let loading = self.loading();
            let bytes = loading.file(&file, Some(&self.checksums))?;
            counters.add_file_bytes(bytes.len());
            let index = SkipIndex::decode(&bytes, def, self.granules())
                .map_err(|e| loading.damaged(&file, 0, e.to_string()))?;
            let size = index.as_ref().map_or(0, SkipIndex::byte_size);
            Ok::<_, StorageError>((index.map(Arc::new), size))
        });
        self.or_unknown(loaded)?.as_ref().clone()
    }

    /// Whether the part has a file of this skip index.
    pub fn has_skip_index(&self, def: &SkipIndexDef) -> bool {
        self.checksums.files.contains_key(&def.file())
    }

    /// Bytes of a skip index's file.
    pub fn skip_index_bytes(&self, def: &SkipIndexDef) -> u64 {
        self.checksums.files.get(&def.file()).map_or(0, |f| f.bytes)
    }

    /// An index that cannot be read proves nothing; the rows themselves are read.
    fn or_unknown<T>(&self, loaded: Result<T>) -> Option<T> {
        loaded
            .inspect_err(|error| tracing::warn!(part = %self.name, table = %self.table, %error, "reading without an index"))
            .ok()
    }

    pub(crate) fn has_lookup(&self) -> bool {
        self.checksums.files.contains_key(LOOKUP_FILE)
    }

    pub(crate) fn lookup(&self) -> Result<Arc<LookupIndex>> {
        if let Some(lookup) = self.lookup.get() {
            return Ok(lookup.clone());
        }
        let loading = self.loading();
        let bytes = loading.file(LOOKUP_FILE, Some(&self.checksums))?;
        let lookup =
            LookupIndex::decode(&bytes).map_err(|e| loading.damaged(LOOKUP_FILE, 0, e.to_string()))?;
        Ok(self.lookup.get_or_init(|| Arc::new(lookup)).clone())
    }

    /// Granules that may hold rows with these look-up hashes, each with the position of its hash.
    pub(crate) fn lookup_candidates(
        &self,
        hashes: impl Iterator<Item = (usize, u64)>,
    ) -> Result<Vec<(usize, usize)>> {
        let lookup = self.lookup()?;
        let mut out = Vec::new();
        let mut file: Option<Arc<dyn ReadFile>> = None;
        let path = format!("{}/{LOOKUP_FILE}", self.folder);
        for (row, hash) in hashes {
            for entry in lookup.candidates(hash) {
                let file = match &mut file {
                    Some(file) => file,
                    none => none.insert(self.directory.open(&path).map_err(io_at("open", &path))?),
                };
                let place = lookup.granule_place(entry);
                let mut bytes = [0; 8];
                file.read_at(place.offset, &mut bytes[..place.bytes])
                    .map_err(io_at("read", &path))?;
                let granule = place.granule(bytes);
                if granule >= self.granules() {
                    let problem = format!("there is no granule {granule}");
                    return Err(self.loading().damaged(LOOKUP_FILE, place.offset, problem));
                }
                out.push((granule, row));
            }
        }
        Ok(out)
    }

    /// How long it has been known, as far as somebody has asked.
    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        let here = now_ms.saturating_sub(*self.seen_ms.get_or_init(|| now_ms));
        here.saturating_add(self.age_at_open_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn set_obsolete(&self) {
        self.obsolete.store(true, Ordering::Release);
    }

    /// Whether a reader met damage since the part was opened or last found whole.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Acquire)
    }

    pub(crate) fn clear_suspect(&self) {
        self.suspect.store(false, Ordering::Release);
    }

    fn loading(&self) -> Loading<'_> {
        Loading {
            directory: self.directory.as_ref(),
            table: &self.table,
            part: self.name.to_string(),
            folder: &self.folder,
            checksums: Some(&self.checksums),
            suspect: Some(&self.suspect),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.obsolete.load(Ordering::Acquire) {
            return;
        }
        self.cache.remove_part(self.uid);
        for hidden in &self.hidden {
            self.cache.remove_part(hidden.part.uid);
        }
        // What stays behind is found and removed at the next start.
        if let Err(error) = self.directory.remove_folder(&self.folder) {
            tracing::warn!(part = %self.name, table = %self.table, %error, "cannot remove the folder of an obsolete part");
        }
    }
}

/// Reads whole files of a part and names it in errors.
struct Loading<'a> {
    directory: &'a dyn Directory,
    table: &'a str,
    part: String,
    folder: &'a str,
    /// Once they are read: they know where the sections of the data file are.
    checksums: Option<&'a Checksums>,
    /// Of a part that is open: told of every damage.
    suspect: Option<&'a AtomicBool>,
}

impl Loading<'_> {
    fn damaged(&self, file: &str, offset: u64, problem: impl Into<String>) -> StorageError {
        if let Some(suspect) = self.suspect {
            suspect.store(true, Ordering::Release);
        }
        let problem = problem.into();
        let section = self.checksums.and_then(|c| c.sections.get(file));
        let (file, offset, problem) = match section {
            None => (file, offset, problem),
            Some(start) => (
                DATA_FILE,
                start + offset,
                format!("in section `{file}`: {problem}"),
            ),
        };
        StorageError::DamagedPart {
            table: self.table.to_owned(),
            part: self.part.clone(),
            file: file.to_owned(),
            offset,
            problem,
        }
    }

    /// The bytes of a file, compared with `checksums` when given.
    fn file(&self, file: &str, checksums: Option<&Checksums>) -> Result<Vec<u8>> {
        let path = format!("{}/{file}", self.folder);
        let bytes = read_all(self.directory, &path).map_err(|error| self.unreadable(file, &path, error))?;
        if let Some(checksums) = checksums {
            let Some(expected) = checksums.files.get(file) else {
                return Err(self.damaged(CHECKSUMS_FILE, 0, format!("it does not list `{file}`")));
            };
            if *expected != checksums::FileChecksum::of(&bytes) {
                return Err(self.damaged(file, 0, "size or hash are not those in checksums.txt"));
            }
        }
        Ok(bytes)
    }

    /// A file that is gone is damage; any other failure may pass.
    fn unreadable(&self, file: &str, path: &str, error: std::io::Error) -> StorageError {
        match error.kind() {
            std::io::ErrorKind::NotFound => self.damaged(file, 0, "the file is missing"),
            _ => io_at("read", path)(error),
        }
    }

    fn check_size(&self, file: &str, bytes: u64) -> Result<()> {
        let path = format!("{}/{file}", self.folder);
        let found = self.directory.open(&path).and_then(|f| f.size());
        let found = found.map_err(|error| self.unreadable(file, &path, error))?;
        if found == bytes {
            Ok(())
        } else {
            Err(self.damaged(
                file,
                found.min(bytes),
                format!("{found} bytes, checksums.txt says {bytes}"),
            ))
        }
    }

    fn parse<T>(
        &self,
        file: &str,
        bytes: &[u8],
        parse: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<T> {
        std::str::from_utf8(bytes)
            .map_err(|_| "not UTF-8".to_owned())
            .and_then(parse)
            .map_err(|problem| self.damaged(file, 0, problem))
    }
}
