//! The nouns of the product. No IO, no clock, no SQL.

mod action;
mod captured;
mod cohort;
mod definition;
mod element;
mod group;
mod interval;
mod person;
mod project;
mod time_range;

pub use action::{Action, ActionId, ActionStep, UrlMatching};
pub use captured::CapturedEvent;
pub use cohort::{Cohort, CohortId};
pub use definition::{Definition, PropertyKind, PropertyType};
pub use element::{Element, parse_elements_chain};
pub use group::{GROUP_TYPES_MAX, GroupType, GroupTypeIndex};
pub use interval::{Interval, WeekStart};
pub use person::person_uuid;
pub use project::{Project, ProjectId};
pub use time_range::TimeRange;
