//! A chunk of a table in memory: columns of equal length, and the schema that names and types them.

use crate::{Column, DataType};

/// Name and type of one column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub name: String,
    pub ty: DataType,
}

impl Field {
    pub fn new(name: impl Into<String>, ty: DataType) -> Self {
        Self {
            name: name.into(),
            ty,
        }
    }
}

pub type Schema = Vec<Field>;

/// Columns of equal length. The schema travels beside it (in the plan), not inside it.
#[derive(Clone, Debug)]
pub struct Block {
    columns: Vec<Column>,
    rows: usize,
}

impl Block {
    /// Panics when a column has another length than `rows`.
    pub fn new(columns: Vec<Column>, rows: usize) -> Self {
        for (i, column) in columns.iter().enumerate() {
            assert_eq!(column.len(), rows, "column {i} of a block of {rows} rows");
        }
        Self { columns, rows }
    }

    /// A block without rows, of the given types.
    pub fn empty<'a>(types: impl IntoIterator<Item = &'a DataType>) -> Self {
        Self::new(types.into_iter().map(Column::empty).collect(), 0)
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub fn column(&self, index: usize) -> &Column {
        &self.columns[index]
    }

    pub fn into_columns(self) -> Vec<Column> {
        self.columns
    }

    pub fn slice(&self, start: usize, len: usize) -> Self {
        Self::new(self.columns.iter().map(|c| c.slice(start, len)).collect(), len)
    }

    /// Rows at `rows`, in that order, repeats allowed.
    pub fn gather(&self, rows: &[u32]) -> Self {
        Self::new(self.columns.iter().map(|c| c.gather(rows)).collect(), rows.len())
    }

    /// All blocks one after the other. Panics when they differ in column count; `blocks` must not be empty.
    pub fn concat(blocks: &[Self]) -> Self {
        let columns = (0..blocks[0].columns.len())
            .map(|i| Column::concat(&blocks.iter().map(|b| &b.columns[i]).collect::<Vec<_>>()))
            .collect();
        Self::new(columns, blocks.iter().map(|b| b.rows).sum())
    }

    /// As [`Block::concat`], with [`Column::concat_runs`].
    pub fn concat_runs(blocks: &[Self]) -> Self {
        let columns = (0..blocks[0].columns.len())
            .map(|i| Column::concat_runs(&blocks.iter().map(|b| &b.columns[i]).collect::<Vec<_>>()))
            .collect();
        Self::new(columns, blocks.iter().map(|b| b.rows).sum())
    }

    /// Bytes of memory the columns point at (shared allocations counted once per column).
    pub fn byte_size(&self) -> usize {
        self.columns.iter().map(Column::byte_size).sum()
    }
}
