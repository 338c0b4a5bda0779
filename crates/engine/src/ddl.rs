//! Statements that change the catalogue. One runs at a time; queries keep the catalogue they started with.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_sql::ast::{
    self, AlterAction, CreateDatabase, CreateTable, CreateView, DropKind, DropStatement, DropVerb,
    ObjectKind, ObjectName, Optimize, Statement,
};
use engine_storage::{ColumnDef, KeyExprs, TableDef, TableId};
use engine_types::{Block, Column, DataType};

use crate::alter;
use crate::catalogue::{Catalogue, DATABASE_MARKER, DEFAULT_DATABASE, Object, SYSTEM_DATABASE, Table, View};
use crate::column_codec::check_codecs;
use crate::definition::Definition;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::expiry::{self, TableExpiry};
use crate::mutate;
use crate::options::QueryOptions;
use crate::partition_verbs::is_about_parts;
use crate::place::is_move;
use crate::row_fold;
use crate::row_signs;
use crate::shape::Shape;
use crate::statement::with_settings;

/// Database and name, with the current database where none is written.
pub(crate) fn resolve_name(name: &ObjectName, options: &QueryOptions) -> Result<(String, String)> {
    let part = |part: &ast::NamePart| -> Result<String> {
        match part {
            ast::NamePart::Name(name) => Ok(name.clone()),
            ast::NamePart::Parameter(parameter) => {
                let found = options.parameters.iter().find(|(name, _)| name == parameter);
                match found {
                    Some((_, crate::Parameter::Text(text))) => Ok(text.clone()),
                    Some((_, crate::Parameter::Value(engine_types::Value::String(bytes), _))) => {
                        Ok(String::from_utf8_lossy(bytes).into_owned())
                    }
                    _ => Err(EngineError::refused(
                        456,
                        format!("parameter `{parameter}` is not set"),
                    )),
                }
            }
        }
    };
    let database = match &name.database {
        Some(database) => part(database)?,
        None => options.database.clone(),
    };
    Ok((database, part(&name.name)?))
}

/// Keys of an object without rows.
struct NoKeys;

impl KeyExprs for NoKeys {
    fn sorting_key(&self, _: &Block) -> std::result::Result<Vec<Column>, String> {
        Ok(Vec::new())
    }
}

/// What the storage is told about a view or a database.
pub(crate) fn marker(database: &str, name: &str, definition: &Definition) -> TableDef {
    TableDef {
        definition: definition.encode(),
        ..TableDef::new(
            database,
            name,
            vec![ColumnDef::new("_", DataType::UInt8)],
            Vec::new(),
            Arc::new(NoKeys),
        )
    }
}

