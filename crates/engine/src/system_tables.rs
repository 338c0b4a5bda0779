//! The database `system`: what the engine knows about itself, computed when a query names it.

mod disks;
mod json_columns;
pub(crate) mod query_log;

use std::sync::Arc;

use engine_sql::plan::TableName;
use engine_sql::{ColumnInfo, ColumnKind as BoundKind, TableInfo};
use engine_storage::{CacheKind, ColumnOnDisk, Snapshot, Storage, StorageError};
use engine_types::{DataType, Value};

use crate::catalogue::{Catalogue, Object, SYSTEM_DATABASE, Table};
use crate::config::EngineConfig;
use crate::engine_kind::EngineKind;
use crate::error::Result;
use crate::mutation_command::MutationCommand;
use crate::shape::ColumnKind;

/// What the tables are computed from.
pub(crate) struct SystemState<'a> {
    pub(crate) storage: &'a Storage,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) config: &'a EngineConfig,
    /// Seconds since the engine was opened.
    pub(crate) uptime: u64,
    pub(crate) query_log: &'a query_log::QueryLog,
}

impl SystemState<'_> {
    /// Tables that are still there, as they are now.
    fn snapshots(&self) -> Result<Vec<(&Arc<Table>, Arc<Snapshot>)>> {
        let mut list = Vec::new();
        for table in self.catalogue.tables() {
            list.extend(of_table(table, self.storage.snapshot(table.id))?.map(|snapshot| (table, snapshot)));
        }
        Ok(list)
    }
}

/// `None` when the table was dropped since the catalogue was read. Any other failure is the query's: an answer without
/// the rows of that table would be a wrong one.
pub(crate) fn of_table<T>(table: &Table, outcome: engine_storage::Result<T>) -> Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(StorageError::UnknownTable(id)) if id == table.id => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) const NAMES: [&str; 17] = [
    "asynchronous_metrics",
    "columns",
    "data_skipping_indices",
    "databases",
    "detached_parts",
    "disks",
    "functions",
    "json_columns",
    "merges",
    "mutations",
    "one",
    "parts",
    "parts_columns",
    "query_log",
    "settings",
    "storage_policies",
    "tables",
];

