//! What the meaning of a request depends on besides the request itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::{Action, ActionId, Cohort, CohortId, Project};

use crate::request::{Request, field};

/// Read by the caller before a request is parsed: all of the project's actions and cohorts, and the clock.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub now: DateTime<Utc>,
    pub project: &'a Project,
    pub actions: &'a BTreeMap<ActionId, Action>,
    pub cohorts: &'a BTreeMap<CohortId, Cohort>,
    /// Time of the project's earliest event: the lower bound that `date_from: all` stands for.
    pub earliest_event: Option<DateTime<Utc>>,
}

impl<'a> Context<'a> {
    pub(crate) fn timezone(&self) -> Tz {
        self.project.timezone
    }

    /// A deleted action counts as absent.
    pub(crate) fn action(&self, id: ActionId) -> Option<&'a Action> {
        self.actions.get(&id).filter(|action| !action.deleted)
    }

    /// A deleted cohort counts as absent.
    pub(crate) fn cohort(&self, id: CohortId) -> Option<&'a Cohort> {
        self.cohorts.get(&id).filter(|cohort| !cohort.deleted)
    }
}

/// Where the search for [`Context::earliest_event`] begins: 2015, as in PostHog. One event of a client whose clock was never
/// set must not stretch every `date_from: all` to 1970.
pub const EARLIEST_SINCE: DateTime<Utc> = match DateTime::from_timestamp(1_420_070_400, 0) {
    Some(time) => time,
    None => unreachable!(),
};

/// Whether the meaning of a request (or of the funnel that its paths are relative to) depends on
/// [`Context::earliest_event`]; otherwise the caller need not look it up.
pub fn needs_earliest_event(request: &Request) -> bool {
    let is_unbounded = |request: &Request| {
        field::text(request, "date_from", "date_from")
            .is_ok_and(|text| text.as_deref().map(str::trim) == Some("all"))
    };
    let funnel = field::object(request, "funnel_filter", "funnel_filter");
    is_unbounded(request) || funnel.is_ok_and(|funnel| funnel.as_ref().is_some_and(is_unbounded))
}
