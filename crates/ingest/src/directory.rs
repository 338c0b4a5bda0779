//! What ingestion asks of the metadata: group types and definitions.

use async_trait::async_trait;
use model::{Definition, GroupType, GroupTypeIndex, ProjectId};

#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The same call may succeed later. Capture answers 503.
    #[error("the metadata is unavailable: {0}")]
    Unavailable(String),
}

/// All calls may be repeated without harm.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    async fn group_types(&self, project: ProjectId) -> Result<Vec<GroupType>, DirectoryError>;

    /// Index of the type, registering it when there is room (5 per project). `None`: no room.
    async fn register_group_type(
        &self,
        project: ProjectId,
        name: &str,
    ) -> Result<Option<GroupTypeIndex>, DirectoryError>;

    /// Inserts what is new. A known property without a type takes the given one; a known type stays.
    async fn record_definitions(&self, definitions: Vec<Definition>) -> Result<(), DirectoryError>;

    /// The project has received its first event.
    async fn mark_ingested(&self, project: ProjectId) -> Result<(), DirectoryError>;
}
