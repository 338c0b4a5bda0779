//! A retention request as meant.

use serde_json::Value;

use super::people_url::PeopleUrl;
use super::{breakdown, intervals};
use crate::condition::{self, all, never};
use crate::context::Context;
use crate::dates::Calendar;
use crate::field_error::FieldError;
use crate::request::{Entity, EntityKind, EntityMath, Filter, Request, actor, entity, field};
use crate::resolved::{RetentionCell, RetentionKind, RetentionQuery};

/// What a retention request asks for. Ask a store [`Plan::query`], then [`Plan::shape`] the cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(super) query: RetentionQuery,
    pub(super) calendar: Calendar,
    pub(super) people_url: PeopleUrl,
}

impl Plan {
    pub fn parse(request: &Request, context: &Context<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            query: query(request, context)?,
            calendar: Calendar::of(context.project),
            people_url: PeopleUrl::new(request, context),
        })
    }

    pub fn query(&self) -> &RetentionQuery {
        &self.query
    }

    /// The `result` of the answer: a list of rows.
    pub fn shape(&self, cells: &[RetentionCell]) -> Value {
        super::shape::result(self, cells)
    }
}

pub(super) fn query(request: &Request, context: &Context<'_>) -> Result<RetentionQuery, FieldError> {
    let kind = match field::text(request, "retention_type", "retention_type")?.as_deref() {
        None | Some("retention_recurring") => RetentionKind::Recurring,
        Some("retention_first_time") => RetentionKind::FirstTime,
        Some(other) => {
            return Err(FieldError::invalid(
                "retention_type",
                format!("Unknown type of retention {other:?}."),
            ));
        }
    };
    let period = intervals::read_period(request)?;
    let global = condition::of_request(request, context)?;
    let target = side(request, "target_entity")?.unwrap_or_else(pageview);
    let returning = match side(request, "returning_entity")? {
        Some(returning) => returning,
        // Older clients put the returning entity into the list of series.
        None => entity::entities(request)?
            .into_iter()
            .next()
            .unwrap_or_else(|| target.clone()),
    };
    let of_side = |entity: &Entity| -> Result<_, FieldError> {
        // A missing action is done by nobody.
        let own = condition::of_entity(entity, context)?.unwrap_or_else(never);
        Ok(all([own, global.clone()]))
    };
    let breakdown = breakdown::read(request)?;
    let line = field::text(request, "display", "display")?.as_deref() == Some("ActionsLineGraph");
    Ok(RetentionQuery {
        project: context.project.id,
        timezone: context.timezone(),
        week_start: context.project.week_start,
        interval: period,
        intervals: intervals::read(request, period, context)?,
        kind,
        target: of_side(&target)?,
        returning: of_side(&returning)?,
        actor: actor::actor(request)?,
        first_interval_only: line && kind == RetentionKind::Recurring && breakdown.is_none(),
        breakdown,
    })
}

fn side(request: &Request, key: &str) -> Result<Option<Entity>, FieldError> {
    let Some(item) = field::object(request, key, key)? else {
        return Ok(None);
    };
    if item.is_empty() {
        return Ok(None);
    }
    entity::entity(&Value::Object(item), "events", key).map(Some)
}

/// What retention is about when nothing is named.
fn pageview() -> Entity {
    Entity {
        kind: EntityKind::Event("$pageview".to_owned()),
        order: 0,
        name: None,
        custom_name: None,
        math: EntityMath::Total,
        math_text: None,
        math_property: None,
        math_group_type_index: None,
        filter: Filter::none(),
        properties: Value::Array(Vec::new()),
        attr: "target_entity".to_owned(),
    }
}
