//! A lifecycle request as meant: which queries it needs, and how their rows become its answer.

use chrono::{DateTime, Utc};
use model::Interval;
use serde_json::Value;

use crate::condition::{self, all};
use crate::context::Context;
use crate::dates::{Calendar, Window, read_interval, read_range, window};
use crate::field_error::FieldError;
use crate::request::{Entity, Request, actor, entity};
use crate::resolved::{ActorKind, Condition, LifecyclePoint, LifecycleQuery};
use crate::url::ActorsUrl;

/// What a lifecycle request asks for. Ask a store each of [`Plan::queries`], then [`Plan::shape`] the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(super) queries: Vec<LifecycleQuery>,
    /// The entity of each query, with its name.
    pub(super) series: Vec<(Entity, String)>,
    pub(super) window: Window,
    pub(super) actors_url: ActorsUrl,
}

impl Plan {
    pub fn parse(request: &Request, context: &Context<'_>) -> Result<Self, FieldError> {
        let calendar = Calendar::of(context.project);
        let interval = read_interval(request)?;
        let window = window::whole(read_range(request, interval, context)?, interval, calendar)?;
        let actor = actor::actor(request)?;
        let global = condition::of_request(request, context)?;
        let entities = entity::bounded(request)?;
        let mut queries = Vec::new();
        let mut series = Vec::new();
        for entity in entities {
            // A missing action answers without a series.
            let Some(own) = condition::of_entity(&entity, context)? else {
                continue;
            };
            let condition = all([own, global.clone()]);
            queries.push(query(window.ticks.clone(), interval, condition, actor, context));
            let name = entity.label(context);
            series.push((entity, name));
        }
        Ok(Self {
            queries,
            series,
            window,
            actors_url: ActorsUrl::of_series("lifecycle", request, context),
        })
    }

    /// Answer each of these, in this order.
    pub fn queries(&self) -> &[LifecycleQuery] {
        &self.queries
    }

    /// The `result` of the answer: four series for each query. `rows[i]` answers `queries()[i]`.
    pub fn shape(&self, rows: &[Vec<LifecyclePoint>]) -> Value {
        super::shape::result(self, rows)
    }
}

/// `ticks` are consecutive, at least one.
pub(super) fn query(
    ticks: Vec<DateTime<Utc>>,
    interval: Interval,
    condition: Condition,
    actor: ActorKind,
    context: &Context<'_>,
) -> LifecycleQuery {
    let calendar = Calendar::of(context.project);
    let first = ticks.first().copied().unwrap_or(context.now);
    let last = ticks.last().copied().unwrap_or(first);
    LifecycleQuery {
        project: context.project.id,
        timezone: context.timezone(),
        week_start: context.project.week_start,
        interval,
        ticks,
        range: model::TimeRange {
            from: calendar.step(first, interval, -1),
            to: calendar.step(last, interval, 1),
        },
        condition,
        actor,
    }
}
