//! The funnel that a request describes, whatever is asked about it.

use model::Interval;

use super::breakdown::{self, BreakdownBy};
use super::exclusion::exclusions;
use super::step::{self, Step};
use super::window::window;
use crate::condition::{self, all};
use crate::context::Context;
use crate::dates::{Calendar, DateRange, Window, read_interval, read_range, window as dates};
use crate::field_error::FieldError;
use crate::request::{Request, actor::actor, field};
use crate::resolved::{ActorKind, Condition, FunnelBreakdown, FunnelExclusion, FunnelOrder, FunnelQuery};

/// Steps, exclusions and one more: stores tell an event's parts in a funnel apart by one byte, and keep a few numbers.
const MARKS_MAX: usize = 250;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Funnel {
    /// Without a breakdown.
    pub(super) query: FunnelQuery,
    pub(super) steps: Vec<Step>,
    pub(super) breakdown: Option<BreakdownBy>,
    pub(super) interval: Interval,
    pub(super) calendar: Calendar,
    asked: DateRange,
}

impl Funnel {
    /// `None`: the request has no steps.
    pub(super) fn read(request: &Request, context: &Context<'_>) -> Result<Option<Self>, FieldError> {
        let steps = step::steps(request, context)?;
        if steps.is_empty() {
            return Ok(None);
        }
        let order = order(request)?;
        let exclusions = exclusions(request, &steps, order, context)?;
        check_size(request, &steps, &exclusions)?;
        let interval = read_interval(request)?;
        let actor = actor(request)?;
        let has_key = match actor {
            ActorKind::Person => condition::always(),
            ActorKind::Group(index) => Condition::InGroup(index),
        };
        let global = all([condition::of_request(request, context)?, has_key]);
        let asked = read_range(request, interval, context)?;
        let query = FunnelQuery {
            project: context.project.id,
            timezone: context.timezone(),
            range: asked.range,
            actor,
            order,
            window: window(request)?,
            steps: steps
                .iter()
                .map(|step| all([step.own.clone(), global.clone()]))
                .collect(),
            exclusions: exclusions
                .into_iter()
                .map(|exclusion| FunnelExclusion {
                    condition: all([exclusion.condition, global.clone()]),
                    ..exclusion
                })
                .collect(),
            between: global,
            breakdown: None,
        };
        Ok(Some(Self {
            query,
            breakdown: breakdown::read(request, steps.len(), context)?,
            steps,
            interval,
            calendar: Calendar::of(context.project),
            asked,
        }))
    }

    /// As [`Funnel::read`], for questions that make no sense without steps.
    pub(super) fn required(request: &Request, context: &Context<'_>) -> Result<Self, FieldError> {
        Self::read(request, context)?
            .ok_or_else(|| FieldError::required("events", "A funnel needs at least one event or action."))
    }

    /// The funnel of those events only: all of a chain have to meet the condition.
    pub(super) fn within(&self, membership: &Condition) -> FunnelQuery {
        let mut query = self.query.clone();
        let conditions = query
            .steps
            .iter_mut()
            .chain(
                query
                    .exclusions
                    .iter_mut()
                    .map(|exclusion| &mut exclusion.condition),
            )
            .chain([&mut query.between]);
        for condition in conditions {
            *condition = all([condition.clone(), membership.clone()]);
        }
        query
    }

    /// The periods of entrances: the first and the last one may be cut off by the range.
    pub(super) fn periods(&self) -> Result<Window, FieldError> {
        dates::exact(self.asked, self.interval, self.calendar)
    }

    pub(super) fn broken_down(&self, breakdown: &FunnelBreakdown) -> FunnelQuery {
        FunnelQuery {
            breakdown: Some(breakdown.clone()),
            ..self.query.clone()
        }
    }
}

fn order(request: &Request) -> Result<FunnelOrder, FieldError> {
    let key = "funnel_order_type";
    match field::text(request, key, key)?.as_deref() {
        None | Some("ordered") => Ok(FunnelOrder::Ordered),
        Some("strict") => Ok(FunnelOrder::Strict),
        Some("unordered") => Ok(FunnelOrder::Unordered),
        Some(other) => Err(FieldError::invalid(
            key,
            format!("`{key}` must be ordered, strict or unordered, not {other:?}."),
        )),
    }
}

fn check_size(request: &Request, steps: &[Step], exclusions: &[FunnelExclusion]) -> Result<(), FieldError> {
    if steps.len() + exclusions.len() < MARKS_MAX {
        return Ok(());
    }
    let attr = if steps.len() < MARKS_MAX {
        "exclusions"
    } else if field::given(request, "events").is_some() {
        "events"
    } else {
        "actions"
    };
    Err(FieldError::invalid(
        attr,
        format!(
            "A funnel can have {} steps and exclusions together at most.",
            MARKS_MAX - 1
        ),
    ))
}
