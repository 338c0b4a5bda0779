//! Data types, values and column vectors: the vocabulary that every engine crate shares. No IO, no SQL.

mod aggregate_type;
mod block;
mod buffer;
mod column;
mod data_type;
mod string_column;
mod value;

pub use aggregate_type::AggregateType;
pub use block::{Block, Field, Schema};
pub use buffer::Buffer;
pub use column::{ArrayColumn, Column, ConstColumn, DictColumn, NullableColumn, RunsColumn, TupleColumn};
pub use data_type::{DataType, IntervalUnit, TypeParseError};
pub use string_column::{StringColumn, StringColumnBuilder};
pub use value::Value;
