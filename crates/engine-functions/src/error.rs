//! What a function can refuse, with ClickHouse's error codes.

use engine_types::DataType;

/// `code` is ClickHouse's number (43 ILLEGAL_TYPE_OF_ARGUMENT, 42 NUMBER_OF_ARGUMENTS_DOESNT_MATCH, 36 BAD_ARGUMENTS,
/// 153 ILLEGAL_DIVISION, 6 CANNOT_PARSE_TEXT, …).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FunctionError {
    pub code: u32,
    pub message: String,
}

pub(crate) const CANNOT_PARSE_TEXT: u32 = 6;
pub(crate) const TOO_FEW_ARGUMENTS: u32 = 35;
pub(crate) const BAD_ARGUMENTS: u32 = 36;
pub(crate) const CANNOT_PARSE_DATE: u32 = 38;
pub(crate) const CANNOT_PARSE_DATETIME: u32 = 41;
pub(crate) const ARGUMENT_COUNT: u32 = 42;
pub(crate) const ILLEGAL_TYPE: u32 = 43;
pub(crate) const ILLEGAL_COLUMN: u32 = 44;
pub(crate) const TYPE_MISMATCH: u32 = 53;
pub(crate) const TOO_LARGE_STRING: u32 = 131;
pub(crate) const SYNTAX_ERROR: u32 = 62;
pub(crate) const UNKNOWN_AGGREGATE: u32 = 63;
pub(crate) const ARGUMENT_OUT_OF_BOUND: u32 = 69;
pub(crate) const CANNOT_CONVERT_TYPE: u32 = 70;
pub(crate) const CANNOT_PARSE_NUMBER: u32 = 72;
pub(crate) const TOO_LARGE_ARRAY: u32 = 128;
pub(crate) const ILLEGAL_INDEX: u32 = 127;
pub(crate) const ILLEGAL_DIVISION: u32 = 153;
pub(crate) const TOO_SLOW: u32 = 160;
pub(crate) const SIZES_OF_ARRAYS: u32 = 190;
pub(crate) const CORRUPTED_STATE: u32 = 246;
pub(crate) const CANNOT_PARSE_UUID: u32 = 376;
pub(crate) const NO_COMMON_TYPE: u32 = 386;
pub(crate) const CANNOT_COMPILE_REGEXP: u32 = 427;
pub(crate) const CANNOT_PARSE_BOOL: u32 = 467;

impl FunctionError {
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn illegal_type(function: &str, ty: &DataType) -> Self {
        Self::new(
            ILLEGAL_TYPE,
            format!("Illegal type {ty} of argument of function {function}"),
        )
    }

    pub(crate) fn illegal_types(function: &str, a: &DataType, b: &DataType) -> Self {
        Self::new(
            ILLEGAL_TYPE,
            format!("Illegal types {a} and {b} of arguments of function {function}"),
        )
    }

    /// A column whose physical form is not that of its type: the caller broke the contract.
    pub(crate) fn form(expected: &str) -> Self {
        Self::new(ILLEGAL_COLUMN, format!("expected a column of {expected}"))
    }
}
