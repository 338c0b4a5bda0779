//! The project that a nested route is about.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use model::{Project, ProjectId};

use crate::{ApiError, ApiState};

/// `:project_id` of the path, resolved; `@current` is the first project.
pub struct ProjectScope(pub Project);

impl FromRequestParts<ApiState> for ProjectScope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Path(path) = Path::<HashMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::not_found("Project not found."))?;
        let id = path.get("project_id").map(String::as_str).unwrap_or_default();
        let project = if id == "@current" {
            state.metadata.projects().await?.into_iter().next()
        } else {
            let id = id.parse().map_err(|_| {
                ApiError::validation(
                    "invalid_input",
                    "A project is named by its integer id.",
                    "project_id",
                )
            })?;
            state.metadata.project(ProjectId(id)).await?
        };
        project
            .map(Self)
            .ok_or_else(|| ApiError::not_found("Project not found."))
    }
}
