//! What capture asks of the metadata: whose token is it.

use std::sync::Arc;

use async_trait::async_trait;
use model::Project;

#[derive(Debug, thiserror::Error)]
pub enum ProjectsError {
    /// The same call may succeed later; the client gets 503 and sends the events again.
    #[error("projects cannot be looked up: {0}")]
    Unavailable(String),
}

/// Asked once a request, so an implementation should answer known tokens from memory.
#[async_trait]
pub trait Projects: Send + Sync + 'static {
    /// `None`: no project has this capture token.
    async fn by_token(&self, token: &str) -> Result<Option<Arc<Project>>, ProjectsError>;
}
