//! Event and property definitions: which names a project has seen.

use chrono::{DateTime, Utc};
use model::{Definition, ProjectId, PropertyKind, PropertyType};
use uuid::Uuid;

use crate::database::{get, micros, time};
use crate::{Metadata, MetadataError, Result};

#[derive(Clone, Debug, PartialEq)]
pub struct EventDefinition {
    pub id: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PropertyDefinition {
    pub id: String,
    pub name: String,
    pub property_type: Option<String>,
}

impl Metadata {
    /// Writes what is new among these. A property's type, once known, stays.
    pub async fn record_definitions(&self, definitions: &[Definition]) -> Result<()> {
        if definitions.is_empty() {
            return Ok(());
        }
        let step = "record definitions";
        let mut transaction = self.pool.begin().await.map_err(MetadataError::on(step))?;
        for definition in definitions {
            let query = match definition {
                Definition::Event {
                    project,
                    name,
                    last_seen_at,
                } => sqlx::query(
                    "INSERT INTO event_definition (project_id, name, id, created_at, last_seen_at) \
                     VALUES ($1, $2, $3, $4, $4) \
                     ON CONFLICT (project_id, name) DO UPDATE SET last_seen_at = excluded.last_seen_at",
                )
                .bind(project.0)
                .bind(name.as_str())
                .bind(Uuid::now_v7().to_string())
                .bind(micros(*last_seen_at)),
                Definition::Property {
                    project,
                    name,
                    kind,
                    property_type,
                } => {
                    let (kind, group_type_index) = kind_columns(*kind);
                    sqlx::query(
                        "INSERT INTO property_definition (project_id, kind, group_type_index, name, id, property_type) \
                         VALUES ($1, $2, $3, $4, $5, $6) \
                         ON CONFLICT (project_id, kind, group_type_index, name) DO UPDATE SET \
                         property_type = coalesce(property_definition.property_type, excluded.property_type)",
                    )
                    .bind(project.0)
                    .bind(kind)
                    .bind(group_type_index)
                    .bind(name.as_str())
                    .bind(Uuid::now_v7().to_string())
                    .bind(property_type.map(PropertyType::name))
                }
                Definition::EventProperty {
                    project,
                    event,
                    property,
                } => sqlx::query(
                    "INSERT INTO event_property (project_id, event, property) VALUES ($1, $2, $3) \
                     ON CONFLICT DO NOTHING",
                )
                .bind(project.0)
                .bind(event.as_str())
                .bind(property.as_str()),
            };
            query
                .execute(&mut *transaction)
                .await
                .map_err(MetadataError::on(step))?;
        }
        transaction.commit().await.map_err(MetadataError::on(step))?;
        Ok(())
    }

    /// By name.
    pub async fn event_definitions(&self, project: ProjectId) -> Result<Vec<EventDefinition>> {
        let rows = sqlx::query(
            "SELECT id, name, created_at, last_seen_at FROM event_definition WHERE project_id = $1 ORDER BY name",
        )
        .bind(project.0)
        .fetch_all(&self.pool)
        .await
        .map_err(MetadataError::on("list event definitions"))?;
        rows.iter()
            .map(|row| {
                Ok(EventDefinition {
                    id: get(row, "id")?,
                    name: get(row, "name")?,
                    created_at: time(get(row, "created_at")?)?,
                    last_seen_at: time(get(row, "last_seen_at")?)?,
                })
            })
            .collect()
    }

    /// By name.
    pub async fn property_definitions(
        &self,
        project: ProjectId,
        kind: PropertyKind,
    ) -> Result<Vec<PropertyDefinition>> {
        let (kind, group_type_index) = kind_columns(kind);
        let rows = sqlx::query(
            "SELECT id, name, property_type FROM property_definition \
             WHERE project_id = $1 AND kind = $2 AND group_type_index = $3 ORDER BY name",
        )
        .bind(project.0)
        .bind(kind)
        .bind(group_type_index)
        .fetch_all(&self.pool)
        .await
        .map_err(MetadataError::on("list property definitions"))?;
        rows.iter()
            .map(|row| {
                Ok(PropertyDefinition {
                    id: get(row, "id")?,
                    name: get(row, "name")?,
                    property_type: get(row, "property_type")?,
                })
            })
            .collect()
    }
}

fn kind_columns(kind: PropertyKind) -> (i64, i64) {
    match kind {
        PropertyKind::Event => (1, -1),
        PropertyKind::Person => (2, -1),
        PropertyKind::Group(index) => (3, i64::from(index.get())),
    }
}
