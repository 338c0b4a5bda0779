//! Which part of a list of actors is asked for.

use super::{Request, field};
use crate::field_error::FieldError;

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) limit: u32,
    pub(crate) offset: u32,
}

/// `limit` and `offset`.
pub(crate) fn page(request: &Request) -> Result<Page, FieldError> {
    Ok(Page {
        limit: field::count(request, "limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?,
        offset: field::count(request, "offset", 0..=u32::MAX, 0)?,
    })
}
