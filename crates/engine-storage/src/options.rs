//! Limits and sizes of a storage.

use engine_codec::ColumnCodec;

use crate::table_def::WideFrom;

/// Everything has a sensible default; tests make granules, segments and memtables tiny.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// A table's memtable is flushed by `maintain` from this many rows on …
    pub memtable_rows: usize,
    /// … or this many bytes (twice as many make `append` itself flush) …
    pub memtable_bytes: usize,
    /// … or when its oldest row has waited this long.
    pub memtable_age_ms: u64,
    /// A log segment is closed from this size on.
    pub wal_segment_bytes: u64,
    /// Everything is flushed when the log grows past this.
    pub wal_bytes_max: u64,
    /// Budget of decoded blocks kept for the next scan.
    pub cache_bytes: usize,
    /// Budget of marks kept …
    pub mark_cache_bytes: usize,
    /// … of dictionaries …
    pub dictionary_cache_bytes: usize,
    /// … of skip indexes, and of ranges of granules.
    pub index_cache_bytes: usize,
    /// Merges do not build parts larger than this (compressed).
    pub merge_bytes_max: u64,
    /// Parts that one merge takes at most.
    pub merge_parts_max: usize,
    /// Insert tokens remembered.
    pub tokens_max: usize,
    /// The manifest is rewritten when it has grown to this, and to four times its compact size.
    pub manifest_bytes: u64,
    /// Keys of a JSON column that get columns of their own in a part, at most; 0 = none.
    pub json_keys_max: usize,
    /// Parts of fewer rows keep JSON as text.
    pub json_rows_min: usize,
    /// Write every column that allows it with this codec, whatever its own; for tests.
    pub forced_codec: Option<ColumnCodec>,
    /// Where parts become wide, instead of what tables say; for tests.
    pub forced_wide_from: Option<WideFrom>,
    /// Which columns of strings and UUIDs are stored as codes although nobody asked for it.
    pub auto_dictionaries: AutoDictionaries,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            memtable_rows: 1_000_000,
            memtable_bytes: 64 << 20,
            memtable_age_ms: 60_000,
            wal_segment_bytes: 64 << 20,
            wal_bytes_max: 512 << 20,
            cache_bytes: 256 << 20,
            mark_cache_bytes: 64 << 20,
            dictionary_cache_bytes: 64 << 20,
            index_cache_bytes: 64 << 20,
            merge_bytes_max: 4 << 30,
            merge_parts_max: 16,
            tokens_max: 1000,
            manifest_bytes: 1 << 20,
            json_keys_max: 256,
            json_rows_min: 4096,
            forced_codec: None,
            forced_wide_from: None,
            auto_dictionaries: AutoDictionaries::default(),
        }
    }
}

/// Columns without a codec of their own that parts store as codes into a dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoDictionaries {
    /// Those that a dictionary makes smaller.
    #[default]
    WhereValuesRepeat,
    /// All that can be; for tests.
    Everywhere,
    Nowhere,
}
