//! Statements of every kind: from text to what runs them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_sql::ast::{
    Insert, InsertSource, InsertTarget, Query, SetExpr, Setting, Statement, SystemCommand,
};
use engine_sql::plan::Plan;
use engine_storage::CacheKind;
use engine_types::{Block, Column, DataType, Field, Schema, Value};

use crate::binding;
use crate::catalogue::{Catalogue, Table};
use crate::ddl::resolve_name;
use crate::engine::{Engine, joined};
use crate::error::{EngineError, Result};
use crate::insert_block::Repeat;
use crate::insert_rows::TableInsert;
use crate::options::QueryOptions;
use crate::result::{QueryResult, QuerySummary};
use crate::scan::ScanRules;
use crate::shape::ColumnKind;
use crate::system_tables::query_log::{start_of, start_of_printed};

/// Rows in one atomic insert at most, unless `max_insert_block_size` says otherwise.
const INSERT_ROWS: usize = 1_048_576;

fn insert_block_rows(options: &QueryOptions) -> Result<usize> {
    match options.settings.get("max_insert_block_size") {
        None => Ok(INSERT_ROWS),
        Some(text) => text
            .parse()
            .ok()
            .filter(|rows| *rows > 0)
            .ok_or_else(|| EngineError::BadSetting {
                name: "max_insert_block_size".to_owned(),
                value: text.clone(),
                expected: "a number of rows",
            }),
    }
}

/// Blocks of a query as one insert; none without rows.
fn of_blocks(database: &str, name: &str, columns: &[String], blocks: &[Block]) -> Vec<TableInsert> {
    let Some(block) = joined(blocks).filter(|block| block.rows() > 0) else {
        return Vec::new();
    };
    vec![TableInsert {
        database: database.to_owned(),
        table: name.to_owned(),
        rows: Some(block.rows()),
        columns: columns.iter().cloned().zip(block.into_columns()).collect(),
    }]
}

impl Engine {
    /// Runs one statement of any kind. Statements that answer nothing give a result without columns.
    pub fn query(&self, sql: &str, options: &QueryOptions) -> Result<QueryResult> {
        let run = || self.guarded(&engine_sql::parse_statement(sql)?, options);
        self.query_log.noting(|| start_of(sql), options, run)
    }

    /// Runs statements separated by semicolons, up to the first that fails.
    pub fn execute(&self, sql: &str, options: &QueryOptions) -> Result<()> {
        let statements = match engine_sql::parse_statements(sql) {
            Ok(statements) => statements,
            Err(error) => {
                let refused = || Err(error.into());
                return self
                    .query_log
                    .noting(|| start_of(sql), options, refused)
                    .map(|_| ());
            }
        };
        for statement in &statements {
            let run = || self.guarded(statement, options);
            self.query_log
                .noting(|| start_of_printed(statement), options, run)?;
        }
        Ok(())
    }

    /// A panic in one statement must not take the process, nor the other statements, down with it.
    fn guarded(&self, statement: &Statement, options: &QueryOptions) -> Result<QueryResult> {
        let run = std::panic::AssertUnwindSafe(|| self.run(statement, options));
        std::panic::catch_unwind(run).unwrap_or_else(|panic| {
            let message = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                .unwrap_or_default();
            tracing::error!(%statement, message, "a statement panicked");
            Err(EngineError::Internal(message))
        })
    }

