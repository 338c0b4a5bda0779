//! Settings of an engine as a whole.

use std::path::PathBuf;

use engine_storage::{AutoDictionaries, ColumnCodec, StoragePolicy, WideFrom};

/// A folder, on a file system of its own, for parts of tables whose policy names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    pub name: String,
    pub path: PathBuf,
}

/// What [`crate::Engine::open`] takes. The defaults suit a server with a few GB of memory.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Hard limit of bytes that all queries together hold.
    pub memory_bytes: usize,
    /// Hard limit of bytes one query holds, unless its `max_memory_usage` says less.
    pub query_memory_bytes: usize,
    /// Decoded blocks kept for the next scan.
    pub cache_bytes: usize,
    /// Threads of one query at most.
    pub max_threads: usize,
    /// Rows in a block between operators.
    pub block_size: usize,
    /// Wait for the disk before an insert returns. Without it a power cut may lose what was acknowledged.
    pub fsync: bool,
    /// Flush and merge in threads of the engine's own. Without it the owner calls [`crate::Engine::maintain`].
    pub background: bool,
    /// A memtable becomes a part at this many rows, bytes, or milliseconds after its first row.
    pub flush_rows: usize,
    pub flush_bytes: usize,
    pub flush_age_ms: u64,
    /// Make a part of every insert at once; for tests.
    pub flush_every_insert: bool,
    /// Rows of a granule instead of what tables say; for tests.
    pub granule_rows: Option<usize>,
    /// The codec of every column that allows it instead of its own; for tests.
    pub forced_codec: Option<ColumnCodec>,
    /// Which columns without a codec are stored as codes; other than the default for tests.
    pub auto_dictionaries: AutoDictionaries,
    /// Where parts become wide, instead of what tables say; for tests.
    pub forced_wide_from: Option<WideFrom>,
    /// Keys of a JSON column that get columns of their own in a part, at most; 0: JSON is kept as text.
    pub json_keys_max: usize,
    /// Parts of fewer rows keep JSON as text.
    pub json_rows_min: usize,
    /// Disks besides that of the data folder, which is called `default` …
    pub disks: Vec<DiskConfig>,
    /// … and which tables may use them how.
    pub storage_policies: Vec<StoragePolicy>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            memory_bytes: 6 << 30,
            query_memory_bytes: 4 << 30,
            cache_bytes: 512 << 20,
            max_threads: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            block_size: 8192,
            fsync: true,
            background: true,
            flush_rows: 1_000_000,
            flush_bytes: 64 << 20,
            flush_age_ms: 60_000,
            flush_every_insert: false,
            granule_rows: None,
            forced_codec: None,
            auto_dictionaries: AutoDictionaries::default(),
            forced_wide_from: None,
            json_keys_max: 256,
            json_rows_min: 4096,
            disks: Vec::new(),
            storage_policies: Vec::new(),
        }
    }
}
