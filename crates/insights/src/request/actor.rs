//! Whose activity a request is about.

use super::{Request, field};
use crate::field_error::FieldError;
use crate::resolved::ActorKind;

/// Groups with `aggregation_group_type_index`, else persons.
pub(crate) fn actor(request: &Request) -> Result<ActorKind, FieldError> {
    let key = "aggregation_group_type_index";
    Ok(match field::group_type_index(request, key, key)? {
        Some(index) => ActorKind::Group(index),
        None => ActorKind::Person,
    })
}
