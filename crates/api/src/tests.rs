//! The REST API over a store that says what it is told to say.

mod actions;
mod actors;
mod client;
mod cohorts;
mod fake_store;
mod groups;
mod insights;
mod refused;
