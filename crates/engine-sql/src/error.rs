//! Refusals of the SQL front end, with ClickHouse's error numbers.

use engine_functions::FunctionError;

/// ClickHouse's numbers for what this crate refuses.
pub mod code {
    pub const UNSUPPORTED_METHOD: u32 = 1;
    pub const TYPE_MISMATCH: u32 = 53;
    pub const BAD_ARGUMENTS: u32 = 36;
    pub const NUMBER_OF_ARGUMENTS: u32 = 42;
    pub const ILLEGAL_TYPE_OF_ARGUMENT: u32 = 43;
    pub const UNKNOWN_FUNCTION: u32 = 46;
    pub const UNKNOWN_IDENTIFIER: u32 = 47;
    pub const NOT_IMPLEMENTED: u32 = 48;
    pub const UNKNOWN_TYPE: u32 = 50;
    pub const ILLEGAL_COLUMN_FOR_FILTER: u32 = 59;
    pub const UNKNOWN_TABLE: u32 = 60;
    pub const SYNTAX_ERROR: u32 = 62;
    pub const UNKNOWN_SETTING: u32 = 115;
    pub const INVALID_LIMIT: u32 = 440;
    pub const TOO_BIG_AST: u32 = 168;
    pub const CYCLIC_ALIASES: u32 = 174;
    pub const MULTIPLE_EXPRESSIONS_FOR_ALIAS: u32 = 179;
    pub const ILLEGAL_AGGREGATION: u32 = 184;
    pub const AMBIGUOUS_IDENTIFIER: u32 = 207;
    pub const NOT_AN_AGGREGATE: u32 = 215;
    pub const UNION_COLUMNS_MISMATCH: u32 = 258;
    pub const INVALID_JOIN_ON: u32 = 403;
    pub const NO_COMMON_TYPE: u32 = 386;
    pub const UNKNOWN_QUERY_PARAMETER: u32 = 456;
    pub const BAD_QUERY_PARAMETER: u32 = 457;
    pub const UNION_MODE: u32 = 558;
    pub const UNKNOWN_TABLE_FUNCTION: u32 = 46;
    pub const INCORRECT_ELEMENT_OF_SET: u32 = 34;
    pub const NOT_FOUND_COLUMN_IN_BLOCK: u32 = 10;
    pub const SAMPLING_NOT_SUPPORTED: u32 = 141;
    pub const TUPLE_INDEX: u32 = 127;
}

/// Where in the text: both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// `code` is ClickHouse's number; the position is known for syntax errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    pub code: u32,
    pub message: String,
    pub position: Option<Position>,
}

impl SqlError {
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            position: None,
        }
    }

    pub fn not_implemented(what: impl std::fmt::Display) -> Self {
        Self::new(code::NOT_IMPLEMENTED, format!("{what} is not supported"))
    }
}

impl From<FunctionError> for SqlError {
    fn from(error: FunctionError) -> Self {
        Self::new(error.code, error.message)
    }
}
