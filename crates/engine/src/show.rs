//! SHOW, DESCRIBE, EXISTS: answers about the catalogue.

use engine_sql::ast::{ObjectKind, ObjectName, Show, Statement, TableRef, TableSource};
use engine_types::{Column, DataType};

use crate::catalogue::{Object, SYSTEM_DATABASE};
use crate::ddl::resolve_name;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::options::QueryOptions;
use crate::result::QueryResult;
use crate::system_tables;

/// A LIKE clause: negated, case-free, pattern.
type Like = Option<(bool, bool, Vec<u8>)>;

/// Whether the name passes the clause.
fn passes(like: &Like, name: &str) -> bool {
    let Some((negated, case_free, pattern)) = like else {
        return true;
    };
    let (text, pattern) = if *case_free {
        (name.to_lowercase().into_bytes(), pattern.to_ascii_lowercase())
    } else {
        (name.as_bytes().to_vec(), pattern.clone())
    };
    matches(&pattern, &text) != *negated
}

/// LIKE over bytes: `%` any run, `_` any byte, `\` takes the next one literally.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'%', rest)) => (0..=text.len()).any(|from| matches(rest, &text[from..])),
        Some((b'_', rest)) => !text.is_empty() && matches(rest, &text[1..]),
        Some((b'\\', [literal, rest @ ..])) => text.first() == Some(literal) && matches(rest, &text[1..]),
        Some((byte, rest)) => text.first() == Some(byte) && matches(rest, &text[1..]),
    }
}

impl Engine {
    pub(crate) fn show(&self, show: &Show, options: &QueryOptions) -> Result<QueryResult> {
        let catalogue = self.catalogue();
        match show {
            Show::Databases { like, .. } => Ok(QueryResult::of_lines(
                "name",
                catalogue.databases.iter().filter(|name| passes(like, name)),
            )),
            Show::Tables { from, like, .. } => {
                let database = from.as_ref().unwrap_or(&options.database);
                catalogue.check_database(database)?;
                let mut names: Vec<String> = catalogue
                    .objects
                    .keys()
                    .filter(|(d, name)| d == database && passes(like, name))
                    .map(|(_, name)| name.clone())
                    .collect();
                if database == SYSTEM_DATABASE {
                    names.extend(
                        system_tables::NAMES
                            .iter()
                            .filter(|name| passes(like, name))
                            .map(|name| (*name).to_owned()),
                    );
                }
                Ok(QueryResult::of_lines("name", names))
            }
            Show::Create { kind, name } => self.show_create(*kind, name, options),
            Show::Columns { table, like, .. } => self.describe_name(table, like, options),
            Show::Functions { like } => Ok(QueryResult::of_lines(
                "name",
                engine_functions::function_names()
                    .into_iter()
                    .filter(|name| passes(like, name)),
            )),
            Show::Settings { like, .. } => {
                let changed = options.settings.iter().filter(|(name, _)| passes(like, name));
                let (names, values): (Vec<&String>, Vec<&String>) = changed.unzip();
                Ok(QueryResult::of_columns(vec![
                    ("name", DataType::String, Column::strings(names)),
                    ("value", DataType::String, Column::strings(values)),
                ]))
            }
            Show::Engines => Ok(QueryResult::of_lines(
                "name",
                [
                    "CollapsingMergeTree",
                    "Distributed",
                    "Memory",
                    "MaterializedView",
                    "MergeTree",
                    "Null",
                    "ReplacingMergeTree",
                ],
            )),
            Show::Processlist => Err(EngineError::refused(48, "SHOW PROCESSLIST is not supported")),
        }
    }

    fn show_create(
        &self,
        kind: ObjectKind,
        name: &ObjectName,
        options: &QueryOptions,
    ) -> Result<QueryResult> {
        let (database, name) = resolve_name(name, options)?;
        let catalogue = self.catalogue();
        if kind == ObjectKind::Database {
            catalogue.check_database(&name)?;
            return Ok(QueryResult::of_lines(
                "statement",
                [format!("CREATE DATABASE {name}")],
            ));
        }
        let statement = match catalogue.get(&database, &name)? {
            Object::View(view) => {
                let mut create = view.create.clone();
                create.name = ObjectName::new(Some(&database), &name);
                Statement::CreateView(Box::new(create))
            }
            Object::Table(table) => {
                let mut create = table.shape.create()?.clone();
                create.name = ObjectName::new(Some(&database), &name);
                Statement::CreateTable(Box::new(create))
            }
        };
        Ok(QueryResult::of_lines("statement", [statement.to_string()]))
    }

