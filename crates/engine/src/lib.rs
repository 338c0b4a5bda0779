//! The one door of the columnar engine: open a folder, insert rows, run SQL. Synchronous; knows no network and no product.
//!
//! ```no_run
//! # fn main() -> Result<(), engine::EngineError> {
//! # let now = "2021-11-05T12:00:00Z".parse().expect("a time");
//! let engine = engine::Engine::open("data", engine::EngineConfig::default())?;
//! let options = engine::QueryOptions::new(now);
//! engine.query("CREATE TABLE t (id UInt64, name String) ENGINE = MergeTree ORDER BY id", &options)?;
//! engine.query("INSERT INTO t VALUES (1, 'one'), (2, 'two')", &options)?;
//! let result = engine.query("SELECT name FROM t WHERE id = 2", &options)?;
//! assert_eq!(result.to_tab_separated(), "two\n");
//! # Ok(())
//! # }
//! ```

mod alter;
mod background;
mod binding;
mod catalogue;
mod check;
mod column_codec;
mod config;
mod constraint;
mod ddl;
mod definition;
mod detach;
mod engine;
mod engine_kind;
mod error;
mod expiry;
mod explain;
mod group_projection;
mod insert_block;
mod insert_limits;
mod insert_rows;
mod joined_scan;
mod materialized_view;
mod mutate;
mod mutation_command;
mod nested_arrays;
mod options;
mod partition_verbs;
mod place;
mod projection;
mod pruning;
mod push_to_views;
mod result;
mod roll_up;
mod row_change;
mod row_fold;
mod row_signs;
mod scan;
mod shape;
mod show;
mod skip_index;
mod statement;
mod summed_map;
mod system_tables;
mod table_keys;

pub use check::CheckedPart;
pub use config::{DiskConfig, EngineConfig};
pub use engine::{Engine, Inserted, TableColumnInfo};
pub use error::{EngineError, Result};
pub use insert_rows::TableInsert;
pub use options::{Parameter, QueryOptions};
pub use result::{QueryResult, QuerySummary};
pub use scan::{ScanStep, ScanSummary};

pub use engine_storage::{
    AutoDictionaries, Codec, ColumnCodec, Compression, Disks, StoragePolicy, Volume, WideFrom,
};
pub use engine_types::{Block, Column, DataType, Field, Schema, Value};

#[cfg(test)]
mod tests;
