//! A stickiness request as meant: which queries it needs, and how their rows become its answer.

use model::{Interval, TimeRange};
use serde_json::Value;

use crate::condition::{self, all};
use crate::context::Context;
use crate::dates::{Calendar, Window, read_interval, read_range, window};
use crate::effective_filter::effective_filter;
use crate::field_error::FieldError;
use crate::request::{Entity, Request, actor, entity, field};
use crate::resolved::{ActorKind, Condition, StickinessPoint, StickinessQuery};
use crate::url::ActorsUrl;

/// What a stickiness request asks for. Ask a store each of [`Plan::queries`], then [`Plan::shape`] the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(super) queries: Vec<StickinessQuery>,
    /// What each query is for.
    pub(super) slots: Vec<Slot>,
    /// The current period, and when compared the one before it.
    pub(super) windows: Vec<Window>,
    pub(super) interval: Interval,
    /// The effective filter, for the answer.
    pub(super) filter: Value,
    pub(super) actors_url: ActorsUrl,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    pub(super) entity: Entity,
    pub(super) label: String,
    /// Index into the windows.
    pub(super) period: usize,
}

impl Plan {
    pub fn parse(request: &Request, context: &Context<'_>) -> Result<Self, FieldError> {
        let calendar = Calendar::of(context.project);
        let interval = read_interval(request)?;
        let asked = read_range(request, interval, context)?;
        let mut windows = vec![window::exact(asked, interval, calendar)?];
        if field::boolean(request, "compare")? {
            if asked.unbounded {
                return Err(FieldError::invalid(
                    "compare",
                    "Without a `date_from` there is no period before it to compare with.",
                ));
            }
            windows.push(window::previous(&windows[0], interval, calendar)?);
        }
        let global = condition::of_request(request, context)?;
        let entities = entity::bounded(request)?;
        let filter = effective_filter(
            request,
            "STICKINESS",
            &["compare", "aggregation_group_type_index"],
            &entities,
            windows[0].range,
            interval,
        );
        let mut queries = Vec::new();
        let mut slots = Vec::new();
        for entity in entities {
            // A missing action answers without a series.
            let Some(own) = condition::of_entity(&entity, context)? else {
                continue;
            };
            let condition = all([own, global.clone()]);
            let actor = actor(&entity, request)?;
            for (period, window) in windows.iter().enumerate() {
                queries.push(query(window.range, interval, condition.clone(), actor, context));
                slots.push(Slot {
                    label: entity.label(context),
                    entity: entity.clone(),
                    period,
                });
            }
        }
        Ok(Self {
            queries,
            slots,
            windows,
            interval,
            filter,
            actors_url: ActorsUrl::of_series("stickiness", request, context),
        })
    }

    /// Answer each of these, in this order: for each entity the current period, and when compared the one before it.
    pub fn queries(&self) -> &[StickinessQuery] {
        &self.queries
    }

    /// The `result` of the answer: a list of series. `rows[i]` answers `queries()[i]`.
    pub fn shape(&self, rows: &[Vec<StickinessPoint>]) -> Value {
        super::shape::result(self, rows)
    }
}

/// The entity's own group wins over that of the request.
pub(super) fn actor(entity: &Entity, request: &Request) -> Result<ActorKind, FieldError> {
    match entity.math_group_type_index {
        Some(index) => Ok(ActorKind::Group(index)),
        None => actor::actor(request),
    }
}

pub(super) fn query(
    range: TimeRange,
    interval: Interval,
    condition: Condition,
    actor: ActorKind,
    context: &Context<'_>,
) -> StickinessQuery {
    StickinessQuery {
        project: context.project.id,
        timezone: context.timezone(),
        week_start: context.project.week_start,
        range,
        interval,
        condition,
        actor,
    }
}
