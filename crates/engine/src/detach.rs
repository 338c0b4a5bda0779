//! DETACH and ATTACH of tables and views: out of sight, rows and definition stay.

use std::sync::Arc;

use engine_sql::ast::{ObjectKind, ObjectName, Statement};

use crate::catalogue::{Catalogue, Object};
use crate::ddl::{marker, resolve_name};
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::options::QueryOptions;

const NO_METADATA: u32 = 390;

impl Engine {
    /// A detached object comes back with the next start, one that is detached permanently with ATTACH only.
    pub(crate) fn detach(
        &self,
        catalogue: &mut Catalogue,
        database: &str,
        name: &str,
        permanently: bool,
    ) -> Result<()> {
        let key = (database.to_owned(), name.to_owned());
        if permanently {
            self.mark_detached(catalogue.get(database, name)?, true)?;
        }
        if let Some(object) = catalogue.objects.remove(&key) {
            catalogue.detached.insert(key, object);
        }
        Ok(())
    }

    pub(crate) fn attach(
        &self,
        kind: ObjectKind,
        name: &ObjectName,
        if_not_exists: bool,
        options: &QueryOptions,
    ) -> Result<()> {
        let key = resolve_name(name, options)?;
        if matches!(kind, ObjectKind::Database | ObjectKind::Dictionary) {
            return Err(EngineError::refused(48, "ATTACH is for tables and views"));
        }
        self.change(|catalogue| {
            catalogue.check_database(&key.0)?;
            if catalogue.find(&key.0, &key.1).is_some() {
                return if if_not_exists {
                    Ok(())
                } else {
                    Err(EngineError::TableExists {
                        database: key.0.clone(),
                        table: key.1.clone(),
                    })
                };
            }
            let Some(object) = catalogue.detached.get(&key).cloned() else {
                return Err(EngineError::refused(
                    NO_METADATA,
                    format!("there is no detached table `{}`.`{}`", key.0, key.1),
                ));
            };
            self.mark_detached(&object, false)?;
            catalogue.detached.remove(&key);
            catalogue.objects.insert(key, object);
            Ok(())
        })
    }

    /// Writes into the definition whether the object is detached.
    fn mark_detached(&self, object: &Object, detached: bool) -> Result<()> {
        let def = self.storage.table_def(object.id())?;
        let mut definition = crate::definition::Definition::decode(&def.definition)?;
        if definition.detached == detached {
            return Ok(());
        }
        definition.detached = detached;
        let changed = match &definition.create {
            Statement::CreateTable(_) => Arc::new(crate::shape::Shape::resolve(definition)?).table_def(
                &def.database,
                &def.name,
                self.config.granule_rows,
            )?,
            _ => marker(&def.database, &def.name, &definition),
        };
        Ok(self.storage.replace_definition(object.id(), changed)?)
    }
}
