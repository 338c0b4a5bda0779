//! Paths to the actors behind the numbers of a retention table.

use serde_json::{Value, json};

use crate::context::Context;
use crate::request::Request;
use crate::url::{handed_on, with_query};

/// What of a request every path to its actors repeats.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PeopleUrl {
    path: String,
    handed_on: Vec<(String, Value)>,
}

impl PeopleUrl {
    pub(super) fn new(request: &Request, context: &Context<'_>) -> Self {
        let mut handed_on = handed_on(
            request,
            &[
                "period",
                "total_intervals",
                "retention_type",
                "target_entity",
                "returning_entity",
                "events",
                "actions",
                "properties",
                "property_groups",
                "filter_test_accounts",
                "aggregation_group_type_index",
                "breakdown",
                "breakdowns",
                "breakdown_type",
                "breakdown_group_type_index",
            ],
        );
        // Without an end the table is that of now: its actors must not move on with the clock.
        handed_on.push(match crate::request::field::given(request, "date_to") {
            Some(date_to) => ("date_to".to_owned(), date_to.clone()),
            None => {
                let now = context.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                ("date_to".to_owned(), json!(now))
            }
        });
        Self {
            path: format!("api/projects/{}/persons/retention/", context.project.id),
            handed_on,
        }
    }

    /// Actors of row `base`; only those who returned `offset` intervals later, when given.
    pub(super) fn row(&self, base: usize, offset: Option<usize>, breakdown: Option<&[String]>) -> String {
        let mut parameters = self.handed_on.clone();
        parameters.push(("selected_interval".to_owned(), json!(base)));
        if let Some(offset) = offset {
            parameters.push(("returned_after".to_owned(), json!(offset)));
        }
        if let Some(values) = breakdown {
            parameters.push(("breakdown_values".to_owned(), json!(values)));
        }
        with_query(&self.path, &parameters)
    }
}
