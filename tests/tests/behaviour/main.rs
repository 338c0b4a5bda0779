//! The behaviour suite: each case once, run on every store.

mod actions_and_cohorts;
mod actors;
mod breakdowns;
mod cached;
mod cohorts;
mod events;
mod filters;
mod formula;
mod funnel_breakdowns;
mod funnels;
mod groups;
mod ingestion;
mod lifecycle;
mod persons;
mod refused;
mod related;
mod retention;
mod session_lengths;
mod stickiness;
mod trends;
