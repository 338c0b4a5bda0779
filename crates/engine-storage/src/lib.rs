//! Storage of the columnar engine: WAL, memtables, parts, marks, sparse indexes, merges, manifest, snapshots, scans.
//!
//! It knows columns and parts; it knows no SQL. Expressions of a table are computed by its owner through [`KeyExprs`].
//! Only [`directory`] touches files. Formats: `docs/format/`.

mod block_cache;
mod catalog;
mod commit_queue;
mod counters;
pub mod directory;
mod error;
mod final_scan;
mod key_condition;
mod log_file;
mod lookup_index;
mod manifest;
mod memtable;
mod merge_rule;
mod merge_selector;
mod merge_stream;
mod options;
mod part;
mod part_scan;
mod snapshot;
mod sorted_run;
mod storage;
mod table_def;
mod token_window;
mod wal;

pub use counters::{ReadCounters, ReadCounts};
pub use directory::{Directory, LocalDirectory};
pub use engine_codec::{Codec, CodecMisuse, ColumnCodec, Compression};
pub use error::{Result, StorageError};
pub use final_scan::FinalScan;
pub use key_condition::{ColumnRange, KeyCondition, KeyRef, ValueSet};
pub use options::{AutoDictionaries, StorageOptions};
pub use part::{ColumnOnDisk, Part, PartName, PartSummary, escape, unescape};
pub use snapshot::{Morsel, Snapshot};
pub use storage::{Appended, Maintained, Storage};
pub use table_def::{
    ColumnDef, ColumnSource, DefinitionLoader, KeyExprs, MergeRule, Partitions, TableDef, TableId,
};
