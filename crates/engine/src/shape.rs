//! A table definition resolved: typed columns, bound defaults and keys, and what the storage is told.

use std::sync::Arc;

use engine_exec::CompiledExprs;
use engine_sql::ast::{self, CreateTable, DefaultKind};
use engine_sql::plan;
use engine_storage::{
    ColumnDef, MergeRule, PartPressure, RowExpiry, RowFold, TableDef, VerticalMerges, WideFrom,
};
use engine_types::{Block, Column, DataType, Field, Schema};

use crate::binding;
use crate::column_codec::column_codec;
use crate::constraint::{self, Check};
use crate::definition::{Definition, StoredColumn};
use crate::engine_kind::EngineKind;
use crate::error::{EngineError, Result};
use crate::expiry::TableExpiry;
use crate::place::storage_policy;
use crate::projection::{self, TableProjection};
use crate::row_fold::{self, TableFold};
use crate::skip_index::{self, SkipIndex};
use crate::table_keys::TableKeys;

/// How a column gets its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Ordinary,
    Default,
    Materialized,
    Alias,
    Ephemeral,
}

pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) ty: DataType,
    pub(crate) kind: ColumnKind,
    /// As written; over the table's columns.
    pub(crate) default_text: Option<ast::Expr>,
    pub(crate) default: Option<DefaultExpr>,
    pub(crate) comment: String,
    /// Position among the stored columns; `Alias` and `Ephemeral` have none.
    pub(crate) stored: Option<usize>,
    /// Of `SimpleAggregateFunction`: the function that joins values.
    pub(crate) joined_by: Option<String>,
}

impl TableColumn {
    /// Its strings are JSON objects, by its comment: one that ClickHouse accepts and ignores.
    pub(crate) fn is_json(&self) -> bool {
        self.comment == JSON_COMMENT && self.ty == DataType::String && self.stored.is_some()
    }
}

/// A default bound over the table's columns (by their position in the table).
pub(crate) struct DefaultExpr {
    pub(crate) ty: DataType,
    /// Positions of the columns it reads.
    pub(crate) inputs: Vec<usize>,
    compiled: CompiledExprs,
    /// Whether it depends on the time of the insert.
    pub(crate) timed: bool,
}

/// Everything about a table except its rows and its id.
pub(crate) struct Shape {
    pub(crate) definition: Definition,
    pub(crate) kind: EngineKind,
    pub(crate) columns: Vec<TableColumn>,
    pub(crate) stored: Vec<Stored>,
    /// Sorting key and partition key over the table's columns.
    pub(crate) sorting_key: Vec<plan::Expr>,
    pub(crate) partition_key: Option<plan::Expr>,
    /// Columns of the exact look-up index.
    pub(crate) lookup: Vec<usize>,
    pub(crate) projections: Vec<TableProjection>,
    pub(crate) skip_indexes: Vec<SkipIndex>,
    pub(crate) checks: Vec<Check>,
}

pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) ty: DataType,
    /// Position of the table column it holds.
    pub(crate) column: Option<usize>,
    pub(crate) converted_from: Option<usize>,
}

/// The comment that declares a String column to hold JSON objects.
const JSON_COMMENT: &str = "json";

/// `SETTINGS` of the table that mean something here.
const DEFAULT_GRANULE_ROWS: usize = 8192;
const DEFAULT_GRANULE_BYTES: usize = 10 << 20;

impl DefaultExpr {
    pub(crate) fn new(expr: &plan::Expr, timed: bool) -> Result<Self> {
        let mut inputs = Vec::new();
        binding::visit_columns(expr, &mut |c| {
            if !inputs.contains(&c) {
                inputs.push(c);
            }
        });
        Ok(Self {
            ty: expr.ty.clone(),
            inputs,
            compiled: CompiledExprs::new(std::slice::from_ref(expr))?,
            timed,
        })
    }

    /// The values for `rows` rows; `columns` are all columns of the table, of which those at `inputs` count.
    pub(crate) fn eval(&self, columns: &[Column], rows: usize, to: &DataType) -> Result<Column> {
        let block = Block::new(columns.to_vec(), rows);
        let values = self.compiled.eval(&block)?;
        let value = values
            .into_iter()
            .next()
            .ok_or_else(|| EngineError::Internal("a default without a value".to_owned()))?;
        Ok(engine_functions::cast_column(&value, &self.ty, to)?)
    }
}

