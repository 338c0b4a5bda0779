//! Stickiness: in how many intervals actors did something.

mod actors;
mod plan;
mod shape;
#[cfg(test)]
mod tests;

pub use actors::actors;
pub use plan::Plan;
