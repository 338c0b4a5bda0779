//! The engine in this process. Its calls block, so they run on a bounded number of threads beside the async ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use engine::{Engine, EngineError, Parameter, QueryOptions, QueryResult, TableInsert};
use engine_types::{Buffer, Column, DataType, Value};
use event_store::{Result, StoreError};
use model::ProjectId;
use sql_builder::Statement;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{ColumnType, Executor, Insert};
use crate::row::{Cell, Rows};

const DATABASE: &str = "default";

#[derive(Debug)]
pub struct Embedded {
    engine: Arc<Engine>,
    permits: Arc<Semaphore>,
}

impl Embedded {
    /// At most `parallel` calls run at once; the others wait.
    pub fn new(engine: Arc<Engine>, parallel: usize) -> Self {
        Self {
            engine,
            permits: Arc::new(Semaphore::new(parallel.max(1))),
        }
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Runs `work` beside the async threads. When the caller goes away, the flag it was given is set.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine, Arc<AtomicBool>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Unavailable("the engine is closed".to_owned()))?;
        let engine = self.engine.clone();
        let cancel = CancelOnDrop(Arc::default());
        let flag = cancel.0.clone();
        // The permit goes with the work: a dropped request still holds its thread until the engine has noticed.
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&engine, flag)
        })
        .await;
        match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(store_error(&error)),
            Err(panic) => Err(StoreError::Failed(format!("the engine panicked: {panic}"))),
        }
    }

    async fn statement(&self, statement: Statement) -> Result<QueryResult> {
        self.blocking(move |engine, cancel| {
            let parameters = statement
                .params
                .iter()
                .enumerate()
                .map(|(i, value)| (format!("p{i}"), parameter(value)))
                .collect();
            let options = QueryOptions {
                parameters,
                cancel,
                // No statement of ours calls now(): the time is a field of the question.
                ..QueryOptions::new(DateTime::UNIX_EPOCH)
            };
            engine.query(&statement.sql, &options)
        })
        .await
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Executor for Embedded {
    fn name(&self) -> &'static str {
        "columnar"
    }

    async fn query(&self, statement: Statement) -> Result<Rows> {
        let result = self.statement(statement).await?;
        rows(&result)
    }

    async fn command(&self, sql: &str) -> Result<()> {
        let statement = Statement {
            sql: sql.to_owned(),
            params: Vec::new(),
        };
        self.statement(statement).await.map(|_| ())
    }

    async fn execute(&self, statement: Statement) -> Result<()> {
        self.statement(statement).await.map(|_| ())
    }

    async fn insert(&self, inserts: Vec<Insert>, token: &str) -> Result<()> {
        let tables = inserts
            .into_iter()
            .map(|insert| {
                let columns = insert
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(i, (name, ty))| {
                        Ok(((*name).to_owned(), column(insert.table, &insert.rows, i, *ty)?))
                    })
                    .collect::<Result<_>>()?;
                // Of the database `default`.
                Ok(TableInsert::new(insert.table, columns))
            })
            .collect::<Result<Vec<_>>>()?;
        let token = token.to_owned();
        self.blocking(move |engine, _| {
            engine.insert(
                tables,
                Some(&token).filter(|token| !token.is_empty()).map(String::as_str),
            )
        })
        .await
        .map(|_| ())
    }

    async fn known_events(&self, project: ProjectId, uuids: &[Uuid]) -> Result<Option<Vec<Uuid>>> {
        let uuids = uuids.to_vec();
        self.blocking(move |engine, _| {
            let keys = [
                Column::constant(&DataType::Int64, &Value::Int(project.0), uuids.len()),
                Column::Uuid(uuids.iter().map(Uuid::as_u128).collect::<Vec<_>>().into()),
            ];
            let known = engine.contains(DATABASE, "events", &keys)?;
            Ok(Some(
                uuids
                    .into_iter()
                    .zip(known)
                    .filter(|(_, known)| *known)
                    .map(|(uuid, _)| uuid)
                    .collect(),
            ))
        })
        .await
    }

    /// The process that has the folder is the only one that writes, so its own count of commits tells every change.
    async fn data_version(&self) -> Result<Option<String>> {
        Ok(Some(self.engine.version().to_string()))
    }

    async fn close(&self) -> Result<()> {
        self.blocking(|engine, _| engine.flush()).await
    }
}

