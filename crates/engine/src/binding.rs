//! The engine's side of the binder: names to tables, options to a bind context.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_sql::ast;
use engine_sql::plan::{Expr, ExprKind, Plan, TableName};
use engine_sql::{
    BindContext, Catalog, ColumnInfo, ColumnKind as BoundKind, ParameterValue, SqlError, TableInfo,
};
use engine_types::{DataType, Schema, Value};

use crate::catalogue::{Catalogue, Object, SYSTEM_DATABASE, Table, View};
use crate::engine::Engine;
use crate::engine_kind::EngineKind;
use crate::error::{EngineError, Result};
use crate::options::{Parameter, QueryOptions};
use crate::shape::{ColumnKind, TableColumn, key_list};
use crate::system_tables;

pub(crate) use engine_sql::check_setting;

/// Tables as one statement sees them.
struct BoundCatalogue<'a> {
    engine: &'a Engine,
    catalogue: &'a Arc<Catalogue>,
    database: &'a str,
}

impl Catalog for BoundCatalogue<'_> {
    fn table(&self, database: Option<&str>, name: &str) -> std::result::Result<Option<TableInfo>, SqlError> {
        let database = database.unwrap_or(self.database);
        if database == SYSTEM_DATABASE {
            return system_tables::table(name, &self.engine.system_state(self.catalogue)).map_err(in_sql);
        }
        Ok(match self.catalogue.find(database, name) {
            None => None,
            Some(Object::View(view)) => match view.target() {
                Some(target) => Some(materialized_info(view, target)),
                None => Some(view_info(view)),
            },
            Some(Object::Table(_)) => {
                let table = self.catalogue.table(database, name).map_err(in_sql)?;
                let mut info = table_info(table);
                if info.sampling_key.is_some() {
                    let snapshot = system_tables::of_table(table, self.engine.storage.snapshot(table.id));
                    info.total_rows = snapshot.map_err(in_sql)?.map_or(0, |s| s.rows());
                }
                Some(info)
            }
        })
    }

    fn table_names(&self, database: Option<&str>) -> Vec<String> {
        let database = database.unwrap_or(self.database);
        if database == SYSTEM_DATABASE {
            return system_tables::NAMES.iter().map(|n| (*n).to_owned()).collect();
        }
        self.catalogue
            .objects
            .keys()
            .filter(|(d, _)| d == database)
            .map(|(_, name)| name.clone())
            .collect()
    }
}

/// The binder's errors have no sources: the text says it all.
fn in_sql(error: EngineError) -> SqlError {
    SqlError::new(error.code(), error.with_sources())
}

fn view_info(view: &View) -> TableInfo {
    TableInfo {
        name: TableName {
            database: view.database.clone(),
            table: view.name.clone(),
        },
        columns: Vec::new(),
        sorting_key: Vec::new(),
        sampling_key: None,
        total_rows: 0,
        view: Some(Arc::new(view.create.query.as_ref().clone())),
        rows: None,
        has_row_mask: false,
    }
}

/// A materialized view is read as its columns of the target.
fn materialized_info(view: &View, (database, table): (&str, &str)) -> TableInfo {
    let mut select = ast::Select {
        projection: view
            .create
            .columns
            .iter()
            .map(|c| ast::Expr::Identifier(vec![c.name.clone()]))
            .collect(),
        ..ast::Select::default()
    };
    select
        .from
        .push(ast::FromItem::Table(ast::TableRef::of(ast::TableSource::Table(
            ast::ObjectName::new(Some(database), table),
        ))));
    let query = ast::Query::of(select);
    TableInfo {
        view: Some(Arc::new(query)),
        ..view_info(view)
    }
}

pub(crate) fn table_info(table: &Table) -> TableInfo {
    let create = table.shape.create().ok();
    let storage = create.map(|c| &c.storage);
    TableInfo {
        name: TableName {
            database: table.database.clone(),
            table: table.name.clone(),
        },
        columns: column_infos(table.shape.columns.iter()),
        sorting_key: if table.shape.kind.is_sorted() {
            key_list(storage.and_then(|s| s.order_by.as_ref().or(s.primary_key.as_ref())))
        } else {
            Vec::new()
        },
        sampling_key: storage.and_then(|s| s.sample_by.clone()),
        total_rows: 0,
        view: None,
        rows: None,
        has_row_mask: table.shape.kind != EngineKind::Plain,
    }
}

