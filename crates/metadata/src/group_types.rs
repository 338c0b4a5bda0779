//! Group types: up to five a project, numbered in order of first sight.

use model::{GROUP_TYPES_MAX, GroupType, GroupTypeIndex, ProjectId};

use crate::database::get;
use crate::{Metadata, MetadataError, Result};

/// A group type with the names it is shown by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedGroupType {
    pub group_type: GroupType,
    pub name_singular: Option<String>,
    pub name_plural: Option<String>,
}

impl Metadata {
    /// By index ascending.
    pub async fn group_types(&self, project: ProjectId) -> Result<Vec<GroupType>> {
        if let Some(known) = self.with_caches(|caches| caches.group_types.get(&project).cloned()) {
            return Ok(known);
        }
        let rows = sqlx::query(
            "SELECT group_type, group_type_index FROM group_type WHERE project_id = $1 ORDER BY group_type_index",
        )
        .bind(project.0)
        .fetch_all(&self.pool)
        .await
        .map_err(MetadataError::on("read group types"))?;
        let types = rows
            .iter()
            .map(|row| {
                let index: i64 = get(row, "group_type_index")?;
                let group_type_index = u8::try_from(index)
                    .ok()
                    .and_then(GroupTypeIndex::new)
                    .ok_or_else(|| MetadataError::Corrupt {
                        what: "group type index",
                        detail: index.to_string(),
                    })?;
                Ok(GroupType {
                    group_type: get(row, "group_type")?,
                    group_type_index,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        self.with_caches(|caches| caches.group_types.insert(project, types.clone()));
        Ok(types)
    }

    /// By index ascending.
    pub async fn named_group_types(&self, project: ProjectId) -> Result<Vec<NamedGroupType>> {
        let types = self.group_types(project).await?;
        let rows = sqlx::query(
            "SELECT group_type_index, name_singular, name_plural FROM group_type WHERE project_id = $1",
        )
        .bind(project.0)
        .fetch_all(&self.pool)
        .await
        .map_err(MetadataError::on("read the names of group types"))?;
        let mut named: Vec<NamedGroupType> = types
            .into_iter()
            .map(|group_type| NamedGroupType {
                group_type,
                name_singular: None,
                name_plural: None,
            })
            .collect();
        for row in &rows {
            let index: i64 = get(row, "group_type_index")?;
            let found = named
                .iter_mut()
                .find(|named| i64::from(named.group_type.group_type_index.get()) == index);
            if let Some(found) = found {
                found.name_singular = get(row, "name_singular")?;
                found.name_plural = get(row, "name_plural")?;
            }
        }
        Ok(named)
    }

    /// Writes the two names of a type that exists.
    pub async fn name_group_type(&self, project: ProjectId, named: &NamedGroupType) -> Result<()> {
        sqlx::query(
            "UPDATE group_type SET name_singular = $1, name_plural = $2 \
             WHERE project_id = $3 AND group_type_index = $4",
        )
        .bind(named.name_singular.clone())
        .bind(named.name_plural.clone())
        .bind(project.0)
        .bind(i64::from(named.group_type.group_type_index.get()))
        .execute(&self.pool)
        .await
        .map_err(MetadataError::on("name a group type"))?;
        Ok(())
    }

    /// Index of the type, taking the next free one for a new type. `None`: all five are taken.
    pub async fn register_group_type(
        &self,
        project: ProjectId,
        name: &str,
    ) -> Result<Option<GroupTypeIndex>> {
        loop {
            let types = self.group_types(project).await?;
            if let Some(known) = types.iter().find(|t| t.group_type == name) {
                return Ok(Some(known.group_type_index));
            }
            let next = u8::try_from(types.len()).unwrap_or(GROUP_TYPES_MAX);
            let Some(index) = GroupTypeIndex::new(next) else {
                return Ok(None);
            };
            // Another process may take the same index or register the same type at once: then look again.
            sqlx::query(
                "INSERT INTO group_type (project_id, group_type_index, group_type) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(project.0)
            .bind(i64::from(index.get()))
            .bind(name)
            .execute(&self.pool)
            .await
            .map_err(MetadataError::on("register a group type"))?;
            self.with_caches(|caches| caches.group_types.remove(&project));
        }
    }
}
