//! The part of ingestion that needs nothing but the event: from what was sent to what is stored and asked for.

use chrono::{DateTime, Utc};
use model::{CapturedEvent, ProjectId};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::changes::Changes;
use crate::groups::{GROUP_IDENTIFY, GroupIdentify, identify_of, memberships};
use crate::merge::{Merge, merge_of};
use crate::profile::{self, Profile};
use crate::text::truthy;
use crate::{Reason, clock, elements};

/// An event that will be stored unless it repeats one.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub project: ProjectId,
    pub uuid: Uuid,
    pub event: String,
    pub distinct_id: String,
    /// As stored, but for the `$group_N` of `memberships`.
    pub properties: Map<String, Value>,
    /// Their JSON text, where no `$group_N` is to come: written here, where many requests are worked on at a time, and
    /// not in the one writer.
    pub properties_text: Option<String>,
    pub elements_chain: String,
    pub timestamp: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    /// `None`: the event makes and changes no person.
    pub person: Option<PersonPart>,
    pub memberships: Vec<(String, String)>,
    pub group_identify: Option<GroupIdentify>,
}

#[derive(Clone, Debug)]
pub(crate) struct PersonPart {
    pub changes: Changes,
    pub merge: Option<Merge>,
}

pub(crate) fn prepare(captured: CapturedEvent) -> Result<Prepared, Reason> {
    let CapturedEvent {
        project,
        uuid,
        event,
        distinct_id,
        mut properties,
        timestamp,
        offset_ms,
        sent_at,
        received_at,
        ip,
    } = captured;
    if matches!(
        event.as_str(),
        "$performance_event" | "$$heatmap" | "$$client_ingestion_warning"
    ) {
        return Err(Reason::NotAnalytics);
    }
    let claims = clock::Claims {
        timestamp: timestamp.as_ref(),
        offset_ms,
        sent_at,
        ignore_sent_at: properties.get("$ignore_sent_at") == Some(&Value::Bool(true)),
    };
    let timestamp = clock::event_time(&claims, received_at);

    let cookieless = match properties.get("$cookieless_mode") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(cookieless)) => *cookieless,
        Some(_) => return Err(Reason::CookielessModeNotBoolean),
    };
    let elements_chain = elements::take(&mut properties);
    properties.shift_remove("$heatmap_data");
    if let Some(ip) = ip
        && !properties.get("$ip").is_some_and(truthy)
    {
        properties.insert("$ip".to_owned(), Value::String(ip));
    }
    if let Some(sent_at) = sent_at {
        let text = sent_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        properties.insert("$sent_at".to_owned(), Value::String(text));
    }

    let mut group_identify = None;
    let mut memberships_found = Vec::new();
    let person = match profile::take(&mut properties) {
        Profile::Off => {
            if matches!(
                event.as_str(),
                "$identify" | "$create_alias" | "$merge_dangerously" | GROUP_IDENTIFY
            ) {
                return Err(Reason::PersonProfileOff);
            }
            None
        }
        Profile::On => {
            if cookieless && matches!(event.as_str(), "$create_alias" | "$merge_dangerously") {
                return Err(Reason::CookielessMerge);
            }
            let merge = merge_of(&event, &distinct_id, &properties)?;
            if event == GROUP_IDENTIFY {
                group_identify = identify_of(&properties)?;
                for part in ["$set", "$set_once", "$unset"] {
                    properties.shift_remove(part);
                }
            }
            memberships_found = memberships(&properties);
            Some(PersonPart {
                changes: Changes::of(&event, &properties),
                merge,
            })
        }
    };
    let properties_text = if memberships_found.is_empty() {
        serde_json::to_string(&properties).ok()
    } else {
        None
    };
    Ok(Prepared {
        project,
        uuid,
        event,
        distinct_id,
        properties,
        properties_text,
        elements_chain,
        timestamp,
        received_at,
        person,
        memberships: memberships_found,
        group_identify,
    })
}

#[cfg(test)]
mod tests;