    fn run(&self, statement: &Statement, options: &QueryOptions) -> Result<QueryResult> {
        let done = |outcome: Result<()>| outcome.map(|()| QueryResult::default());
        self.storage.tell_time(options.now.timestamp());
        match statement {
            Statement::Query(query) => self.select(query, options),
            Statement::Insert(insert) => done(self.insert_statement(insert, options)),
            Statement::CreateTable(create) => done(self.create_table(create, options)),
            Statement::CreateDatabase(create) => done(self.create_database(create)),
            Statement::CreateView(create) => done(self.create_view(create, options)),
            Statement::Drop(drop) => done(self.drop_objects(drop, options)),
            Statement::Rename { pairs, .. } => done(self.rename(pairs, options)),
            Statement::Exchange { left, right, .. } => done(self.exchange(left, right, options)),
            Statement::Alter {
                table,
                actions,
                settings,
                ..
            } => done(self.alter(table, actions, settings, options)),
            Statement::Optimize(optimize) => done(self.optimize(optimize, options)),
            Statement::Show(show) => self.show(show, options),
            Statement::Describe { table } => self.describe(table, options),
            Statement::Exists { kind, name } => self.exists(*kind, name, options),
            Statement::Explain(explain) => self.explain(explain, options),
            Statement::System(command) => done(self.system(command)),
            Statement::Check { table, .. } => self.check(table, options),
            // Sessions belong to the caller: it keeps the database and the settings in its options.
            Statement::Use(database) => done(self.catalogue().check_database(database)),
            Statement::Set(settings) => {
                for setting in settings {
                    binding::check_setting(&setting.name)?;
                }
                Ok(QueryResult::default())
            }
            Statement::Attach {
                kind,
                if_not_exists,
                name,
                ..
            } => done(self.attach(*kind, name, *if_not_exists, options)),
            Statement::Delete(delete) => done(self.delete(delete, options)),
            Statement::Kill(kill) => self.kill(kill, options),
        }
    }

    /// The plan of a query against the catalogue as it is now.
    pub(crate) fn plan_query(&self, query: &Query, options: &QueryOptions) -> Result<Plan> {
        Ok(self.bind(query, options, &self.catalogue())?.0)
    }

    /// Plan and settings.
    pub(crate) fn bind(
        &self,
        query: &Query,
        options: &QueryOptions,
        catalogue: &Arc<Catalogue>,
    ) -> Result<(Plan, BTreeMap<String, String>)> {
        binding::bind_query(self, catalogue, query, options)
    }

    pub(crate) fn select(&self, query: &Query, options: &QueryOptions) -> Result<QueryResult> {
        let mut source = self.source()?;
        let (plan, settings) = self.bind(query, options, &source.catalogue)?;
        source.rules = ScanRules::of(&settings);
        let plan = source.planned(plan);
        let context = self.context(&settings, options)?;
        let result = engine_exec::execute(&plan, &source, &context)?;
        let scans = source.finished_scans();
        Ok(QueryResult {
            schema: result.schema,
            blocks: result.blocks,
            summary: QuerySummary {
                rows_read: context.stats.rows_read.load(Ordering::Relaxed),
                peak_memory_bytes: context.peak_memory(),
                scans,
            },
        })
    }

    fn insert_statement(&self, insert: &Insert, options: &QueryOptions) -> Result<()> {
        let InsertTarget::Table(name) = &insert.target else {
            return Err(EngineError::refused(48, "INSERT INTO FUNCTION is not supported"));
        };
        let (database, name) = resolve_name(name, options)?;
        let mut own = options.clone();
        for setting in &insert.settings {
            binding::check_setting(&setting.name)?;
            own.settings
                .insert(setting.name.clone(), binding::setting_text(&setting.value));
        }
        let options = &own;
        let catalogue = self.catalogue();
        let table = catalogue.table(&database, &name)?;
        let columns = insert_columns(table, &insert.columns, &insert.except)?;
        match &insert.source {
            InsertSource::Values(rows) => {
                let schema = insert_schema(table, &columns);
                let types: Vec<DataType> = schema.iter().map(|f| f.ty.clone()).collect();
                let mut rows = binding::bind_rows(self, rows, &types, options)?.into_iter();
                let block_rows = insert_block_rows(options)?;
                for block in 0.. {
                    let block_of: Vec<_> = rows.by_ref().take(block_rows).collect();
                    if block_of.is_empty() {
                        break;
                    }
                    let inserts = by_defaults(&database, &name, &schema, block_of);
                    self.insert_numbered(inserts, block, options)?;
                }
                Ok(())
            }
            InsertSource::Query(query) => self.insert_query(&database, &name, &columns, query, options),
            InsertSource::Format { name, .. } => Err(EngineError::refused(
                73,
                format!("INSERT in format {name} is not supported; use VALUES"),
            )),
        }
    }

