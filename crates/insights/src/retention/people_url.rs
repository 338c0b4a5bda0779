//! Paths to the actors behind the numbers of a retention table.

use chrono::SecondsFormat;
use serde_json::json;

use crate::context::Context;
use crate::request::Request;
use crate::request::field::given;
use crate::url::ActorsUrl;

/// What of a request every path to its actors repeats.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PeopleUrl(ActorsUrl);

impl PeopleUrl {
    pub(super) fn new(request: &Request, context: &Context<'_>) -> Self {
        let keys = [
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
        ];
        // Without an end the table is that of now: its actors must not move on with the clock.
        let date_to = given(request, "date_to")
            .cloned()
            .unwrap_or_else(|| json!(context.now.to_rfc3339_opts(SecondsFormat::Secs, true)));
        Self(ActorsUrl::new("retention", request, &keys, context).and("date_to", date_to))
    }

    /// Actors of row `base`; only those who returned `offset` intervals later, when given.
    pub(super) fn row(&self, base: usize, offset: Option<usize>, breakdown: Option<&[String]>) -> String {
        let mut parameters = vec![("selected_interval".to_owned(), json!(base))];
        if let Some(offset) = offset {
            parameters.push(("returned_after".to_owned(), json!(offset)));
        }
        if let Some(values) = breakdown {
            parameters.push(("breakdown_values".to_owned(), json!(values)));
        }
        self.0.with(&parameters)
    }
}
