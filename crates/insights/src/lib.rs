//! What a request means. Request -> typed query (errors name the field) -> resolved query (absolute times, actions and
//! cohorts expanded) -> rows from a store -> the response. Pure: no IO, no clock, no SQL.

mod condition;
mod context;
mod dates;
mod definition;
mod effective_filter;
mod element_json;
mod events;
mod field_error;
pub mod funnels;
mod insight;
pub mod lifecycle;
pub mod paths;
mod persons;
mod related;
mod request;
mod resolved;
pub mod retention;
pub mod sessions;
pub mod stickiness;
#[cfg(test)]
mod test_context;
pub mod trends;
mod url;

pub use context::{Context, EARLIEST_SINCE, needs_earliest_event};
pub use definition::{
    action_condition, check_action_steps, check_cohort, check_properties, cohort_condition, cohort_persons,
};
pub use element_json::element_json;
pub use events::events;
pub use field_error::{ErrorCode, FieldError};
pub use insight::{Insight, which, which_of_series};
pub use persons::persons;
pub use related::related;
pub use request::Request;
pub use resolved::{
    Actor, ActorKind, Aggregate, Attribution, Breakdown, Comparison, Condition, ConversionWindow,
    Correlation, CorrelationActorsQuery, CorrelationItem, CorrelationOf, CorrelationQuery, DateTest,
    ElementTest, EventsQuery, FunnelActorsQuery, FunnelBreakdown, FunnelExclusion, FunnelGroup, FunnelOrder,
    FunnelPart, FunnelPlace, FunnelQuery, FunnelStep, FunnelSteps, FunnelTime, FunnelTimesQuery,
    FunnelTrendsPoint, FunnelTrendsQuery, GroupKey, Histogram, LifecycleActorsQuery, LifecyclePoint,
    LifecycleQuery, LifecycleStatus, Math, PathActorsQuery, PathEdge, PathRewrite, PathsQuery, PersonSet,
    PersonsQuery, PropertySource, PropertyTest, RelatedQuery, RetentionActor, RetentionActorsQuery,
    RetentionBreakdown, RetentionCell, RetentionKind, RetentionQuery, SessionLengths, SessionLengthsQuery,
    StickinessActorsQuery, StickinessPoint, StickinessQuery, TrendActorsQuery, TrendsPoint, TrendsQuery,
    TrendsShape, ValuesQuery,
};
