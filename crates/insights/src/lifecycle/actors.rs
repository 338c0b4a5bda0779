//! The actors behind one number of a lifecycle.

use super::plan;
use crate::condition::{self, all, never};
use crate::context::Context;
use crate::dates::range::read_bound;
use crate::dates::{Calendar, DateText, read_interval, read_range};
use crate::field_error::FieldError;
use crate::request::{Request, actor, chosen_entity, field, page};
use crate::resolved::{LifecycleActorsQuery, LifecycleStatus};

/// A lifecycle request with `target_date`, any time of the interval meant, and `lifecycle_type`. Of several entities the
/// one that `entity_id` and `entity_type` name, or else the first, is meant. `limit` and `offset` page.
///
/// Who is in which state in an interval is settled by that interval and the one before it: no other is looked at.
pub fn actors(request: &Request, context: &Context<'_>) -> Result<LifecycleActorsQuery, FieldError> {
    let calendar = Calendar::of(context.project);
    let interval = read_interval(request)?;
    // The range has no say, but a wrong one is wrong.
    read_range(request, interval, context)?;
    let target = match read_bound(request, "target_date", context)? {
        Some(DateText::At { instant, .. }) => instant,
        Some(DateText::All) => {
            return Err(FieldError::invalid(
                "target_date",
                "`target_date` cannot be \"all\".",
            ));
        }
        None => {
            return Err(FieldError::required(
                "target_date",
                "`target_date` must name the interval to list the actors of.",
            ));
        }
    };
    let status = status(request)?;
    let chosen = chosen_entity::first(request)?;
    let own = condition::of_entity(&chosen, context)?.unwrap_or_else(never);
    let page = page(request)?;
    Ok(LifecycleActorsQuery {
        query: plan::query(
            vec![calendar.truncate(target, interval)],
            interval,
            all([own, condition::of_request(request, context)?]),
            actor::actor(request)?,
            context,
        ),
        status,
        tick: 0,
        limit: page.limit,
        offset: page.offset,
    })
}

fn status(request: &Request) -> Result<LifecycleStatus, FieldError> {
    let key = "lifecycle_type";
    let Some(text) = field::text(request, key, key)? else {
        return Err(FieldError::required(
            key,
            "`lifecycle_type` must name the status to list the actors of.",
        ));
    };
    LifecycleStatus::ALL
        .into_iter()
        .find(|status| status.name() == text)
        .ok_or_else(|| {
            FieldError::invalid(
                key,
                format!("`{key}` must be new, returning, resurrecting or dormant, not {text:?}."),
            )
        })
}
