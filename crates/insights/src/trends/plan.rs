//! A trends request as meant: which queries it needs, and how their rows become its answer.

use model::Interval;
use serde_json::Value;

use super::breakdown::{self, BreakdownBy, Member};
use super::display::Display;
use super::formula::Formula;
use super::line::Part;
use super::persons_url::PersonsUrl;
use crate::condition::{self, all};
use crate::context::Context;
use crate::dates::{Calendar, Window, read_interval, read_range, window};
use crate::effective_filter::effective_filter;
use crate::field_error::{FieldError, nested};
use crate::request::{Entity, EntityMath, Request, entity, field};
use crate::resolved::{ActorKind, Condition, Math, PropertySource, TrendsPoint, TrendsQuery, TrendsShape};

const SMOOTHING_MAX: u32 = 1_000;
/// Queries of one request: series × periods × cohorts.
const QUERIES_MAX: usize = 200;

/// What a trends request asks for. Ask a store each of [`Plan::queries`], then [`Plan::shape`] the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(super) queries: Vec<TrendsQuery>,
    /// What each query is for.
    pub(super) slots: Vec<Slot>,
    pub(super) entities: Vec<Series>,
    pub(super) windows: Vec<Window>,
    pub(super) interval: Interval,
    pub(super) calendar: Calendar,
    pub(super) display: Display,
    pub(super) breakdown: Option<BreakdownBy>,
    pub(super) formula: Option<Formula>,
    pub(super) smoothing: usize,
    /// The effective filter, for the answer.
    pub(super) filter: Value,
    pub(super) persons_url: PersonsUrl,
}

/// One entity of the request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) entity: Entity,
    pub(super) name: String,
    pub(super) math: Math,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    pub(super) series: usize,
    /// Index into the windows: 0 is the current period, 1 the previous one.
    pub(super) period: usize,
    pub(super) member: Option<Member>,
}

impl Plan {
    pub fn parse(request: &Request, context: &Context<'_>) -> Result<Self, FieldError> {
        let calendar = Calendar::of(context.project);
        let display = Display::read(request)?;
        let interval = read_interval(request)?;
        let asked = read_range(request, interval, context)?;
        let compare = field::boolean(request, "compare")?;
        if compare && asked.unbounded {
            return Err(FieldError::invalid(
                "compare",
                "Without a `date_from` there is no period before it to compare with.",
            ));
        }
        let mut windows = vec![window::current(asked, interval, calendar)?];
        if compare {
            windows.push(window::previous(&windows[0], interval, calendar)?);
        }
        let breakdown = breakdown::read(request, display, context)?;
        let global = condition::of_request(request, context)?;
        let asked_entities = entity::entities(request)?;
        let formula = field::text(request, "formula", "formula")?
            .map(|text| Formula::parse(&text, asked_entities.len()))
            .transpose()?;
        let smoothing = field::count(request, "smoothing_intervals", 1..=SMOOTHING_MAX, 1)?;
        let mut plan = Self {
            queries: Vec::new(),
            slots: Vec::new(),
            entities: Vec::new(),
            filter: filter_answered(request, &asked_entities, &windows[0], interval),
            windows,
            interval,
            calendar,
            display,
            persons_url: PersonsUrl::new(request, context, display, interval, calendar),
            smoothing: usize::try_from(smoothing).unwrap_or(1),
            breakdown,
            formula,
        };
        for entity in asked_entities {
            plan.add(entity, &global, context)?;
        }
        Ok(plan)
    }

    /// Answer each of these, in this order.
    pub fn queries(&self) -> &[TrendsQuery] {
        &self.queries
    }

    /// The `result` of the answer: a list of series. `rows[i]` answers `queries()[i]`.
    pub fn shape(&self, rows: &[Vec<TrendsPoint>]) -> Value {
        super::shape::result(self, rows)
    }

