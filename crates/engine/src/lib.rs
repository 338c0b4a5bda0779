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
mod ddl;
mod definition;
mod engine;
mod engine_kind;
mod error;
mod explain;
mod insert_rows;
mod options;
mod pruning;
mod result;
mod scan;
mod shape;
mod show;
mod statement;
mod system_tables;
mod table_keys;

pub use check::CheckedPart;
pub use config::EngineConfig;
pub use engine::{Engine, Inserted, TableColumnInfo};
pub use error::{EngineError, Result};
pub use insert_rows::TableInsert;
pub use options::{Parameter, QueryOptions};
pub use result::{QueryResult, QuerySummary};
pub use scan::ScanSummary;

pub use engine_storage::{AutoDictionaries, Codec, ColumnCodec, Compression};
pub use engine_types::{Block, Column, DataType, Field, Schema, Value};

#[cfg(test)]
mod tests;
