//! Funnels: how many go through a chain of steps, how fast and when, who they are, and what they have in common.

mod actors;
mod breakdown;
mod correlation;
mod definition;
mod exclusion;
mod part;
mod people_url;
mod plan;
mod selection;
mod shape;
mod slice;
mod step;
#[cfg(test)]
mod tests;
mod view;
mod window;

pub use actors::actors;
pub use correlation::{CorrelationPlan, correlation, correlation_actors};
pub(crate) use part::part;
pub use plan::{Answer, Ask, Plan};
