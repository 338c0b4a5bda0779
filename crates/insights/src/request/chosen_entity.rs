//! Which of a request's entities its actors are asked of.

use model::ActionId;
use serde_json::Value;

use super::field::{self, given};
use super::{Entity, EntityKind, Request, entity};
use crate::field_error::FieldError;

/// The entity meant: the only one, or the one with the id, type and math asked for.
pub(crate) fn only(request: &Request) -> Result<Entity, FieldError> {
    chosen(request, entity::entities(request)?)
}

/// As [`only`], but of several entities the first one is meant when none is asked for.
pub(crate) fn first(request: &Request) -> Result<Entity, FieldError> {
    let mut entities = entity::entities(request)?;
    let asked = ["entity_id", "entityId"]
        .iter()
        .any(|key| field::given(request, key).is_some());
    if !asked {
        entities.truncate(1);
    }
    chosen(request, entities)
}

fn chosen(request: &Request, mut entities: Vec<Entity>) -> Result<Entity, FieldError> {
    let first_text = |keys: [&str; 2]| -> Result<Option<String>, FieldError> {
        for key in keys {
            if let Some(text) = field::text(request, key, key)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    };
    let id = first_text(["entity_id", "entityId"])?;
    let kind = first_text(["entity_type", "type"])?.unwrap_or_else(|| "events".to_owned());
    let math = first_text(["entity_math", "math"])?;
    if entities.is_empty() {
        let id = id.ok_or_else(|| {
            FieldError::required(
                "entity_id",
                "`entity_id` must name an event or action to list the actors of.",
            )
        })?;
        let mut item = serde_json::Map::new();
        item.insert("id".to_owned(), Value::String(id));
        item.insert("type".to_owned(), Value::String(kind));
        for (from, to) in [
            ("math_property", "math_property"),
            ("math_group_type_index", "math_group_type_index"),
            ("entity_properties", "properties"),
        ] {
            if let Some(value) = given(request, from) {
                item.insert(to.to_owned(), value.clone());
            }
        }
        if let Some(math) = math {
            item.insert("math".to_owned(), Value::String(math));
        }
        return entity::entity(&Value::Object(item), "events", "");
    }
    if entities.len() == 1 {
        return Ok(entities.remove(0));
    }
    let Some(id) = id else {
        return Err(FieldError::required(
            "entity_id",
            "The request has several events and actions: `entity_id` must name one of them.",
        ));
    };
    let order = field::integer(request, "entity_order", "entity_order")?;
    let is_meant = |entity: &&Entity| {
        let same = match &entity.kind {
            EntityKind::AnyEvent => false,
            EntityKind::Event(name) => kind == "events" && *name == id,
            EntityKind::Action(ActionId(action)) => kind == "actions" && action.to_string() == id,
        };
        same && math
            .as_ref()
            .is_none_or(|math| entity.math_text.as_ref() == Some(math))
            && order.is_none_or(|order| entity.order == order)
    };
    entities.iter().find(is_meant).cloned().ok_or_else(|| {
        FieldError::missing(
            "entity_id",
            format!("The request has no event or action {id:?} of this type and math."),
        )
    })
}
