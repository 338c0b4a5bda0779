//! Cohorts: sets of persons, by rule or by list.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ProjectId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CohortId(pub i64);

#[derive(Clone, Debug, PartialEq)]
pub struct Cohort {
    pub id: CohortId,
    pub project: ProjectId,
    pub name: String,
    pub description: String,
    /// Old form: a JSON list of groups, any of which may match. Interpreted by `insights`.
    pub groups: Value,
    /// Newer form: `{"properties": {type, values}}`. Wins over `groups` when present.
    pub filters: Option<Value>,
    pub is_static: bool,
    pub is_calculating: bool,
    pub count: Option<i64>,
    pub last_calculation: Option<DateTime<Utc>>,
    pub errors_calculating: i64,
    pub created_at: DateTime<Utc>,
    pub deleted: bool,
}
