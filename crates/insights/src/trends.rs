//! Trends: numbers over time, or one number, for each event or action.

mod actors;
pub(crate) mod breakdown;
mod display;
mod formula;
mod line;
mod persons_url;
mod plan;
mod shape;
mod smoothing;
#[cfg(test)]
mod tests;

pub use actors::actors;
pub use plan::Plan;
