//! Paths to the actors behind the numbers of a funnel.

use model::TimeRange;
use serde_json::{Value, json};

use crate::context::Context;
use crate::request::Request;
use crate::url::{handed_on, instant, with_query};

/// What of a request every path to its actors repeats.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PeopleUrl {
    path: String,
    handed_on: Vec<(String, Value)>,
}

impl PeopleUrl {
    /// `endpoint` is the part of the path below the project's persons.
    pub(super) fn new(endpoint: &str, request: &Request, range: TimeRange, context: &Context<'_>) -> Self {
        let mut handed_on = handed_on(
            request,
            &[
                "events",
                "actions",
                "exclusions",
                "properties",
                "property_groups",
                "filter_test_accounts",
                "aggregation_group_type_index",
                "interval",
                "funnel_order_type",
                "funnel_window_days",
                "funnel_window_interval",
                "funnel_window_interval_unit",
                "funnel_from_step",
                "funnel_to_step",
                "breakdown",
                "breakdowns",
                "breakdown_type",
                "breakdown_group_type_index",
                "breakdown_limit",
                "breakdown_attribution_type",
                "breakdown_attribution_value",
            ],
        );
        // The actors must not move on with the clock.
        for (key, bound) in [("date_from", range.from), ("date_to", range.to)] {
            handed_on.push((key.to_owned(), json!(instant(bound))));
        }
        Self {
            path: format!("api/projects/{}/persons/{endpoint}/", context.project.id),
            handed_on,
        }
    }

    pub(super) fn with(&self, parameters: impl IntoIterator<Item = (String, Value)>) -> String {
        let mut all = self.handed_on.clone();
        all.extend(parameters);
        with_query(&self.path, &all)
    }
}
