//! A project: the tenant that events, persons and queries belong to.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::WeekStart;

/// Called `team_id` in the tables, after PostHog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectId(pub i64);

impl std::fmt::Display for ProjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    pub id: ProjectId,
    pub uuid: Uuid,
    pub name: String,
    /// The write-only capture token, `phc_…`.
    pub api_token: String,
    pub timezone: Tz,
    pub week_start: WeekStart,
    /// Property filters as sent (a JSON list), applied when a query asks for `filter_test_accounts`.
    pub test_account_filters: Value,
    /// Path-cleaning rules as sent (a JSON list of `{alias, regex}`).
    pub path_cleaning_filters: Value,
    pub anonymize_ips: bool,
    pub ingested_event: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
