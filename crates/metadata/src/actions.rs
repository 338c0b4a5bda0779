//! Actions: named sets of matching steps.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::{Action, ActionId, ActionStep, ProjectId};
use sqlx::any::AnyRow;

use crate::database::{get, json, micros, time};
use crate::{Metadata, MetadataError, Result};

#[derive(Clone, Debug)]
pub struct NewAction {
    pub name: String,
    pub description: String,
    pub tags: Vec<String>,
    pub steps: Vec<ActionStep>,
}

const COLUMNS: &str =
    "SELECT id, project_id, name, description, tags, steps, created_at, deleted FROM action";

impl Metadata {
    pub async fn create_action(
        &self,
        project: ProjectId,
        new: NewAction,
        now: DateTime<Utc>,
    ) -> Result<Action> {
        self.refuse_taken_name(project, &new.name, None).await?;
        let row = sqlx::query(
            "INSERT INTO action (project_id, name, description, tags, steps, created_at, deleted) \
             VALUES ($1, $2, $3, $4, $5, $6, 0) RETURNING id",
        )
        .bind(project.0)
        .bind(new.name.clone())
        .bind(new.description.clone())
        .bind(tags_text(&new.tags))
        .bind(steps_text(&new.steps))
        .bind(micros(now))
        .fetch_one(&self.pool)
        .await
        .map_err(MetadataError::on("create an action"))?;
        Ok(Action {
            id: ActionId(get(&row, "id")?),
            project,
            name: new.name,
            description: new.description,
            tags: new.tags,
            steps: new.steps,
            created_at: time(micros(now))?,
            deleted: false,
        })
    }

    /// Writes name, description, tags, steps and `deleted`.
    pub async fn update_action(&self, action: &Action) -> Result<()> {
        if !action.deleted {
            self.refuse_taken_name(action.project, &action.name, Some(action.id))
                .await?;
        }
        sqlx::query(
            "UPDATE action SET name = $1, description = $2, tags = $3, steps = $4, deleted = $5 \
             WHERE id = $6 AND project_id = $7",
        )
        .bind(action.name.clone())
        .bind(action.description.clone())
        .bind(tags_text(&action.tags))
        .bind(steps_text(&action.steps))
        .bind(i64::from(action.deleted))
        .bind(action.id.0)
        .bind(action.project.0)
        .execute(&self.pool)
        .await
        .map_err(MetadataError::on("change an action"))?;
        Ok(())
    }

    pub async fn action(&self, project: ProjectId, id: ActionId) -> Result<Option<Action>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{COLUMNS} WHERE project_id = $1 AND id = $2 AND deleted = 0"
        )))
        .bind(project.0)
        .bind(id.0)
        .fetch_optional(&self.pool)
        .await
        .map_err(MetadataError::on("read an action"))?;
        row.as_ref().map(action).transpose()
    }

    /// Newest id first, without deleted ones.
    pub async fn actions(&self, project: ProjectId) -> Result<Vec<Action>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{COLUMNS} WHERE project_id = $1 AND deleted = 0 ORDER BY id DESC"
        )))
        .bind(project.0)
        .fetch_all(&self.pool)
        .await
        .map_err(MetadataError::on("list actions"))?;
        rows.iter().map(action).collect()
    }

    /// All but the deleted ones, as the meaning of a request needs them.
    pub async fn actions_by_id(&self, project: ProjectId) -> Result<BTreeMap<ActionId, Action>> {
        let actions = self.actions(project).await?;
        Ok(actions.into_iter().map(|action| (action.id, action)).collect())
    }

    async fn refuse_taken_name(&self, project: ProjectId, name: &str, own: Option<ActionId>) -> Result<()> {
        let row = sqlx::query(
            "SELECT id FROM action WHERE project_id = $1 AND name = $2 AND deleted = 0 AND id <> $3",
        )
        .bind(project.0)
        .bind(name)
        .bind(own.map_or(-1, |id| id.0))
        .fetch_optional(&self.pool)
        .await
        .map_err(MetadataError::on("check an action's name"))?;
        match row {
            Some(row) => Err(MetadataError::NameTaken { id: get(&row, "id")? }),
            None => Ok(()),
        }
    }
}

fn steps_text(steps: &[ActionStep]) -> String {
    serde_json::to_string(steps).expect("steps have text keys only")
}

fn tags_text(tags: &[String]) -> String {
    serde_json::to_string(tags).expect("a list of texts is JSON")
}

fn action(row: &AnyRow) -> Result<Action> {
    let corrupt = |what: &'static str| {
        move |error: serde_json::Error| MetadataError::Corrupt {
            what,
            detail: error.to_string(),
        }
    };
    let steps =
        serde_json::from_value(json(&get::<String>(row, "steps")?)?).map_err(corrupt("action steps"))?;
    let tags = serde_json::from_value(json(&get::<String>(row, "tags")?)?).map_err(corrupt("action tags"))?;
    Ok(Action {
        id: ActionId(get(row, "id")?),
        project: ProjectId(get(row, "project_id")?),
        name: get(row, "name")?,
        description: get(row, "description")?,
        tags,
        steps,
        created_at: time(get(row, "created_at")?)?,
        deleted: get::<i64>(row, "deleted")? != 0,
    })
}
