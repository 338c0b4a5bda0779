//! Making, changing and dropping materialized views. What they do with rows is in [`crate::push_to_views`].

use std::sync::Arc;

use engine_sql::ast::{self, AlterAction, CreateTable, CreateView, ObjectName, Query, Statement};
use engine_storage::Storage;
use engine_types::Schema;

use crate::catalogue::{Catalogue, Object, SYSTEM_DATABASE, Table, View};
use crate::column_codec::check_codecs;
use crate::ddl::{insert_table, marker, resolve_name};
use crate::definition::Definition;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::insert_rows::prepare;
use crate::options::QueryOptions;
use crate::scan::EngineSource;
use crate::shape::Shape;
use crate::statement::cast_for;

/// How names of tables begin that belong to a view.
pub(crate) const INNER_PREFIX: &str = ".inner.";

const NO_SUCH_COLUMN: u32 = 8;
const NOT_IMPLEMENTED: u32 = 48;

impl Engine {
    /// `CREATE MATERIALIZED VIEW`. With POPULATE no insert comes between: the rows that are there and the rows that come
    /// are each taken once.
    pub(crate) fn create_materialized_view(&self, create: &CreateView, options: &QueryOptions) -> Result<()> {
        if create.refresh.is_some() {
            return Err(EngineError::refused(
                NOT_IMPLEMENTED,
                "refreshable materialized views are not supported",
            ));
        }
        let (database, name) = resolve_name(&create.name, options)?;
        let mut stored = create.clone();
        stored.if_not_exists = false;
        stored.or_replace = false;
        stored.attach = false;
        stored.populate = false;
        stored.cluster = None;
        stored.name = ObjectName::new(Some(&database), &name);
        self.qualify(&mut stored.query, options);
        if let Some(to) = &create.to {
            let (database, table) = resolve_name(to, options)?;
            stored.to = Some(ObjectName::new(Some(&database), &table));
        }
        let schema = self.view_schema(&stored.query, options)?;
        self.change(|catalogue| {
            catalogue.check_database(&database)?;
            if database == SYSTEM_DATABASE {
                return Err(EngineError::refused(
                    164,
                    "the database `system` cannot be changed",
                ));
            }
            if !self.make_way(catalogue, create, &database, &name)? {
                return Ok(());
            }
            let mut definition = Definition::bare(Statement::CreateView(Box::new(stored.clone())));
            if stored.to.is_none() {
                definition.inner =
                    Some(self.create_inner(catalogue, &database, &name, &mut stored, &schema)?);
            } else {
                check_target(catalogue, &stored, &schema)?;
                if stored.columns.is_empty() {
                    stored.columns = columns_of(&schema)?;
                }
            }
            definition.create = Statement::CreateView(Box::new(stored.clone()));
            let mut definition_table = marker(&database, &name, &definition);
            definition_table.definition = definition.encode();
            // The id is not known yet; populating needs only where rows go.
            if create.populate {
                self.populate(catalogue, &database, &name, &definition, options)?;
            }
            let id = self.storage.create_table(definition_table)?;
            let view = View::new(id, &database, &name, &definition)?;
            catalogue
                .objects
                .insert((database.clone(), name.clone()), Object::View(Arc::new(view)));
            Ok(())
        })
    }

    /// Tables in the query by their full names, so that it means the same in every database.
    fn qualify(&self, query: &mut Query, options: &QueryOptions) {
        let catalogue = self.catalogue();
        let is_table = |name: &str| catalogue.find(&options.database, name).is_some();
        engine_sql::qualify_tables(query, &options.database, &is_table);
    }

    /// What the query answers. Refuses what could never be read, and what rows of an insert cannot be pushed through.
    fn view_schema(&self, query: &Query, options: &QueryOptions) -> Result<Schema> {
        if !matches!(query.body, ast::SetExpr::Select(_)) {
            return Err(EngineError::refused(
                NOT_IMPLEMENTED,
                "a materialized view of a UNION is not supported: make one view for each SELECT",
            ));
        }
        Ok(self.plan_query(query, options)?.schema())
    }

