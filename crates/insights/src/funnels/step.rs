//! The steps of a funnel, as a request names them.

use serde_json::{Map, Value};

use crate::condition;
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::{Entity, EntityKind, Request, entity, field};
use crate::resolved::Condition;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) kind: EntityKind,
    pub(super) name: String,
    pub(super) custom_name: Option<String>,
    /// Its own events and filters, without those of the request as a whole.
    pub(super) own: Condition,
}

/// Actions and events of a request in their order. Their math says nothing here, not even when it is wrong.
pub(super) fn steps(request: &Request, context: &Context<'_>) -> Result<Vec<Step>, FieldError> {
    let mut lists = Map::new();
    for key in ["actions", "events"] {
        if let Some(items) = field::list(request, key, key)? {
            let items = items.into_iter().map(without_math).collect();
            lists.insert(key.to_owned(), Value::Array(items));
        }
    }
    entity::entities(&lists)?
        .into_iter()
        .map(|entity| of_entity(entity, context))
        .collect()
}

/// One entity as a step; errors are named below `attr`.
pub(super) fn step(item: Value, attr: &str, context: &Context<'_>) -> Result<Step, FieldError> {
    of_entity(entity::entity(&without_math(item), "events", attr)?, context)
}

fn of_entity(entity: Entity, context: &Context<'_>) -> Result<Step, FieldError> {
    let own = condition::of_entity(&entity, context)?;
    match (own, &entity.kind) {
        (Some(own), _) => Ok(Step {
            name: entity.label(context),
            kind: entity.kind,
            custom_name: entity.custom_name,
            own,
        }),
        (None, kind) => {
            let id = match kind {
                EntityKind::Action(id) => id.0.to_string(),
                EntityKind::Event(name) => name.clone(),
                EntityKind::AnyEvent => String::new(),
            };
            Err(FieldError::missing(
                nested(&entity.attr, "id"),
                format!("Action ID {id} does not exist!"),
            ))
        }
    }
}

fn without_math(mut item: Value) -> Value {
    if let Value::Object(item) = &mut item {
        item.retain(|key, _| !matches!(key.as_str(), "math" | "math_property" | "math_group_type_index"));
    }
    item
}

impl Step {
    /// Whether every event of `other` is plainly one of this, too: the same event or action, with no filter that `other`
    /// does not have.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let theirs = conjuncts(&other.own);
        self.kind == other.kind && conjuncts(&self.own).iter().all(|own| theirs.contains(own))
    }
}

fn conjuncts(condition: &Condition) -> &[Condition] {
    match condition {
        Condition::All(members) => members,
        other => std::slice::from_ref(other),
    }
}
