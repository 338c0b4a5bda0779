//! By what a funnel is broken down.

use crate::context::Context;
use crate::field_error::FieldError;
use crate::request::field::{self, given};
use crate::request::{Request, breakdown};
use crate::resolved::{Attribution, FunnelBreakdown};
use crate::trends::breakdown::{Member, members};

const LIMIT_DEFAULT: u32 = 25;
const LIMIT_MAX: u32 = 1_000;
/// Each is a query of its own.
const COHORTS_MAX: usize = 100;
const KEYS_MAX: usize = 20;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum BreakdownBy {
    Property {
        breakdown: FunnelBreakdown,
        /// The request named one property as plain text: values are answered as plain text.
        bare: bool,
    },
    /// One funnel for each.
    Cohorts(Vec<Member>),
}

/// `None`: not broken down.
pub(super) fn read(
    request: &Request,
    steps: usize,
    context: &Context<'_>,
) -> Result<Option<BreakdownBy>, FieldError> {
    let kind = field::text(request, "breakdown_type", "breakdown_type")?;
    if kind.as_deref() == Some("cohort") {
        let Some(value) = given(request, "breakdown") else {
            return Ok(None);
        };
        let members = members(value, context)?;
        if members.len() > COHORTS_MAX {
            return Err(FieldError::invalid(
                "breakdown",
                format!("A funnel can be broken down by {COHORTS_MAX} cohorts at most."),
            ));
        }
        return Ok(Some(BreakdownBy::Cohorts(members)));
    }
    let Some(properties) = breakdown::properties(request, "Funnels")? else {
        return Ok(None);
    };
    if properties.keys.len() > KEYS_MAX {
        return Err(FieldError::invalid(
            "breakdown",
            format!("A funnel can be broken down by {KEYS_MAX} properties at most."),
        ));
    }
    Ok(Some(BreakdownBy::Property {
        breakdown: FunnelBreakdown {
            source: properties.source,
            keys: properties.keys,
            attribution: attribution(request, steps)?,
            limit: field::count(request, "breakdown_limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?,
        },
        bare: properties.bare,
    }))
}

/// `breakdown_attribution_value` is the 0-based step, where the type is `step`.
fn attribution(request: &Request, steps: usize) -> Result<Attribution, FieldError> {
    let key = "breakdown_attribution_type";
    match field::text(request, key, key)?.as_deref() {
        None | Some("first_touch") => Ok(Attribution::FirstTouch),
        Some("last_touch") => Ok(Attribution::LastTouch),
        Some("all_events") => Ok(Attribution::AllEvents),
        Some("step") => {
            let last = u32::try_from(steps.saturating_sub(1)).unwrap_or(u32::MAX);
            let step = field::count(request, "breakdown_attribution_value", 0..=last, 0)?;
            Ok(Attribution::Step(usize::try_from(step).unwrap_or(0)))
        }
        Some(other) => Err(FieldError::invalid(
            key,
            format!("`{key}` must be first_touch, last_touch, all_events or step, not {other:?}."),
        )),
    }
}
