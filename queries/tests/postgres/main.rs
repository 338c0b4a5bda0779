//! The event store on a real Postgres server, one fresh database a test. Expectations are worked out by hand.

mod append;
mod conditions;
mod database;
mod lists;
mod properties;
mod retention;
mod trends;