fn column_infos<'c>(columns: impl Iterator<Item = &'c TableColumn>) -> Vec<ColumnInfo> {
    columns
        .map(|c| ColumnInfo {
            name: c.name.clone(),
            ty: c.ty.clone(),
            json: c.is_json(),
            kind: match (c.kind, &c.default_text) {
                (ColumnKind::Ordinary | ColumnKind::Default, _) => BoundKind::Ordinary,
                (ColumnKind::Alias, Some(text)) => BoundKind::Alias(text.clone()),
                // An EPHEMERAL column cannot be read; the scan refuses it.
                (ColumnKind::Materialized | ColumnKind::Ephemeral | ColumnKind::Alias, _) => {
                    BoundKind::Materialized
                }
            },
        })
        .collect()
}

fn bind_context(options: &QueryOptions) -> BindContext {
    BindContext {
        now_micros: options.now.timestamp_micros(),
        database: options.database.clone(),
        parameters: parameters(options).collect(),
        settings: options.settings.clone(),
    }
}

pub(crate) fn parameters(options: &QueryOptions) -> impl Iterator<Item = (String, ParameterValue)> {
    options.parameters.iter().map(|(name, parameter)| {
        let value = match parameter {
            Parameter::Text(text) => ParameterValue::Text(text.clone()),
            Parameter::Value(value, ty) => ParameterValue::Value(value.clone(), ty.clone()),
        };
        (name.clone(), value)
    })
}

/// Plan and settings of a materialized view's query, where the table `source` is a block of inserted rows: scans name
/// it by [`inserted_block`].
pub(crate) fn bind_over_block(
    engine: &Engine,
    catalogue: &Arc<Catalogue>,
    query: &ast::Query,
    source: (&str, &str, &Table),
    options: &QueryOptions,
) -> Result<(Plan, BTreeMap<String, String>)> {
    let tables = BlockCatalogue {
        tables: BoundCatalogue {
            engine,
            catalogue,
            database: &options.database,
        },
        source,
    };
    let bound = engine_sql::bind(query, &tables, &bind_context(options))?;
    Ok((bound.plan, bound.settings))
}

/// What scans of inserted rows call their table. No database has an empty name.
pub(crate) fn inserted_block() -> TableName {
    TableName {
        database: String::new(),
        table: "inserted rows".to_owned(),
    }
}

/// Tables, of which one is only the rows that are being inserted.
struct BlockCatalogue<'a> {
    tables: BoundCatalogue<'a>,
    /// Database and name as the query has them, and the table whose columns the rows have.
    source: (&'a str, &'a str, &'a Table),
}

impl Catalog for BlockCatalogue<'_> {
    fn table(&self, database: Option<&str>, name: &str) -> std::result::Result<Option<TableInfo>, SqlError> {
        let (source_database, source_name, table) = self.source;
        if name == source_name && database.unwrap_or(self.tables.database) == source_database {
            return Ok(Some(TableInfo {
                name: inserted_block(),
                ..table_info(table)
            }));
        }
        self.tables.table(database, name)
    }

    fn table_names(&self, database: Option<&str>) -> Vec<String> {
        self.tables.table_names(database)
    }
}

/// Plan and settings of a query.
pub(crate) fn bind_query(
    engine: &Engine,
    catalogue: &Arc<Catalogue>,
    query: &ast::Query,
    options: &QueryOptions,
) -> Result<(Plan, BTreeMap<String, String>)> {
    let tables = BoundCatalogue {
        engine,
        catalogue,
        database: &options.database,
    };
    for name in options.settings.keys() {
        check_setting(name)?;
    }
    check_databases(catalogue, query)?;
    let bound = engine_sql::bind(query, &tables, &bind_context(options))?;
    Ok((bound.plan, bound.settings))
}

/// A database that does not exist is another error (81) than a table that does not. The binder asks for tables only, so
/// the tables of the outermost FROM are looked at here.
fn check_databases(catalogue: &Catalogue, query: &ast::Query) -> Result<()> {
    let ast::SetExpr::Select(select) = &query.body else {
        return Ok(());
    };
    for item in &select.from {
        let table = match item {
            ast::FromItem::Table(table) => table,
            ast::FromItem::Join(join) => &join.table,
            ast::FromItem::ArrayJoin(_) => continue,
        };
        if let ast::TableSource::Table(name) = &table.source
            && let Some((Some(database), _)) = name.plain()
        {
            catalogue.check_database(database)?;
        }
    }
    Ok(())
}

/// A catalogue without tables, for expressions of table definitions.
struct NoTables;

