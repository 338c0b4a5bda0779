//! Which of a funnel's actors are meant.

use serde_json::{Value, json};

use super::breakdown::BreakdownBy;
use super::definition::Funnel;
use crate::condition::never;
use crate::context::Context;
use crate::field_error::FieldError;
use crate::request::Request;
use crate::request::field::{self, text_form, whole_number};
use crate::resolved::{FunnelBreakdown, FunnelGroup, FunnelQuery};
use crate::trends::breakdown::{Member, member};

/// How the answers call the values that are not listed. A property may have this very text, too: the paths of an answer
/// then say so with [`IS_VALUE`].
pub(super) const OTHER: &str = "Other";
const STEP: &str = "funnel_step";
const CUSTOM_STEPS: &str = "funnel_custom_steps";
const STEP_BREAKDOWN: &str = "funnel_step_breakdown";
const IS_VALUE: &str = "funnel_step_breakdown_is_value";

/// `funnel_step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepNumber {
    /// `k`: reached step k (1-based) or more.
    Reached(usize),
    /// `-k`: reached the step before k (2 at least) and no more.
    LostBefore(usize),
}

impl StepNumber {
    /// `None`: not given. 0 is read as 1.
    pub(super) fn read(request: &Request, steps: usize) -> Result<Option<Self>, FieldError> {
        let Some(number) = field::integer(request, STEP, STEP)? else {
            return Ok(None);
        };
        let step = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
        if number == -1 {
            return Err(FieldError::invalid(
                STEP,
                "Nobody is lost before the first step: the first number for the lost is -2.",
            ));
        }
        if step > steps {
            return Err(FieldError::invalid(
                STEP,
                format!("The funnel has {steps} steps, there is no step {number}."),
            ));
        }
        Ok(Some(if number < 0 {
            Self::LostBefore(step)
        } else {
            Self::Reached(step.max(1))
        }))
    }

    pub(super) fn parameter(self) -> (String, Value) {
        let number = |step: usize| i64::try_from(step).unwrap_or(i64::MAX);
        let number = match self {
            Self::Reached(step) => number(step),
            Self::LostBefore(step) => -number(step),
        };
        (STEP.to_owned(), json!(number))
    }

    /// The numbers of steps reached that belong to it.
    pub(super) fn reached(self, steps: usize) -> Vec<usize> {
        match self {
            Self::Reached(step) => (step..=steps).collect(),
            Self::LostBefore(step) => vec![step - 1],
        }
    }

    /// 0-based: the step itself, or the last one that the lost reached.
    pub(super) fn step(self) -> usize {
        match self {
            Self::Reached(step) => step - 1,
            Self::LostBefore(step) => step - 2,
        }
    }
}

/// `funnel_custom_steps`, 1-based, ascending. `None`: not given.
pub(super) fn custom_steps(request: &Request, steps: usize) -> Result<Option<Vec<usize>>, FieldError> {
    let items = field::list(request, CUSTOM_STEPS, CUSTOM_STEPS)?.unwrap_or_default();
    if items.is_empty() {
        return Ok(None);
    }
    let mut numbers = Vec::with_capacity(items.len());
    for item in &items {
        let number = whole_number(item)
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| (1..=steps).contains(number))
            .ok_or_else(|| {
                FieldError::invalid(
                    CUSTOM_STEPS,
                    format!("The funnel has the steps 1 to {steps}, there is no step {item}."),
                )
            })?;
        numbers.push(number);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Some(numbers))
}

/// The numbers of steps reached that are asked for; custom ones win.
pub(super) fn reached(request: &Request, steps: usize) -> Result<Vec<usize>, FieldError> {
    if let Some(numbers) = custom_steps(request, steps)? {
        return Ok(numbers);
    }
    match StepNumber::read(request, steps)? {
        Some(number) => Ok(number.reached(steps)),
        None => Err(FieldError::required(
            STEP,
            "`funnel_step` (or `funnel_custom_steps`) must name the step to list the actors of.",
        )),
    }
}

/// The funnel of the part of a breakdown that `funnel_step_breakdown` names; without one that of everybody.
pub(super) fn part(
    request: &Request,
    funnel: &Funnel,
    context: &Context<'_>,
) -> Result<(FunnelQuery, Option<FunnelGroup>), FieldError> {
    // The empty text is a value like any other.
    let value = request.get(STEP_BREAKDOWN).filter(|value| !value.is_null());
    match (&funnel.breakdown, value) {
        (None, _) | (Some(_), None) => Ok((funnel.query.clone(), None)),
        (Some(BreakdownBy::Cohorts(_)), Some(value)) => {
            let single = match value {
                Value::Array(items) if items.len() == 1 => &items[0],
                other => other,
            };
            let membership = match member(single, context, STEP_BREAKDOWN)? {
                Some(member) => member.condition(context)?,
                None => never(),
            };
            Ok((funnel.within(&membership), None))
        }
        (Some(BreakdownBy::Property { breakdown, .. }), Some(value)) => {
            let is_value = field::boolean(request, IS_VALUE)?;
            let group = group(value, breakdown, is_value)?;
            Ok((funnel.broken_down(breakdown), Some(group)))
        }
    }
}

/// A text for each property of the breakdown; one property's may come bare.
fn group(value: &Value, breakdown: &FunnelBreakdown, is_value: bool) -> Result<FunnelGroup, FieldError> {
    let parts = breakdown.keys.len();
    let texts = |items: &[Value]| -> Vec<String> { items.iter().map(text_form).collect() };
    let values = match value {
        Value::Array(items) => texts(items),
        Value::String(text) => match serde_json::from_str::<Vec<Value>>(text) {
            // A list may also be the value itself.
            Ok(items) if parts > 1 || items.len() == 1 => texts(&items),
            Ok(_) | Err(_) => vec![text.clone()],
        },
        single => vec![text_form(single)],
    };
    if values == [OTHER] && !is_value {
        return Ok(FunnelGroup::Other);
    }
    if values.len() != parts {
        return Err(FieldError::invalid(
            STEP_BREAKDOWN,
            format!("The breakdown has {parts} parts, not {}.", values.len()),
        ));
    }
    Ok(FunnelGroup::Value(values))
}

/// What [`part`] reads this group from.
pub(super) fn group_parameters(group: &FunnelGroup) -> Vec<(String, Value)> {
    match group {
        FunnelGroup::Other => vec![(STEP_BREAKDOWN.to_owned(), json!(OTHER))],
        FunnelGroup::Value(values) => {
            let mut parameters = vec![(STEP_BREAKDOWN.to_owned(), json!(values))];
            if *values == [OTHER] {
                parameters.push((IS_VALUE.to_owned(), json!(true)));
            }
            parameters
        }
    }
}

/// What [`part`] reads this cohort from.
pub(super) fn member_parameters(member: &Member) -> Vec<(String, Value)> {
    vec![(STEP_BREAKDOWN.to_owned(), member_value(member))]
}

pub(super) fn member_value(member: &Member) -> Value {
    match member {
        Member::Cohort { id, .. } => json!(id.0),
        Member::AllUsers => json!("all"),
    }
}
