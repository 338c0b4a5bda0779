//! The first project and the first key: made once, shown once.

use std::path::Path;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use metadata::{Metadata, NewProject};
use model::{Project, WeekStart};

use crate::cli::ServeOptions;

/// What was made at this start; the clear key is in no other place.
pub struct FirstStart {
    pub project: Project,
    pub personal_api_key: String,
}

/// Makes sure that there is a project (with the token asked for) and a key (the one asked for). `Some` on a first start.
pub async fn ensure(
    metadata: &Metadata,
    options: &ServeOptions,
    now: DateTime<Utc>,
) -> Result<Option<FirstStart>> {
    let token = secret(
        options.project_token.as_deref(),
        options.project_token_file.as_deref(),
    )?;
    let key = secret(
        options.personal_api_key.as_deref(),
        options.personal_api_key_file.as_deref(),
    )?;
    let project = first_project(metadata, token, now).await?;
    if let Some(key) = key {
        let known = metadata.authenticate(&key, now).await?.is_some();
        metadata
            .create_api_key("from configuration", Some(key.clone()), now)
            .await?;
        return Ok((!known).then_some(FirstStart {
            project,
            personal_api_key: key,
        }));
    }
    if metadata.has_api_keys().await? {
        return Ok(None);
    }
    let (_, personal_api_key) = metadata.create_api_key("first start", None, now).await?;
    Ok(Some(FirstStart {
        project,
        personal_api_key,
    }))
}

async fn first_project(metadata: &Metadata, token: Option<String>, now: DateTime<Utc>) -> Result<Project> {
    let projects = metadata.projects().await?;
    let existing = match &token {
        Some(token) => projects.into_iter().find(|project| &project.api_token == token),
        None => projects.into_iter().next(),
    };
    if let Some(project) = existing {
        return Ok(project);
    }
    let new = NewProject {
        name: "Default project".to_owned(),
        api_token: token,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
    };
    Ok(metadata.create_project(new, now).await?)
}

fn secret(value: Option<&str>, file: Option<&Path>) -> Result<Option<String>> {
    match (value, file) {
        (Some(value), _) => Ok(Some(value.trim().to_owned())),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the secret in `{}`", file.display()))?;
            Ok(Some(text.trim().to_owned()))
        }
        (None, None) => Ok(None),
    }
}