    /// The table of a view without TO; its name.
    fn create_inner(
        &self,
        catalogue: &mut Catalogue,
        database: &str,
        name: &str,
        view: &mut CreateView,
        schema: &Schema,
    ) -> Result<String> {
        if view.columns.is_empty() {
            view.columns = columns_of(schema)?;
        }
        let inner = (1..)
            .map(|n| match n {
                1 => format!("{INNER_PREFIX}{name}"),
                n => format!("{INNER_PREFIX}{name}~{n}"),
            })
            .find(|inner| self.storage.table_id(database, inner).is_err())
            .expect("some number is free");
        let create = inner_table(database, &inner, view);
        let shape = Arc::new(Shape::resolve(Definition::bare(Statement::CreateTable(
            Box::new(create),
        )))?);
        check_codecs(shape.create()?, &shape.columns)?;
        let id = self
            .storage
            .create_table(shape.table_def(database, &inner, self.config.granule_rows)?)?;
        insert_table(catalogue, id, database, &inner, shape);
        Ok(inner)
    }

    /// The rows that the query answers now, into the target of a view that is about to be there. Inserts wait.
    fn populate(
        &self,
        catalogue: &Catalogue,
        database: &str,
        name: &str,
        definition: &Definition,
        options: &QueryOptions,
    ) -> Result<()> {
        let catalogue = Arc::new(catalogue.clone());
        let nowhere = engine_storage::TableId(u32::MAX);
        let view = View::new(nowhere, database, name, definition)?;
        let Some((target_database, target)) = view.target() else {
            return Ok(());
        };
        let tables = EngineSource::new(&self.storage, catalogue.clone())?;
        let (plan, settings) = self.bind(&view.create.query, options, &catalogue)?;
        let context = self.context(&settings, options)?;
        let result = engine_exec::execute(&plan, &tables, &context)?;
        let table = catalogue.table(target_database, target)?;
        for block in &result.blocks {
            let mut columns = Vec::new();
            for (from, column) in result.schema.iter().zip(block.columns()) {
                if let Some(at) = table.shape.column(&from.name) {
                    let to = engine_types::Field::new(&from.name, table.shape.columns[at].ty.clone());
                    columns.push((from.name.clone(), cast_for(column, from, &to)?));
                }
            }
            let insert = crate::TableInsert {
                database: target_database.to_owned(),
                table: target.to_owned(),
                rows: Some(block.rows()),
                columns,
            };
            let made = prepare(&catalogue, insert, Some(options.now))?;
            let names = [(target_database.to_owned(), target.to_owned())];
            let made = [made];
            let behind = self.push_to_views(&catalogue, &names, &made, Some(options))?;
            let writes = made
                .into_iter()
                .chain(behind)
                .map(|p| (p.table.id, p.block))
                .collect();
            self.storage.append(writes)?;
        }
        Ok(())
    }

    /// Whether there is to be a view of that name: drops what has it when `create` says so, and the table that belongs
    /// to that.
    pub(crate) fn make_way(
        &self,
        catalogue: &mut Catalogue,
        create: &CreateView,
        database: &str,
        name: &str,
    ) -> Result<bool> {
        let Some(existing) = catalogue.find(database, name).cloned() else {
            return Ok(true);
        };
        if create.if_not_exists {
            return Ok(false);
        }
        if !create.or_replace {
            return Err(EngineError::TableExists {
                database: database.to_owned(),
                table: name.to_owned(),
            });
        }
        self.storage.drop_table(existing.id())?;
        catalogue.objects.remove(&(database.to_owned(), name.to_owned()));
        self.drop_inner(catalogue, &existing)?;
        Ok(true)
    }

    /// Drops the table that belongs to a view, when it has one.
    pub(crate) fn drop_inner(&self, catalogue: &mut Catalogue, object: &Object) -> Result<()> {
        let Object::View(view) = object else {
            return Ok(());
        };
        let Some(inner) = &view.inner else {
            return Ok(());
        };
        if let Some(table) = catalogue.objects.remove(&(view.database.clone(), inner.clone())) {
            self.storage.drop_table(table.id())?;
        }
        Ok(())
    }

