//! Cohorts: their definitions and calculation state.

use chrono::{DateTime, Utc};
use model::{Cohort, CohortId, ProjectId};
use serde_json::Value;
use sqlx::any::AnyRow;

use crate::database::{get, json, micros, time};
use crate::{Metadata, MetadataError, Result};

#[derive(Clone, Debug)]
pub struct NewCohort {
    pub name: String,
    pub description: String,
    pub groups: Value,
    pub filters: Option<Value>,
    pub is_static: bool,
}

const COLUMNS: &str = "SELECT id, project_id, name, description, \"groups\", filters, is_static, is_calculating, \
     \"count\", last_calculation, errors_calculating, created_at, deleted FROM cohort";

impl Metadata {
    pub async fn create_cohort(
        &self,
        project: ProjectId,
        new: NewCohort,
        now: DateTime<Utc>,
    ) -> Result<Cohort> {
        let row = sqlx::query(
            "INSERT INTO cohort (project_id, name, description, \"groups\", filters, is_static, is_calculating, \
             errors_calculating, created_at, deleted) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, 0) RETURNING id",
        )
        .bind(project.0)
        .bind(new.name.clone())
        .bind(new.description.clone())
        .bind(new.groups.to_string())
        .bind(new.filters.as_ref().map(Value::to_string))
        .bind(i64::from(new.is_static))
        .bind(micros(now))
        .fetch_one(&self.pool)
        .await
        .map_err(MetadataError::on("create a cohort"))?;
        Ok(Cohort {
            id: CohortId(get(&row, "id")?),
            project,
            name: new.name,
            description: new.description,
            groups: new.groups,
            filters: new.filters,
            is_static: new.is_static,
            is_calculating: false,
            count: None,
            last_calculation: None,
            errors_calculating: 0,
            created_at: now,
            deleted: false,
        })
    }

    /// Writes every field but the ids and `created_at`.
    pub async fn update_cohort(&self, cohort: &Cohort) -> Result<()> {
        sqlx::query(
            "UPDATE cohort SET name = $1, description = $2, \"groups\" = $3, filters = $4, is_static = $5, \
             is_calculating = $6, \"count\" = $7, last_calculation = $8, errors_calculating = $9, deleted = $10 \
             WHERE id = $11 AND project_id = $12",
        )
        .bind(cohort.name.clone())
        .bind(cohort.description.clone())
        .bind(cohort.groups.to_string())
        .bind(cohort.filters.as_ref().map(Value::to_string))
        .bind(i64::from(cohort.is_static))
        .bind(i64::from(cohort.is_calculating))
        .bind(cohort.count)
        .bind(cohort.last_calculation.map(micros))
        .bind(cohort.errors_calculating)
        .bind(i64::from(cohort.deleted))
        .bind(cohort.id.0)
        .bind(cohort.project.0)
        .execute(&self.pool)
        .await
        .map_err(MetadataError::on("change a cohort"))?;
        Ok(())
    }

    pub async fn cohort(&self, project: ProjectId, id: CohortId) -> Result<Option<Cohort>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{COLUMNS} WHERE project_id = $1 AND id = $2 AND deleted = 0"
        )))
        .bind(project.0)
        .bind(id.0)
        .fetch_optional(&self.pool)
        .await
        .map_err(MetadataError::on("read a cohort"))?;
        row.as_ref().map(cohort).transpose()
    }

    /// By id, without deleted ones.
    pub async fn cohorts(&self, project: ProjectId) -> Result<Vec<Cohort>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{COLUMNS} WHERE project_id = $1 AND deleted = 0 ORDER BY id"
        )))
        .bind(project.0)
        .fetch_all(&self.pool)
        .await
        .map_err(MetadataError::on("list cohorts"))?;
        rows.iter().map(cohort).collect()
    }
}

fn cohort(row: &AnyRow) -> Result<Cohort> {
    Ok(Cohort {
        id: CohortId(get(row, "id")?),
        project: ProjectId(get(row, "project_id")?),
        name: get(row, "name")?,
        description: get(row, "description")?,
        groups: json(&get::<String>(row, "groups")?)?,
        filters: get::<Option<String>>(row, "filters")?
            .as_deref()
            .map(json)
            .transpose()?,
        is_static: get::<i64>(row, "is_static")? != 0,
        is_calculating: get::<i64>(row, "is_calculating")? != 0,
        count: get(row, "count")?,
        last_calculation: get::<Option<i64>>(row, "last_calculation")?
            .map(time)
            .transpose()?,
        errors_calculating: get(row, "errors_calculating")?,
        created_at: time(get(row, "created_at")?)?,
        deleted: get::<i64>(row, "deleted")? != 0,
    })
}
