//! The query classes in the ClickHouse dialect, on the embedded engine or a ClickHouse server.
//!
//! Parallel, file by file, to the classes on Postgres. SQL is a tree until the last moment; values are bind parameters.

mod append;
mod buckets;
mod conditions;
mod elements;
mod events;
mod executor;
mod groups;
mod groups_join;
mod identities;
pub mod migrations;
mod person_query;
mod persons;
mod persons_join;
mod properties;
mod property_values;
mod retention;
mod retention_actors;
mod row;
mod sessions;
mod store;
#[cfg(test)]
mod tests;
mod trend_actors;
mod trends;

pub use executor::{ColumnType, Embedded, Executor, Http, HttpOptions, Insert};
pub use row::{Cell, Row, Rows};
pub use store::ClickHouseStore;
