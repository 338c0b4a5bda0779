//! What is wrong with a request is named.

use super::*;
use crate::field_error::{ErrorCode, FieldError};

fn refused(body: Value) -> FieldError {
    Plan::parse(&request(body), &World::new().context()).unwrap_err()
}

fn attr(error: &FieldError) -> &str {
    error.attr.as_deref().unwrap()
}

#[test]
fn fields_that_cannot_be_read() {
    for (change, field) in [
        (json!({"events": [{}]}), "events__0__id"),
        (json!({"actions": [{"id": 12}]}), "actions__0__id"),
        (json!({"funnel_order_type": "random"}), "funnel_order_type"),
        (json!({"funnel_viz_type": "pie"}), "funnel_viz_type"),
        (json!({"funnel_window_days": "many"}), "funnel_window_days"),
        (json!({"funnel_window_days": -1}), "funnel_window_days"),
        (json!({"funnel_window_interval": 0}), "funnel_window_interval"),
        (
            json!({"funnel_window_interval": 99_999_999_999_999_i64, "funnel_window_interval_unit": "week"}),
            "funnel_window_interval",
        ),
        (
            json!({"funnel_window_interval": 1201, "funnel_window_interval_unit": "month"}),
            "funnel_window_interval",
        ),
        (
            json!({"funnel_window_interval_unit": "decade"}),
            "funnel_window_interval_unit",
        ),
        (json!({"date_from": "2020-01-05"}), "date_from"),
        (json!({"date_to": "soon"}), "date_to"),
        (
            json!({"aggregation_group_type_index": 5}),
            "aggregation_group_type_index",
        ),
        (
            json!({"breakdown": "k", "breakdown_type": "hogql"}),
            "breakdown_type",
        ),
        (
            json!({"breakdown": "k", "breakdown_type": "group"}),
            "breakdown_group_type_index",
        ),
        (json!({"breakdown": "k", "breakdown_limit": 0}), "breakdown_limit"),
        (
            json!({"breakdown": "k", "breakdown_attribution_type": "third_touch"}),
            "breakdown_attribution_type",
        ),
        (
            json!({"breakdown": "k", "breakdown_attribution_type": "step", "breakdown_attribution_value": 3}),
            "breakdown_attribution_value",
        ),
        (
            json!({"breakdown": "me", "breakdown_type": "cohort"}),
            "breakdown",
        ),
        (
            json!({"breakdowns": [{"property": "k", "type": "event"}, {"property": "l", "type": "person"}]}),
            "breakdowns",
        ),
        (
            json!({"breakdowns": [{"type": "event"}]}),
            "breakdowns__0__property",
        ),
        (
            json!({"funnel_viz_type": "trends", "funnel_from_step": 3}),
            "funnel_from_step",
        ),
        (
            json!({"funnel_viz_type": "trends", "funnel_from_step": 2, "funnel_to_step": 1}),
            "funnel_from_step",
        ),
        (
            json!({"funnel_viz_type": "time_to_convert", "funnel_to_step": 0}),
            "funnel_to_step",
        ),
        (
            json!({"funnel_viz_type": "time_to_convert", "funnel_to_step": 3}),
            "funnel_to_step",
        ),
        (
            json!({"funnel_viz_type": "time_to_convert", "funnel_from_step": 2}),
            "funnel_from_step",
        ),
        (
            json!({"funnel_viz_type": "time_to_convert", "bin_count": "few"}),
            "bin_count",
        ),
    ] {
        let error = refused(funnel(change.clone()));
        assert_eq!(attr(&error), field, "{change}: {error}");
    }
}