    pub(crate) fn describe(&self, table: &TableRef, options: &QueryOptions) -> Result<QueryResult> {
        match &table.source {
            TableSource::Table(name) => self.describe_name(name, &None, options),
            TableSource::Query(query) => {
                let schema = self.plan_query(query, options)?.schema();
                Ok(described(schema.into_iter().map(|f| {
                    (f.name, f.ty.to_string(), "", String::new(), String::new())
                })))
            }
            TableSource::Function { name, .. } => Err(EngineError::refused(
                48,
                format!("DESCRIBE of {name}() is not supported"),
            )),
        }
    }

    fn describe_name(&self, name: &ObjectName, like: &Like, options: &QueryOptions) -> Result<QueryResult> {
        let (database, name) = resolve_name(name, options)?;
        let catalogue = self.catalogue();
        if database == SYSTEM_DATABASE {
            let state = self.system_state(&catalogue);
            let table = system_tables::table(&name, &state)?.ok_or(EngineError::UnknownTable {
                database,
                table: name,
            })?;
            return Ok(described(
                table
                    .columns
                    .into_iter()
                    .map(|c| (c.name, c.ty.to_string(), "", String::new(), String::new())),
            ));
        }
        match catalogue.get(&database, &name)? {
            Object::Table(table) => Ok(described(
                table
                    .shape
                    .columns
                    .iter()
                    .filter(|c| passes(like, &c.name))
                    .map(|c| {
                        (
                            c.name.clone(),
                            c.ty.to_string(),
                            system_tables::kind_name(c.kind),
                            c.default_text
                                .as_ref()
                                .map(ToString::to_string)
                                .unwrap_or_default(),
                            c.comment.clone(),
                        )
                    }),
            )),
            Object::View(view) => {
                let schema = if view.create.materialized {
                    view.create
                        .columns
                        .iter()
                        .filter_map(|c| {
                            let ty = crate::shape::resolve_type(c.ty.as_ref()?, c.null).ok()?;
                            Some(engine_types::Field::new(&c.name, ty))
                        })
                        .collect()
                } else {
                    self.plan_query(&view.create.query, options)?.schema()
                };
                Ok(described(
                    schema
                        .into_iter()
                        .filter(|f| passes(like, &f.name))
                        .map(|f| (f.name, f.ty.to_string(), "", String::new(), String::new())),
                ))
            }
        }
    }

    pub(crate) fn exists(
        &self,
        kind: ObjectKind,
        name: &ObjectName,
        options: &QueryOptions,
    ) -> Result<QueryResult> {
        let (database, name) = resolve_name(name, options)?;
        let catalogue = self.catalogue();
        let found = match kind {
            ObjectKind::Database => catalogue.databases.contains(&name),
            ObjectKind::Table => {
                catalogue.find(&database, &name).is_some()
                    || (database == SYSTEM_DATABASE && system_tables::NAMES.contains(&name.as_str()))
            }
            ObjectKind::View => matches!(catalogue.find(&database, &name), Some(Object::View(_))),
            ObjectKind::Dictionary => false,
        };
        Ok(QueryResult::of_columns(vec![(
            "result",
            DataType::UInt8,
            Column::UInt8(vec![u8::from(found)].into()),
        )]))
    }
}

/// A row of DESCRIBE: name, type, kind and text of the default, comment.
type Described = (String, String, &'static str, String, String);

fn described(columns: impl Iterator<Item = Described>) -> QueryResult {
    let columns: Vec<Described> = columns.collect();
    let texts = |pick: &dyn Fn(&Described) -> String| Column::strings(columns.iter().map(pick));
    let none = || Column::strings(columns.iter().map(|_| ""));
    QueryResult::of_columns(vec![
        ("name", DataType::String, texts(&|c| c.0.clone())),
        ("type", DataType::String, texts(&|c| c.1.clone())),
        ("default_type", DataType::String, texts(&|c| c.2.to_owned())),
        ("default_expression", DataType::String, texts(&|c| c.3.clone())),
        ("comment", DataType::String, texts(&|c| c.4.clone())),
        ("codec_expression", DataType::String, none()),
        ("ttl_expression", DataType::String, none()),
    ])
}
