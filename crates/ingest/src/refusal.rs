//! Why an event was not stored.

use chrono::{DateTime, Utc};
use model::ProjectId;

/// An event that was dropped before it reached ingestion, for the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub project: ProjectId,
    pub reason: Reason,
    /// When the server received it.
    pub at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The element of the batch is no JSON object.
    EventNotObject,
    NoEventName,
    EventNameTooLong,
    NoDistinctId,
    DistinctIdTooLong,
    PropertiesNotObject,
    CookielessModeNotBoolean,
    TimestampUnreadable,
    OptionUnreadable,
    /// `$performance_event`, `$$heatmap`, `$$client_ingestion_warning`: not part of product analytics.
    NotAnalytics,
    /// An event that only makes sense for a person, with `$process_person_profile: false`.
    PersonProfileOff,
    /// `alias` or `$anon_distinct_id` is there but no text.
    OtherIdNotText,
    /// An alias or merge of a cookieless visitor, who has no id to merge.
    CookielessMerge,
    GroupKeyTooLong,
}

impl Reason {
    /// As kept in the ledger and shown to clients.
    pub fn code(self) -> &'static str {
        match self {
            Self::EventNotObject => "event_not_object",
            Self::NoEventName => "no_event_name",
            Self::EventNameTooLong => "event_name_too_long",
            Self::NoDistinctId => "no_distinct_id",
            Self::DistinctIdTooLong => "distinct_id_too_long",
            Self::PropertiesNotObject => "properties_not_object",
            Self::CookielessModeNotBoolean => "cookieless_mode_not_boolean",
            Self::TimestampUnreadable => "timestamp_unreadable",
            Self::OptionUnreadable => "option_unreadable",
            Self::NotAnalytics => "not_analytics",
            Self::PersonProfileOff => "person_profile_off",
            Self::OtherIdNotText => "other_id_not_text",
            Self::CookielessMerge => "cookieless_merge",
            Self::GroupKeyTooLong => "group_key_too_long",
        }
    }

    /// For people.
    pub fn detail(self) -> &'static str {
        match self {
            Self::EventNotObject => "An event must be a JSON object.",
            Self::NoEventName => "`event` must be a non-empty name.",
            Self::EventNameTooLong => "`event` may have at most 200 bytes.",
            Self::NoDistinctId => "`distinct_id` is missing, null, empty or blank.",
            Self::DistinctIdTooLong => "`distinct_id` may have at most 200 bytes.",
            Self::PropertiesNotObject => "`properties` must be a JSON object.",
            Self::CookielessModeNotBoolean => "`$cookieless_mode` must be true or false.",
            Self::TimestampUnreadable => "`timestamp` is not a date and time.",
            Self::OptionUnreadable => "`options` holds a value of the wrong type.",
            Self::NotAnalytics => "Events of this name are not analytics events and are not stored.",
            Self::PersonProfileOff => {
                "An event about a person or group cannot have `$process_person_profile: false`."
            }
            Self::OtherIdNotText => "`alias` and `$anon_distinct_id` must be text.",
            Self::CookielessMerge => "A cookieless event cannot merge persons.",
            Self::GroupKeyTooLong => "`$group_key` may have at most 400 characters.",
        }
    }

    /// The field at fault.
    pub fn attr(self) -> Option<&'static str> {
        match self {
            Self::EventNotObject => None,
            Self::NoEventName | Self::EventNameTooLong | Self::NotAnalytics => Some("event"),
            Self::NoDistinctId | Self::DistinctIdTooLong => Some("distinct_id"),
            Self::PropertiesNotObject => Some("properties"),
            Self::CookielessModeNotBoolean | Self::CookielessMerge => Some("properties.$cookieless_mode"),
            Self::TimestampUnreadable => Some("timestamp"),
            Self::OptionUnreadable => Some("options"),
            Self::PersonProfileOff => Some("properties.$process_person_profile"),
            Self::OtherIdNotText => Some("properties"),
            Self::GroupKeyTooLong => Some("properties.$group_key"),
        }
    }
}
