//! A paths request as meant.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{events, rewrite};
use crate::condition::{self, all};
use crate::context::Context;
use crate::dates::{read_interval, read_range};
use crate::field_error::FieldError;
use crate::funnels;
use crate::request::{Request, actor, field};
use crate::resolved::{ActorKind, ConversionWindow, FunnelPart, PathEdge, PathsQuery};
use crate::url::{ActorsUrl, instant};

const STEPS_DEFAULT: u32 = 5;
const STEPS_MAX: u32 = 20;
const EDGES_DEFAULT: u32 = 50;
const EDGES_MAX: u32 = 10_000;
/// A pause as long as this ends a visit.
const VISIT_GAP_MINUTES: i64 = 30;

/// What a paths request asks for. Ask a store [`Plan::query`], then [`Plan::shape`] the edges.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    query: PathsQuery,
    pub(super) actors_url: ActorsUrl,
}

impl Plan {
    pub fn parse(request: &Request, context: &Context<'_>) -> Result<Self, FieldError> {
        let query = query(request, context)?;
        let mut handed_on = request.clone();
        // Relative dates must not move on with the clock.
        handed_on.insert("date_from".to_owned(), json!(instant(query.range.from)));
        handed_on.insert("date_to".to_owned(), json!(instant(query.range.to)));
        if let Some(part) = &query.funnel
            && let Some(mut filter) = field::object(request, "funnel_filter", "funnel_filter")?
        {
            filter.insert("date_from".to_owned(), json!(instant(part.funnel.range.from)));
            filter.insert("date_to".to_owned(), json!(instant(part.funnel.range.to)));
            handed_on.insert("funnel_filter".to_owned(), Value::Object(filter));
        }
        Ok(Self {
            query,
            actors_url: ActorsUrl::new(
                "path",
                &handed_on,
                &[
                    "date_from",
                    "date_to",
                    "include_event_types",
                    "include_custom_events",
                    "exclude_events",
                    "start_point",
                    "end_point",
                    "step_limit",
                    "path_groupings",
                    "path_replacements",
                    "local_path_cleaning_filters",
                    "funnel_paths",
                    "funnel_filter",
                    "properties",
                    "property_groups",
                    "filter_test_accounts",
                    "aggregation_group_type_index",
                ],
                context,
            ),
        })
    }

    pub fn query(&self) -> &PathsQuery {
        &self.query
    }

    /// The `result` of the answer: a list of edges, in the order of the rows.
    pub fn shape(&self, edges: &[PathEdge]) -> Value {
        super::shape::result(self, edges)
    }

    /// With bounds on the weight, what is left of the paths need not hang together.
    pub(super) fn is_bounded(&self) -> bool {
        self.query.min_weight.is_some() || self.query.max_weight.is_some()
    }
}

pub(super) fn query(request: &Request, context: &Context<'_>) -> Result<PathsQuery, FieldError> {
    let range = read_range(request, read_interval(request)?, context)?.range;
    let mut funnel = funnels::part(request, context)?;
    let actor = actor_of(request, funnel.as_mut())?;
    let start = field::text(request, "start_point", "start_point")?;
    let end = field::text(request, "end_point", "end_point")?;
    let min_weight = bound(request, "min_edge_weight", 0..=u32::MAX)?;
    let max_weight = bound(request, "max_edge_weight", 0..=u32::MAX)?;
    if let (Some(min), Some(max)) = (min_weight, max_weight)
        && max < min
    {
        return Err(FieldError::invalid(
            "max_edge_weight",
            "`max_edge_weight` must not be less than `min_edge_weight`.",
        ));
    }
    let edge_limit = match bound(request, "edge_limit", 1..=EDGES_MAX)? {
        // Between two given points there are few paths: all of them.
        None => (start.is_none() || end.is_none()).then_some(EDGES_DEFAULT),
        asked => asked,
    };
    Ok(PathsQuery {
        project: context.project.id,
        timezone: context.timezone(),
        range,
        actor,
        condition: all([
            events::looked_at(request)?,
            condition::of_request(request, context)?,
        ]),
        rewrite: rewrite::read(request, context)?,
        excluded: field::texts(request, "exclude_events")?,
        start,
        end,
        step_limit: field::count(request, "step_limit", 1..=STEPS_MAX, STEPS_DEFAULT)?,
        visit_gap: match &funnel {
            None => TimeDelta::minutes(VISIT_GAP_MINUTES),
            Some(part) => length(part.funnel.window),
        },
        min_weight: min_weight.map(u64::from),
        max_weight: max_weight.map(u64::from),
        edge_limit,
        funnel,
    })
}

/// Both the paths and the funnel that they are relative to are of the same actors: those that the paths name, or else those
/// of the funnel.
fn actor_of(request: &Request, funnel: Option<&mut FunnelPart>) -> Result<ActorKind, FieldError> {
    let own = actor::actor(request)?;
    let Some(part) = funnel else { return Ok(own) };
    if matches!(own, ActorKind::Group(_)) {
        part.funnel.actor = own;
    }
    Ok(part.funnel.actor)
}

/// Between visits, where a month is thirty days long.
fn length(window: ConversionWindow) -> TimeDelta {
    match window {
        ConversionWindow::Span(span) => span,
        ConversionWindow::Months(months) => TimeDelta::days(30 * i64::from(months)),
    }
}

fn bound(
    request: &Request,
    key: &str,
    range: std::ops::RangeInclusive<u32>,
) -> Result<Option<u32>, FieldError> {
    match field::given(request, key) {
        None => Ok(None),
        Some(_) => field::count(request, key, range, 0).map(Some),
    }
}
