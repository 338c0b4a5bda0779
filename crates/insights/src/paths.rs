//! Paths: from where to where actors went, visit by visit.

mod actors;
mod events;
mod plan;
mod rewrite;
mod shape;
#[cfg(test)]
mod tests;

pub use actors::actors;
pub use plan::Plan;
pub use rewrite::check_cleaning_filters;