    /// Runs the query and inserts its rows, columns by position. No `columns`: all that take values.
    pub(crate) fn insert_query(
        &self,
        database: &str,
        name: &str,
        columns: &[String],
        query: &Query,
        options: &QueryOptions,
    ) -> Result<()> {
        let catalogue = self.catalogue();
        let table = catalogue.table(database, name)?;
        let columns = if columns.is_empty() {
            insert_columns(table, &[], &[])?
        } else {
            columns.to_vec()
        };
        let target = insert_schema(table, &columns);
        // What is written behind the query is meant for the insert, too.
        let mut settings = with_settings(&options.settings, &query.settings);
        if let SetExpr::Select(select) = &query.body {
            settings = with_settings(&settings, &select.settings);
        }
        let options = &QueryOptions {
            settings,
            ..options.clone()
        };
        let result = self.select(query, options)?;
        if result.schema.len() != target.len() {
            return Err(EngineError::refused(
                20,
                format!(
                    "the query has {} columns for {} columns of `{name}`",
                    result.schema.len(),
                    target.len()
                ),
            ));
        }
        let block_rows = insert_block_rows(options)?;
        let mut batch: Vec<Block> = Vec::new();
        let (mut rows, mut number) = (0, 0);
        for block in &result.blocks {
            let cast = block
                .columns()
                .iter()
                .zip(&result.schema)
                .zip(&target)
                .map(|((column, from), to)| cast_for(column, from, to))
                .collect::<Result<Vec<Column>>>()?;
            let cast = Block::new(cast, block.rows());
            let mut start = 0;
            while start < cast.rows() {
                let take = (block_rows - rows).min(cast.rows() - start);
                batch.push(cast.slice(start, take));
                start += take;
                rows += take;
                if rows == block_rows {
                    let full = std::mem::take(&mut batch);
                    self.insert_numbered(of_blocks(database, name, &columns, &full), number, options)?;
                    (rows, number) = (0, number + 1);
                }
            }
        }
        self.insert_numbered(of_blocks(database, name, &columns, &batch), number, options)
    }

    /// Block `number` of an insert. Every block is an atomic insert of its own; those behind the first add their number
    /// to the token of the statement.
    fn insert_numbered(
        &self,
        inserts: Vec<TableInsert>,
        number: usize,
        options: &QueryOptions,
    ) -> Result<()> {
        if inserts.is_empty() {
            return Ok(());
        }
        let token = options
            .settings
            .get("insert_deduplication_token")
            .filter(|token| !token.is_empty())
            .map(|token| match number {
                0 => token.clone(),
                number => format!("{token}_{number}"),
            });
        let token = token.as_deref();
        self.insert_block(inserts, &Repeat::OfTable { token }, Some(options))?;
        Ok(())
    }

    fn system(&self, command: &SystemCommand) -> Result<()> {
        let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["FLUSH", ..] => self.flush(),
            ["DROP", name @ .., "CACHE"] => {
                self.drop_caches(name);
                Ok(())
            }
            // Merges and the rest need no steering.
            ["RELOAD", ..] | ["START" | "STOP", ..] | ["SYNC", ..] => Ok(()),
            _ => Err(EngineError::refused(
                48,
                format!("SYSTEM {} is not supported", words.join(" ")),
            )),
        }
    }

    /// `MARK`, `UNCOMPRESSED`, …; caches that ClickHouse has and this engine does not are empty already.
    fn drop_caches(&self, name: &[&str]) {
        let words = name.join(" ");
        let kinds: &[CacheKind] = match words.as_str() {
            "" | "ALL" => &CacheKind::ALL,
            "MARK" => &[CacheKind::Marks],
            "UNCOMPRESSED" | "BLOCK" => &[CacheKind::Blocks],
            "DICTIONARY" => &[CacheKind::Dictionaries],
            "INDEX MARK" | "INDEX UNCOMPRESSED" | "SKIPPING INDEX" | "PRIMARY INDEX" => {
                &[CacheKind::SkipIndexes, CacheKind::GranuleRanges]
            }
            _ => &[],
        };
        for kind in kinds {
            self.storage.drop_cache(*kind);
        }
    }

    fn check(&self, table: &engine_sql::ast::ObjectName, options: &QueryOptions) -> Result<QueryResult> {
        let (database, name) = resolve_name(table, options)?;
        let catalogue = self.catalogue();
        let snapshot = self.storage.snapshot(catalogue.table(&database, &name)?.id)?;
        for part in snapshot.parts() {
            part.check()?;
        }
        Ok(QueryResult::of_columns(vec![(
            "result",
            DataType::UInt8,
            Column::UInt8(vec![1].into()),
        )]))
    }
}

