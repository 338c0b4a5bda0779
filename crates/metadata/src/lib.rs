//! Projects, keys, group types, definitions, actions and cohorts: in SQLite beside the engine's files, or in PostgreSQL.
//!
//! One set of statements serves both: ids are 64-bit, times microseconds, JSON text (see `migrations/metadata`).

mod actions;
mod api_keys;
mod cohorts;
mod database;
mod definitions;
mod error;
mod group_types;
mod projects;

pub use actions::NewAction;
pub use api_keys::ApiKey;
pub use cohorts::NewCohort;
pub use database::Metadata;
pub use definitions::{EventDefinition, PropertyDefinition};
pub use error::MetadataError;
pub use group_types::NamedGroupType;
pub use projects::{NewProject, ProjectPatch};

type Result<T, E = MetadataError> = std::result::Result<T, E>;