type Rows = (Vec<(&'static str, DataType)>, Vec<Vec<Value>>);

fn text(s: impl AsRef<[u8]>) -> Value {
    Value::string(s)
}

fn number(n: impl TryInto<u64>) -> Value {
    Value::UInt(n.try_into().unwrap_or(u64::MAX))
}

fn flag(on: bool) -> Value {
    Value::UInt(u64::from(on))
}

/// The table `system.name`, with its rows.
pub(crate) fn table(name: &str, state: &SystemState<'_>) -> Result<Option<TableInfo>> {
    let (columns, rows) = match name {
        "one" => (vec![("dummy", DataType::UInt8)], vec![vec![Value::UInt(0)]]),
        "databases" => databases(state),
        "tables" => tables(state)?,
        "columns" => columns(state),
        "data_skipping_indices" => data_skipping_indices(state)?,
        "parts" => parts(state)?,
        "detached_parts" => detached_parts(state)?,
        "disks" => disks::disks(state),
        "storage_policies" => disks::storage_policies(state),
        "parts_columns" => parts_columns(state)?,
        "json_columns" => json_columns::json_columns(state)?,
        "query_log" => query_log::query_log(state.query_log),
        "functions" => functions(),
        "settings" => settings(state),
        "merges" => merges(),
        "mutations" => mutations(state)?,
        "asynchronous_metrics" => metrics(state)?,
        _ => return Ok(None),
    };
    Ok(Some(TableInfo {
        name: TableName {
            database: SYSTEM_DATABASE.to_owned(),
            table: name.to_owned(),
        },
        columns: columns
            .into_iter()
            .map(|(name, ty)| ColumnInfo {
                name: name.to_owned(),
                ty,
                kind: BoundKind::Ordinary,
                json: false,
            })
            .collect(),
        sorting_key: Vec::new(),
        sampling_key: None,
        total_rows: 0,
        view: None,
        rows: Some(Arc::new(rows)),
        has_row_mask: false,
    }))
}

fn databases(state: &SystemState<'_>) -> Rows {
    let rows = state
        .catalogue
        .databases
        .iter()
        .map(|name| vec![text(name), text("Atomic")])
        .collect();
    (
        vec![("name", DataType::String), ("engine", DataType::String)],
        rows,
    )
}

/// The engine's name as `system.tables` shows it.
pub(crate) fn engine_name(object: &Object) -> String {
    match object {
        Object::View(view) if view.create.materialized => "MaterializedView".to_owned(),
        Object::View(_) => "View".to_owned(),
        Object::Table(table) => table_engine(table),
    }
}

fn table_engine(table: &Table) -> String {
    match table.shape.create().ok().and_then(|c| c.storage.engine.as_ref()) {
        Some(spec) => spec.name.clone(),
        None => "MergeTree".to_owned(),
    }
}

fn tables(state: &SystemState<'_>) -> Result<Rows> {
    let columns = vec![
        ("database", DataType::String),
        ("name", DataType::String),
        ("engine", DataType::String),
        ("create_table_query", DataType::String),
        ("sorting_key", DataType::String),
        ("partition_key", DataType::String),
        ("total_rows", DataType::UInt64.nullable()),
        ("total_bytes", DataType::UInt64.nullable()),
        ("comment", DataType::String),
        ("as_select", DataType::String),
        (
            "dependencies_database",
            DataType::Array(Box::new(DataType::String)),
        ),
        ("dependencies_table", DataType::Array(Box::new(DataType::String))),
    ];
    let mut rows: Vec<Vec<Value>> = NAMES
        .iter()
        .map(|name| {
            let mut row = vec![
                text(SYSTEM_DATABASE),
                text(name),
                text("SystemTable"),
                text(""),
                text(""),
                text(""),
            ];
            row.extend([Value::Null, Value::Null, text(""), text("")]);
            row.extend([Value::Array(Vec::new()), Value::Array(Vec::new())]);
            row
        })
        .collect();
    for ((database, name), object) in &state.catalogue.objects {
        let mut row = vec![text(database), text(name), text(engine_name(object))];
        match object {
            Object::View(view) => {
                row.extend([
                    text(engine_sql::ast::Statement::CreateView(Box::new(view.create.clone())).to_string()),
                    text(""),
                    text(""),
                    Value::Null,
                    Value::Null,
                    text(""),
                ]);
            }
            Object::Table(table) => {
                let size = of_table(table, state.storage.memtable_size(table.id))?;
                let snapshot = of_table(table, state.storage.snapshot(table.id))?;
                let (Some((_, in_memory)), Some(snapshot)) = (size, snapshot) else {
                    continue;
                };
                let create = table.shape.create()?;
                let shown = |expr: Option<&engine_sql::ast::Expr>| {
                    text(
                        crate::shape::key_list(expr)
                            .iter()
                            .map(ToString::to_string)
                            .collect::<Vec<_>>()
                            .join(", "),
                    )
                };
                let stored = table.shape.kind != EngineKind::Null;
                let bytes = snapshot.parts().iter().map(|p| p.bytes()).sum::<u64>() + in_memory as u64;
                row.extend([
                    text(table.shape.definition.create.to_string()),
                    shown(create.storage.order_by.as_ref()),
                    shown(create.storage.partition_by.as_ref()),
                    if stored {
                        Value::UInt(snapshot.rows())
                    } else {
                        Value::Null
                    },
                    Value::UInt(bytes),
                    text(create.comment.clone().unwrap_or_default()),
                ]);
            }
        }
        row.push(match object {
            Object::View(view) => text(view.create.query.to_string()),
            Object::Table(_) => text(""),
        });
        let followers = state.catalogue.followers(database, name);
        let list = |pick: fn(&crate::catalogue::View) -> &str| {
            Value::Array(followers.iter().map(|view| text(pick(view))).collect())
        };
        row.push(list(|view| &view.database));
        row.push(list(|view| &view.name));
        rows.push(row);
    }
    Ok((columns, rows))
}

/// The `default_kind` of `system.columns` and DESCRIBE.
pub(crate) fn kind_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Ordinary => "",
        ColumnKind::Default => "DEFAULT",
        ColumnKind::Materialized => "MATERIALIZED",
        ColumnKind::Alias => "ALIAS",
        ColumnKind::Ephemeral => "EPHEMERAL",
    }
}

