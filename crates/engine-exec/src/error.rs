//! Why a query stopped, with ClickHouse's error codes.

use engine_functions::FunctionError;

/// The code of [`ExecError::MemoryLimit`].
pub(crate) const MEMORY_LIMIT: u32 = 241;

#[derive(Clone, Debug, thiserror::Error)]
pub enum ExecError {
    #[error(transparent)]
    Function(#[from] FunctionError),
    #[error(
        "memory limit for query exceeded: would use {wanted} bytes in `{what}`, the limit is {limit} bytes"
    )]
    MemoryLimit {
        what: &'static str,
        wanted: usize,
        limit: usize,
    },
    #[error("timeout exceeded: the query ran longer than {limit_ms} ms")]
    Timeout { limit_ms: u128 },
    #[error("query was cancelled")]
    Cancelled,
    #[error("limit for rows to read exceeded: {read} rows, the limit is {limit}")]
    TooManyRows { read: u64, limit: u64 },
    #[error("limit for result exceeded: {rows} rows, the limit is {limit}")]
    TooManyResultRows { rows: u64, limit: u64 },
    #[error("scalar sub-query returned more than one row")]
    ScalarSubqueryRows,
    #[error("sizes of ARRAY JOIN-ed arrays do not match: {left} and {right} in one row")]
    ArraySizes { left: u32, right: u32 },
    #[error("not supported: {0}")]
    Unsupported(String),
    /// The plan contradicts itself; a bug of the binder, reported instead of a crash.
    #[error("invalid plan: {0}")]
    InvalidPlan(String),
    /// The table source failed; `code` is its own.
    #[error("{message}")]
    Source { code: u32, message: String },
}

impl ExecError {
    /// ClickHouse's number for this kind of error.
    pub fn code(&self) -> u32 {
        match self {
            Self::Function(error) => error.code,
            Self::MemoryLimit { .. } => MEMORY_LIMIT,
            Self::Timeout { .. } => 159,
            Self::Cancelled => 394,
            Self::TooManyRows { .. } => 158,
            Self::TooManyResultRows { .. } => 396,
            Self::ScalarSubqueryRows => 125,
            Self::ArraySizes { .. } => 190,
            Self::Unsupported(_) => 48,
            Self::InvalidPlan(_) => 49,
            Self::Source { code, .. } => *code,
        }
    }

    /// The same error where only a function's error fits (inside a lambda).
    pub(crate) fn into_function(self) -> FunctionError {
        match self {
            Self::Function(error) => error,
            other => FunctionError::new(other.code(), other.to_string()),
        }
    }
}
