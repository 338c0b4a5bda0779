//! Values that are bound to a statement, never written into it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A bind parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Uuid(Uuid),
    /// Microsecond precision; what is finer is cut.
    Timestamp(DateTime<Utc>),
    Texts(Vec<String>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Uuids(Vec<Uuid>),
    Timestamps(Vec<DateTime<Utc>>),
}

impl Value {
    /// The type in a ClickHouse placeholder, `{p0:…}`.
    pub fn clickhouse_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "String",
            Self::Int(_) => "Int64",
            Self::Float(_) => "Float64",
            Self::Bool(_) => "Bool",
            Self::Uuid(_) => "UUID",
            Self::Timestamp(_) => "DateTime64(6, 'UTC')",
            Self::Texts(_) => "Array(String)",
            Self::Ints(_) => "Array(Int64)",
            Self::Floats(_) => "Array(Float64)",
            Self::Uuids(_) => "Array(UUID)",
            Self::Timestamps(_) => "Array(DateTime64(6, 'UTC'))",
        }
    }

    /// The type of the parameter in Postgres.
    pub fn postgres_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Int(_) => "bigint",
            Self::Float(_) => "double precision",
            Self::Bool(_) => "boolean",
            Self::Uuid(_) => "uuid",
            Self::Timestamp(_) => "timestamptz",
            Self::Texts(_) => "text[]",
            Self::Ints(_) => "bigint[]",
            Self::Floats(_) => "double precision[]",
            Self::Uuids(_) => "uuid[]",
            Self::Timestamps(_) => "timestamptz[]",
        }
    }

    /// Same parameter? NaN is itself, 0.0 is not -0.0.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Floats(a), Self::Floats(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (a, b) => a == b,
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    String => Text,
    &str => Text,
    &String => Text,
    i64 => Int,
    i32 => Int,
    u32 => Int,
    u8 => Int,
    f64 => Float,
    bool => Bool,
    Uuid => Uuid,
    DateTime<Utc> => Timestamp,
    Vec<String> => Texts,
    &[String] => Texts,
    Vec<i64> => Ints,
    Vec<f64> => Floats,
    Vec<Uuid> => Uuids,
    &[Uuid] => Uuids,
    Vec<DateTime<Utc>> => Timestamps,
    &[DateTime<Utc>] => Timestamps,
}
