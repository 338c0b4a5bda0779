//! The actors behind the numbers of a funnel.

use model::TimeRange;

use super::definition::Funnel;
use super::selection;
use super::view::{Span, View};
use crate::context::Context;
use crate::dates::DateText;
use crate::dates::range::read_bound;
use crate::field_error::FieldError;
use crate::request::field::{self, given};
use crate::request::{Request, page};
use crate::resolved::FunnelActorsQuery;

pub(super) const ENTRANCE: &str = "entrance_period_start";
pub(super) const DROP_OFF: &str = "drop_off";

/// A funnel request with `funnel_step` (`k`: reached step k; `-k`: lost before it) or `funnel_custom_steps`; or of a trend,
/// with `entrance_period_start`: those who converted, or with `drop_off` those who did not. `funnel_step_breakdown` names
/// the part of a breakdown, `limit` and `offset` the page.
pub fn actors(request: &Request, context: &Context<'_>) -> Result<FunnelActorsQuery, FieldError> {
    let funnel = Funnel::required(request, context)?;
    let steps = funnel.steps.len();
    let entrance = entrance(request, &funnel, context)?;
    let reached = if entrance.is_some() {
        let span = Span::of_trends(request, steps)?;
        if field::boolean(request, DROP_OFF)? {
            (span.from + 1..=span.to).collect()
        } else {
            (span.to + 1..=steps).collect()
        }
    } else {
        let names_step = ["funnel_step", "funnel_custom_steps"]
            .iter()
            .any(|key| given(request, key).is_some());
        if !names_step && matches!(View::read(request, steps)?, View::Trends(_)) {
            return Err(FieldError::required(
                ENTRANCE,
                format!("`{ENTRANCE}` must name the period to list the actors of."),
            ));
        }
        selection::reached(request, steps)?
    };
    let (query, group) = selection::part(request, &funnel, context)?;
    let page = page(request)?;
    Ok(FunnelActorsQuery {
        funnel: query,
        group,
        reached,
        entrance,
        limit: page.limit,
        offset: page.offset,
    })
}

/// The period that holds `entrance_period_start`, as far as it lies within the range.
fn entrance(
    request: &Request,
    funnel: &Funnel,
    context: &Context<'_>,
) -> Result<Option<TimeRange>, FieldError> {
    let instant = match read_bound(request, ENTRANCE, context)? {
        None => return Ok(None),
        Some(DateText::At { instant, .. }) => instant,
        Some(DateText::All) => {
            return Err(FieldError::invalid(
                ENTRANCE,
                format!("`{ENTRANCE}` cannot be \"all\"."),
            ));
        }
    };
    let periods = funnel.periods()?;
    let index = periods
        .ticks
        .partition_point(|tick| *tick <= instant)
        .checked_sub(1);
    match index {
        Some(index) if instant < funnel.query.range.to => {
            Ok(Some(periods.bucket(index, funnel.interval, funnel.calendar)))
        }
        Some(_) | None => Err(FieldError::invalid(
            ENTRANCE,
            format!("`{ENTRANCE}` must lie between `date_from` and `date_to`."),
        )),
    }
}