/// The type a column definition names.
pub(crate) fn resolve_type(name: &ast::TypeName, null: Option<bool>) -> Result<DataType> {
    let ty = DataType::parse(&name.to_string()).map_err(|e| EngineError::refused(50, e.to_string()))?;
    Ok(if null == Some(true) { ty.nullable() } else { ty })
}

impl Shape {
    /// Resolves `CREATE TABLE` with the stored columns it was given before; new columns get new ones.
    pub(crate) fn resolve(mut definition: Definition) -> Result<Self> {
        let create = create_of(&definition)?.clone();
        let spec = create.storage.engine.clone().unwrap_or(ast::EngineSpec {
            name: "MergeTree".to_owned(),
            args: None,
        });
        let kind = EngineKind::of(&spec)?;
        let mut columns = resolve_columns(&create.columns)?;
        if columns
            .iter()
            .all(|c| matches!(c.kind, ColumnKind::Alias | ColumnKind::Ephemeral))
        {
            return Err(EngineError::refused(
                36,
                "a table needs at least one stored column",
            ));
        }
        assign_stored(&mut definition, &columns);
        let stored = definition
            .stored
            .iter()
            .map(|s| {
                let column = s
                    .column
                    .as_ref()
                    .and_then(|name| columns.iter().position(|c| c.name == *name));
                let converted_from = s
                    .converted_from
                    .as_ref()
                    .and_then(|name| definition.stored.iter().position(|other| other.name == *name));
                Ok(Stored {
                    name: s.name.clone(),
                    ty: DataType::parse(&s.ty).map_err(|e| EngineError::refused(50, e.to_string()))?,
                    column,
                    converted_from,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        for (at, stored) in stored.iter().enumerate() {
            if let Some(column) = stored.column {
                columns[column].stored = Some(at);
            }
        }
        let schema: Schema = columns
            .iter()
            .map(|c| Field::new(&c.name, c.ty.clone()))
            .collect();
        let sorting_key = if kind.is_sorted() {
            let order_by = create
                .storage
                .order_by
                .as_ref()
                .or(create.storage.primary_key.as_ref());
            let exprs = key_list(order_by);
            check_primary_key(&create.storage, &exprs)?;
            let mut key = exprs
                .iter()
                .map(|e| binding::bind_over(e, &schema))
                .collect::<Result<Vec<_>>>()?;
            // Rows of other versions are other rows.
            if let EngineKind::VersionedCollapsing { version, .. } = &kind {
                let version = binding::bind_over(&ast::Expr::Identifier(vec![version.clone()]), &schema)?;
                if !key.contains(&version) {
                    key.push(version);
                }
            }
            if let Some(state) = key
                .iter()
                .find(|e| matches!(e.ty, DataType::AggregateFunction(_)))
            {
                return Err(EngineError::refused(
                    549,
                    format!("a key of type {} is not allowed: it is not comparable", state.ty),
                ));
            }
            key
        } else {
            Vec::new()
        };
        let partition_key = match &create.storage.partition_by {
            Some(expr) if kind.is_sorted() && !key_list(Some(expr)).is_empty() => {
                Some(binding::bind_over(expr, &schema)?)
            }
            _ => None,
        };
        if let Some(sample_by) = create.storage.sample_by.as_ref().filter(|_| kind.is_sorted()) {
            check_sample_by(sample_by, &create.storage, &schema)?;
        }
        let lookup = lookup_columns(&create, &columns)?;
        let projections = projection::projections(&create, &columns);
        let skip_indexes = if kind.is_sorted() {
            skip_index::resolve(
                &create.indexes,
                &definition.index_epochs,
                &columns,
                &stored,
                &schema,
            )?
        } else {
            Vec::new()
        };
        Ok(Self {
            definition,
            kind,
            columns,
            stored,
            sorting_key,
            partition_key,
            lookup,
            skip_indexes,
            checks: constraint::checks(&create, &schema)?,
            projections,
        })
    }

    /// The elements of the partition key, one when it is no tuple.
    pub(crate) fn partition_elements(&self) -> Vec<&plan::Expr> {
        match &self.partition_key {
            None => Vec::new(),
            Some(key) => match &key.kind {
                plan::ExprKind::Call { function, args } if function.name() == "tuple" => {
                    args.iter().collect()
                }
                _ => vec![key],
            },
        }
    }

    /// Stored columns whose least and greatest values are kept for each granule: times, and all that keys are made of.
    fn granule_ranges(&self) -> Vec<usize> {
        let mut wanted: Vec<usize> = Vec::new();
        if !self.kind.is_sorted() {
            return wanted;
        }
        for key in self.sorting_key.iter().chain(&self.partition_key) {
            binding::visit_columns(key, &mut |c| {
                wanted.extend(self.columns.get(c).and_then(|c| c.stored))
            });
        }
        let is_time = |ty: &DataType| ty.bare().is_time();
        wanted.extend(
            self.stored
                .iter()
                .enumerate()
                .filter(|(_, s)| is_time(&s.ty))
                .map(|(at, _)| at),
        );
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Names and types of all columns, in order.
    pub(crate) fn schema(&self) -> Schema {
        self.columns
            .iter()
            .map(|c| Field::new(&c.name, c.ty.clone()))
            .collect()
    }

    pub(crate) fn create(&self) -> Result<&CreateTable> {
        create_of(&self.definition)
    }

    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// What the storage needs to know. `granule_rows` overrides the table's own setting.
    pub(crate) fn table_def(
        self: &Arc<Self>,
        database: &str,
        name: &str,
        granule_rows: Option<usize>,
    ) -> Result<TableDef> {
        let codecs = create_of(&self.definition)?;
        let columns = self
            .stored
            .iter()
            .map(|s| {
                let codec = s
                    .column
                    .and_then(|c| codecs.columns.iter().find(|d| d.name == self.columns[c].name))
                    .and_then(|d| d.codec.as_ref());
                ColumnDef {
                    json: s.column.is_some_and(|c| self.columns[c].is_json()),
                    // CREATE and ALTER have checked it; tables older than a rule open all the same.
                    codec: codec
                        .and_then(|list| column_codec(list, &s.ty).ok())
                        .unwrap_or_default(),
                    ..ColumnDef::new(&s.name, s.ty.clone())
                }
            })
            .collect();
        let stored_of = |name: &str| -> Result<usize> {
            self.column(name)
                .and_then(|c| self.columns[c].stored)
                .ok_or_else(|| EngineError::UnknownColumn {
                    table: format!("`{database}`.`{name}`"),
                    column: name.to_owned(),
                })
        };
        let merge_rule = match &self.kind {
            EngineKind::MergeTree | EngineKind::Plain | EngineKind::Null | EngineKind::Distributed { .. } => {
                MergeRule::Plain
            }
            EngineKind::Replacing { version, is_deleted } => MergeRule::Replacing {
                version: version.as_deref().map(stored_of).transpose()?,
                is_deleted: is_deleted.as_deref().map(stored_of).transpose()?,
            },
            EngineKind::Collapsing { sign } => MergeRule::Collapsing {
                sign: stored_of(sign)?,
            },
            EngineKind::VersionedCollapsing { sign, .. } => MergeRule::VersionedCollapsing {
                sign: stored_of(sign)?,
            },
            EngineKind::Summing { .. } | EngineKind::Aggregating => MergeRule::Folding,
        };
        let setting = |wanted: &str| {
            codecs.storage.settings.iter().find_map(|s| {
                (s.name == wanted)
                    .then(|| s.value.to_string().trim_matches('\'').parse::<usize>().ok())
                    .flatten()
            })
        };
        let fold: Option<Arc<dyn RowFold>> = match TableFold::of(self)? {
            Some(fold) => Some(Arc::new(fold)),
            None => None,
        };
        // CREATE and ALTER have checked it; tables older than a rule open all the same.
        let expiry: Option<Arc<dyn RowExpiry>> = match TableExpiry::of(self) {
            Ok(Some(expiry)) => Some(Arc::new(expiry)),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(table = name, %error, "the TTL of a table is not applied");
                None
            }
        };
        Ok(TableDef {
            merge_rule,
            fold,
            expiry,
            lookup_columns: self
                .lookup
                .iter()
                .filter_map(|&c| self.columns[c].stored)
                .collect(),
            granule_rows: granule_rows
                .or_else(|| setting("index_granularity").filter(|n| *n > 0))
                .unwrap_or(DEFAULT_GRANULE_ROWS),
            granule_bytes: setting("index_granularity_bytes")
                .filter(|n| *n > 0)
                .unwrap_or(DEFAULT_GRANULE_BYTES),
            wide_from: WideFrom {
                bytes: setting("min_bytes_for_wide_part").map_or(WideFrom::default().bytes, |n| n as u64),
                rows: setting("min_rows_for_wide_part").map_or(WideFrom::default().rows, |n| n as u64),
            },
            pressure: PartPressure {
                delay_from: setting("parts_to_delay_insert").unwrap_or(PartPressure::default().delay_from),
                refuse_from: setting("parts_to_throw_insert").unwrap_or(PartPressure::default().refuse_from),
                delay_ms_max: setting("max_delay_to_insert")
                    .map_or(PartPressure::default().delay_ms_max, |seconds| {
                        seconds as u64 * 1000
                    }),
            },
            merge_after_ms: setting("min_age_to_force_merge_seconds")
                .filter(|n| *n > 0)
                .and_then(|seconds| u64::try_from(seconds).ok()?.checked_mul(1000)),
            definition: self.definition.encode(),
            projections: self
                .projections
                .iter()
                .filter(|_| self.kind == EngineKind::MergeTree)
                .map(|p| p.storage_projection(self, database, name, granule_rows))
                .collect::<Result<_>>()?,
            granule_ranges: self.granule_ranges(),
            skip_indexes: self.skip_indexes.iter().map(|i| i.def()).collect(),
            vertical: VerticalMerges {
                enabled: setting("enable_vertical_merge_algorithm")
                    .map_or(VerticalMerges::default().enabled, |n| n != 0),
                rows_min: setting("vertical_merge_algorithm_min_rows_to_activate")
                    .map_or(VerticalMerges::default().rows_min, |n| n as u64),
                columns_min: setting("vertical_merge_algorithm_min_columns_to_activate")
                    .unwrap_or(VerticalMerges::default().columns_min),
                bytes_min: setting("vertical_merge_algorithm_min_bytes_to_activate")
                    .map_or(VerticalMerges::default().bytes_min, |n| n as u64),
            },
            storage_policy: storage_policy(codecs),
            ..TableDef::new(
                database,
                name,
                columns,
                self.sorting_key.iter().map(|e| e.ty.clone()).collect(),
                Arc::new(TableKeys::new(self.clone())?),
            )
        })
    }

    /// All columns of the table over a block of the stored ones; columns that are not stored are defaults.
    pub(crate) fn table_columns(&self, stored: &Block) -> Vec<Column> {
        self.columns
            .iter()
            .map(|c| match c.stored {
                Some(at) => stored.column(at).clone(),
                None => Column::defaults(&c.ty, stored.rows()),
            })
            .collect()
    }
}

fn create_of(definition: &Definition) -> Result<&CreateTable> {
    match &definition.create {
        ast::Statement::CreateTable(create) => Ok(create),
        other => Err(EngineError::Internal(format!("not a table: {other}"))),
    }
}

fn resolve_columns(defs: &[ast::ColumnDef]) -> Result<Vec<TableColumn>> {
    let mut columns: Vec<TableColumn> = Vec::with_capacity(defs.len());
    for def in defs {
        if columns.iter().any(|c| c.name == def.name) {
            return Err(EngineError::refused(
                44,
                format!("column `{}` is there twice", def.name),
            ));
        }
        let (kind, default_text) = match &def.default {
            None => (ColumnKind::Ordinary, None),
            Some(default) => {
                let kind = match default.kind {
                    DefaultKind::Default => ColumnKind::Default,
                    DefaultKind::Materialized => ColumnKind::Materialized,
                    DefaultKind::Alias => ColumnKind::Alias,
                    DefaultKind::Ephemeral => ColumnKind::Ephemeral,
                };
                (kind, default.expr.clone())
            }
        };
        let ty = match &def.ty {
            Some(name) => resolve_type(name, def.null)?,
            // Filled in below, from the type of the default.
            None if default_text.is_some() => DataType::Nothing,
            None => {
                return Err(EngineError::refused(
                    36,
                    format!("column `{}` has neither a type nor a default", def.name),
                ));
            }
        };
        columns.push(TableColumn {
            name: def.name.clone(),
            ty,
            kind,
            default_text,
            default: None,
            comment: def
                .comment
                .as_ref()
                .map(|c| String::from_utf8_lossy(c).into_owned())
                .unwrap_or_default(),
            stored: None,
            joined_by: row_fold::simple_function(def.ty.as_ref()),
        });
    }
    for at in 0..columns.len() {
        let Some(text) = columns[at].default_text.clone() else {
            continue;
        };
        let schema: Schema = columns
            .iter()
            .map(|c| Field::new(&c.name, c.ty.clone()))
            .collect();
        let expr = binding::bind_over(&text, &schema)?;
        if columns[at].ty == DataType::Nothing {
            columns[at].ty = expr.ty.clone();
        }
        columns[at].default = Some(DefaultExpr::new(&expr, binding::reads_the_time(&text))?);
    }
    Ok(columns)
}

/// Gives every stored column of the table a place in storage, and drops places whose column is gone.
fn assign_stored(definition: &mut Definition, columns: &[TableColumn]) {
    let is_stored = |name: &str| {
        columns
            .iter()
            .any(|c| c.name == name && !matches!(c.kind, ColumnKind::Alias | ColumnKind::Ephemeral))
    };
    // Columns that others are computed from stay, through any number of changed types.
    let mut needed: Vec<String> = Vec::new();
    for stored in definition
        .stored
        .iter()
        .filter(|s| s.column.as_deref().is_some_and(is_stored))
    {
        let mut from = stored.converted_from.clone();
        while let Some(name) = from {
            from = definition
                .stored
                .iter()
                .find(|s| s.name == name)
                .and_then(|s| s.converted_from.clone());
            needed.push(name);
        }
    }
    let (kept, gone): (Vec<StoredColumn>, Vec<StoredColumn>) = std::mem::take(&mut definition.stored)
        .into_iter()
        .partition(|s| match &s.column {
            Some(column) => is_stored(column),
            None => needed.contains(&s.name),
        });
    definition.stored = kept;
    definition.dropped.extend(gone.into_iter().map(|s| s.name));
    for column in columns {
        if !is_stored(&column.name)
            || definition
                .stored
                .iter()
                .any(|s| s.column.as_deref() == Some(column.name.as_str()))
        {
            continue;
        }
        let name = definition.fresh_name(&column.name);
        definition.stored.push(StoredColumn {
            name,
            ty: column.ty.to_string(),
            column: Some(column.name.clone()),
            converted_from: None,
        });
    }
}

/// The expressions of `ORDER BY`: `(a, b)`, `a`, `tuple()`.
pub(crate) fn key_list(expr: Option<&ast::Expr>) -> Vec<ast::Expr> {
    match expr {
        None => Vec::new(),
        Some(ast::Expr::Tuple(list)) => list.clone(),
        Some(ast::Expr::Function(f)) if f.name.eq_ignore_ascii_case("tuple") => f.args.clone(),
        Some(other) => vec![other.clone()],
    }
}

fn check_primary_key(storage: &ast::Storage, order_by: &[ast::Expr]) -> Result<()> {
    let primary = key_list(storage.primary_key.as_ref());
    if primary.len() <= order_by.len() && primary.iter().zip(order_by).all(|(a, b)| a == b) {
        return Ok(());
    }
    Err(EngineError::refused(
        36,
        "the primary key must be a prefix of the sorting key",
    ))
}

/// A sample is a range of the primary key, of an unsigned number.
fn check_sample_by(sample_by: &ast::Expr, storage: &ast::Storage, schema: &Schema) -> Result<()> {
    let primary = key_list(storage.primary_key.as_ref().or(storage.order_by.as_ref()));
    let bound = binding::bind_over(sample_by, schema)?;
    let mut in_key = false;
    for key in &primary {
        in_key |= crate::pruning::same(&binding::bind_over(key, schema)?, &bound);
    }
    if !in_key {
        return Err(EngineError::refused(
            36,
            "the sampling expression must be in the primary key",
        ));
    }
    let ty = &bound.ty;
    if !ty.is_unsigned() || *ty == DataType::Bool {
        return Err(EngineError::refused(
            59,
            format!("the sampling expression must be an unsigned number, not {ty}"),
        ));
    }
    Ok(())
}

/// Columns of the first `INDEX lookup_… (a, b) TYPE bloom_filter`: the exact look-up index.
fn lookup_columns(create: &CreateTable, columns: &[TableColumn]) -> Result<Vec<usize>> {
    let is_bloom = |kind: &ast::Expr| match kind {
        ast::Expr::Identifier(parts) => parts.len() == 1 && parts[0] == "bloom_filter",
        ast::Expr::Function(f) => f.name == "bloom_filter",
        _ => false,
    };
    let Some(index) = create
        .indexes
        .iter()
        .find(|i| i.name.starts_with("lookup_") && is_bloom(&i.kind))
    else {
        return Ok(Vec::new());
    };
    key_list(Some(&index.expr))
        .iter()
        .map(|expr| {
            let name = match expr {
                ast::Expr::Identifier(parts) => parts.last().cloned().unwrap_or_default(),
                other => other.to_string(),
            };
            columns
                .iter()
                .position(|c| c.name == name && !matches!(c.kind, ColumnKind::Alias | ColumnKind::Ephemeral))
                .ok_or_else(|| EngineError::UnknownColumn {
                    table: create.name.to_string(),
                    column: name,
                })
        })
        .collect()
}
