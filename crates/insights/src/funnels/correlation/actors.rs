//! The actors behind the numbers of a correlation.

use super::parameters::{PERSON_CONVERTED, PERSON_LIMIT, PERSON_OFFSET, did, has};
use crate::context::Context;
use crate::field_error::FieldError;
use crate::funnels::definition::Funnel;
use crate::request::field::{self, given};
use crate::request::{Request, page};
use crate::resolved::CorrelationActorsQuery;

/// A funnel request with `funnel_correlation_person_entity` or `funnel_correlation_property_values`, and
/// `funnel_correlation_person_converted`, without which both sides are meant. `funnel_correlation_person_limit` and
/// `_offset` page, as do `limit` and `offset`, which win: they are what the paths to further pages change.
pub fn correlation_actors(
    request: &Request,
    context: &Context<'_>,
) -> Result<CorrelationActorsQuery, FieldError> {
    let funnel = Funnel::required(request, context)?;
    let mut paging = Request::new();
    for (own, plain) in [(PERSON_LIMIT, "limit"), (PERSON_OFFSET, "offset")] {
        if let Some(value) = given(request, plain).or_else(|| given(request, own)) {
            paging.insert(plain.to_owned(), value.clone());
        }
    }
    let page = page(&paging)?;
    let converted = match given(request, PERSON_CONVERTED) {
        None => None,
        Some(_) => Some(field::boolean(request, PERSON_CONVERTED)?),
    };
    Ok(CorrelationActorsQuery {
        funnel: funnel.query,
        converted,
        did: did(request, context)?,
        has: has(request)?,
        limit: page.limit,
        offset: page.offset,
    })
}
