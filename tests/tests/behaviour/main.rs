//! The behaviour suite: each case once, run on every store.

mod actions_and_cohorts;
mod actors;
mod breakdowns;
mod events;
mod filters;
mod formula;
mod groups;
mod ingestion;
mod persons;
mod refused;
mod retention;
mod trends;
