//! Actions: named sets of matching steps.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ProjectId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(pub i64);

/// An event matches when any step matches; without steps none does.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub id: ActionId,
    pub project: ProjectId,
    pub name: String,
    pub description: String,
    pub tags: Vec<String>,
    pub steps: Vec<ActionStep>,
    pub created_at: DateTime<Utc>,
    pub deleted: bool,
}

/// All given parts must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActionStep {
    pub id: Option<i64>,
    pub name: Option<String>,
    pub event: Option<String>,
    pub url: Option<String>,
    pub url_matching: Option<UrlMatching>,
    pub tag_name: Option<String>,
    pub text: Option<String>,
    pub href: Option<String>,
    pub selector: Option<String>,
    /// Property filters as sent (a JSON list).
    pub properties: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UrlMatching {
    Exact,
    Contains,
    Regex,
}
