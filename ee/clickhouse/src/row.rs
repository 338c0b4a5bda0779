//! Typed values that go into and come out of an executor.

use chrono::{DateTime, Utc};
use event_store::{Result, StoreError};
use uuid::Uuid;

/// One value. Integers of every width share a variant, by sign of the type.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    UInt(u64),
    Int(i64),
    Float(f64),
    Text(String),
    Uuid(Uuid),
    Time(DateTime<Utc>),
    Array(Vec<Cell>),
}

/// The answer to a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

/// One row of an answer; its getters fail with the column's name when the type is another than asked for.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'a [String],
    cells: &'a [Cell],
}

impl Rows {
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row {
            columns: &self.columns,
            cells,
        })
    }
}

impl<'a> Row<'a> {
    pub fn cell(self, column: &str) -> Result<&'a Cell> {
        self.columns
            .iter()
            .position(|name| name == column)
            .and_then(|i| self.cells.get(i))
            .ok_or_else(|| StoreError::Failed(format!("the answer has no column `{column}`")))
    }

    fn wrong<T>(column: &str, cell: &Cell, wanted: &str) -> Result<T> {
        Err(StoreError::Failed(format!(
            "column `{column}` holds {cell:?}, not {wanted}"
        )))
    }

    pub fn text(self, column: &str) -> Result<String> {
        match self.cell(column)? {
            Cell::Text(text) => Ok(text.clone()),
            other => Self::wrong(column, other, "a text"),
        }
    }

    pub fn texts(self, column: &str) -> Result<Vec<String>> {
        let cell = self.cell(column)?;
        let Cell::Array(items) = cell else {
            return Self::wrong(column, cell, "an array");
        };
        items
            .iter()
            .map(|item| match item {
                Cell::Text(text) => Ok(text.clone()),
                other => Self::wrong(column, other, "texts"),
            })
            .collect()
    }

    pub fn ints(self, column: &str) -> Result<Vec<i64>> {
        let cell = self.cell(column)?;
        let Cell::Array(items) = cell else {
            return Self::wrong(column, cell, "an array");
        };
        items
            .iter()
            .map(|item| match item {
                Cell::Int(value) => Ok(*value),
                Cell::UInt(value) => {
                    i64::try_from(*value).or_else(|_| Self::wrong(column, item, "integers of 64 bits"))
                }
                other => Self::wrong(column, other, "integers"),
            })
            .collect()
    }

    pub fn int(self, column: &str) -> Result<i64> {
        match self.cell(column)? {
            Cell::Int(value) => Ok(*value),
            cell @ Cell::UInt(value) => {
                i64::try_from(*value).or_else(|_| Self::wrong(column, cell, "an integer of 64 bits"))
            }
            Cell::Bool(value) => Ok((*value).into()),
            other => Self::wrong(column, other, "an integer"),
        }
    }

    pub fn uint(self, column: &str) -> Result<u64> {
        match self.cell(column)? {
            Cell::UInt(value) => Ok(*value),
            cell @ Cell::Int(value) => {
                u64::try_from(*value).or_else(|_| Self::wrong(column, cell, "a natural number"))
            }
            other => Self::wrong(column, other, "a natural number"),
        }
    }

    /// Any number; NULL is `None`.
    pub fn float(self, column: &str) -> Result<Option<f64>> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Float(value) => Ok(Some(*value)),
            Cell::UInt(value) => Ok(Some(*value as f64)),
            Cell::Int(value) => Ok(Some(*value as f64)),
            other => Self::wrong(column, other, "a number"),
        }
    }

    pub fn bool(self, column: &str) -> Result<bool> {
        match self.cell(column)? {
            Cell::Bool(value) => Ok(*value),
            Cell::UInt(value) => Ok(*value != 0),
            Cell::Int(value) => Ok(*value != 0),
            other => Self::wrong(column, other, "a boolean"),
        }
    }

    pub fn uuid(self, column: &str) -> Result<Uuid> {
        match self.cell(column)? {
            Cell::Uuid(value) => Ok(*value),
            other => Self::wrong(column, other, "a uuid"),
        }
    }

    pub fn time(self, column: &str) -> Result<DateTime<Utc>> {
        match self.cell(column)? {
            Cell::Time(value) => Ok(*value),
            other => Self::wrong(column, other, "a time"),
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Cell {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool,
    u64 => UInt,
    u8 => UInt,
    i64 => Int,
    f64 => Float,
    String => Text,
    &str => Text,
    Uuid => Uuid,
    DateTime<Utc> => Time,
}