    /// `ALTER TABLE view MODIFY QUERY`: from now on rows are made by another query.
    pub(crate) fn alter_view(
        &self,
        catalogue: &mut Catalogue,
        view: &View,
        actions: &[AlterAction],
        options: &QueryOptions,
    ) -> Result<()> {
        let mut create = view.create.clone();
        for action in actions {
            match action {
                AlterAction::ModifyQuery(query) if create.materialized => {
                    create.query.clone_from(query);
                    self.qualify(&mut create.query, options);
                    let schema = self.view_schema(&create.query, options)?;
                    match &view.inner {
                        None => check_target(catalogue, &create, &schema)?,
                        Some(inner) => {
                            let table = catalogue.table(&view.database, inner)?;
                            check_columns(table, &schema)?;
                        }
                    }
                }
                AlterAction::ModifyComment(comment) => create.comment = Some(comment.clone()),
                other => {
                    let kind = if create.materialized {
                        "a materialized view"
                    } else {
                        "a view"
                    };
                    return Err(EngineError::refused(
                        NOT_IMPLEMENTED,
                        format!("`{other}` is not supported by {kind}"),
                    ));
                }
            }
        }
        let definition = Definition {
            inner: view.inner.clone(),
            ..Definition::bare(Statement::CreateView(Box::new(create)))
        };
        self.storage
            .replace_definition(view.id, marker(&view.database, &view.name, &definition))?;
        let changed = View::new(view.id, &view.database, &view.name, &definition)?;
        catalogue.objects.insert(
            (view.database.clone(), view.name.clone()),
            Object::View(Arc::new(changed)),
        );
        Ok(())
    }
}

/// Removes tables of views that are not there: a crash came between the view and its table.
pub(crate) fn drop_inner_without_view(storage: &Storage, catalogue: &mut Catalogue) -> Result<()> {
    let owned = |database: &str, name: &str| {
        catalogue
            .objects
            .values()
            .chain(catalogue.detached.values())
            .any(|o| {
                matches!(o, Object::View(view)
                    if view.database == database && view.inner.as_deref() == Some(name))
            })
    };
    let orphans: Vec<(String, String)> = catalogue
        .objects
        .keys()
        .filter(|(database, name)| name.starts_with(INNER_PREFIX) && !owned(database, name))
        .cloned()
        .collect();
    for key in orphans {
        if let Some(object) = catalogue.objects.remove(&key) {
            tracing::warn!(
                database = key.0,
                table = key.1,
                "removed the table of a view that is not there"
            );
            storage.drop_table(object.id())?;
        }
    }
    Ok(())
}

/// `CREATE TABLE` of a view's own table: without an engine of the view's choice it keeps no order.
fn inner_table(database: &str, inner: &str, view: &CreateView) -> CreateTable {
    let mut storage = view.storage.clone();
    if storage.engine.is_none() {
        storage.engine = Some(ast::EngineSpec {
            name: "MergeTree".to_owned(),
            args: None,
        });
    }
    let sorted = storage
        .engine
        .as_ref()
        .is_some_and(|e| e.name.ends_with("MergeTree"));
    if sorted && storage.order_by.is_none() && storage.primary_key.is_none() {
        storage.order_by = Some(ast::Expr::Tuple(Vec::new()));
    }
    CreateTable {
        attach: false,
        or_replace: false,
        temporary: false,
        if_not_exists: false,
        name: ObjectName::new(Some(database), inner),
        uuid: None,
        cluster: None,
        columns: view.columns.clone(),
        indexes: Vec::new(),
        projections: Vec::new(),
        constraints: Vec::new(),
        storage,
        as_table: None,
        as_query: None,
        empty: false,
        comment: None,
    }
}

fn columns_of(schema: &Schema) -> Result<Vec<ast::ColumnDef>> {
    schema
        .iter()
        .map(|field| {
            Ok(ast::ColumnDef {
                ty: Some(engine_sql::parse_type_name(field.ty.to_string())?),
                name: field.name.clone(),
                null: None,
                default: None,
                comment: None,
                codec: None,
                ttl: None,
            })
        })
        .collect()
}

/// The target is there and has what the query answers.
fn check_target(catalogue: &Catalogue, view: &CreateView, schema: &Schema) -> Result<()> {
    let Some((Some(database), name)) = view.to.as_ref().and_then(ObjectName::plain) else {
        return Ok(());
    };
    if view.name.plain() == Some((Some(database), name)) {
        return Err(EngineError::refused(
            36,
            "a materialized view cannot be its own target",
        ));
    }
    check_columns(catalogue.table(database, name)?, schema)
}

fn check_columns(table: &Table, schema: &Schema) -> Result<()> {
    match schema.iter().find(|f| table.shape.column(&f.name).is_none()) {
        None => Ok(()),
        Some(field) => Err(EngineError::refused(
            NO_SUCH_COLUMN,
            format!(
                "the query answers a column `{}` that the target {} does not have; name it with AS as a column of the target",
                field.name,
                crate::insert_rows::full_name(table)
            ),
        )),
    }
}
