//! The behaviour suite: each case once, run on every store.

mod actions;
mod actions_and_cohorts;
mod actors;
mod breakdowns;
mod cached;
mod cohorts;
mod correlation;
mod events;
mod filters;
mod formula;
mod funnel_breakdowns;
mod funnel_views;
mod funnels;
mod groups;
mod ingestion;
mod lifecycle;
mod paths;
mod persons;
mod refused;
mod related;
mod retention;
mod session_lengths;
mod stickiness;
mod trends;
