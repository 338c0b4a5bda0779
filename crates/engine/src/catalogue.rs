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

#[derive(Clone)]
pub(crate) struct View {
    pub(crate) id: TableId,
    pub(crate) database: String,
    pub(crate) name: String,
    pub(crate) create: ast::CreateView,
    /// The table of its rows when it is materialized and keeps them itself.
    pub(crate) inner: Option<String>,
    /// Of a materialized view: the table whose inserts it follows, by database and name.
    pub(crate) source: Option<(String, String)>,
}

impl View {
    pub(crate) fn new(id: TableId, database: &str, name: &str, definition: &Definition) -> Result<Self> {
        let ast::Statement::CreateView(create) = &definition.create else {
            return Err(EngineError::Internal(format!(
                "not a view: {}",
                definition.create
            )));
        };
        let create = create.as_ref().clone();
        let source = engine_sql::leftmost_table(&create.query)
            .filter(|_| create.materialized)
            .and_then(ast::ObjectName::plain)
            .map(|(of, table)| (of.unwrap_or(database).to_owned(), table.to_owned()));
        Ok(Self {
            id,
            database: database.to_owned(),
            name: name.to_owned(),
            inner: definition.inner.clone(),
            create,
            source,
        })
    }

    /// Where the rows of a materialized view are, by database and name.
    pub(crate) fn target(&self) -> Option<(&str, &str)> {
        if !self.create.materialized {
            return None;
        }
        if let Some(inner) = &self.inner {
            return Some((&self.database, inner));
        }
        let (database, table) = self.create.to.as_ref()?.plain()?;
        Some((database.unwrap_or(&self.database), table))
    }
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
    /// Those that DETACH has put out of sight.
    pub(crate) detached: BTreeMap<(String, String), Object>,
    /// The materialized views that follow a table, by its database and name.
    followers: BTreeMap<(String, String), Vec<Arc<View>>>,
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
            let detached = definition.detached;
            let (database, name) = (def.database.clone(), def.name.clone());
            let object = match definition.create.clone() {
                ast::Statement::CreateView(_) => {
                    Object::View(Arc::new(View::new(id, &database, &name, &definition)?))
                }
                _ => Object::Table(Arc::new(Table {
                    id,
                    database,
                    name,
                    shape: Arc::new(Shape::resolve(definition)?),
                })),
            };
            let place = if detached {
                &mut catalogue.detached
            } else {
                &mut catalogue.objects
            };
            place.insert((def.database.clone(), def.name.clone()), object);
        }
        catalogue.index();
        Ok(catalogue)
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.objects.values().filter_map(|object| match object {
            Object::Table(table) => Some(table),
            Object::View(_) => None,
        })
    }

    /// Notes again which views follow which tables, after objects have changed.
    pub(crate) fn index(&mut self) {
        self.followers.clear();
        for object in self.objects.values() {
            if let Object::View(view) = object
                && let Some(source) = &view.source
            {
                self.followers
                    .entry(source.clone())
                    .or_default()
                    .push(view.clone());
            }
        }
    }

    /// Materialized views that follow the table, by name.
    pub(crate) fn followers(&self, database: &str, name: &str) -> &[Arc<View>] {
        self.followers
            .get(&(database.to_owned(), name.to_owned()))
            .map_or(&[], Vec::as_slice)
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

    /// The table that rows of `database.name` are in: itself, or what a Distributed table or a materialized view
    /// stands for.
    pub(crate) fn table(&self, database: &str, name: &str) -> Result<&Arc<Table>> {
        let mut object = self.get(database, name)?;
        if let Object::View(view) = object
            && let Some((database, name)) = view.target()
        {
            object = self.get(database, name)?;
        }
        let Object::Table(table) = object else {
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