    fn add(&mut self, entity: Entity, global: &Condition, context: &Context<'_>) -> Result<(), FieldError> {
        let math = math(&entity)?;
        if matches!(math, Math::Active { .. }) && self.interval == Interval::Hour {
            return Err(FieldError::invalid(
                "interval",
                "Weekly and monthly actives have no value per hour.",
            ));
        }
        let series = self.entities.len();
        let own = condition::of_entity(&entity, context)?;
        self.entities.push(Series {
            name: entity.label(context),
            math: math.clone(),
            entity,
        });
        // A missing action answers without a series; in a formula it is 0 throughout.
        let Some(own) = own else { return Ok(()) };
        let members: Vec<Option<Member>> = match &self.breakdown {
            Some(BreakdownBy::Cohorts(members)) => members.iter().cloned().map(Some).collect(),
            Some(BreakdownBy::Property(_)) | None => vec![None],
        };
        let condition = all([own, global.clone()]);
        for period in 0..self.windows.len() {
            for member in &members {
                let membership = member
                    .as_ref()
                    .map(|member| member.condition(context))
                    .transpose()?;
                self.slots.push(Slot {
                    series,
                    period,
                    member: member.clone(),
                });
                let condition = all(std::iter::once(condition.clone()).chain(membership));
                let query = self.query(math.clone(), condition, &self.windows[period], context);
                self.queries.push(query);
            }
        }
        if self.queries.len() > QUERIES_MAX {
            return Err(FieldError::invalid(
                "events",
                format!(
                    "One request can hold {QUERIES_MAX} series, those of cohorts and of compared periods included."
                ),
            ));
        }
        Ok(())
    }

    fn query(&self, math: Math, condition: Condition, window: &Window, context: &Context<'_>) -> TrendsQuery {
        let shape = match (self.display, &math) {
            (Display::Single | Display::WorldMap, _) => TrendsShape::Single,
            (Display::Cumulative, Math::UniqueActors(_)) => TrendsShape::FirstSeen,
            (Display::Cumulative | Display::Series, _) => TrendsShape::Series,
        };
        TrendsQuery {
            project: context.project.id,
            timezone: context.timezone(),
            week_start: context.project.week_start,
            range: window.range,
            interval: self.interval,
            ticks: window.ticks.clone(),
            condition,
            math,
            shape,
            breakdown: match &self.breakdown {
                Some(BreakdownBy::Property(breakdown)) => Some(breakdown.clone()),
                Some(BreakdownBy::Cohorts(_)) | None => None,
            },
        }
    }

    /// Numbers of one line of a series as asked.
    pub(super) fn length(&self, period: usize) -> usize {
        if self.display.is_single() {
            1
        } else {
            self.windows[period].ticks.len()
        }
    }

    pub(super) fn part(member: &Option<Member>) -> Option<Part> {
        member.clone().map(Part::Member)
    }
}

fn math(entity: &Entity) -> Result<Math, FieldError> {
    let per_actor = match entity.math_group_type_index {
        Some(index) => ActorKind::Group(index),
        None => ActorKind::Person,
    };
    Ok(match entity.math {
        EntityMath::Total => Math::Total,
        EntityMath::UniquePersons => Math::UniqueActors(ActorKind::Person),
        EntityMath::WeeklyActive => Math::Active {
            actor: ActorKind::Person,
            days: 7,
        },
        EntityMath::MonthlyActive => Math::Active {
            actor: ActorKind::Person,
            days: 30,
        },
        EntityMath::UniqueGroups => Math::UniqueActors(per_actor),
        EntityMath::UniqueSessions => Math::UniqueSessions,
        EntityMath::CountPerActor(aggregate) => Math::CountPerActor {
            actor: per_actor,
            aggregate,
        },
        EntityMath::OfProperty(aggregate) => {
            let key = entity.math_property.clone().ok_or_else(|| {
                FieldError::required(nested(&entity.attr, "math_property"), "This field is required.")
            })?;
            let source = if key == "$session_duration" {
                PropertySource::Session
            } else {
                PropertySource::Event
            };
            Math::Property {
                source,
                key,
                aggregate,
            }
        }
    })
}

fn filter_answered(request: &Request, entities: &[Entity], window: &Window, interval: Interval) -> Value {
    effective_filter(
        request,
        "TRENDS",
        &[
            "breakdown",
            "breakdowns",
            "breakdown_type",
            "breakdown_group_type_index",
            "breakdown_limit",
            "breakdown_histogram_bin_count",
            "breakdown_normalize_url",
            "compare",
            "formula",
            "smoothing_intervals",
        ],
        entities,
        window.range,
        interval,
    )
}
