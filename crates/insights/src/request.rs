//! The request as sent: lenient JSON, where lists and objects may be JSON text and numbers and booleans strings.

pub(crate) mod actor;
pub(crate) mod breakdown;
pub(crate) mod chosen_entity;
pub(crate) mod entity;
pub(crate) mod field;
pub(crate) mod page;
pub(crate) mod property;

pub(crate) use entity::{Entity, EntityKind, EntityMath};
pub(crate) use page::page;
pub(crate) use property::{Filter, FilterKind, GroupKind, Operator, PropertyFilter};

/// A request: the query string and the JSON body merged by the caller, the body winning.
pub type Request = serde_json::Map<String, serde_json::Value>;
