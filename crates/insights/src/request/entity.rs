//! Entities: the events and actions that a request names.

use model::{ActionId, GroupTypeIndex};
use serde_json::{Map, Value, json};

use super::field::{self, given, text_form};
use super::property::{self, Filter};
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::resolved::Aggregate;

/// Entities of a request that asks a query for each.
const ENTITIES_MAX: usize = 100;

/// One series of a trend, or one side of a retention table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entity {
    pub(crate) kind: EntityKind,
    /// Position among the request's entities.
    pub(crate) order: i64,
    pub(crate) name: Option<String>,
    pub(crate) custom_name: Option<String>,
    pub(crate) math: EntityMath,
    /// As sent, for the answer.
    pub(crate) math_text: Option<String>,
    pub(crate) math_property: Option<String>,
    pub(crate) math_group_type_index: Option<GroupTypeIndex>,
    pub(crate) filter: Filter,
    /// As sent, for the answer.
    pub(crate) properties: Value,
    /// Where it stands in the request.
    pub(crate) attr: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EntityKind {
    AnyEvent,
    Event(String),
    Action(ActionId),
}

/// What is computed per tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntityMath {
    Total,
    UniquePersons,
    WeeklyActive,
    MonthlyActive,
    UniqueGroups,
    UniqueSessions,
    OfProperty(Aggregate),
    CountPerActor(Aggregate),
}

impl Entity {
    /// The entity as an answer shows it.
    pub(crate) fn shown(&self) -> Value {
        let (id, kind) = match &self.kind {
            EntityKind::AnyEvent => (Value::Null, "events"),
            EntityKind::Event(name) => (json!(name), "events"),
            EntityKind::Action(id) => (json!(id.0), "actions"),
        };
        let name = match &self.kind {
            EntityKind::Event(event) => self.name.clone().or_else(|| Some(event.clone())),
            EntityKind::AnyEvent | EntityKind::Action(_) => self.name.clone(),
        };
        json!({
            "id": id,
            "type": kind,
            "order": self.order,
            "name": name,
            "custom_name": self.custom_name,
            "math": self.math_text,
            "math_property": self.math_property,
            "math_group_type_index": self.math_group_type_index.map(|index| index.get()),
            "properties": self.properties,
        })
    }

    /// `events` or `actions`: the list of a request that it belongs into.
    pub(crate) fn list(&self) -> &'static str {
        match self.kind {
            EntityKind::Action(_) => "actions",
            EntityKind::AnyEvent | EntityKind::Event(_) => "events",
        }
    }

    /// The action's current name; an event's name as sent, or else its id.
    pub(crate) fn label(&self, context: &Context<'_>) -> String {
        let sent = self.name.clone();
        match &self.kind {
            EntityKind::Action(id) => match context.action(*id) {
                Some(action) => action.name.clone(),
                None => sent.unwrap_or_else(|| id.0.to_string()),
            },
            EntityKind::Event(event) => sent.unwrap_or_else(|| event.clone()),
            EntityKind::AnyEvent => sent.unwrap_or_else(|| "All events".to_owned()),
        }
    }
}

impl EntityMath {
    fn read(text: &str) -> Option<Self> {
        if let Some(aggregate) = text.strip_suffix("_count_per_actor") {
            return aggregate_named(aggregate).map(Self::CountPerActor);
        }
        match text {
            "total" => Some(Self::Total),
            "dau" => Some(Self::UniquePersons),
            "weekly_active" => Some(Self::WeeklyActive),
            "monthly_active" => Some(Self::MonthlyActive),
            "unique_group" => Some(Self::UniqueGroups),
            "unique_session" => Some(Self::UniqueSessions),
            other => aggregate_named(other).map(Self::OfProperty),
        }
    }
}

fn aggregate_named(name: &str) -> Option<Aggregate> {
    match name {
        "sum" => Some(Aggregate::Sum),
        "avg" => Some(Aggregate::Avg),
        "min" => Some(Aggregate::Min),
        "max" => Some(Aggregate::Max),
        "median" => Some(Aggregate::Median),
        "p90" => Some(Aggregate::P90),
        "p95" => Some(Aggregate::P95),
        "p99" => Some(Aggregate::P99),
        _ => None,
    }
}

