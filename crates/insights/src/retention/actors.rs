//! The actors of a row of a retention table, with the intervals in which they came back.

use serde_json::Value;

use super::plan;
use crate::context::Context;
use crate::field_error::FieldError;
use crate::request::field::{self, given, text_form};
use crate::request::{Request, page};
use crate::resolved::{RetentionActor, RetentionActorsQuery, RetentionKind};

/// What a request for the actors of a row asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorsPlan {
    query: RetentionActorsQuery,
    /// Line display: a bare list of actors rather than rows with appearances.
    line: bool,
}

/// A retention request with `selected_interval`: the row (in a table), or how many intervals after the first row's the
/// actors returned (in a line graph). `returned_after` narrows a row to one cell, `breakdown_values` names a broken-down
/// row. `limit` and `offset` page.
pub fn actors(request: &Request, context: &Context<'_>) -> Result<ActorsPlan, FieldError> {
    let mut query = plan::query(request, context)?;
    let line = field::text(request, "display", "display")?.as_deref() == Some("ActionsLineGraph");
    let last = u32::try_from(query.intervals.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let selected = usize::try_from(field::count(request, "selected_interval", 0..=last, 0)?).unwrap_or(0);
    let (base, offset) = if line {
        (0, Some(selected))
    } else {
        let offset = match given(request, "returned_after") {
            Some(_) => {
                Some(usize::try_from(field::count(request, "returned_after", 0..=last, 0)?).unwrap_or(0))
            }
            None => None,
        };
        (selected, offset)
    };
    query.first_interval_only =
        query.kind == RetentionKind::Recurring && query.breakdown.is_none() && base == 0;
    let breakdown = breakdown_values(request, query.breakdown.as_ref().map_or(0, |by| by.keys.len()))?;
    let page = page(request)?;
    Ok(ActorsPlan {
        query: RetentionActorsQuery {
            query,
            base,
            offset,
            breakdown,
            limit: page.limit,
            skip: page.offset,
        },
        line,
    })
}

/// As many parts as the breakdown has; a list, or one bare value.
fn breakdown_values(request: &Request, parts: usize) -> Result<Option<Vec<String>>, FieldError> {
    if parts == 0 {
        return Ok(None);
    }
    let key = "breakdown_values";
    let values: Vec<String> = match request.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => items.iter().map(text_form).collect(),
        Some(Value::String(text)) => match serde_json::from_str::<Vec<Value>>(text) {
            Ok(items) => items.iter().map(text_form).collect(),
            Err(_) => vec![text.clone()],
        },
        Some(single) => vec![text_form(single)],
    };
    if values.len() != parts {
        return Err(FieldError::invalid(
            key,
            format!("The breakdown has {parts} parts, not {}.", values.len()),
        ));
    }
    Ok(Some(values))
}

impl ActorsPlan {
    pub fn query(&self) -> &RetentionActorsQuery {
        &self.query
    }

    /// Whether actors are listed as they are, as a line graph has them, or as `{person, appearances}`.
    pub fn is_line(&self) -> bool {
        self.line
    }

    /// 1 for each interval, from the row's own on, in which the actor came back, else 0.
    pub fn appearances(&self, actor: &RetentionActor) -> Vec<u8> {
        let length = self.query.query.intervals.len().saturating_sub(self.query.base);
        (0..length)
            .map(|offset| u8::from(actor.offsets.contains(&offset)))
            .collect()
    }
}