fn store_error(error: &EngineError) -> StoreError {
    match error.code() {
        158 | 159 | 160 | 241 | 307 | 396 => StoreError::Limit(error.to_string()),
        _ if error.retryable() => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}

fn parameter(value: &sql_builder::Value) -> Parameter {
    use sql_builder::Value as Bound;
    let time = || DataType::DateTime64(6, Some(chrono_tz::UTC));
    let ticks = |value: &DateTime<Utc>| Value::Int(value.timestamp_micros());
    let list = |values: Vec<Value>, ty: DataType| Parameter::Value(Value::Array(values), ty.array());
    match value {
        Bound::Text(text) => Parameter::Value(Value::string(text), DataType::String),
        Bound::Int(value) => Parameter::Value(Value::Int(*value), DataType::Int64),
        Bound::Float(value) => Parameter::Value(Value::Float(*value), DataType::Float64),
        Bound::Bool(value) => Parameter::Value(Value::UInt((*value).into()), DataType::Bool),
        Bound::Uuid(value) => Parameter::Value(Value::Uuid(value.as_u128()), DataType::Uuid),
        Bound::Timestamp(value) => Parameter::Value(ticks(value), time()),
        Bound::Texts(values) => list(values.iter().map(Value::string).collect(), DataType::String),
        Bound::Ints(values) => list(values.iter().map(|v| Value::Int(*v)).collect(), DataType::Int64),
        Bound::Floats(values) => list(
            values.iter().map(|v| Value::Float(*v)).collect(),
            DataType::Float64,
        ),
        Bound::Uuids(values) => list(
            values.iter().map(|v| Value::Uuid(v.as_u128())).collect(),
            DataType::Uuid,
        ),
        Bound::Timestamps(values) => list(values.iter().map(ticks).collect(), time()),
    }
}

/// Column `index` of the rows, in the table's physical form.
fn column(table: &str, rows: &[Vec<Cell>], index: usize, ty: ColumnType) -> Result<Column> {
    fn buffer<T>(
        table: &str,
        rows: &[Vec<Cell>],
        index: usize,
        read: impl Fn(&Cell) -> Option<T>,
    ) -> Result<Buffer<T>> {
        let values: Result<Vec<T>> = rows
            .iter()
            .map(|row| {
                row.get(index).and_then(&read).ok_or_else(|| {
                    StoreError::Failed(format!(
                        "column {index} of an insert into `{table}` holds {:?}",
                        row.get(index)
                    ))
                })
            })
            .collect();
        Ok(values?.into())
    }
    let uint = |cell: &Cell| match cell {
        Cell::UInt(value) => Some(*value),
        _ => None,
    };
    let int = |cell: &Cell| match cell {
        Cell::Int(value) => Some(*value),
        _ => None,
    };
    Ok(match ty {
        ColumnType::Bool => Column::UInt8(buffer(table, rows, index, |cell| match cell {
            Cell::Bool(value) => Some(u8::from(*value)),
            _ => None,
        })?),
        ColumnType::UInt8 => Column::UInt8(buffer(table, rows, index, |cell| uint(cell)?.try_into().ok())?),
        ColumnType::UInt64 => Column::UInt64(buffer(table, rows, index, uint)?),
        ColumnType::Int8 => Column::Int8(buffer(table, rows, index, |cell| int(cell)?.try_into().ok())?),
        ColumnType::Int64 => Column::Int64(buffer(table, rows, index, int)?),
        ColumnType::Seconds => {
            Column::UInt32(buffer(table, rows, index, |cell| uint(cell)?.try_into().ok())?)
        }
        ColumnType::Time => Column::Int64(buffer(table, rows, index, |cell| match cell {
            Cell::Time(value) => Some(value.timestamp_micros()),
            _ => None,
        })?),
        ColumnType::Uuid => Column::Uuid(buffer(table, rows, index, |cell| match cell {
            Cell::Uuid(value) => Some(value.as_u128()),
            _ => None,
        })?),
        ColumnType::Text => {
            let mut texts = Vec::with_capacity(rows.len());
            for row in rows {
                match row.get(index) {
                    Some(Cell::Text(text)) => texts.push(text.as_str()),
                    other => {
                        return Err(StoreError::Failed(format!(
                            "column {index} of an insert into `{table}` holds {other:?}, not a text"
                        )));
                    }
                }
            }
            Column::strings(texts)
        }
    })
}

fn rows(result: &QueryResult) -> Result<Rows> {
    let mut rows = Vec::with_capacity(result.row_count());
    for block in &result.blocks {
        for row in 0..block.rows() {
            let cells: Result<Vec<_>> = block
                .columns()
                .iter()
                .zip(&result.schema)
                .map(|(column, field)| {
                    cell(column.value(row), &field.ty).ok_or_else(|| {
                        StoreError::Failed(format!(
                            "column `{}` of the answer has the type {}, which no answer of ours has",
                            field.name, field.ty
                        ))
                    })
                })
                .collect();
            rows.push(cells?);
        }
    }
    Ok(Rows {
        columns: result.schema.iter().map(|field| field.name.clone()).collect(),
        rows,
    })
}

fn cell(value: Value, ty: &DataType) -> Option<Cell> {
    Some(match (value, ty.bare()) {
        (Value::Null, _) => Cell::Null,
        (Value::UInt(value), DataType::Bool) => Cell::Bool(value != 0),
        (Value::UInt(value), _) => Cell::UInt(value),
        (Value::Int(value), DataType::DateTime64(precision, _)) => {
            let micros = match precision {
                0..=6 => value.checked_mul(10i64.pow(6 - u32::from(*precision)))?,
                _ => value / 10i64.pow(u32::from(*precision) - 6),
            };
            Cell::Time(DateTime::from_timestamp_micros(micros)?)
        }
        (Value::Int(value), _) => Cell::Int(value),
        (Value::Float(value), _) => Cell::Float(value),
        (Value::String(bytes), _) => Cell::Text(
            String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        ),
        (Value::Uuid(value), _) => Cell::Uuid(Uuid::from_u128(value)),
        (Value::Array(items), DataType::Array(inner)) => Cell::Array(
            items
                .into_iter()
                .map(|item| cell(item, inner))
                .collect::<Option<_>>()?,
        ),
        (Value::Array(_) | Value::Tuple(_), _) => return None,
    })
}
