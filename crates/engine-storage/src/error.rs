//! What can go wrong in storage, named by table, part, file and offset.

use std::io;

use engine_codec::CodecError;

use crate::TableId;

#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("cannot {action} `{path}`")]
    Io {
        action: &'static str,
        path: String,
        #[source]
        source: io::Error,
    },
    /// Bytes of a part are not what was written. ClickHouse's CHECKSUM_DOESNT_MATCH (40).
    #[error("part `{part}` of table {table}: `{file}` is damaged at offset {offset}: {problem}")]
    DamagedPart {
        table: String,
        part: String,
        file: String,
        offset: u64,
        problem: String,
    },
    #[error("log `{file}` is damaged at offset {offset}: {problem}")]
    DamagedLog {
        file: String,
        offset: u64,
        problem: String,
    },
    #[error("the data directory is used by another process: `{path}`")]
    Locked { path: String },
    #[error("there is no table {0}")]
    UnknownTable(TableId),
    #[error("there is no table `{database}`.`{name}`")]
    UnknownTableName { database: String, name: String },
    #[error("table `{database}`.`{name}` exists already")]
    TableExists { database: String, name: String },
    /// The caller's block does not fit the table.
    #[error("rows for table {table} do not fit: {problem}")]
    BadBlock { table: String, problem: String },
    /// A key, partition or default expression of the caller failed.
    #[error("an expression of table {table} failed: {problem}")]
    Expression { table: String, problem: String },
    /// A TTL expression failed.
    #[error("cannot tell which rows have expired: {0}")]
    Expiry(String),
    /// What joins rows of one sorting key failed.
    #[error("rows of one sorting key cannot be joined: {0}")]
    Fold(String),
    #[error("cannot read the definition of table `{database}`.`{name}`: {problem}")]
    Definition {
        database: String,
        name: String,
        problem: String,
    },
    /// After a failed write whose file could not be repaired. Reading goes on; a restart recovers.
    #[error("`{file}` takes no more writes after an earlier failure: {problem}")]
    Poisoned { file: String, problem: String },
    /// What a mutation met; it is tried again until it is killed.
    #[error("mutation `mutation_{number}.txt` of table {table} failed on part `{part}`: {reason}")]
    Mutation {
        table: String,
        number: u64,
        part: String,
        reason: String,
    },
    #[error("group commit failed: {0}")]
    Commit(String),
    #[error("table {table} has no active part `{part}`")]
    UnknownPart { table: String, part: String },
    #[error("table {table} has no detached part `{part}`")]
    UnknownDetachedPart { table: String, part: String },
    /// A part that another table could have written, but not this one.
    #[error("part `{part}` does not fit table {table}: {problem}")]
    PartMisfit {
        table: String,
        part: String,
        problem: String,
    },
    #[error("tables {table} and {other} have different structures")]
    OtherStructure { table: String, other: String },
    #[error("part `{part}` is in the frozen copy `{name}` already")]
    FrozenExists { part: String, name: String },
    /// Merges do not keep up with inserts.
    #[error(
        "table {table} has {parts} parts in partition `{partition}`, {limit} are too many: merges do not keep up with inserts"
    )]
    TooManyParts {
        table: String,
        partition: String,
        parts: usize,
        limit: usize,
    },
    /// A disk that is not there, or not what it should be.
    #[error("disk `{disk}`: {problem}")]
    Disk { disk: String, problem: String },
    #[error("the configuration of disks and storage policies: {0}")]
    Disks(String),
    #[error("table {table} has storage policy `{policy}`, which is not configured")]
    UnknownPolicy { table: String, policy: String },
    #[error("cannot encode rows of table {table}")]
    Encode {
        table: String,
        #[source]
        source: CodecError,
    },
}

impl StorageError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Commit(_) | Self::TooManyParts { .. } => true,
            Self::DamagedPart { .. }
            | Self::DamagedLog { .. }
            | Self::Locked { .. }
            | Self::UnknownTable(_)
            | Self::UnknownTableName { .. }
            | Self::TableExists { .. }
            | Self::BadBlock { .. }
            | Self::Expression { .. }
            | Self::Fold(_)
            | Self::Expiry(_)
            | Self::Definition { .. }
            | Self::Poisoned { .. }
            | Self::UnknownPart { .. }
            | Self::UnknownDetachedPart { .. }
            | Self::PartMisfit { .. }
            | Self::OtherStructure { .. }
            | Self::FrozenExists { .. }
            | Self::Mutation { .. }
            | Self::Disk { .. }
            | Self::Disks(_)
            | Self::UnknownPolicy { .. }
            | Self::Encode { .. } => false,
        }
    }
}

pub type Result<T> = std::result::Result<T, StorageError>;

/// Names the action and the path of an IO error.
pub(crate) fn io_at(action: &'static str, path: &str) -> impl FnOnce(io::Error) -> StorageError {
    let path = path.to_owned();
    move |source| StorageError::Io { action, path, source }
}
