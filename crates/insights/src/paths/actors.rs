//! The actors who went along a path.

use super::plan;
use crate::context::Context;
use crate::field_error::FieldError;
use crate::request::{Request, field, page};
use crate::resolved::PathActorsQuery;

/// A paths request with `path_start_key` (an edge from this node), `path_end_key` (into that one; both: along that edge) or
/// `path_dropoff_key` (where the visit ended). `limit` and `offset` page.
pub fn actors(request: &Request, context: &Context<'_>) -> Result<PathActorsQuery, FieldError> {
    let page = page(request)?;
    Ok(PathActorsQuery {
        paths: plan::query(request, context)?,
        from: node(request, "path_start_key")?,
        to: node(request, "path_end_key")?,
        dropoff: node(request, "path_dropoff_key")?,
        limit: page.limit,
        offset: page.offset,
    })
}

/// `<position>_<item>`.
fn node(request: &Request, key: &str) -> Result<Option<String>, FieldError> {
    let Some(text) = field::text(request, key, key)? else {
        return Ok(None);
    };
    let is_node = text
        .split_once('_')
        .is_some_and(|(position, _)| position.parse::<u32>().is_ok_and(|position| position > 0));
    if is_node {
        Ok(Some(text))
    } else {
        Err(FieldError::invalid(
            key,
            format!("`{key}` must be a node, `<position>_<item>`, not {text:?}."),
        ))
    }
}
