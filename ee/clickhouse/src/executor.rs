//! Where the SQL runs: in the embedded engine, or on a ClickHouse server.

mod embedded;
mod http;

use async_trait::async_trait;
use event_store::Result;
use model::ProjectId;
use sql_builder::Statement;
use uuid::Uuid;

pub use embedded::Embedded;
pub use http::{Cluster, Http, HttpOptions};

use crate::row::{Cell, Rows};

/// Rows for one table.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    pub table: &'static str,
    /// The table's other columns get their defaults.
    pub columns: &'static [(&'static str, ColumnType)],
    pub rows: Vec<Vec<Cell>>,
}

/// Type of a column that rows are inserted into: the engine takes columns in exactly the table's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    Bool,
    UInt8,
    UInt64,
    Int8,
    Int64,
    Text,
    Uuid,
    /// DateTime: a [`Cell::UInt`] of seconds.
    Seconds,
    /// DateTime64(6, 'UTC'): a [`Cell::Time`].
    Time,
}

#[async_trait]
pub trait Executor: Send + Sync + 'static {
    /// The store's name: `columnar` or `clickhouse`.
    fn name(&self) -> &'static str;

    async fn query(&self, statement: Statement) -> Result<Rows>;

    /// A statement without parameters and without an answer: DDL, INSERT … SELECT.
    async fn command(&self, sql: &str) -> Result<()>;

    /// A statement with parameters and without an answer. Repeating it is the caller's business.
    async fn execute(&self, statement: Statement) -> Result<()>;

    /// All inserts, durable and visible to the next query; a repeated `token` changes nothing. The engine takes all
    /// tables or none; a server takes them in list order, and a repeat completes what an interruption left out.
    async fn insert(&self, inserts: Vec<Insert>, token: &str) -> Result<()>;

    /// Which of these events are stored. `None`: the executor has no faster way than a query.
    async fn known_events(&self, project: ProjectId, uuids: &[Uuid]) -> Result<Option<Vec<Uuid>>>;

    /// A text that changes with every insert. `None`: the executor has no faster way than a query.
    async fn data_version(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// The cluster of servers that the statements are for.
    fn cluster(&self) -> Option<&str> {
        None
    }

    async fn close(&self) -> Result<()>;
}