impl Catalog for NoTables {
    fn table(&self, _: Option<&str>, _: &str) -> std::result::Result<Option<TableInfo>, SqlError> {
        Ok(None)
    }
}

/// The plan, not optimised, of a SELECT that lacks its FROM: over rows with these columns, which scans number so.
pub(crate) fn bind_over_rows<'c>(
    mut select: ast::Select,
    columns: impl Iterator<Item = &'c TableColumn>,
) -> std::result::Result<Plan, SqlError> {
    let (database, table) = ("", "rows");
    select
        .from
        .push(ast::FromItem::Table(ast::TableRef::of(ast::TableSource::Table(
            ast::ObjectName::new(Some(database), table),
        ))));
    let query = ast::Query::of(select);
    let only = OneTable(TableInfo {
        name: TableName {
            database: database.to_owned(),
            table: table.to_owned(),
        },
        columns: column_infos(columns),
        sorting_key: Vec::new(),
        sampling_key: None,
        total_rows: 0,
        view: None,
        rows: None,
        has_row_mask: true,
    });
    Ok(engine_sql::bind_unoptimized(&query, &only, &BindContext::default())?.plan)
}

struct OneTable(TableInfo);

impl Catalog for OneTable {
    fn table(&self, database: Option<&str>, name: &str) -> std::result::Result<Option<TableInfo>, SqlError> {
        let own = &self.0.name;
        Ok((database == Some(&own.database) && name == own.table).then(|| self.0.clone()))
    }
}

/// Functions whose answer is the time of the statement.
const OF_THE_TIME: [&str; 8] = [
    "now",
    "now64",
    "today",
    "yesterday",
    "current_timestamp",
    "current_date",
    "curdate",
    "utctimestamp",
];

/// Whether the text may name a function of the time. A column of such a name is taken for one, which costs a little.
pub(crate) fn reads_the_time(text: &impl ToString) -> bool {
    text.to_string()
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| OF_THE_TIME.iter().any(|name| word.eq_ignore_ascii_case(name)))
}

/// The same where the time counts: a default at the moment of an insert.
pub(crate) fn bind_over_at(
    expr: &ast::Expr,
    schema: &Schema,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Expr> {
    let context = BindContext {
        now_micros: now.timestamp_micros(),
        ..BindContext::default()
    };
    Ok(engine_sql::bind_expression(expr, schema, &NoTables, &context)?)
}

/// An expression over columns of a table, in its definition. It must not depend on the time.
pub(crate) fn bind_over(expr: &ast::Expr, schema: &Schema) -> Result<Expr> {
    Ok(engine_sql::bind_expression(
        expr,
        schema,
        &NoTables,
        &BindContext::default(),
    )?)
}

/// The rows of VALUES in these types; `None`: the column's default.
pub(crate) fn bind_rows(
    engine: &Engine,
    rows: &[Vec<ast::Expr>],
    types: &[DataType],
    options: &QueryOptions,
) -> Result<Vec<Vec<Option<Value>>>> {
    let catalogue = engine.catalogue();
    let tables = BoundCatalogue {
        engine,
        catalogue: &catalogue,
        database: &options.database,
    };
    Ok(engine_sql::bind_insert_rows(
        rows,
        types,
        &tables,
        &bind_context(options),
    )?)
}

/// A setting's value as text.
pub(crate) fn setting_text(value: &ast::Literal) -> String {
    match value {
        ast::Literal::Null => String::new(),
        ast::Literal::Bool(on) => u8::from(*on).to_string(),
        ast::Literal::Number(text) => text.clone(),
        ast::Literal::String(text) => String::from_utf8_lossy(text).into_owned(),
    }
}

/// Calls `visit` with every column the expression reads.
pub(crate) fn visit_columns(expr: &Expr, visit: &mut dyn FnMut(usize)) {
    match &expr.kind {
        ExprKind::Column(i) => visit(*i),
        ExprKind::Literal(_) | ExprKind::ScalarSubquery(_) => {}
        ExprKind::Call { args, .. } => args.iter().for_each(|e| visit_columns(e, visit)),
        ExprKind::And(list) | ExprKind::Or(list) => list.iter().for_each(|e| visit_columns(e, visit)),
        ExprKind::HigherOrder { lambda, arrays, .. } => {
            for e in lambda.captures.iter().chain(arrays) {
                visit_columns(e, visit);
            }
        }
        ExprKind::InSet { arg, .. } => visit_columns(arg, visit),
    }
}
