//! Cohorts: their definitions and calculation state.

use std::collections::BTreeMap;

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
            created_at: time(micros(now))?,
            deleted: false,
        })
    }

    /// Writes the definition: name, description, groups, filters, `is_static` and `deleted`. The state of its calculation is
    /// not touched: a calculation may end while somebody renames the cohort.
    pub async fn update_cohort(&self, cohort: &Cohort) -> Result<()> {
        sqlx::query(
            "UPDATE cohort SET name = $1, description = $2, \"groups\" = $3, filters = $4, is_static = $5, \
             deleted = $6 WHERE id = $7 AND project_id = $8",
        )
        .bind(cohort.name.clone())
        .bind(cohort.description.clone())
        .bind(cohort.groups.to_string())
        .bind(cohort.filters.as_ref().map(Value::to_string))
        .bind(i64::from(cohort.is_static))
        .bind(i64::from(cohort.deleted))
        .bind(cohort.id.0)
        .bind(cohort.project.0)
        .execute(&self.pool)
        .await
        .map_err(MetadataError::on("change a cohort"))?;
        Ok(())
    }

    /// Notes that the cohort is being calculated.
    pub async fn begin_cohort_calculation(&self, project: ProjectId, id: CohortId) -> Result<()> {
        sqlx::query("UPDATE cohort SET is_calculating = 1 WHERE id = $1 AND project_id = $2")
            .bind(id.0)
            .bind(project.0)
            .execute(&self.pool)
            .await
            .map_err(MetadataError::on("begin a cohort's calculation"))?;
        Ok(())
    }

    /// Notes that the cohort has been calculated: with `count` members, as of `at`. Failures so far are forgiven.
    pub async fn end_cohort_calculation(
        &self,
        project: ProjectId,
        id: CohortId,
        count: u64,
        at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE cohort SET is_calculating = 0, \"count\" = $1, last_calculation = $2, errors_calculating = 0 \
             WHERE id = $3 AND project_id = $4",
        )
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .bind(micros(at))
        .bind(id.0)
        .bind(project.0)
        .execute(&self.pool)
        .await
        .map_err(MetadataError::on("end a cohort's calculation"))?;
        Ok(())
    }

    /// Notes that a calculation failed. Count and time stay those of the last one that did not.
    pub async fn fail_cohort_calculation(&self, project: ProjectId, id: CohortId) -> Result<()> {
        sqlx::query(
            "UPDATE cohort SET is_calculating = 0, errors_calculating = errors_calculating + 1 \
             WHERE id = $1 AND project_id = $2",
        )
        .bind(id.0)
        .bind(project.0)
        .execute(&self.pool)
        .await
        .map_err(MetadataError::on("note a cohort's failure"))?;
        Ok(())
    }

    /// No cohort is being calculated: what a process says that has just started, or is about to stop.
    pub async fn reset_cohort_calculations(&self) -> Result<()> {
        sqlx::query("UPDATE cohort SET is_calculating = 0 WHERE is_calculating <> 0")
            .execute(&self.pool)
            .await
            .map_err(MetadataError::on("reset the calculation of cohorts"))?;
        Ok(())
    }

    /// Cohorts by rule, of all projects, never calculated or not since `before`; the longest waiting first.
    pub async fn cohorts_to_calculate(&self, before: DateTime<Utc>) -> Result<Vec<(ProjectId, CohortId)>> {
        let rows = sqlx::query(
            "SELECT project_id, id FROM cohort WHERE deleted = 0 AND is_static = 0 \
             AND (last_calculation IS NULL OR last_calculation < $1) ORDER BY coalesce(last_calculation, 0), id",
        )
        .bind(micros(before))
        .fetch_all(&self.pool)
        .await
        .map_err(MetadataError::on("look for cohorts to calculate"))?;
        rows.iter()
            .map(|row| Ok((ProjectId(get(row, "project_id")?), CohortId(get(row, "id")?))))
            .collect()
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

    /// All but the deleted ones, as the meaning of a request needs them.
    pub async fn cohorts_by_id(&self, project: ProjectId) -> Result<BTreeMap<CohortId, Cohort>> {
        let cohorts = self.cohorts(project).await?;
        Ok(cohorts.into_iter().map(|cohort| (cohort.id, cohort)).collect())
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
