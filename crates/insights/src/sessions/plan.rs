//! A request for session lengths as meant.

use serde_json::Value;

use crate::condition::{self, all, any};
use crate::context::Context;
use crate::dates::{Calendar, Window, read_interval, read_range, window};
use crate::field_error::FieldError;
use crate::request::{Request, entity, field};
use crate::resolved::{Condition, SessionLengths, SessionLengthsQuery};

/// What a request for session lengths asks for. Ask a store [`Plan::query`], then [`Plan::shape`] the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    query: SessionLengthsQuery,
    pub(super) window: Window,
    view: View,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// The mean length in each interval.
    Average,
    /// How many sessions are of which length.
    Distribution,
}

impl Plan {
    /// `session` is `avg` (also when absent) or `dist`. Events and actions of the request, when there are any, are those
    /// that sessions are made of.
    pub fn parse(request: &Request, context: &Context<'_>) -> Result<Self, FieldError> {
        let view = match field::text(request, "session", "session")?.as_deref() {
            None | Some("avg") => View::Average,
            Some("dist") => View::Distribution,
            Some(other) => {
                return Err(FieldError::invalid(
                    "session",
                    format!("`session` must be avg or dist, not {other:?}."),
                ));
            }
        };
        let interval = read_interval(request)?;
        let asked = read_range(request, interval, context)?;
        let window = window::exact(asked, interval, Calendar::of(context.project))?;
        Ok(Self {
            query: SessionLengthsQuery {
                project: context.project.id,
                timezone: context.timezone(),
                week_start: context.project.week_start,
                range: window.range,
                interval,
                ticks: window.ticks.clone(),
                condition: all([
                    looked_at(request, context)?,
                    condition::of_request(request, context)?,
                ]),
            },
            window,
            view,
        })
    }

    pub fn query(&self) -> &SessionLengthsQuery {
        &self.query
    }

    /// The `result` of the answer: a list of one series, or of ten classes.
    pub fn shape(&self, rows: &[SessionLengths]) -> Value {
        match self.view {
            View::Average => super::shape::average(&self.window, rows),
            View::Distribution => super::shape::distribution(rows),
        }
    }
}

/// Clients send `$feature_flag_called` on their own; it says nothing about anybody being there.
fn looked_at(request: &Request, context: &Context<'_>) -> Result<Condition, FieldError> {
    let by_client = Condition::EventName("$feature_flag_called".to_owned());
    let mut parts = vec![Condition::Not(Box::new(by_client))];
    let entities = entity::entities(request)?;
    if !entities.is_empty() {
        let mut named = Vec::new();
        for entity in &entities {
            named.extend(condition::of_entity(entity, context)?);
        }
        parts.push(any(named));
    }
    Ok(all(parts))
}
