//! What must not happen between two steps.

use serde_json::{Map, Value};

use super::step::{self, Step};
use crate::context::Context;
use crate::field_error::{FieldError, nested};
use crate::request::{Request, field};
use crate::resolved::{FunnelExclusion, FunnelOrder};

/// `exclusions`: entities with `funnel_from_step` and `funnel_to_step`. Their conditions are without those of the request as
/// a whole. Strict funnels have none: there nothing at all may come in between.
pub(super) fn exclusions(
    request: &Request,
    steps: &[Step],
    order: FunnelOrder,
    context: &Context<'_>,
) -> Result<Vec<FunnelExclusion>, FieldError> {
    let items = field::list(request, "exclusions", "exclusions")?.unwrap_or_default();
    let mut exclusions = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        exclusions.push(exclusion(
            item,
            &nested("exclusions", index),
            steps,
            order,
            context,
        )?);
    }
    Ok(match order {
        FunnelOrder::Strict => Vec::new(),
        FunnelOrder::Ordered | FunnelOrder::Unordered => exclusions,
    })
}

fn exclusion(
    item: Value,
    attr: &str,
    steps: &[Step],
    order: FunnelOrder,
    context: &Context<'_>,
) -> Result<FunnelExclusion, FieldError> {
    let last = steps.len().saturating_sub(1);
    let Value::Object(object) = &item else {
        return Err(FieldError::invalid(
            attr,
            "An exclusion must be an object with an `id` and the steps it lies between.",
        ));
    };
    let (from_attr, to_attr) = (nested(attr, "funnel_from_step"), nested(attr, "funnel_to_step"));
    let from_step = bound(object, "funnel_from_step", &from_attr)?;
    let to_step = bound(object, "funnel_to_step", &to_attr)?;
    if from_step >= to_step {
        return Err(FieldError::invalid(
            to_attr,
            "An exclusion must end at a later step than the one it begins at.",
        ));
    }
    if from_step >= last {
        return Err(FieldError::invalid(
            from_attr,
            format!("An exclusion must begin before the last step, which is {last}."),
        ));
    }
    if to_step > last {
        return Err(FieldError::invalid(
            to_attr,
            format!("An exclusion cannot end behind the last step, which is {last}."),
        ));
    }
    let excluded = step::step(item, attr, context)?;
    if steps[from_step..=to_step]
        .iter()
        .any(|step| excluded.covers(step))
    {
        return Err(FieldError::invalid(
            attr,
            "An exclusion cannot be the same as a step that it lies between, nor include it.",
        ));
    }
    if order == FunnelOrder::Unordered && (from_step, to_step) != (0, last) {
        return Err(FieldError::invalid(
            if from_step == 0 { to_attr } else { from_attr },
            "Partial Exclusions not allowed in unordered funnels",
        ));
    }
    Ok(FunnelExclusion {
        condition: excluded.own,
        from_step,
        to_step,
    })
}

fn bound(item: &Map<String, Value>, key: &str, attr: &str) -> Result<usize, FieldError> {
    let number = field::integer(item, key, attr)?.ok_or_else(|| {
        FieldError::required(
            attr,
            "An exclusion needs `funnel_from_step` and `funnel_to_step`.",
        )
    })?;
    usize::try_from(number)
        .map_err(|_| FieldError::invalid(attr, format!("`{key}` cannot be negative, as {number} is.")))
}
