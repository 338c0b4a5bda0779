//! Runs a logical plan over column blocks: operators, expressions, memory budget, threads. No SQL text, no files.

mod block_ops;
mod context;
mod error;
mod evaluate;
mod execute;
mod hash;
mod held;
mod in_set;
mod interner;
mod key_table;
mod memory;
mod operators;
mod pipeline;
mod planner;
mod program;
mod row_bytes;
mod row_runs;
mod sort_key;
mod source;
mod uuid_interner;
mod workers;

pub use context::{ExecContext, QueryStats};
pub use error::ExecError;
pub use execute::{CompiledExprs, QueryResult, evaluate_constant, evaluate_exprs, execute};
pub use memory::Memory;
pub use source::{EmptySource, Scan, ScanRequest, TableSource};

#[cfg(test)]
mod tests;
