//! Type names as written: resolved to a `DataType` only where a value of the type is needed.

use super::Literal;

/// `Array(Nullable(String))`, `DateTime64(6, 'UTC')`, `Enum8('a' = 1)`, `AggregateFunction(quantile(0.5), UInt64)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName {
    pub name: String,
    /// `None`: no parentheses.
    pub args: Option<Vec<TypeArg>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeArg {
    Type(TypeName),
    /// Elements of named tuples and of `Nested`.
    Named(String, TypeName),
    Literal(Literal),
    /// `'a' = 1` of enums.
    EnumValue(Vec<u8>, String),
}

impl TypeName {
    pub fn simple(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            args: None,
        }
    }
}
