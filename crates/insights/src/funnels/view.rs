//! What a funnel request wants to see of its funnel.

use crate::field_error::FieldError;
use crate::request::{Request, field};

const VIZ_TYPE: &str = "funnel_viz_type";
const FROM_STEP: &str = "funnel_from_step";
const TO_STEP: &str = "funnel_to_step";
const BINS_MAX: i64 = 90;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Steps,
    Trends(Span),
    Times {
        span: Span,
        /// `None`: as many as suit the number of actors.
        bins: Option<u64>,
    },
}

/// From one step to another, both 0-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl View {
    pub(super) fn read(request: &Request, steps: usize) -> Result<Self, FieldError> {
        match field::text(request, VIZ_TYPE, VIZ_TYPE)?.as_deref() {
            Some("trends") => Ok(Self::Trends(Span::of_trends(request, steps)?)),
            Some("time_to_convert") => Ok(Self::Times {
                span: Span::of_times(request, steps)?,
                bins: bins(request)?,
            }),
            Some("steps") => Ok(Self::Steps),
            None => match field::text(request, "display", "display")?.as_deref() {
                Some("ActionsLineGraph") => Ok(Self::Trends(Span::of_trends(request, steps)?)),
                Some(_) | None => Ok(Self::Steps),
            },
            Some(other) => Err(FieldError::invalid(
                VIZ_TYPE,
                format!("`{VIZ_TYPE}` must be steps, time_to_convert or trends, not {other:?}."),
            )),
        }
    }
}

impl Span {
    /// From the first step to the last one, where nothing else is said. `funnel_to_step` of 0 says nothing.
    pub(super) fn of_trends(request: &Request, steps: usize) -> Result<Self, FieldError> {
        let last = steps.saturating_sub(1);
        let from = bound(request, FROM_STEP, last)?.unwrap_or(0);
        let to = bound(request, TO_STEP, last)?
            .filter(|to| *to > 0)
            .unwrap_or(last);
        if from > to {
            return Err(FieldError::invalid(
                FROM_STEP,
                format!("`{FROM_STEP}` cannot lie behind `{TO_STEP}`."),
            ));
        }
        Ok(Self { from, to })
    }

    fn of_times(request: &Request, steps: usize) -> Result<Self, FieldError> {
        let last = steps.saturating_sub(1);
        let from = bound(request, FROM_STEP, last)?.unwrap_or(0);
        let to = bound(request, TO_STEP, last)?.unwrap_or(last);
        if to == 0 {
            return Err(FieldError::invalid(
                TO_STEP,
                format!("`{TO_STEP}` must be later than the first step: it takes no time to come to that."),
            ));
        }
        if from >= to {
            return Err(FieldError::invalid(
                FROM_STEP,
                format!("`{FROM_STEP}` must lie before `{TO_STEP}`."),
            ));
        }
        Ok(Self { from, to })
    }
}

fn bound(request: &Request, key: &str, last: usize) -> Result<Option<usize>, FieldError> {
    let Some(number) = field::integer(request, key, key)? else {
        return Ok(None);
    };
    usize::try_from(number)
        .ok()
        .filter(|step| *step <= last)
        .map(Some)
        .ok_or_else(|| {
            FieldError::invalid(
                key,
                format!("`{key}` must lie between 0 and {last}, not be {number}."),
            )
        })
}

/// `bin_count`: clamped to 1..=90; `auto` is as good as nothing.
fn bins(request: &Request) -> Result<Option<u64>, FieldError> {
    let key = "bin_count";
    if field::text(request, key, key)?.as_deref() == Some("auto") {
        return Ok(None);
    }
    let bins = field::integer(request, key, key)?;
    Ok(bins.map(|bins| bins.clamp(1, BINS_MAX).unsigned_abs()))
}
