//! What those who went through a funnel have in common, and those who did not.

mod actors;
mod parameters;
mod plan;
mod shape;

pub use actors::correlation_actors;
pub use plan::{CorrelationPlan, correlation};
