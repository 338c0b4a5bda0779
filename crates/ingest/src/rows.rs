//! Prepared event to event row.

use event_store::EventRow;
use model::{GROUP_TYPES_MAX, GroupTypeIndex};
use serde_json::Value;

use crate::prepare::Prepared;

const GROUP_PROPERTIES: [&str; GROUP_TYPES_MAX as usize] =
    ["$group_0", "$group_1", "$group_2", "$group_3", "$group_4"];

/// `groups` are the groups whose type has an index.
pub(crate) fn event_row(event: Prepared, groups: Vec<(GroupTypeIndex, String)>) -> EventRow {
    let properties = match event.properties_text {
        Some(text) => text,
        None => {
            let mut properties = event.properties;
            for (index, key) in groups {
                if let Some(name) = GROUP_PROPERTIES.get(usize::from(index.get())) {
                    properties.insert((*name).to_owned(), Value::String(key));
                }
            }
            Value::Object(properties).to_string()
        }
    };
    EventRow {
        project: event.project,
        uuid: event.uuid,
        event: event.event,
        distinct_id: event.distinct_id,
        properties,
        elements_chain: event.elements_chain,
        timestamp: event.timestamp,
        created_at: event.received_at,
    }
}
