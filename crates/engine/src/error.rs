//! What the engine refuses, with ClickHouse's error codes.

use engine_exec::ExecError;
use engine_functions::FunctionError;
use engine_sql::SqlError;
use engine_storage::StorageError;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Function(#[from] FunctionError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("table `{database}`.`{table}` does not exist")]
    UnknownTable { database: String, table: String },
    #[error("table `{database}`.`{table}` already exists")]
    TableExists { database: String, table: String },
    #[error("database `{0}` does not exist")]
    UnknownDatabase(String),
    #[error("database `{0}` already exists")]
    DatabaseExists(String),
    #[error("there is no column `{column}` in table {table}")]
    UnknownColumn { table: String, column: String },
    #[error("unknown table engine `{0}`")]
    UnknownEngine(String),
    #[error("unknown setting `{0}`")]
    UnknownSetting(String),
    #[error("setting `{name}` has the value `{value}`: {expected} expected")]
    BadSetting {
        name: String,
        value: String,
        expected: &'static str,
    },
    /// Rows or a definition that do not fit; `code` is ClickHouse's.
    #[error("{message}")]
    Refused { code: u32, message: String },
    /// A materialized view could not take the rows of an insert, which for that had no effect.
    #[error("{error}: while pushing to view {view}")]
    View { view: String, error: Box<EngineError> },
    /// The engine broke its own rules; the statement had no effect.
    #[error("internal error: {0}")]
    Internal(String),
}

impl EngineError {
    pub(crate) fn refused(code: u32, message: impl Into<String>) -> Self {
        Self::Refused {
            code,
            message: message.into(),
        }
    }

    /// The message with those of its sources.
    pub(crate) fn with_sources(&self) -> String {
        let mut message = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        message
    }

    /// ClickHouse's number for this kind of error.
    pub fn code(&self) -> u32 {
        match self {
            Self::Sql(error) => error.code,
            Self::Exec(error) => error.code(),
            Self::Function(error) => error.code,
            Self::Storage(error) => storage_code(error),
            Self::UnknownTable { .. } => 60,
            Self::TableExists { .. } => 57,
            Self::UnknownDatabase(_) => 81,
            Self::DatabaseExists(_) => 82,
            Self::UnknownColumn { .. } => 16,
            Self::UnknownEngine(_) => 56,
            Self::UnknownSetting(_) => 115,
            Self::BadSetting { .. } => 72,
            Self::Refused { code, .. } => *code,
            Self::View { error, .. } => error.code(),
            Self::Internal(_) => 49,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Storage(error) => error.retryable(),
            Self::Exec(error) => matches!(error.code(), 159 | 241),
            Self::View { error, .. } => error.retryable(),
            _ => false,
        }
    }
}

pub(crate) fn storage_code(error: &StorageError) -> u32 {
    match error {
        StorageError::DamagedPart { .. } | StorageError::DamagedLog { .. } => 40,
        StorageError::UnknownTable(_) | StorageError::UnknownTableName { .. } => 60,
        StorageError::TableExists { .. } => 57,
        StorageError::BadBlock { .. }
        | StorageError::Expression { .. }
        | StorageError::Fold(_)
        | StorageError::Expiry(_) => 117,
        StorageError::Definition { .. } => 62,
        StorageError::UnknownPart { .. } => 232,
        StorageError::UnknownDetachedPart { .. } => 233,
        StorageError::PartMisfit { .. } | StorageError::OtherStructure { .. } => 122,
        StorageError::FrozenExists { .. } => 84,
        StorageError::TooManyParts { .. } => 252,
        StorageError::Mutation { .. } => 341,
        StorageError::Disk { .. } => 479,
        StorageError::UnknownPolicy { .. } => 478,
        StorageError::Disks(_) => 36,
        StorageError::Io { .. }
        | StorageError::Locked { .. }
        | StorageError::Poisoned { .. }
        | StorageError::Commit(_)
        | StorageError::Encode { .. } => 1000,
    }
}

pub type Result<T> = std::result::Result<T, EngineError>;
