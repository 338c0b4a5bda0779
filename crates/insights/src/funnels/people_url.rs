//! Paths to the actors behind the numbers of a funnel.

use model::TimeRange;
use serde_json::json;

use crate::context::Context;
use crate::request::Request;
use crate::url::{ActorsUrl, instant};

/// `endpoint` is the part of the path below the project's persons. The range is that of the funnel: the actors must not
/// move on with the clock.
pub(super) fn people_url(
    endpoint: &str,
    request: &Request,
    range: TimeRange,
    context: &Context<'_>,
) -> ActorsUrl {
    let keys = [
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
    ];
    ActorsUrl::new(endpoint, request, &keys, context)
        .and("date_from", json!(instant(range.from)))
        .and("date_to", json!(instant(range.to)))
}