/// `actions`, then `events`, stably sorted by `order`; a missing order, or 0, comes first.
pub(crate) fn entities(request: &Map<String, Value>) -> Result<Vec<Entity>, FieldError> {
    let mut entities = Vec::new();
    for (key, default_type) in [("actions", "actions"), ("events", "events")] {
        for (index, item) in field::list(request, key, key)?
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            entities.push(entity(item, default_type, &nested(key, index))?);
        }
    }
    entities.sort_by_key(|entity| if entity.order == 0 { -1 } else { entity.order });
    for (order, entity) in (0..).zip(&mut entities) {
        entity.order = order;
    }
    Ok(entities)
}

/// As [`entities`], for insights that answer each with a query of its own.
pub(crate) fn bounded(request: &Map<String, Value>) -> Result<Vec<Entity>, FieldError> {
    let entities = entities(request)?;
    if entities.len() > ENTITIES_MAX {
        return Err(FieldError::invalid(
            "events",
            format!("One request can hold {ENTITIES_MAX} events and actions at most."),
        ));
    }
    Ok(entities)
}

/// One entity. `default_type` is `events` or `actions`; errors are named below `attr`.
pub(crate) fn entity(item: &Value, default_type: &str, attr: &str) -> Result<Entity, FieldError> {
    let bare;
    let item = match item {
        Value::Object(item) => item,
        // The shortest form: only the id.
        Value::String(_) | Value::Number(_) => {
            bare = Map::from_iter([("id".to_owned(), item.clone())]);
            &bare
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => {
            return Err(FieldError::invalid(
                attr,
                "An entity must be an object with an `id`.",
            ));
        }
    };
    let kind = kind(item, default_type, attr)?;
    let math_text = field::text(item, "math", &nested(attr, "math"))?;
    let math = match math_text.as_deref() {
        None => EntityMath::Total,
        Some(text) => EntityMath::read(text)
            .ok_or_else(|| FieldError::invalid(nested(attr, "math"), format!("Unknown math {text:?}.")))?,
    };
    let math_property = field::text(item, "math_property", &nested(attr, "math_property"))?;
    let math_group_type_index = field::group_type_index(
        item,
        "math_group_type_index",
        &nested(attr, "math_group_type_index"),
    )?;
    match math {
        EntityMath::OfProperty(_) if math_property.is_none() => {
            return Err(FieldError::required(
                "math_property",
                "This field is required when `math` is over a property.",
            ));
        }
        EntityMath::UniqueGroups if math_group_type_index.is_none() => {
            return Err(FieldError::required(
                "math_group_type_index",
                "This field is required when `math` is `unique_group`.",
            ));
        }
        EntityMath::Total
        | EntityMath::UniquePersons
        | EntityMath::WeeklyActive
        | EntityMath::MonthlyActive
        | EntityMath::UniqueGroups
        | EntityMath::UniqueSessions
        | EntityMath::OfProperty(_)
        | EntityMath::CountPerActor(_) => {}
    }
    let properties_attr = nested(attr, "properties");
    let properties = field::decoded(item, "properties", &properties_attr)?;
    Ok(Entity {
        kind,
        order: field::integer(item, "order", &nested(attr, "order"))?.unwrap_or(-1),
        name: field::text(item, "name", &nested(attr, "name"))?,
        custom_name: field::text(item, "custom_name", &nested(attr, "custom_name"))?,
        math,
        math_text,
        math_property,
        math_group_type_index,
        filter: property::filter(properties.as_ref(), &properties_attr)?,
        properties: properties.unwrap_or_else(|| Value::Array(Vec::new())),
        attr: attr.to_owned(),
    })
}

fn kind(item: &Map<String, Value>, default_type: &str, attr: &str) -> Result<EntityKind, FieldError> {
    let id_attr = nested(attr, "id");
    let Some(id) = item.get("id") else {
        return Err(FieldError::required(
            id_attr,
            "An entity needs an `id`: an event's name or an action's number.",
        ));
    };
    let entity_type = field::text(item, "type", &nested(attr, "type"))?;
    match entity_type.as_deref().unwrap_or(default_type) {
        "events" => match given(item, "id") {
            None => Ok(EntityKind::AnyEvent),
            Some(Value::Array(_) | Value::Object(_)) => {
                Err(FieldError::invalid(id_attr, "An event's `id` is its name."))
            }
            Some(id) => Ok(EntityKind::Event(text_form(id))),
        },
        "actions" => field::whole_number(id)
            .map(|id| EntityKind::Action(ActionId(id)))
            .ok_or_else(|| {
                FieldError::invalid(id_attr, format!("An action's `id` must be a number, not {id}."))
            }),
        other => Err(FieldError::invalid(
            nested(attr, "type"),
            format!("An entity's `type` must be \"events\" or \"actions\", not {other:?}."),
        )),
    }
}
