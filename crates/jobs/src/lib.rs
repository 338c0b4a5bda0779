//! Work in the background of the product: cohorts are brought up to date.

mod cohorts;
mod queue;
mod recalculate;

#[cfg(test)]
mod tests;

pub use cohorts::{CohortJobs, CohortJobsConfig};
