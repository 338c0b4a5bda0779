//! What can go wrong with metadata.

#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    #[error("the metadata database failed to {step}")]
    Database {
        step: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("cannot migrate the metadata database")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row that no version of ours writes.
    #[error("the metadata database holds a bad {what}: {detail}")]
    Corrupt { what: &'static str, detail: String },
    /// A name that has to be unique is taken; `id` is who has it.
    #[error("name is taken by {id}")]
    NameTaken { id: i64 },
}

impl MetadataError {
    /// For `map_err`: `step` completes "failed to …".
    pub(crate) fn on(step: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { step, source }
    }

    /// The same call may succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Database { .. })
    }
}