#[test]
fn exclusions_that_make_no_sense() {
    let exclusion = |change: Value| {
        let mut item = json!({"id": "x", "funnel_from_step": 0, "funnel_to_step": 1});
        item.as_object_mut().unwrap().extend(request(change));
        json!({ "exclusions": [item] })
    };
    for (change, field) in [
        (
            json!({"funnel_from_step": null}),
            "exclusions__0__funnel_from_step",
        ),
        (json!({"funnel_to_step": null}), "exclusions__0__funnel_to_step"),
        (json!({"funnel_from_step": -1}), "exclusions__0__funnel_from_step"),
        (json!({"funnel_to_step": 0}), "exclusions__0__funnel_to_step"),
        (
            json!({"funnel_from_step": 2, "funnel_to_step": 3}),
            "exclusions__0__funnel_from_step",
        ),
        (json!({"funnel_to_step": 3}), "exclusions__0__funnel_to_step"),
        (json!({"id": "b"}), "exclusions__0"),
        (json!({"id": 8, "type": "actions"}), "exclusions__0__id"),
    ] {
        for order in ["ordered", "strict", "unordered"] {
            let mut body = funnel(exclusion(change.clone()));
            body["funnel_order_type"] = json!(order);
            assert_eq!(attr(&refused(body)), field, "{change} {order}");
        }
    }
    // Broader than a step.
    let narrow =
        json!([{"id": "a"}, {"id": "b", "properties": [{"key": "k", "value": 1}, {"key": "l", "value": 2}]}]);
    let mut body = funnel(exclusion(
        json!({"id": "b", "properties": [{"key": "l", "value": 2}]}),
    ));
    body["events"] = narrow;
    assert_eq!(attr(&refused(body)), "exclusions__0");

    assert_eq!(
        attr(&refused(funnel(json!({"exclusions": ["x"]})))),
        "exclusions__0"
    );
    let error = refused(funnel(exclusion(json!({"funnel_from_step": null}))));
    assert_eq!(error.code, ErrorCode::Required);
}

#[test]
fn unordered_exclusions_are_of_the_whole_funnel() {
    let body = |from: u32, to: u32| {
        funnel(json!({
            "funnel_order_type": "unordered",
            "exclusions": [{"id": "x", "funnel_from_step": from, "funnel_to_step": to}],
        }))
    };
    let error = refused(body(0, 1));
    assert_eq!(
        error.to_string(),
        "Partial Exclusions not allowed in unordered funnels"
    );
    assert_eq!(attr(&error), "exclusions__0__funnel_to_step");
    assert_eq!(attr(&refused(body(1, 2))), "exclusions__0__funnel_from_step");
    assert_eq!(funnel_asked(&World::new(), body(0, 2)).exclusions.len(), 1);
}

#[test]
fn a_missing_action_is_named() {
    let error = refused(json!({"actions": [{"id": 12}]}));
    assert_eq!(error.to_string(), "Action ID 12 does not exist!");
    assert_eq!(error.code, ErrorCode::DoesNotExist);
}

#[test]
fn funnels_have_an_end() {
    let events = |count: usize| -> Value {
        (0..count)
            .map(|index| json!({"id": format!("e{index}")}))
            .collect()
    };
    let exclusions = |count: usize| -> Value {
        (0..count)
            .map(|index| json!({"id": format!("x{index}"), "funnel_from_step": 0, "funnel_to_step": 1}))
            .collect()
    };
    let body = |steps, excluded| json!({"events": events(steps), "exclusions": exclusions(excluded)});
    assert_eq!(funnel_asked(&World::new(), body(200, 49)).exclusions.len(), 49);
    assert_eq!(attr(&refused(body(200, 50))), "exclusions");
    assert_eq!(attr(&refused(body(250, 0))), "events");
}

#[test]
fn actors_that_are_not_there() {
    for (change, field) in [
        (json!({}), "funnel_step"),
        (json!({"funnel_step": -1}), "funnel_step"),
        (json!({"funnel_step": 4}), "funnel_step"),
        (json!({"funnel_step": -4}), "funnel_step"),
        (json!({"funnel_step": "x"}), "funnel_step"),
        (json!({"funnel_custom_steps": [1, 4]}), "funnel_custom_steps"),
        (json!({"funnel_custom_steps": [0]}), "funnel_custom_steps"),
        (
            json!({"funnel_step": 1, "breakdown": ["k", "l"], "funnel_step_breakdown": "a"}),
            "funnel_step_breakdown",
        ),
        (
            json!({"funnel_step": 1, "breakdown": 1, "breakdown_type": "cohort", "funnel_step_breakdown": "x"}),
            "funnel_step_breakdown",
        ),
        (json!({"funnel_viz_type": "trends"}), "entrance_period_start"),
        (
            json!({"entrance_period_start": "2019-12-31"}),
            "entrance_period_start",
        ),
        (
            json!({"entrance_period_start": "2020-01-04"}),
            "entrance_period_start",
        ),
        (json!({"entrance_period_start": "all"}), "entrance_period_start"),
        (json!({"events": [], "funnel_step": 1}), "events"),
        (json!({"funnel_step": 1, "limit": 0}), "limit"),
    ] {
        let error = actors(&request(funnel(change.clone())), &World::new().context()).unwrap_err();
        assert_eq!(attr(&error), field, "{change}: {error}");
    }
}
