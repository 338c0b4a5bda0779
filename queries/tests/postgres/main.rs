//! The event store on a real Postgres server, one fresh database a test. Expectations are worked out by hand.

mod append;
mod cohorts;
mod conditions;
mod correlation;
mod database;
mod funnel_model;
mod funnel_random;
mod funnels;
mod lifecycle;
mod lists;
mod path_model;
mod paths;
mod properties;
mod random;
mod related;
mod retention;
mod session_lengths;
mod stickiness;
mod trends;
