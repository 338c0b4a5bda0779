//! The query classes in the ClickHouse dialect, on the embedded engine or a ClickHouse server.
//!
//! Parallel, file by file, to the classes on Postgres. SQL is a tree until the last moment; values are bind parameters.

mod append;
mod buckets;
mod cohorts;
mod conditions;
mod correlation;
mod correlation_actors;
mod data_version;
mod elements;
mod events;
mod executor;
mod funnel;
mod funnel_actors;
mod funnel_chain;
mod funnel_times;
mod funnel_trends;
mod funnel_walk;
mod groups;
mod groups_join;
mod identities;
mod lifecycle;
mod lifecycle_actors;
pub mod migrations;
mod path_actors;
mod paths;
mod person_query;
mod persons;
mod persons_join;
mod properties;
mod property_names;
mod property_values;
mod related;
mod retention;
mod retention_actors;
mod row;
mod session_lengths;
mod sessions;
mod stickiness;
mod stickiness_actors;
mod store;
#[cfg(test)]
mod tests;
mod trend_actors;
mod trends;

pub use executor::{Cluster, ColumnType, Embedded, Executor, Http, HttpOptions, Insert};
pub use row::{Cell, Row, Rows};
pub use store::ClickHouseStore;
