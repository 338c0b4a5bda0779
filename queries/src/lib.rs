//! The query classes on Postgres: each file turns one kind of resolved question into SQL and its rows into the answer.
//!
//! The files beside this one have a counterpart of the same name in `ee/clickhouse/src`; what only Postgres needs (the
//! way statements are run, its failures, its regular expressions, its text) is under `postgres/`.

mod append;
mod conditions;
mod elements;
mod events;
mod groups;
mod groups_join;
mod identities;
mod person_query;
mod persons;
mod persons_join;
mod postgres;
mod properties;
mod property_values;
mod retention;
mod retention_actors;
mod sessions;
mod store;
#[cfg(test)]
mod tests;
mod trend_actors;
mod trends;

pub use store::{PostgresStore, Settings};
