//! The actors behind one number of a trend: what `persons_urls` lead to.

use model::{Interval, TimeRange};

use super::breakdown::{self, BreakdownBy};
use super::display::Display;
use super::persons_url::group_named;
use crate::condition::{self, all, never};
use crate::context::Context;
use crate::dates::range::{read_bound, read_end};
use crate::dates::{Calendar, DateText, Precision, read_interval, read_range};
use crate::field_error::FieldError;
use crate::request::field::{self, text_form};
use crate::request::{EntityMath, Request, chosen_entity, page};
use crate::resolved::{ActorKind, Condition, TrendActorsQuery};

#[cfg(test)]
mod tests;

/// Filters as in a trend, with one entity (or `entity_id` and `entity_type` to choose it by), the point's `date_from` and
/// `date_to`, and the `breakdown_value` of its line.
///
/// Without `date_to`, or with the same day as both, the bucket of `date_from` is meant.
pub fn actors(request: &Request, context: &Context<'_>) -> Result<TrendActorsQuery, FieldError> {
    let chosen = chosen_entity::only(request)?;
    let display = Display::read(request)?;
    let own = condition::of_entity(&chosen, context)?.unwrap_or_else(never);
    let part = breakdown_condition(request, display, context)?;
    let actor = match (chosen.math, chosen.math_group_type_index) {
        (EntityMath::UniqueGroups | EntityMath::CountPerActor(_), Some(index)) => ActorKind::Group(index),
        (
            EntityMath::Total
            | EntityMath::UniquePersons
            | EntityMath::WeeklyActive
            | EntityMath::MonthlyActive
            | EntityMath::UniqueGroups
            | EntityMath::UniqueSessions
            | EntityMath::OfProperty(_)
            | EntityMath::CountPerActor(_),
            _,
        ) => ActorKind::Person,
    };
    let page = page(request)?;
    Ok(TrendActorsQuery {
        project: context.project.id,
        timezone: context.timezone(),
        range: range(request, display, chosen.math, context)?,
        condition: all([own, condition::of_request(request, context)?, part]),
        actor,
        limit: page.limit,
        offset: page.offset,
    })
}

fn breakdown_condition(
    request: &Request,
    display: Display,
    context: &Context<'_>,
) -> Result<Condition, FieldError> {
    // The empty text is a value like any other.
    let Some(value) = request.get("breakdown_value").filter(|value| !value.is_null()) else {
        return Ok(condition::always());
    };
    if field::text(request, "breakdown_type", "breakdown_type")?.as_deref() == Some("cohort") {
        return breakdown::cohort_condition(value, context);
    }
    match breakdown::read(request, display, context)? {
        None | Some(BreakdownBy::Cohorts(_)) => Err(FieldError::required(
            "breakdown",
            "A `breakdown_value` needs the `breakdown` that it belongs to.",
        )),
        Some(BreakdownBy::Property(by)) => {
            let named: Vec<String> = field::list(request, "breakdown_values", "breakdown_values")?
                .unwrap_or_default()
                .iter()
                .map(text_form)
                .collect();
            Ok(breakdown::group_condition(
                &by,
                &group_named(&text_form(value)),
                &named,
            ))
        }
    }
}

fn range(
    request: &Request,
    display: Display,
    math: EntityMath,
    context: &Context<'_>,
) -> Result<TimeRange, FieldError> {
    let calendar = Calendar::of(context.project);
    let interval = read_interval(request)?;
    let from = read_bound(request, "date_from", context)?;
    let Some(DateText::At { instant, precision }) = from else {
        return Ok(read_range(request, interval, context)?.range);
    };
    let end = read_end(request, "date_to", context)?;
    let bucket = calendar.bucket(instant, interval);
    let one_day = precision == Precision::Day && end == Some(calendar.step(instant, Interval::Day, 1));
    let point = match end {
        _ if display.is_single() => read_range(request, interval, context)?.range,
        None => bucket,
        Some(_) if one_day && interval != Interval::Hour => bucket,
        Some(to) => TimeRange { from: instant, to },
    };
    if point.from >= point.to {
        return Err(FieldError::invalid(
            "date_from",
            "`date_from` must lie before `date_to`.",
        ));
    }
    // An answer's own paths carry instants, and the whole window of a rolling number. Who names a day means that day's number.
    let days = match (math, precision) {
        (EntityMath::WeeklyActive, Precision::Day) => 7,
        (EntityMath::MonthlyActive, Precision::Day) => 30,
        (
            EntityMath::Total
            | EntityMath::UniquePersons
            | EntityMath::WeeklyActive
            | EntityMath::MonthlyActive
            | EntityMath::UniqueGroups
            | EntityMath::UniqueSessions
            | EntityMath::OfProperty(_)
            | EntityMath::CountPerActor(_),
            Precision::Day | Precision::Instant,
        ) => return Ok(point),
    };
    let to = if display.is_single() {
        point.to
    } else {
        calendar.step(instant, Interval::Day, 1)
    };
    Ok(TimeRange {
        from: calendar.step(to, Interval::Day, -days),
        to,
    })
}
