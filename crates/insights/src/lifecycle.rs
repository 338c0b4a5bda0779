//! Lifecycle: how many of those who were active were new, came back or stayed, and how many went.

mod actors;
mod plan;
mod shape;
#[cfg(test)]
mod tests;

pub use actors::actors;
pub use plan::Plan;
