//! Projects: create, read, change; look-up by capture token.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::{Project, ProjectId, WeekStart};
use rand::RngExt;
use serde_json::Value;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::{get, json, micros, time};
use crate::{Metadata, MetadataError, Result};

#[derive(Clone, Debug)]
pub struct NewProject {
    pub name: String,
    /// A random `phc_…` when absent.
    pub api_token: Option<String>,
    pub timezone: Tz,
    pub week_start: WeekStart,
}

/// Fields to change; `None` leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct ProjectPatch {
    pub name: Option<String>,
    pub timezone: Option<Tz>,
    pub week_start: Option<WeekStart>,
    pub test_account_filters: Option<Value>,
    pub path_cleaning_filters: Option<Value>,
    pub anonymize_ips: Option<bool>,
}

const COLUMNS: &str = "SELECT id, uuid, name, api_token, timezone, week_start_day, test_account_filters, \
     path_cleaning_filters, anonymize_ips, ingested_event, created_at, updated_at FROM project";

impl Metadata {
    pub async fn create_project(&self, new: NewProject, now: DateTime<Utc>) -> Result<Project> {
        let token = new.api_token.unwrap_or_else(|| random_secret("phc_"));
        let row = sqlx::query(
            "INSERT INTO project (uuid, name, api_token, timezone, week_start_day, test_account_filters, \
             path_cleaning_filters, anonymize_ips, ingested_event, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, '[]', '[]', 0, 0, $6, $6) RETURNING id",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(new.name)
        .bind(token)
        .bind(new.timezone.name())
        .bind(week_start_day(new.week_start))
        .bind(micros(now))
        .fetch_one(&self.pool)
        .await
        .map_err(MetadataError::on("create a project"))?;
        let id = ProjectId(get(&row, "id")?);
        self.project(id).await?.ok_or_else(|| MetadataError::Corrupt {
            what: "project",
            detail: format!("{id} is gone"),
        })
    }

    pub async fn project(&self, id: ProjectId) -> Result<Option<Project>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = $1")))
            .bind(id.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(MetadataError::on("read a project"))?;
        row.as_ref().map(project).transpose()
    }

    /// By id ascending.
    pub async fn projects(&self) -> Result<Vec<Project>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} ORDER BY id")))
            .fetch_all(&self.pool)
            .await
            .map_err(MetadataError::on("list projects"))?;
        rows.iter().map(project).collect()
    }

    /// The project that a capture token belongs to; known tokens are answered from memory.
    pub async fn project_by_token(&self, token: &str) -> Result<Option<Arc<Project>>> {
        if let Some(known) = self.with_caches(|caches| caches.projects_by_token.get(token).cloned()) {
            return Ok(Some(known));
        }
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE api_token = $1")))
            .bind(token)
            .fetch_optional(&self.pool)
            .await
            .map_err(MetadataError::on("look up a token"))?;
        let Some(row) = row else { return Ok(None) };
        let found = Arc::new(project(&row)?);
        self.with_caches(|caches| caches.projects_by_token.insert(token.to_owned(), found.clone()));
        Ok(Some(found))
    }

    /// The changed project; `None` when there is none of that id.
    pub async fn patch_project(
        &self,
        id: ProjectId,
        patch: ProjectPatch,
        now: DateTime<Utc>,
    ) -> Result<Option<Project>> {
        let Some(mut project) = self.project(id).await? else {
            return Ok(None);
        };
        project.name = patch.name.unwrap_or(project.name);
        project.timezone = patch.timezone.unwrap_or(project.timezone);
        project.week_start = patch.week_start.unwrap_or(project.week_start);
        project.test_account_filters = patch.test_account_filters.unwrap_or(project.test_account_filters);
        project.path_cleaning_filters = patch
            .path_cleaning_filters
            .unwrap_or(project.path_cleaning_filters);
        project.anonymize_ips = patch.anonymize_ips.unwrap_or(project.anonymize_ips);
        sqlx::query(
            "UPDATE project SET name = $1, timezone = $2, week_start_day = $3, test_account_filters = $4, \
             path_cleaning_filters = $5, anonymize_ips = $6, updated_at = $7 WHERE id = $8",
        )
        .bind(project.name)
        .bind(project.timezone.name())
        .bind(week_start_day(project.week_start))
        .bind(project.test_account_filters.to_string())
        .bind(project.path_cleaning_filters.to_string())
        .bind(i64::from(project.anonymize_ips))
        .bind(micros(now))
        .bind(id.0)
        .execute(&self.pool)
        .await
        .map_err(MetadataError::on("change a project"))?;
        self.with_caches(|caches| caches.projects_by_token.remove(&project.api_token));
        self.project(id).await
    }

    /// Notes that the project has ingested; free after the first time.
    pub async fn mark_ingested(&self, id: ProjectId) -> Result<()> {
        let known = self.with_caches(|caches| {
            caches
                .projects_by_token
                .values()
                .any(|project| project.id == id && project.ingested_event)
        });
        if known {
            return Ok(());
        }
        sqlx::query("UPDATE project SET ingested_event = 1 WHERE id = $1 AND ingested_event = 0")
            .bind(id.0)
            .execute(&self.pool)
            .await
            .map_err(MetadataError::on("mark a project as ingesting"))?;
        self.with_caches(|caches| caches.projects_by_token.retain(|_, project| project.id != id));
        Ok(())
    }
}

/// `prefix` and 43 random letters and digits (over 250 bits).
pub(crate) fn random_secret(prefix: &str) -> String {
    let mut rng = rand::rng();
    let random = (0..43).map(|_| char::from(rng.sample(rand::distr::Alphanumeric)));
    prefix.chars().chain(random).collect()
}

fn week_start_day(start: WeekStart) -> i64 {
    match start {
        WeekStart::Sunday => 0,
        WeekStart::Monday => 1,
    }
}

fn project(row: &AnyRow) -> Result<Project> {
    let uuid: String = get(row, "uuid")?;
    let timezone: String = get(row, "timezone")?;
    Ok(Project {
        id: ProjectId(get(row, "id")?),
        uuid: uuid.parse().map_err(|_| MetadataError::Corrupt {
            what: "project uuid",
            detail: uuid.clone(),
        })?,
        name: get(row, "name")?,
        api_token: get(row, "api_token")?,
        timezone: timezone.parse().map_err(|_| MetadataError::Corrupt {
            what: "project time zone",
            detail: timezone.clone(),
        })?,
        week_start: match get::<i64>(row, "week_start_day")? {
            1 => WeekStart::Monday,
            _ => WeekStart::Sunday,
        },
        test_account_filters: json(&get::<String>(row, "test_account_filters")?)?,
        path_cleaning_filters: json(&get::<String>(row, "path_cleaning_filters")?)?,
        anonymize_ips: get::<i64>(row, "anonymize_ips")? != 0,
        ingested_event: get::<i64>(row, "ingested_event")? != 0,
        created_at: time(get(row, "created_at")?)?,
        updated_at: time(get(row, "updated_at")?)?,
    })
}
