//! A correlation request as meant.

use serde_json::Value;

use super::parameters::{
    EVENT_EXCLUDE_PROPERTY_NAMES, EVENT_NAMES, EXCLUDE_EVENT_NAMES, EXCLUDE_NAMES, NAMES, TYPE,
};
use crate::context::Context;
use crate::field_error::FieldError;
use crate::funnels::definition::Funnel;
use crate::funnels::people_url::people_url;
use crate::request::{Request, field};
use crate::resolved::{Correlation, CorrelationOf, CorrelationQuery};
use crate::url::ActorsUrl;

/// Among the names of properties: all of them.
const ALL: &str = "$all";

/// What a correlation request asks for. Ask a store [`CorrelationPlan::query`], then [`CorrelationPlan::shape`] its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationPlan {
    pub(super) query: CorrelationQuery,
    pub(super) people_url: ActorsUrl,
}

/// A funnel request with `funnel_correlation_type` (events, properties, event_with_properties) and what belongs to it. A
/// breakdown has no say.
pub fn correlation(request: &Request, context: &Context<'_>) -> Result<CorrelationPlan, FieldError> {
    let funnel = Funnel::required(request, context)?;
    Ok(CorrelationPlan {
        people_url: people_url("funnel/correlation", request, funnel.query.range, context),
        query: CorrelationQuery {
            funnel: funnel.query,
            of: of(request)?,
        },
    })
}

fn of(request: &Request) -> Result<CorrelationOf, FieldError> {
    match field::text(request, TYPE, TYPE)?.as_deref() {
        None | Some("events") => Ok(CorrelationOf::Events {
            excluded: field::texts(request, EXCLUDE_EVENT_NAMES)?,
        }),
        Some("properties") => {
            let names = field::texts(request, NAMES)?;
            if names.is_empty() {
                return Err(FieldError::required(
                    NAMES,
                    format!("`{NAMES}` must name the properties to look at, or be \"$all\"."),
                ));
            }
            let all = names.iter().any(|name| name == ALL);
            Ok(CorrelationOf::Properties {
                names: (!all).then_some(names),
                excluded: field::texts(request, EXCLUDE_NAMES)?,
            })
        }
        Some("event_with_properties") => {
            let events = field::texts(request, EVENT_NAMES)?;
            if events.is_empty() {
                return Err(FieldError::required(
                    EVENT_NAMES,
                    format!("`{EVENT_NAMES}` must name the events whose properties to look at."),
                ));
            }
            Ok(CorrelationOf::EventProperties {
                events,
                excluded_keys: field::texts(request, EVENT_EXCLUDE_PROPERTY_NAMES)?,
            })
        }
        Some(other) => Err(FieldError::invalid(
            TYPE,
            format!("`{TYPE}` must be events, properties or event_with_properties, not {other:?}."),
        )),
    }
}

impl CorrelationPlan {
    pub fn query(&self) -> &CorrelationQuery {
        &self.query
    }

    /// The `result` of the answer: `{events, skewed}`.
    pub fn shape(&self, correlation: &Correlation) -> Value {
        super::shape::result(self, correlation)
    }
}
