//! What ingestion and capture ask of the metadata.

use std::sync::Arc;

use async_trait::async_trait;
use ingest::{Directory, DirectoryError};
use metadata::{Metadata, MetadataError};
use model::{Definition, GroupType, GroupTypeIndex, Project, ProjectId};

pub struct StoreDirectory {
    pub metadata: Metadata,
}

#[async_trait]
impl Directory for StoreDirectory {
    async fn group_types(&self, project: ProjectId) -> Result<Vec<GroupType>, DirectoryError> {
        self.metadata.group_types(project).await.map_err(unavailable)
    }

    async fn register_group_type(
        &self,
        project: ProjectId,
        name: &str,
    ) -> Result<Option<GroupTypeIndex>, DirectoryError> {
        self.metadata
            .register_group_type(project, name)
            .await
            .map_err(unavailable)
    }

    async fn record_definitions(&self, definitions: Vec<Definition>) -> Result<(), DirectoryError> {
        self.metadata
            .record_definitions(&definitions)
            .await
            .map_err(unavailable)
    }

    async fn mark_ingested(&self, project: ProjectId) -> Result<(), DirectoryError> {
        self.metadata.mark_ingested(project).await.map_err(unavailable)
    }
}

fn unavailable(error: MetadataError) -> DirectoryError {
    let source = std::error::Error::source(&error)
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    DirectoryError::Unavailable(format!("{error}{source}"))
}

pub struct Projects {
    pub metadata: Metadata,
}

#[async_trait]
impl capture::Projects for Projects {
    async fn by_token(&self, token: &str) -> Result<Option<Arc<Project>>, capture::ProjectsError> {
        self.metadata
            .project_by_token(token)
            .await
            .map_err(|error| capture::ProjectsError::Unavailable(error.to_string()))
    }
}