fn columns(state: &SystemState<'_>) -> Rows {
    let schema = vec![
        ("database", DataType::String),
        ("table", DataType::String),
        ("name", DataType::String),
        ("type", DataType::String),
        ("position", DataType::UInt64),
        ("default_kind", DataType::String),
        ("default_expression", DataType::String),
        ("comment", DataType::String),
        ("is_in_sorting_key", DataType::UInt8),
        ("is_in_partition_key", DataType::UInt8),
    ];
    let mut rows = Vec::new();
    for ((database, name), object) in &state.catalogue.objects {
        let Object::Table(table) = object else {
            continue;
        };
        let read_by = |exprs: &[engine_sql::plan::Expr], column: usize| {
            let mut found = false;
            for expr in exprs {
                crate::binding::visit_columns(expr, &mut |c| found |= c == column);
            }
            flag(found)
        };
        for (at, column) in table.shape.columns.iter().enumerate() {
            rows.push(vec![
                text(database),
                text(name),
                text(&column.name),
                text(column.ty.to_string()),
                number(at + 1),
                text(kind_name(column.kind)),
                text(
                    column
                        .default_text
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                ),
                text(&column.comment),
                read_by(&table.shape.sorting_key, at),
                read_by(table.shape.partition_key.as_slice(), at),
            ]);
        }
    }
    (schema, rows)
}

fn parts(state: &SystemState<'_>) -> Result<Rows> {
    let schema = vec![
        ("database", DataType::String),
        ("table", DataType::String),
        ("partition_id", DataType::String),
        ("name", DataType::String),
        ("active", DataType::UInt8),
        ("rows", DataType::UInt64),
        ("marks", DataType::UInt64),
        ("bytes_on_disk", DataType::UInt64),
        ("primary_key_bytes_in_memory", DataType::UInt64),
        ("level", DataType::UInt32),
        ("path", DataType::String),
        ("has_lightweight_delete", DataType::UInt8),
        ("partition", DataType::String),
        ("part_type", DataType::String),
        ("files", DataType::UInt64),
        ("data_compressed_bytes", DataType::UInt64),
        ("data_uncompressed_bytes", DataType::UInt64),
        ("marks_bytes", DataType::UInt64),
        ("refcount", DataType::UInt32),
        ("min_block_number", DataType::Int64),
        ("max_block_number", DataType::Int64),
        ("data_version", DataType::UInt64),
        ("engine", DataType::String),
        ("disk_name", DataType::String),
        ("default_compression_codec", DataType::String),
    ];
    let mut rows = Vec::new();
    for (table, snapshot) in state.snapshots()? {
        let Some(outdated) = of_table(table, state.storage.outdated_parts(table.id))? else {
            continue;
        };
        let parts = snapshot.parts().iter().map(|part| (part, true));
        for (part, active) in parts.chain(outdated.iter().map(|part| (part, false))) {
            let columns = part.columns_on_disk();
            let sum = |bytes: fn(&ColumnOnDisk) -> u64| number(columns.iter().map(bytes).sum::<u64>());
            rows.push(vec![
                text(&table.database),
                text(&table.name),
                text(&part.name().partition),
                text(part.name().to_string()),
                flag(active),
                Value::UInt(part.rows()),
                number(part.granules() + 1),
                Value::UInt(part.bytes()),
                number(part.primary_key_bytes_in_memory()),
                number(part.name().level),
                text(part.folder()),
                flag(part.has_deleted_rows()),
                text(crate::table_keys::partition_text(&table.shape, part)),
                text(part.layout().name()),
                number(part.files_on_disk()),
                sum(|c| c.data_bytes),
                sum(|c| c.raw_bytes),
                sum(|c| c.marks_bytes),
                // This statement's own use is none.
                number(Arc::strong_count(part).saturating_sub(1)),
                block_number(part.name().min_block),
                block_number(part.name().max_block),
                // Without a mutation it is the first block, as in ClickHouse.
                number(part.name().mutation.unwrap_or(part.name().min_block)),
                text(table_engine(table)),
                text(part.disk()),
                text(part.default_codec().unwrap_or("Auto")),
            ]);
        }
    }
    Ok((schema, rows))
}

