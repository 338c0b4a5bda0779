//! Trends: numbers over time, or one number, for each event or action.

mod actors;
mod breakdown;
mod display;
mod formula;
mod line;
mod persons_url;
mod plan;
mod shape;
mod smoothing;
#[cfg(test)]
mod tests;
mod window;

pub use actors::actors;
pub use plan::Plan;
