//! Session lengths of the older kind: how long visits are, on average over time or in classes.

mod plan;
mod shape;
#[cfg(test)]
mod tests;

pub use plan::Plan;
