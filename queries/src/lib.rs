//! The query classes on Postgres: each file turns one kind of resolved question into SQL and its rows into the answer.
//!
//! The files beside this one have a counterpart of the same name in `ee/clickhouse/src`; what only Postgres needs (the
//! way statements are run, its failures, its regular expressions, its text) is under `postgres/`.

mod append;
mod cohorts;
mod conditions;
mod correlation;
mod correlation_actors;
mod data_version;
mod elements;
mod events;
mod funnel;
mod funnel_actors;
mod funnel_chain;
mod funnel_times;
mod funnel_trends;
mod groups;
mod groups_join;
mod identities;
mod lifecycle;
mod lifecycle_actors;
mod path_actors;
mod paths;
mod person_query;
mod persons;
mod persons_join;
mod postgres;
mod properties;
mod property_names;
mod property_values;
mod related;
mod retention;
mod retention_actors;
mod session_lengths;
mod sessions;
mod stickiness;
mod stickiness_actors;
mod store;
#[cfg(test)]
mod tests;
mod trend_actors;
mod trends;

pub use store::{PostgresStore, Settings};
