//! Storage of the columnar engine: WAL, memtables, parts, marks, sparse indexes, merges, manifest, snapshots, scans.
//!
//! It knows columns and parts; it knows no SQL. Expressions of a table are computed by its owner through [`KeyExprs`].
//! Only [`directory`] touches files. Formats: `docs/format/`.

mod block_cache;
mod catalog;
mod changed_run;
mod commit_queue;
mod counters;
pub mod directory;
mod disks;
mod error;
mod expiry;
mod final_scan;
mod json_shred;
mod key_condition;
mod log_file;
mod lookup_index;
mod manifest;
mod memtable;
mod merge_rule;
mod merge_selector;
mod merge_stream;
mod mutation;
mod object_cache;
mod options;
mod part;
mod part_scan;
mod projection_scan;
mod pruning;
mod row_fold;
mod skip_index;
mod snapshot;
mod sorted_run;
mod storage;
mod table_def;
mod token_window;
mod wal;

pub use counters::{ReadCounters, ReadCounts};
pub use directory::{Directory, LocalDirectory};
pub use disks::{DEFAULT_DISK, DEFAULT_POLICY, Disk, Disks, Place, StoragePolicy, Volume};
pub use engine_codec::{
    ByteReader, Codec, CodecMisuse, ColumnCodec, Compression, decode_value, encode_value,
};
pub use error::{Result, StorageError};
pub use expiry::{ExpiryBounds, ExpiryStage, NO_MOMENT, PartRule, RowExpiry};
pub use final_scan::FinalScan;
pub use json_shred::DerivedColumn;
pub use key_condition::{Bound, KeyCondition, KeyRef, Predicate, RangeImage, Test, ValueRange, ValueSet};
pub use mutation::{MutationStatus, RowChange, RowEffect};
pub use object_cache::CacheCounts;
pub use options::{AutoDictionaries, StorageOptions};
pub use part::{
    ColumnOnDisk, JsonCellsOnDisk, JsonPathOnDisk, Layout, Part, PartName, PartSummary, escape, unescape,
};
pub use projection_scan::ProjectionChoice;
pub use pruning::{Pruning, PruningStage, PruningStep};
pub use row_fold::RowFold;
pub use skip_index::{SkipIndexDef, SkipIndexKind, ngrams, token_hash, tokens, value_hash};
pub use snapshot::{Morsel, Snapshot};
pub use storage::{
    Appended, CacheKind, CloneMode, DetachedPart, DetachedSelection, Maintained, PartSelection, Storage,
};
pub use table_def::{
    ColumnDef, ColumnSource, DefinitionLoader, KeyExprs, MergeRule, PartPressure, Partitions, Projection,
    ProjectionRows, TableDef, TableId, VerticalMerges, WideFrom,
};
pub use token_window::TableToken;
