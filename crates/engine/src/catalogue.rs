//! Databases, tables and views by name: an immutable value that statements share and changes replace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine_sql::ast;
use engine_storage::{Storage, TableId};

use crate::definition::Definition;
use crate::engine_kind::EngineKind;
use crate::error::{EngineError, Result};
use crate::shape::Shape;

pub(crate) const DEFAULT_DATABASE: &str = "default";
pub(crate) const SYSTEM_DATABASE: &str = "system";
/// The storage knows tables only: a database is a table of this name in it.
pub(crate) const DATABASE_MARKER: &str = ".database";

pub(crate) struct Table {
    pub(crate) id: TableId,
    pub(crate) database: String,
    pub(crate) name: String,
    pub(crate) shape: Arc<Shape>,
}

pub(crate) struct View {
    pub(crate) id: TableId,
    pub(crate) database: String,
    pub(crate) name: String,
    pub(crate) create: ast::CreateView,
}

#[derive(Clone)]
pub(crate) enum Object {
    Table(Arc<Table>),
    View(Arc<View>),
}

impl Object {
    pub(crate) fn id(&self) -> TableId {
        match self {
            Self::Table(table) => table.id,
            Self::View(view) => view.id,
        }
    }
}

#[derive(Clone, Default)]
pub(crate) struct Catalogue {
    pub(crate) databases: BTreeSet<String>,
    /// By database and name.
    pub(crate) objects: BTreeMap<(String, String), Object>,
}

impl Catalogue {
    /// What the storage has.
    pub(crate) fn load(storage: &Storage) -> Result<Self> {
        let mut catalogue = Self::default();
        catalogue.databases.insert(DEFAULT_DATABASE.to_owned());
        catalogue.databases.insert(SYSTEM_DATABASE.to_owned());
        for (id, def) in storage.tables() {
            catalogue.databases.insert(def.database.clone());
            if def.name == DATABASE_MARKER {
                continue;
            }
            let definition = Definition::decode(&def.definition)?;
            let (database, name) = (def.database.clone(), def.name.clone());
            let object = match definition.create.clone() {
                ast::Statement::CreateView(create) => Object::View(Arc::new(View {
                    id,
                    database,
                    name,
                    create: *create,
                })),
                _ => Object::Table(Arc::new(Table {
                    id,
                    database,
                    name,
                    shape: Arc::new(Shape::resolve(definition)?),
                })),
            };
            catalogue
                .objects
                .insert((def.database.clone(), def.name.clone()), object);
        }
        Ok(catalogue)
    }

    pub(crate) fn find(&self, database: &str, name: &str) -> Option<&Object> {
        self.objects.get(&(database.to_owned(), name.to_owned()))
    }

    pub(crate) fn check_database(&self, database: &str) -> Result<()> {
        if self.databases.contains(database) {
            Ok(())
        } else {
            Err(EngineError::UnknownDatabase(database.to_owned()))
        }
    }

    /// The object, or the error ClickHouse gives.
    pub(crate) fn get(&self, database: &str, name: &str) -> Result<&Object> {
        self.check_database(database)?;
        self.find(database, name)
            .ok_or_else(|| EngineError::UnknownTable {
                database: database.to_owned(),
                table: name.to_owned(),
            })
    }

    /// The table that rows of `database.name` are in: itself, or what a Distributed table stands for.
    pub(crate) fn table(&self, database: &str, name: &str) -> Result<&Arc<Table>> {
        let Object::Table(table) = self.get(database, name)? else {
            return Err(EngineError::refused(
                48,
                format!("`{database}`.`{name}` is a view, not a table"),
            ));
        };
        match &table.shape.kind {
            EngineKind::Distributed { database, table } => match self.get(database, table)? {
                Object::Table(local) if !matches!(local.shape.kind, EngineKind::Distributed { .. }) => {
                    Ok(local)
                }
                _ => Err(EngineError::refused(
                    48,
                    format!(
                        "the table `{database}`.`{table}` behind a Distributed table must be a local one"
                    ),
                )),
            },
            _ => Ok(table),
        }
    }
}
