//! The actors behind one number of stickiness.

use super::plan;
use crate::condition::{self, all, never};
use crate::context::Context;
use crate::dates::{read_interval, read_range};
use crate::field_error::FieldError;
use crate::request::{Request, chosen_entity, field, page};
use crate::resolved::StickinessActorsQuery;

/// More intervals than any range has.
const INTERVALS_MAX: u32 = 100_000;

/// A stickiness request with `stickiness_days`, in how many intervals. Of several entities the one that `entity_id` and
/// `entity_type` name, or else the first, is meant. `limit` and `offset` page.
pub fn actors(request: &Request, context: &Context<'_>) -> Result<StickinessActorsQuery, FieldError> {
    let interval = read_interval(request)?;
    let range = read_range(request, interval, context)?.range;
    let key = "stickiness_days";
    if field::given(request, key).is_none() {
        return Err(FieldError::required(
            key,
            "`stickiness_days` must say in how many intervals the actors were active.",
        ));
    }
    let intervals = field::count(request, key, 1..=INTERVALS_MAX, 1)?;
    let chosen = chosen_entity::first(request)?;
    let own = condition::of_entity(&chosen, context)?.unwrap_or_else(never);
    let page = page(request)?;
    Ok(StickinessActorsQuery {
        query: plan::query(
            range,
            interval,
            all([own, condition::of_request(request, context)?]),
            plan::actor(&chosen, request)?,
            context,
        ),
        intervals: usize::try_from(intervals).unwrap_or(usize::MAX),
        limit: page.limit,
        offset: page.offset,
    })
}
