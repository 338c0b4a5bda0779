//! Prints a composed statement, binds its values, runs it.

use event_store::{Result, StoreError};
use sql_builder::{Dialect, Select, Statement, Value};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row};

use super::failure::{Step, store_error};
use super::stored_text::{from_stored, to_stored};

pub(crate) async fn rows(pool: &PgPool, select: &Select) -> Result<Vec<PgRow>> {
    let statement = select
        .print(Dialect::Postgres)
        .map_err(|unsupported| StoreError::Failed(unsupported.to_string()))?;
    bound(statement).fetch_all(pool).await.map_err(question)
}

/// A composed statement with its values.
pub(crate) fn bound(statement: Statement) -> Query<'static, Postgres, PgArguments> {
    tracing::debug!(sql = %statement.sql, "Asking Postgres");
    // Composed text: values are bind parameters, names are constants of this crate. Not kept as a prepared statement:
    // there are too many shapes, and a plan made for these very values is better.
    let mut query = sqlx::query(AssertSqlSafe(statement.sql)).persistent(false);
    for value in statement.params {
        query = match value {
            Value::Text(text) => query.bind(to_stored(&text).into_owned()),
            Value::Int(n) => query.bind(n),
            Value::Float(n) => query.bind(n),
            Value::Bool(b) => query.bind(b),
            Value::Uuid(id) => query.bind(id),
            Value::Timestamp(at) => query.bind(at),
            Value::Texts(texts) => query.bind(
                texts
                    .iter()
                    .map(|text| to_stored(text).into_owned())
                    .collect::<Vec<_>>(),
            ),
            Value::Ints(ns) => query.bind(ns),
            Value::Floats(ns) => query.bind(ns),
            Value::Uuids(ids) => query.bind(ids),
            Value::Timestamps(instants) => query.bind(instants),
        };
    }
    query
}

pub(crate) fn question(error: sqlx::Error) -> StoreError {
    store_error(error, Step::Question)
}

/// A column of a row by its name; a wrong name or type is a fault of ours.
pub(crate) fn get<'r, T>(row: &'r PgRow, column: &str) -> Result<T>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(question)
}

/// A text column, with its U+0000 put back.
pub(crate) fn get_text(row: &PgRow, column: &str) -> Result<String> {
    get::<String>(row, column).map(from_stored)
}

/// A count or an index: never negative.
pub(crate) fn get_count(row: &PgRow, column: &str) -> Result<u64> {
    let number: i64 = get(row, column)?;
    u64::try_from(number).map_err(|_| StoreError::Failed(format!("`{column}` is {number}")))
}

pub(crate) fn get_index(row: &PgRow, column: &str) -> Result<usize> {
    let number = get_count(row, column)?;
    usize::try_from(number).map_err(|_| StoreError::Failed(format!("`{column}` is {number}")))
}