impl Engine {
    /// Runs `change` on a copy of the catalogue and publishes it when that went well.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Catalogue) -> Result<T>) -> Result<T> {
        let _one_at_a_time = self.ddl.write();
        let mut catalogue = self.catalogue().as_ref().clone();
        let outcome = change(&mut catalogue);
        catalogue.index();
        // Also after a failure half-way: what the storage has done is done.
        *self.catalogue.write() = Arc::new(catalogue);
        outcome
    }

    pub(crate) fn create_database(&self, create: &CreateDatabase) -> Result<()> {
        self.change(|catalogue| {
            if catalogue.databases.contains(&create.name) {
                return if create.if_not_exists {
                    Ok(())
                } else {
                    Err(EngineError::DatabaseExists(create.name.clone()))
                };
            }
            let definition = Definition::bare(Statement::CreateDatabase(create.clone()));
            self.storage
                .create_table(marker(&create.name, DATABASE_MARKER, &definition))?;
            catalogue.databases.insert(create.name.clone());
            Ok(())
        })
    }

    pub(crate) fn create_table(&self, create: &CreateTable, options: &QueryOptions) -> Result<()> {
        let (database, name) = resolve_name(&create.name, options)?;
        let mut create = create.clone();
        if let Some(other) = create.as_table.take() {
            let (database, name) = resolve_name(&other, options)?;
            let catalogue = self.catalogue();
            let Object::Table(table) = catalogue.get(&database, &name)? else {
                return Err(EngineError::refused(48, "CREATE TABLE … AS needs a table"));
            };
            copy_definition(&mut create, table.shape.create()?);
        }
        let query = create.as_query.take();
        if let Some(query) = &query
            && create.columns.is_empty()
        {
            create.columns = self
                .plan_query(query, options)?
                .schema()
                .into_iter()
                .map(|field| {
                    Ok(ast::ColumnDef {
                        ty: Some(engine_sql::parse_type_name(field.ty.to_string())?),
                        name: field.name,
                        null: None,
                        default: None,
                        comment: None,
                        codec: None,
                        ttl: None,
                    })
                })
                .collect::<Result<_>>()?;
        }
        let (if_not_exists, or_replace, empty) = (create.if_not_exists, create.or_replace, create.empty);
        create.if_not_exists = false;
        create.or_replace = false;
        create.attach = false;
        create.empty = false;
        create.cluster = None;
        create.name = ObjectName::new(Some(&database), &name);
        let made = self.change(|catalogue| {
            catalogue.check_database(&database)?;
            if database == SYSTEM_DATABASE {
                return Err(EngineError::refused(
                    164,
                    "the database `system` cannot be changed",
                ));
            }
            if name.starts_with(crate::materialized_view::INNER_PREFIX) {
                return Err(EngineError::refused(
                    36,
                    format!(
                        "names that begin with `{}` are those of views",
                        crate::materialized_view::INNER_PREFIX
                    ),
                ));
            }
            if let Some(existing) = catalogue.find(&database, &name) {
                if if_not_exists {
                    return Ok(false);
                }
                if !or_replace {
                    return Err(EngineError::TableExists {
                        database: database.clone(),
                        table: name.clone(),
                    });
                }
                self.storage.drop_table(existing.id())?;
                catalogue.objects.remove(&(database.clone(), name.clone()));
            }
            let definition = Definition::bare(Statement::CreateTable(Box::new(create)));
            let shape = Arc::new(Shape::resolve(definition)?);
            check_codecs(shape.create()?, &shape.columns)?;
            check_rules(&shape)?;
            self.check_places(&shape, None)?;
            crate::projection::check(&shape)?;
            let id =
                self.storage
                    .create_table(shape.table_def(&database, &name, self.config.granule_rows)?)?;
            insert_table(catalogue, id, &database, &name, shape);
            Ok(true)
        })?;
        match query {
            Some(query) if made && !empty => self.insert_query(&database, &name, &[], &query, options),
            _ => Ok(()),
        }
    }

    pub(crate) fn create_view(&self, create: &CreateView, options: &QueryOptions) -> Result<()> {
        if create.materialized {
            return self.create_materialized_view(create, options);
        }
        let (database, name) = resolve_name(&create.name, options)?;
        // Refuses what could never be read.
        self.plan_query(&create.query, options)?;
        let mut stored = create.clone();
        stored.if_not_exists = false;
        stored.or_replace = false;
        stored.attach = false;
        stored.cluster = None;
        stored.name = ObjectName::new(Some(&database), &name);
        self.change(|catalogue| {
            catalogue.check_database(&database)?;
            if !self.make_way(catalogue, create, &database, &name)? {
                return Ok(());
            }
            let definition = Definition::bare(Statement::CreateView(Box::new(stored)));
            let id = self.storage.create_table(marker(&database, &name, &definition))?;
            let view = View::new(id, &database, &name, &definition)?;
            catalogue
                .objects
                .insert((database, name), Object::View(Arc::new(view)));
            Ok(())
        })
    }

    pub(crate) fn drop_objects(&self, drop: &DropStatement, options: &QueryOptions) -> Result<()> {
        let kind = match drop.kind {
            DropKind::Object(kind) => kind,
            DropKind::Function => return Err(EngineError::refused(48, "DROP FUNCTION is not supported")),
        };
        self.change(|catalogue| {
            for name in &drop.names {
                if kind == ObjectKind::Database {
                    let (_, database) = resolve_name(name, options)?;
                    self.drop_database(catalogue, &database, drop.if_exists)?;
                    continue;
                }
                let (database, name) = resolve_name(name, options)?;
                let object = match catalogue.get(&database, &name) {
                    Ok(object) => object.clone(),
                    Err(EngineError::UnknownTable { .. } | EngineError::UnknownDatabase(_))
                        if drop.if_exists =>
                    {
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                match (drop.verb, &object) {
                    (DropVerb::Detach, _) => {
                        self.detach(catalogue, &database, &name, drop.permanently)?;
                    }
                    (DropVerb::Truncate, Object::Table(table)) => self.storage.truncate_table(table.id)?,
                    (DropVerb::Truncate, Object::View(view)) if view.inner.is_some() => {
                        let inner = catalogue.table(&database, &name)?;
                        self.storage.truncate_table(inner.id)?;
                    }
                    (DropVerb::Truncate, Object::View(_)) => {
                        return Err(EngineError::refused(48, format!("`{name}` is a view")));
                    }
                    _ => {
                        if drop.if_empty && self.storage.snapshot(object.id())?.rows() > 0 {
                            return Err(EngineError::refused(705, format!("table `{name}` is not empty")));
                        }
                        self.storage.drop_table(object.id())?;
                        catalogue.objects.remove(&(database, name));
                        self.drop_inner(catalogue, &object)?;
                    }
                }
            }
            Ok(())
        })
    }

    fn drop_database(&self, catalogue: &mut Catalogue, database: &str, if_exists: bool) -> Result<()> {
        if !catalogue.databases.contains(database) {
            return if if_exists {
                Ok(())
            } else {
                Err(EngineError::UnknownDatabase(database.to_owned()))
            };
        }
        if database == SYSTEM_DATABASE || database == DEFAULT_DATABASE {
            return Err(EngineError::refused(
                164,
                format!("the database `{database}` cannot be dropped"),
            ));
        }
        let names: Vec<(String, String)> = catalogue
            .objects
            .keys()
            .chain(catalogue.detached.keys())
            .filter(|(d, _)| d == database)
            .cloned()
            .collect();
        for key in names {
            let detached = catalogue.detached.remove(&key);
            if let Some(object) = catalogue.objects.remove(&key).or(detached) {
                self.storage.drop_table(object.id())?;
            }
        }
        if let Ok(id) = self.storage.table_id(database, DATABASE_MARKER) {
            self.storage.drop_table(id)?;
        }
        catalogue.databases.remove(database);
        Ok(())
    }

    pub(crate) fn rename(&self, pairs: &[(ObjectName, ObjectName)], options: &QueryOptions) -> Result<()> {
        self.change(|catalogue| {
            for (from, to) in pairs {
                let from = resolve_name(from, options)?;
                let to = resolve_name(to, options)?;
                self.rename_one(catalogue, &from, &to)?;
            }
            Ok(())
        })
    }

    fn rename_one(
        &self,
        catalogue: &mut Catalogue,
        from: &(String, String),
        to: &(String, String),
    ) -> Result<()> {
        let object = catalogue.get(&from.0, &from.1)?.clone();
        catalogue.check_database(&to.0)?;
        if catalogue.find(&to.0, &to.1).is_some() {
            return Err(EngineError::TableExists {
                database: to.0.clone(),
                table: to.1.clone(),
            });
        }
        if let Object::View(view) = &object
            && view.inner.is_some()
            && from.0 != to.0
        {
            return Err(EngineError::refused(
                48,
                format!(
                    "`{}` keeps its rows in a table of its own and cannot change its database",
                    from.1
                ),
            ));
        }
        self.storage.rename_table(object.id(), &to.0, &to.1)?;
        catalogue.objects.remove(from);
        let (database, name) = to.clone();
        let renamed = match object {
            Object::Table(table) => Object::Table(Arc::new(Table {
                id: table.id,
                database,
                name,
                shape: table.shape.clone(),
            })),
            Object::View(view) => Object::View(Arc::new(View {
                database,
                name,
                ..view.as_ref().clone()
            })),
        };
        catalogue.objects.insert(to.clone(), renamed);
        Ok(())
    }

    /// Three renames under one lock. Queries see all of them or none; a crash in between leaves one table under the
    /// name with `~exchange` at its end, from which it can be renamed back.
    pub(crate) fn exchange(
        &self,
        left: &ObjectName,
        right: &ObjectName,
        options: &QueryOptions,
    ) -> Result<()> {
        let left = resolve_name(left, options)?;
        let right = resolve_name(right, options)?;
        let between = (left.0.clone(), format!("{}~exchange", left.1));
        self.change(|catalogue| {
            catalogue.get(&right.0, &right.1)?;
            self.rename_one(catalogue, &left, &between)?;
            self.rename_one(catalogue, &right, &left)?;
            self.rename_one(catalogue, &between, &right)
        })
    }

    pub(crate) fn alter(
        &self,
        name: &ObjectName,
        actions: &[AlterAction],
        settings: &[ast::Setting],
        options: &QueryOptions,
    ) -> Result<()> {
        let all_settings = with_settings(&options.settings, settings);
        // These change no definition, and may read whole parts: inserts need not wait for them.
        if actions.iter().all(is_about_parts) {
            let (database, name) = resolve_name(name, options)?;
            let catalogue = self.catalogue();
            let table = catalogue.table(&database, &name)?;
            for action in actions {
                self.alter_parts(&catalogue, table, action, &all_settings, options)?;
            }
            return Ok(());
        }
        let steps: Vec<_> = actions.iter().filter_map(mutate::step_of).collect();
        let definition: Vec<AlterAction> = actions
            .iter()
            .filter(|action| mutate::step_of(action).is_none())
            .cloned()
            .collect();
        if !definition.is_empty() {
            self.alter_definition(name, &definition, &all_settings, options)?;
        }
        if steps.is_empty() {
            return Ok(());
        }
        self.mutate(name, steps, settings, options)
    }

    fn alter_definition(
        &self,
        name: &ObjectName,
        actions: &[AlterAction],
        settings: &BTreeMap<String, String>,
        options: &QueryOptions,
    ) -> Result<()> {
        let (database, name) = resolve_name(name, options)?;
        // Mutations name columns: they come before what renames, drops or retypes one.
        if actions.iter().any(alter::changes_columns)
            && let Object::Table(table) = self.catalogue().get(&database, &name)?
        {
            self.finish_mutations(table, options)?;
        }
        if actions.iter().all(is_move) {
            // Parts are copied, for as long as that takes, which is to hold nobody off.
            let catalogue = self.catalogue();
            let table = catalogue.table(&database, &name)?;
            return actions
                .iter()
                .try_for_each(|action| self.alter_parts(&catalogue, table, action, settings, options));
        }
        self.change(|catalogue| {
            let table = match catalogue.get(&database, &name)?.clone() {
                Object::Table(table) => table,
                Object::View(view) => return self.alter_view(catalogue, &view, actions, options),
            };
            let mut definition = table.shape.definition.clone();
            let before = definition.clone();
            for action in actions {
                match action {
                    action if is_about_parts(action) => {
                        self.alter_parts(catalogue, &table, action, settings, options)?;
                    }
                    AlterAction::MaterializeProjection { if_exists, name, .. } => {
                        alter::check_projection(&definition, name, *if_exists)?;
                    }
                    _ => alter::apply(&mut definition, action)?,
                }
            }
            if definition == before {
                return self.materialize(&table, actions);
            }
            let shape = Arc::new(Shape::resolve(definition)?);
            check_codecs(shape.create()?, &shape.columns)?;
            check_rules(&shape)?;
            self.check_places(&shape, Some(&table.shape))?;
            crate::projection::check(&shape)?;
            self.storage.replace_definition(
                table.id,
                shape.table_def(&database, &name, self.config.granule_rows)?,
            )?;
            insert_table(catalogue, table.id, &database, &name, shape.clone());
            self.materialize(&table, actions)
        })
    }

    /// Writes parts anew that lack projections or indexes that `actions` ask for.
    fn materialize(&self, table: &Table, actions: &[AlterAction]) -> Result<()> {
        let (mut projections, mut indexes) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                AlterAction::MaterializeProjection { name, .. } => projections.push(name.as_str()),
                AlterAction::MaterializeIndex { name, .. } => indexes.push(name.as_str()),
                _ => {}
            }
        }
        if projections.is_empty() && indexes.is_empty() {
            return Ok(());
        }
        Ok(self.storage.materialize(table.id, &projections, &indexes)?)
    }

    pub(crate) fn optimize(&self, optimize: &Optimize, options: &QueryOptions) -> Result<()> {
        let (database, name) = resolve_name(&optimize.table, options)?;
        let catalogue = self.catalogue();
        let table = catalogue.table(&database, &name)?;
        Ok(self.storage.optimize(table.id, optimize.final_)?)
    }
}

pub(crate) fn insert_table(
    catalogue: &mut Catalogue,
    id: TableId,
    database: &str,
    name: &str,
    shape: Arc<Shape>,
) {
    let table = Table {
        id,
        database: database.to_owned(),
        name: name.to_owned(),
        shape,
    };
    catalogue.objects.insert(
        (database.to_owned(), name.to_owned()),
        Object::Table(Arc::new(table)),
    );
}

/// What the merge rule asks of columns. Tables older than a rule open all the same.
fn check_rules(shape: &Arc<Shape>) -> Result<()> {
    TableExpiry::of(shape)?;
    expiry::check_columns(shape)?;
    row_signs::check_types(shape)?;
    row_fold::check_simple_functions(&shape.columns)?;
    row_fold::check_summed(shape)
}

/// `CREATE TABLE t AS other`: what the statement does not say itself.
fn copy_definition(create: &mut CreateTable, other: &CreateTable) {
    if create.columns.is_empty() {
        create.columns.clone_from(&other.columns);
        create.indexes.clone_from(&other.indexes);
        create.constraints.clone_from(&other.constraints);
    }
    if create.storage.engine.is_none() {
        create.storage.clone_from(&other.storage);
    }
}
