//! Retention: who came, and who of them came back so many intervals later.

mod actors;
mod breakdown;
mod intervals;
mod people_url;
mod plan;
mod shape;
#[cfg(test)]
mod tests;

pub use actors::{ActorsPlan, actors};
pub use plan::Plan;
