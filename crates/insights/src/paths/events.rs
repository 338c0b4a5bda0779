//! Which events paths are made of.

use crate::condition::{always, any};
use crate::field_error::{FieldError, nested};
use crate::request::{Request, field};
use crate::resolved::Condition;

/// `include_event_types` (`$pageview`, `$screen`, `custom_event`) and `include_custom_events` (names). All events when
/// neither says anything.
pub(super) fn looked_at(request: &Request) -> Result<Condition, FieldError> {
    let types = "include_event_types";
    let names = "include_custom_events";
    let mut included = Vec::new();
    for (index, kind) in field::texts(request, types)?.into_iter().enumerate() {
        included.push(match kind.as_str() {
            "$pageview" | "$screen" => Condition::EventName(kind),
            "custom_event" => Condition::CustomEvent,
            other => {
                return Err(FieldError::invalid(
                    nested(types, index),
                    format!("Paths are of $pageview, $screen or custom_event, not {other:?}."),
                ));
            }
        });
    }
    let named = field::texts(request, names)?;
    if !named.is_empty() && included.contains(&Condition::CustomEvent) {
        return Err(FieldError::invalid(
            names,
            format!("`{names}` cannot be used together with the event type custom_event."),
        ));
    }
    included.extend(named.into_iter().map(Condition::EventName));
    Ok(if included.is_empty() {
        always()
    } else {
        any(included)
    })
}
