//! By what a retention table is broken down.

use crate::field_error::FieldError;
use crate::request::{Request, breakdown};
use crate::resolved::RetentionBreakdown;

pub(super) fn read(request: &Request) -> Result<Option<RetentionBreakdown>, FieldError> {
    let properties = breakdown::properties(request, "Retention")?;
    Ok(properties.map(|properties| RetentionBreakdown {
        source: properties.source,
        keys: properties.keys,
    }))
}
