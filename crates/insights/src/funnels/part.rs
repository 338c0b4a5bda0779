//! The part of each actor's time that a funnel cuts out: what paths between, before and after its steps look at.

use serde_json::Value;

use super::breakdown::BreakdownBy;
use super::definition::Funnel;
use super::selection::{self, StepNumber};
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::Request;
use crate::request::field::{self, given};
use crate::resolved::{FunnelPart, FunnelPlace};

const FILTER: &str = "funnel_filter";

/// `funnel_paths` (`funnel_path_before_step`, `funnel_path_between_steps` or `funnel_path_after_step`) with the funnel in
/// `funnel_filter`, whose `funnel_step` names the step and the actors: `-k` are those lost before step k, at the last step
/// they reached. `None`: no `funnel_paths`.
///
/// A funnel without dates has those of the request around it.
pub(crate) fn part(request: &Request, context: &Context<'_>) -> Result<Option<FunnelPart>, FieldError> {
    let place: fn(usize) -> FunnelPlace =
        match field::text(request, "funnel_paths", "funnel_paths")?.as_deref() {
            None => return Ok(None),
            Some("funnel_path_before_step") => FunnelPlace::Before,
            Some("funnel_path_between_steps") => FunnelPlace::Between,
            Some("funnel_path_after_step") => FunnelPlace::After,
            Some(other) => {
                return Err(FieldError::invalid(
                    "funnel_paths",
                    format!(
                        "`funnel_paths` must be funnel_path_before_step, funnel_path_between_steps or \
                     funnel_path_after_step, not {other:?}."
                    ),
                ));
            }
        };
    let Some(mut filter) = field::object(request, FILTER, FILTER)? else {
        return Err(FieldError::required(
            FILTER,
            "This field is required with `funnel_paths`.",
        ));
    };
    let dates = ["date_from", "date_to"];
    if dates.iter().all(|key| given(&filter, key).is_none()) {
        for key in dates {
            if let Some(value) = given(request, key) {
                filter.insert(key.to_owned(), value.clone());
            }
        }
    }
    of_filter(&filter, place, context)
        .map(Some)
        .map_err(|error| FieldError {
            attr: Some(match &error.attr {
                Some(attr) => nested(FILTER, attr),
                None => FILTER.to_owned(),
            }),
            ..error
        })
}

fn of_filter(
    filter: &Request,
    place: fn(usize) -> FunnelPlace,
    context: &Context<'_>,
) -> Result<FunnelPart, FieldError> {
    let funnel = Funnel::required(filter, context)?;
    let steps = funnel.steps.len();
    let number = StepNumber::read(filter, steps)?.ok_or_else(|| {
        FieldError::required("funnel_step", "Paths relative to a funnel need a `funnel_step`.")
    })?;
    let at = place(number.step());
    if at == FunnelPlace::Between(0) {
        return Err(FieldError::invalid(
            "funnel_step",
            "No step comes before the first one: there is nothing in between.",
        ));
    }
    let has_value = filter
        .get("funnel_step_breakdown")
        .is_some_and(|value: &Value| !value.is_null());
    if has_value && matches!(funnel.breakdown, Some(BreakdownBy::Property { .. })) {
        return Err(FieldError::unsupported(
            "funnel_step_breakdown",
            "Paths cannot be relative to a funnel of one value of a property.",
        ));
    }
    let (query, _) = selection::part(filter, &funnel, context)?;
    Ok(FunnelPart {
        funnel: query,
        reached: selection::custom_steps(filter, steps)?.unwrap_or_else(|| number.reached(steps)),
        at,
    })
}