/// Settings of the caller and, over them, of the statement.
pub(crate) fn with_settings(outer: &BTreeMap<String, String>, own: &[Setting]) -> BTreeMap<String, String> {
    let mut settings = outer.clone();
    settings.extend(
        own.iter()
            .map(|s| (s.name.clone(), binding::setting_text(&s.value))),
    );
    settings
}

/// Rows of VALUES as inserts: one for each set of columns that are left to their defaults.
fn by_defaults(
    database: &str,
    name: &str,
    schema: &Schema,
    rows: Vec<Vec<Option<Value>>>,
) -> Vec<TableInsert> {
    let mut groups: Vec<(Vec<bool>, Vec<Vec<Value>>)> = Vec::new();
    for row in rows {
        let given: Vec<bool> = row.iter().map(Option::is_some).collect();
        let at = groups.iter().position(|(g, _)| *g == given).unwrap_or_else(|| {
            groups.push((given, vec![Vec::new(); schema.len()]));
            groups.len() - 1
        });
        for (column, value) in groups[at].1.iter_mut().zip(row) {
            // One value a row also where it is left out: an insert needs to know its number of rows.
            column.push(value.unwrap_or(Value::Null));
        }
    }
    groups
        .into_iter()
        .map(|(given, columns)| {
            let rows = columns.first().map_or(0, Vec::len);
            TableInsert {
                database: database.to_owned(),
                table: name.to_owned(),
                rows: Some(rows),
                columns: schema
                    .iter()
                    .zip(columns)
                    .zip(given)
                    .filter(|(_, given)| *given)
                    .map(|((field, values), _)| (field.name.clone(), Column::from_values(&field.ty, &values)))
                    .collect(),
            }
        })
        .collect()
}

/// The columns an INSERT gives, in its order.
fn insert_columns(table: &Table, named: &[String], except: &[String]) -> Result<Vec<String>> {
    if !named.is_empty() {
        for name in named {
            if table.shape.column(name).is_none() {
                return Err(EngineError::UnknownColumn {
                    table: crate::insert_rows::full_name(table),
                    column: name.clone(),
                });
            }
        }
        return Ok(named.to_vec());
    }
    Ok(table
        .shape
        .columns
        .iter()
        .filter(|c| matches!(c.kind, ColumnKind::Ordinary | ColumnKind::Default))
        .filter(|c| !except.contains(&c.name))
        .map(|c| c.name.clone())
        .collect())
}

fn insert_schema(table: &Table, columns: &[String]) -> Schema {
    columns
        .iter()
        .filter_map(|name| table.shape.column(name))
        .map(|at| Field::new(&table.shape.columns[at].name, table.shape.columns[at].ty.clone()))
        .collect()
}

/// A column of a query in the type of the table's column. NULL becomes the default where the column cannot hold it.
pub(crate) fn cast_for(column: &Column, from: &Field, to: &Field) -> Result<Column> {
    if from.ty.is_nullable() && !to.ty.is_nullable() {
        let plain = column.flatten();
        if let Column::Nullable(nullable) = &plain {
            let inner = from.ty.without_low_cardinality();
            let inner = match inner {
                DataType::Nullable(inner) => inner,
                other => other,
            };
            let cast = engine_functions::cast_column(&nullable.values, inner, &to.ty)?.flatten();
            if nullable.nulls.iter().all(|n| *n == 0) {
                return Ok(cast);
            }
            let both = Column::concat(&[&cast, &Column::defaults(&to.ty, 1)]);
            let rows: Vec<u32> = nullable
                .nulls
                .iter()
                .enumerate()
                .map(|(row, null)| if *null != 0 { cast.len() as u32 } else { row as u32 })
                .collect();
            return Ok(both.gather(&rows));
        }
    }
    Ok(engine_functions::cast_column(column, &from.ty, &to.ty)?)
}