fn block_number(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn detached_parts(state: &SystemState<'_>) -> Result<Rows> {
    let schema = vec![
        ("database", DataType::String),
        ("table", DataType::String),
        ("partition_id", DataType::String.nullable()),
        ("name", DataType::String),
        ("bytes_on_disk", DataType::UInt64),
        ("disk", DataType::String),
        ("path", DataType::String),
        ("reason", DataType::String.nullable()),
        ("min_block_number", DataType::Int64.nullable()),
        ("max_block_number", DataType::Int64.nullable()),
        ("level", DataType::UInt32.nullable()),
    ];
    let mut rows = Vec::new();
    for table in state.catalogue.tables() {
        for part in of_table(table, state.storage.detached_parts(table.id))?.unwrap_or_default() {
            let name = part.name.as_ref();
            rows.push(vec![
                text(&table.database),
                text(&table.name),
                name.map_or(Value::Null, |n| text(&n.partition)),
                text(&part.folder_name),
                Value::UInt(part.bytes),
                text(part.disk()),
                text(&part.path),
                text(&part.reason),
                name.map_or(Value::Null, |n| block_number(n.min_block)),
                name.map_or(Value::Null, |n| block_number(n.max_block)),
                name.map_or(Value::Null, |n| number(n.level)),
            ]);
        }
    }
    Ok((schema, rows))
}

fn parts_columns(state: &SystemState<'_>) -> Result<Rows> {
    let schema = vec![
        ("database", DataType::String),
        ("table", DataType::String),
        ("partition_id", DataType::String),
        ("name", DataType::String),
        ("part_type", DataType::String),
        ("active", DataType::UInt8),
        ("column", DataType::String),
        ("type", DataType::String),
        ("rows", DataType::UInt64),
        ("column_bytes_on_disk", DataType::UInt64),
        ("column_data_compressed_bytes", DataType::UInt64),
        ("column_data_uncompressed_bytes", DataType::UInt64),
        ("column_marks_bytes", DataType::UInt64),
        // Not in ClickHouse: what the part was written with, chosen or given.
        ("column_codec", DataType::String),
    ];
    let mut rows = Vec::new();
    for (table, snapshot) in state.snapshots()? {
        for part in snapshot.parts() {
            for column in part.columns_on_disk() {
                rows.push(vec![
                    text(&table.database),
                    text(&table.name),
                    text(&part.name().partition),
                    text(part.name().to_string()),
                    text(part.layout().name()),
                    flag(true),
                    text(column.name),
                    text(column.ty.to_string()),
                    Value::UInt(part.rows()),
                    Value::UInt(column.data_bytes + column.marks_bytes),
                    Value::UInt(column.data_bytes),
                    Value::UInt(column.raw_bytes),
                    Value::UInt(column.marks_bytes),
                    text(column.codec),
                ]);
            }
        }
    }
    Ok((schema, rows))
}

fn data_skipping_indices(state: &SystemState<'_>) -> Result<Rows> {
    let schema = vec![
        ("database", DataType::String),
        ("table", DataType::String),
        ("name", DataType::String),
        ("type", DataType::String),
        ("type_full", DataType::String),
        ("expr", DataType::String),
        ("granularity", DataType::UInt64),
        ("data_compressed_bytes", DataType::UInt64),
        // Not in ClickHouse: parts that have a file of it, and parts that do not yet.
        ("parts_with", DataType::UInt64),
        ("parts_without", DataType::UInt64),
    ];
    let mut rows = Vec::new();
    for (table, snapshot) in state.snapshots()? {
        let parts = snapshot.parts();
        for index in &table.shape.skip_indexes {
            let def = index.def();
            let with = parts.iter().filter(|p| p.has_skip_index(&def)).count();
            rows.push(vec![
                text(&table.database),
                text(&table.name),
                text(&index.name),
                text(index.type_text.split('(').next().unwrap_or_default()),
                text(&index.type_text),
                text(&index.expr_text),
                number(index.granularity),
                Value::UInt(parts.iter().map(|p| p.skip_index_bytes(&def)).sum()),
                number(with),
                number(parts.len() - with),
            ]);
        }
    }
    Ok((schema, rows))
}

fn functions() -> Rows {
    let rows = engine_functions::function_names()
        .into_iter()
        .map(|name| {
            let scalar =
                engine_functions::scalar(name).is_some() || engine_functions::higher_order(name).is_some();
            vec![text(name), flag(!scalar)]
        })
        .collect();
    (
        vec![("name", DataType::String), ("is_aggregate", DataType::UInt8)],
        rows,
    )
}

fn settings(state: &SystemState<'_>) -> Rows {
    let config = state.config;
    let list: [(&str, String, &str); 5] = [
        (
            "max_threads",
            config.max_threads.to_string(),
            "Threads of one query at most",
        ),
        (
            "max_block_size",
            config.block_size.to_string(),
            "Rows in a block between operators",
        ),
        (
            "max_memory_usage",
            config.query_memory_bytes.to_string(),
            "Bytes one query may hold",
        ),
        (
            "max_execution_time",
            "0".to_owned(),
            "Seconds a query may run, 0 for no limit",
        ),
        (
            "max_result_rows",
            "0".to_owned(),
            "Rows of a result, 0 for no limit",
        ),
    ];
    let rows = list
        .into_iter()
        .map(|(name, value, description)| vec![text(name), text(value), flag(false), text(description)])
        .collect();
    let schema = vec![
        ("name", DataType::String),
        ("value", DataType::String),
        ("changed", DataType::UInt8),
        ("description", DataType::String),
    ];
    (schema, rows)
}

/// Merges are short and run outside of statements; the table is there for tools that ask for it.
fn merges() -> Rows {
    let schema = vec![
        ("database", DataType::String),
        ("table", DataType::String),
        ("elapsed", DataType::Float64),
        ("progress", DataType::Float64),
        ("num_parts", DataType::UInt64),
    ];
    (schema, Vec::new())
}

/// One row for each step: those under way, and the last that are done.
fn mutations(state: &SystemState<'_>) -> Result<Rows> {
    let names = DataType::String.array();
    let schema = vec![
        ("database", DataType::String),
        ("table", DataType::String),
        ("mutation_id", DataType::String),
        ("command", DataType::String),
        ("create_time", DataType::DateTime(None)),
        ("parts_to_do_names", names),
        ("parts_to_do", DataType::Int64),
        ("is_done", DataType::UInt8),
        ("is_killed", DataType::UInt8),
        ("latest_failed_part", DataType::String),
        ("latest_fail_reason", DataType::String),
    ];
    let mut rows = Vec::new();
    for table in state.catalogue.tables() {
        for mutation in of_table(table, state.storage.mutations(table.id))?.unwrap_or_default() {
            let texts = match &mutation.command {
                Ok(bytes) => MutationCommand::texts(bytes),
                Err(problem) => vec![problem.clone()],
            };
            let parts = mutation.parts_to_do.iter().map(|name| text(name.to_string()));
            let (part, reason) = match &mutation.failure {
                Some((part, reason)) => (part.to_string(), reason.clone()),
                None => (String::new(), String::new()),
            };
            for command in texts {
                rows.push(vec![
                    text(&table.database),
                    text(&table.name),
                    text(format!("mutation_{}.txt", mutation.number)),
                    text(command),
                    Value::UInt(mutation.created_ms / 1000),
                    Value::Array(parts.clone().collect()),
                    Value::Int(i64::try_from(parts.len()).unwrap_or(i64::MAX)),
                    flag(mutation.is_done),
                    flag(false),
                    text(&part),
                    text(&reason),
                ]);
            }
        }
    }
    Ok((schema, rows))
}

fn metrics(state: &SystemState<'_>) -> Result<Rows> {
    let (mut rows, mut memtable_rows, mut memtable_bytes, mut parts) = (0u64, 0usize, 0usize, 0usize);
    for table in state.catalogue.tables() {
        if let Some(snapshot) = of_table(table, state.storage.snapshot(table.id))? {
            rows += snapshot.rows();
            parts += snapshot.parts().len();
        }
        if let Some((r, b)) = of_table(table, state.storage.memtable_size(table.id))? {
            memtable_rows += r;
            memtable_bytes += b;
        }
    }
    let (delayed, refused) = state.storage.pressure_counts();
    let mut list: Vec<(String, f64)> = [
        ("Uptime", state.uptime as f64),
        ("TotalRowsOfMergeTreeTables", rows as f64),
        ("TotalPartsOfMergeTreeTables", parts as f64),
        ("MemtableRows", memtable_rows as f64),
        ("MemtableBytes", memtable_bytes as f64),
        ("LogBytes", state.storage.wal_bytes() as f64),
        ("BlockCacheBytes", state.storage.cache_bytes() as f64),
        ("MaxPartCountForPartition", state.storage.most_parts() as f64),
        ("DelayedInserts", delayed as f64),
        ("RejectedInserts", refused as f64),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    for kind in CacheKind::ALL {
        let name = match kind {
            CacheKind::Blocks => "UncompressedCache",
            CacheKind::Marks => "MarkCache",
            CacheKind::Dictionaries => "DictionaryCache",
            CacheKind::GranuleRanges => "GranuleRangesCache",
            CacheKind::SkipIndexes => "SkippingIndexCache",
        };
        let counts = state.storage.cache_counts(kind);
        list.extend([
            (format!("{name}Bytes"), counts.bytes as f64),
            (format!("{name}Entries"), counts.entries as f64),
            (format!("{name}Hits"), counts.hits as f64),
            (format!("{name}Misses"), counts.misses as f64),
        ]);
    }
    let rows = list
        .into_iter()
        .map(|(name, value)| vec![text(name), Value::Float(value)])
        .collect();
    Ok((
        vec![("metric", DataType::String), ("value", DataType::Float64)],
        rows,
    ))
}
