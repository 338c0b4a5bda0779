//! Wrong requests: 400, and the field is named.

use anyhow::ensure;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::request::{events, merged, query_string};
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(
    wrong_fields_are_named,
    what_every_insight_refuses,
    what_only_trends_refuse,
    what_only_funnels_refuse,
    what_only_paths_refuse,
    what_retention_stickiness_and_sessions_refuse,
    wrong_questions_for_actors_are_refused,
    wrong_settings_and_cohorts_are_refused,
    bodies_that_are_no_json_are_refused,
    too_much_of_anything_is_refused,
    nothing_odd_breaks_the_server,
    unknown_things_are_404,
);

/// Routes that read dates, intervals, entities and filters alike, and a request that each of them answers.
fn insights() -> Vec<(&'static str, Value)> {
    let dates = json!({"date_from": "2020-01-01", "date_to": "2020-01-03"});
    let one = merged(&dates, json!({"events": [{"id": "e"}]}));
    let two = merged(&dates, json!({"events": events(&["e", "f"])}));
    vec![
        ("insights/trend/", one.clone()),
        ("insights/lifecycle/", one.clone()),
        ("insights/stickiness/", one),
        ("insights/funnel/", two.clone()),
        ("insights/funnel/correlation/", two),
        ("insights/path/", dates.clone()),
        ("insights/session/", merged(&dates, json!({"session": "avg"}))),
        (
            "insights/retention/",
            json!({"target_entity": {"id": "e", "type": "events"}, "date_to": "2020-01-03"}),
        ),
    ]
}

fn reads_entities(path: &str) -> bool {
    !["insights/path/", "insights/session/", "insights/retention/"].contains(&path)
}

async fn wrong_fields_are_named(p: &Project) -> TestResult {
    let event = json!([{"id": "e"}]);
    for (request, attr) in [
        (json!({"events": event, "date_from": "yesterdayish"}), "date_from"),
        (
            json!({"events": event, "date_from": "2020-01-03", "date_to": "2020-01-01"}),
            "date_from",
        ),
        (json!({"events": event, "interval": "fortnight"}), "interval"),
        (json!({"events": [{"id": "e", "math": "sum"}]}), "math_property"),
        (
            json!({"events": [{"id": "e", "math": "unique_group"}]}),
            "math_group_type_index",
        ),
        (
            json!({"events": event, "compare": true, "date_from": "all"}),
            "compare",
        ),
    ] {
        p.check_refused("insights/trend/", request, attr).await?;
    }
    Ok(())
}

async fn what_every_insight_refuses(p: &Project) -> TestResult {
    for (path, request) in insights() {
        // It is in order as it is.
        let (status, answer) = p
            .send(
                Method::POST,
                &format!("/api/projects/{}/{path}", p.id),
                Some(&request),
            )
            .await?;
        ensure!(status == StatusCode::OK, "{path}: {status} {answer}");

        let leaf = |leaf: Value| json!({"properties": [leaf]});
        let mut wrong = vec![
            (json!({"properties": "[{"}), "properties"),
            (json!({"properties": 5}), "properties"),
            (json!({"properties": ["x"]}), "properties__0"),
            (leaf(json!({"value": "x"})), "properties__0__key"),
            (leaf(json!({"key": "a"})), "properties__0__value"),
            (
                leaf(json!({"key": "a", "value": 1, "operator": "like"})),
                "properties__0__operator",
            ),
            (
                leaf(json!({"key": "a", "value": 1, "type": "dragon"})),
                "properties__0__type",
            ),
            (
                leaf(json!({"key": "a", "value": 1, "type": "group"})),
                "properties__0__group_type_index",
            ),
            (
                leaf(json!({"key": "a", "value": 1, "type": "group", "group_type_index": 5})),
                "properties__0__group_type_index",
            ),
            (
                leaf(json!({"key": "a", "value": 1, "type": "group", "group_type_index": -1})),
                "properties__0__group_type_index",
            ),
            (
                leaf(json!({"key": "id", "value": "x", "type": "cohort"})),
                "properties__0__value",
            ),
            (
                leaf(json!({"key": "id", "type": "cohort"})),
                "properties__0__value",
            ),
            (
                leaf(json!({"key": "color", "value": "x", "type": "element"})),
                "properties__0__key",
            ),
            (
                leaf(json!({"key": "selector", "value": "a >", "type": "element"})),
                "properties__0__value",
            ),
            (
                leaf(json!({"key": "a", "value": "soon", "operator": "is_date_after"})),
                "properties__0__value",
            ),
            (
                json!({"properties": {"type": "XOR", "values": [{"key": "a", "value": 1}]}}),
                "properties__type",
            ),
            (
                json!({"properties": {"type": "AND", "values": [{"key": "a", "value": 1},
                    {"type": "OR", "values": [{"key": "a", "value": 1}]}]}}),
                "properties__values",
            ),
            (json!({"filter_test_accounts": "perhaps"}), "filter_test_accounts"),
            (json!({"date_to": "2020-13-01"}), "date_to"),
            (json!({"date_to": "2020-02-30"}), "date_to"),
            (json!({"date_to": ["2020-01-01"]}), "date_to"),
            (json!({"date_to": "all"}), "date_to"),
            (json!({"date_to": "9999-12-31"}), "date_to"),
            (json!({"date_to": "0001-01-01"}), "date_to"),
        ];
        if path != "insights/retention/" {
            wrong.extend([
                (json!({"date_from": "yesterdayish"}), "date_from"),
                (json!({"date_from": "-7q"}), "date_from"),
                (json!({"date_from": "2020-01-04"}), "date_from"),
                (
                    json!({"date_from": "2020-01-03T10:00:00Z", "date_to": "2020-01-03T09:00:00Z"}),
                    "date_from",
                ),
                (
                    json!({"date_from": "1950-01-01", "date_to": "2190-01-01"}),
                    "date_from",
                ),
                (json!({"interval": "fortnight"}), "interval"),
            ]);
        }
        if path != "insights/session/" && path != "insights/trend/" {
            wrong.extend([
                (
                    json!({"aggregation_group_type_index": 5}),
                    "aggregation_group_type_index",
                ),
                (
                    json!({"aggregation_group_type_index": -1}),
                    "aggregation_group_type_index",
                ),
                (
                    json!({"aggregation_group_type_index": "first"}),
                    "aggregation_group_type_index",
                ),
            ]);
        }
        if reads_entities(path) {
            wrong.extend([
                (json!({"events": "[{"}), "events"),
                (json!({"events": {"id": "e"}}), "events"),
                (json!({"events": [{"name": "no id"}]}), "events__0__id"),
                (json!({"events": [{"id": ["e"]}]}), "events__0__id"),
                (json!({"events": [true]}), "events__0"),
                (json!({"events": [{"id": "e", "type": "dragons"}]}), "events__0__type"),
                (json!({"actions": [{"id": "no number"}]}), "actions__0__id"),
                (json!({"events": [{"id": "e", "order": "first"}]}), "events__0__order"),
                (
                    json!({"events": [{"id": "e", "properties": [{"key": "a", "value": 1, "operator": "?"}]}]}),
                    "events__0__properties__0__operator",
                ),
            ]);
        }
        for (extra, attr) in wrong {
            p.check_refused_either_way(path, merged(&request, extra), attr)
                .await?;
        }
    }
    Ok(())
}

async fn what_only_trends_refuse(p: &Project) -> TestResult {
    let base = json!({"events": [{"id": "e"}], "date_from": "2020-01-01", "date_to": "2020-01-03"});
    for (extra, attr) in [
        (json!({"insight": "DRAGONS"}), "insight"),
        (json!({"display": "Hologram"}), "display"),
        (
            json!({"events": [{"id": "e", "math": "cubed"}]}),
            "events__0__math",
        ),
        (json!({"events": [{"id": "e", "math": "p90"}]}), "math_property"),
        (
            json!({"events": [{"id": "e", "math": "unique_group", "math_group_type_index": 9}]}),
            "events__0__math_group_type_index",
        ),
        (
            json!({"breakdown": "b", "breakdown_limit": 10_000}),
            "breakdown_limit",
        ),
        (json!({"breakdown": "b", "breakdown_limit": 0}), "breakdown_limit"),
        (
            json!({"breakdown": "b", "breakdown_limit": -1}),
            "breakdown_limit",
        ),
        (
            json!({"breakdown": "b", "breakdown_limit": "many"}),
            "breakdown_limit",
        ),
        (
            json!({"breakdown": "b", "breakdown_histogram_bin_count": -3}),
            "breakdown_histogram_bin_count",
        ),
        (
            json!({"breakdown": "b", "breakdown_type": "group"}),
            "breakdown_group_type_index",
        ),
        (json!({"breakdown": ["a", "b"]}), "breakdown"),
        (json!({"breakdown": "x", "breakdown_type": "cohort"}), "breakdown"),
        (json!({"formula": "A +"}), "formula"),
        (json!({"formula": "B"}), "formula"),
        (json!({"smoothing_intervals": 0}), "smoothing_intervals"),
        (json!({"smoothing_intervals": -1}), "smoothing_intervals"),
        (json!({"compare": "perhaps"}), "compare"),
        // Fifty years of hours.
        (
            json!({"interval": "hour", "date_from": "1970-01-01", "date_to": "2020-01-01"}),
            "interval",
        ),
    ] {
        p.check_refused_either_way("insights/trend/", merged(&base, extra), attr)
            .await?;
    }
    Ok(())
}

async fn what_only_funnels_refuse(p: &Project) -> TestResult {
    let base =
        json!({"events": events(&["a", "b", "c"]), "date_from": "2020-01-01", "date_to": "2020-01-03"});
    let excluding = |exclusion: Value| json!({"exclusions": [exclusion]});
    for (extra, attr) in [
        (json!({"actions": [{"id": 77}]}), "actions__0__id"),
        (json!({"funnel_order_type": "random"}), "funnel_order_type"),
        (json!({"funnel_viz_type": "pie"}), "funnel_viz_type"),
        (
            json!({"funnel_window_interval_unit": "fortnight"}),
            "funnel_window_interval_unit",
        ),
        (json!({"funnel_window_interval": 0}), "funnel_window_interval"),
        (json!({"funnel_window_interval": -5}), "funnel_window_interval"),
        (json!({"funnel_window_interval": 1.5}), "funnel_window_interval"),
        (
            json!({"funnel_window_interval": 9_223_372_036_854_775_807_i64, "funnel_window_interval_unit": "week"}),
            "funnel_window_interval",
        ),
        (
            json!({"funnel_window_interval": 4_000_000_000_u64, "funnel_window_interval_unit": "month"}),
            "funnel_window_interval",
        ),
        (json!({"funnel_window_days": -1}), "funnel_window_days"),
        (
            json!({"funnel_viz_type": "trends", "funnel_from_step": -1}),
            "funnel_from_step",
        ),
        (
            json!({"funnel_viz_type": "trends", "funnel_to_step": 3}),
            "funnel_to_step",
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
            json!({"funnel_viz_type": "time_to_convert", "funnel_from_step": 2, "funnel_to_step": 2}),
            "funnel_from_step",
        ),
        (
            json!({"funnel_viz_type": "time_to_convert", "bin_count": "many"}),
            "bin_count",
        ),
        (json!({"exclusions": {}}), "exclusions"),
        (excluding(json!("x")), "exclusions__0"),
        (excluding(json!({"id": "x"})), "exclusions__0__funnel_from_step"),
        (
            excluding(json!({"id": "x", "funnel_from_step": 0})),
            "exclusions__0__funnel_to_step",
        ),
        (
            excluding(json!({"id": "x", "funnel_from_step": -1, "funnel_to_step": 1})),
            "exclusions__0__funnel_from_step",
        ),
        (
            excluding(json!({"id": "x", "funnel_from_step": 1, "funnel_to_step": 1})),
            "exclusions__0__funnel_to_step",
        ),
        (
            excluding(json!({"id": "x", "funnel_from_step": 2, "funnel_to_step": 3})),
            "exclusions__0__funnel_from_step",
        ),
        (
            excluding(json!({"id": "x", "funnel_from_step": 1, "funnel_to_step": 3})),
            "exclusions__0__funnel_to_step",
        ),
        // A step itself, or all of its events.
        (
            excluding(json!({"id": "b", "funnel_from_step": 0, "funnel_to_step": 1})),
            "exclusions__0",
        ),
        (
            merged(
                &excluding(json!({"id": "b", "funnel_from_step": 0, "funnel_to_step": 2})),
                json!({"events": [{"id": "a"}, {"id": "b", "order": 1, "properties": [{"key": "n", "value": 1}]}, {"id": "c", "order": 2}]}),
            ),
            "exclusions__0",
        ),
        (
            merged(
                &excluding(json!({"id": "x", "funnel_from_step": 0, "funnel_to_step": 1})),
                json!({"funnel_order_type": "unordered"}),
            ),
            "exclusions__0__funnel_to_step",
        ),
        (
            json!({"breakdown": "b", "breakdown_limit": 10_000}),
            "breakdown_limit",
        ),
        (
            json!({"breakdown": "b", "breakdown_limit": -1}),
            "breakdown_limit",
        ),
        (
            json!({"breakdown": "b", "breakdown_type": "group"}),
            "breakdown_group_type_index",
        ),
        (
            json!({"breakdown": "b", "breakdown_attribution_type": "third_touch"}),
            "breakdown_attribution_type",
        ),
        (
            json!({"breakdown": "b", "breakdown_attribution_type": "step", "breakdown_attribution_value": 3}),
            "breakdown_attribution_value",
        ),
        (
            json!({"breakdown": "b", "breakdown_attribution_type": "step", "breakdown_attribution_value": -1}),
            "breakdown_attribution_value",
        ),
        (
            json!({"breakdowns": [{"property": "a", "type": "event"}, {"property": "b", "type": "person"}]}),
            "breakdowns",
        ),
        (
            json!({"breakdowns": [{"type": "event"}]}),
            "breakdowns__0__property",
        ),
    ] {
        p.check_refused_either_way("insights/funnel/", merged(&base, extra), attr)
            .await?;
    }
    // An exclusion that is narrower than the step is none of its events.
    let narrow = excluding(
        json!({"id": "b", "funnel_from_step": 0, "funnel_to_step": 1, "properties": [{"key": "n", "value": 1}]}),
    );
    p.check_funnel(&merged(&base, narrow), json!([0, 0, 0])).await?;
    // Correlation needs a funnel, and what to look at.
    for (extra, attr) in [
        (json!({"events": []}), "events"),
        (
            json!({"funnel_correlation_type": "horoscope"}),
            "funnel_correlation_type",
        ),
        (
            json!({"funnel_correlation_type": "properties"}),
            "funnel_correlation_names",
        ),
        (
            json!({"funnel_correlation_type": "event_with_properties"}),
            "funnel_correlation_event_names",
        ),
        (
            json!({"exclusions": [{"id": "x", "funnel_from_step": 0, "funnel_to_step": 5}]}),
            "exclusions__0__funnel_to_step",
        ),
    ] {
        p.check_refused_either_way("insights/funnel/correlation/", merged(&base, extra), attr)
            .await?;
    }
    Ok(())
}

async fn what_only_paths_refuse(p: &Project) -> TestResult {
    let base = json!({"date_from": "2020-01-01", "date_to": "2020-01-03"});
    let funnel = json!({"events": events(&["a", "b"]), "funnel_step": 2});
    let relative = |filter: Value| json!({"funnel_paths": "funnel_path_before_step", "funnel_filter": merged(&funnel, filter)});
    for (extra, attr) in [
        (
            json!({"include_event_types": ["$autocapture"]}),
            "include_event_types__0",
        ),
        (
            json!({"include_event_types": ["custom_event"], "include_custom_events": ["x"]}),
            "include_custom_events",
        ),
        (json!({"step_limit": 0}), "step_limit"),
        (json!({"step_limit": -1}), "step_limit"),
        (json!({"step_limit": 1000}), "step_limit"),
        (json!({"edge_limit": 0}), "edge_limit"),
        (json!({"edge_limit": -1}), "edge_limit"),
        (json!({"edge_limit": 1_000_000}), "edge_limit"),
        (json!({"min_edge_weight": -1}), "min_edge_weight"),
        (json!({"min_edge_weight": "heavy"}), "min_edge_weight"),
        (
            json!({"min_edge_weight": 3, "max_edge_weight": 2}),
            "max_edge_weight",
        ),
        (json!({"path_groupings": [""]}), "path_groupings__0"),
        (json!({"path_replacements": "perhaps"}), "path_replacements"),
        (
            json!({"local_path_cleaning_filters": [{"regex": "(", "alias": "a"}]}),
            "local_path_cleaning_filters__0__regex",
        ),
        (
            json!({"local_path_cleaning_filters": [{"regex": "(?=a)", "alias": "a"}]}),
            "local_path_cleaning_filters__0__regex",
        ),
        (
            json!({"local_path_cleaning_filters": [{"alias": "a"}]}),
            "local_path_cleaning_filters__0__regex",
        ),
        (
            json!({"local_path_cleaning_filters": ["a"]}),
            "local_path_cleaning_filters__0",
        ),
        (json!({"funnel_paths": "funnel_path_around_step"}), "funnel_paths"),
        (
            json!({"funnel_paths": "funnel_path_before_step"}),
            "funnel_filter",
        ),
        (
            json!({"funnel_paths": "funnel_path_before_step", "funnel_filter": "[]"}),
            "funnel_filter",
        ),
        (relative(json!({"events": []})), "funnel_filter__events"),
        (
            relative(json!({"funnel_step": null})),
            "funnel_filter__funnel_step",
        ),
        (relative(json!({"funnel_step": 3})), "funnel_filter__funnel_step"),
        (relative(json!({"funnel_step": -1})), "funnel_filter__funnel_step"),
        (
            relative(json!({"funnel_window_interval": -1})),
            "funnel_filter__funnel_window_interval",
        ),
        (
            merged(
                &relative(json!({"funnel_step": 1})),
                json!({"funnel_paths": "funnel_path_between_steps"}),
            ),
            "funnel_filter__funnel_step",
        ),
    ] {
        p.check_refused_either_way("insights/path/", merged(&base, extra), attr)
            .await?;
    }
    Ok(())
}

async fn what_retention_stickiness_and_sessions_refuse(p: &Project) -> TestResult {
    for (path, request, attr) in [
        ("insights/retention/", json!({"period": "Fortnight"}), "period"),
        (
            "insights/retention/",
            json!({"total_intervals": 0}),
            "total_intervals",
        ),
        (
            "insights/retention/",
            json!({"total_intervals": -3}),
            "total_intervals",
        ),
        (
            "insights/retention/",
            json!({"total_intervals": 100_000}),
            "total_intervals",
        ),
        (
            "insights/retention/",
            json!({"retention_type": "retention_eternal"}),
            "retention_type",
        ),
        (
            "insights/retention/",
            json!({"target_entity": {"id": "e", "type": "dragons"}}),
            "target_entity__type",
        ),
        (
            "insights/retention/",
            json!({"target_entity": "{"}),
            "target_entity",
        ),
        ("insights/retention/", json!({"date_to": "someday"}), "date_to"),
        ("insights/session/", json!({"session": "longest"}), "session"),
    ] {
        p.check_refused_either_way(path, request, attr).await?;
    }
    Ok(())
}

async fn wrong_questions_for_actors_are_refused(p: &Project) -> TestResult {
    let dates = json!({"date_from": "2020-01-01", "date_to": "2020-01-03"});
    let one = merged(&dates, json!({"events": [{"id": "e"}]}));
    let two = merged(&dates, json!({"events": events(&["e", "f"])}));
    for (path, base, extra, attr) in [
        ("persons/funnel/", &two, json!({}), "funnel_step"),
        ("persons/funnel/", &two, json!({"funnel_step": -1}), "funnel_step"),
        ("persons/funnel/", &two, json!({"funnel_step": 3}), "funnel_step"),
        ("persons/funnel/", &two, json!({"funnel_step": -3}), "funnel_step"),
        (
            "persons/funnel/",
            &two,
            json!({"funnel_step": "x"}),
            "funnel_step",
        ),
        (
            "persons/funnel/",
            &two,
            json!({"funnel_step": i64::MIN}),
            "funnel_step",
        ),
        (
            "persons/funnel/",
            &two,
            json!({"funnel_custom_steps": [0]}),
            "funnel_custom_steps",
        ),
        (
            "persons/funnel/",
            &two,
            json!({"funnel_custom_steps": [3]}),
            "funnel_custom_steps",
        ),
        ("persons/funnel/", &dates, json!({"funnel_step": 1}), "events"),
        (
            "persons/funnel/",
            &two,
            json!({"funnel_step": 1, "limit": 0}),
            "limit",
        ),
        (
            "persons/funnel/",
            &two,
            json!({"funnel_step": 1, "limit": -1}),
            "limit",
        ),
        (
            "persons/funnel/",
            &two,
            json!({"funnel_step": 1, "offset": -1}),
            "offset",
        ),
        (
            "persons/funnel/",
            &two,
            json!({"funnel_step": 1, "breakdown": ["a", "b"], "funnel_step_breakdown": ["x"]}),
            "funnel_step_breakdown",
        ),
        (
            "persons/funnel/",
            &two,
            json!({"funnel_viz_type": "trends"}),
            "entrance_period_start",
        ),
        (
            "persons/funnel/",
            &two,
            json!({"entrance_period_start": "2020-01-05"}),
            "entrance_period_start",
        ),
        (
            "persons/funnel/",
            &two,
            json!({"entrance_period_start": "all"}),
            "entrance_period_start",
        ),
        (
            "persons/funnel/correlation/",
            &two,
            json!({"funnel_correlation_person_entity": {"id": "x", "type": "dragons"}}),
            "funnel_correlation_person_entity__type",
        ),
        (
            "persons/funnel/correlation/",
            &two,
            json!({"funnel_correlation_person_converted": "perhaps"}),
            "funnel_correlation_person_converted",
        ),
        (
            "persons/funnel/correlation/",
            &two,
            json!({"funnel_correlation_property_values": [{"key": "a", "value": ["x"], "operator": "regex"}]}),
            "funnel_correlation_property_values__0__operator",
        ),
        (
            "persons/path/",
            &dates,
            json!({"path_start_key": "nowhere"}),
            "path_start_key",
        ),
        (
            "persons/path/",
            &dates,
            json!({"path_end_key": "0_/a"}),
            "path_end_key",
        ),
        (
            "persons/path/",
            &dates,
            json!({"path_dropoff_key": "x_/a"}),
            "path_dropoff_key",
        ),
        ("persons/path/", &dates, json!({"limit": 1_000_000}), "limit"),
        ("persons/trends/", &one, json!({"limit": 0}), "limit"),
        (
            "persons/stickiness/",
            &one,
            json!({"stickiness_days": -1}),
            "stickiness_days",
        ),
        (
            "persons/lifecycle/",
            &one,
            json!({"lifecycle_type": "asleep", "target_date": "2020-01-01"}),
            "lifecycle_type",
        ),
    ] {
        p.check_refused_either_way(path, merged(base, extra), attr)
            .await?;
    }
    Ok(())
}

async fn wrong_settings_and_cohorts_are_refused(p: &Project) -> TestResult {
    let project = format!("/api/projects/{}/", p.id);
    for (body, attr) in [
        (json!({"timezone": "Mars/Olympus"}), "timezone"),
        (json!({"timezone": 5}), "timezone"),
        (json!({"week_start_day": 3}), "week_start_day"),
        (
            json!({"path_cleaning_filters": [{"regex": "(", "alias": ""}]}),
            "path_cleaning_filters__0__regex",
        ),
        (
            json!({"test_account_filters": [{"key": "a", "value": 1, "operator": "?"}]}),
            "test_account_filters__0__operator",
        ),
    ] {
        let (status, answer) = p.send(Method::PATCH, &project, Some(&body)).await?;
        ensure!(
            status == StatusCode::BAD_REQUEST && answer["attr"] == attr,
            "{status} {answer} for {body}"
        );
    }
    // A cohort of itself, by way of another one.
    let of = |id: &Value| {
        json!({"properties": {"type": "OR", "values": [
            {"type": "AND", "values": [{"key": "id", "type": "cohort", "value": id}]}]}})
    };
    let pro = json!([{"properties": [{"key": "plan", "type": "person", "value": "pro"}]}]);
    let inner = p
        .post("cohorts/", json!({"name": "inner", "groups": pro}))
        .await?;
    let outer = p
        .post("cohorts/", json!({"name": "outer", "filters": of(&inner["id"])}))
        .await?;
    for (cohort, referred) in [(&inner, &outer["id"]), (&inner, &inner["id"])] {
        let path = format!("{project}cohorts/{}/", cohort["id"]);
        let body = json!({"filters": of(referred)});
        let (status, answer) = p.send(Method::PATCH, &path, Some(&body)).await?;
        ensure!(
            status == StatusCode::BAD_REQUEST
                && answer["attr"]
                    .as_str()
                    .is_some_and(|attr| attr.starts_with("filters__properties")),
            "{status} {answer} for {body}"
        );
    }
    Ok(())
}

async fn bodies_that_are_no_json_are_refused(p: &Project) -> TestResult {
    let mut paths: Vec<&str> = insights().into_iter().map(|(path, _)| path).collect();
    paths.extend([
        "persons/funnel/",
        "persons/funnel/correlation/",
        "persons/path/",
        "actions/",
    ]);
    for path in paths {
        for body in [
            "{",
            "nonsense",
            "{\"events\": [}",
            "{'a': 1}",
            "\u{0}",
            "{\"a\": 1} {}",
        ] {
            let (status, answer) = p.send_text(Method::POST, path, "application/json", body).await?;
            ensure!(
                status == StatusCode::BAD_REQUEST && answer["code"] == "parse_error",
                "{path} answered {status} {answer} to {body:?}"
            );
        }
        // JSON, but no object.
        for body in ["[]", "5", "\"text\"", "true"] {
            let (status, answer) = p.send_text(Method::POST, path, "application/json", body).await?;
            ensure!(
                status == StatusCode::BAD_REQUEST,
                "{path} answered {status} {answer} to {body:?}"
            );
        }
        // So deep that nobody means it.
        let deep = format!("{{\"properties\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let (status, answer) = p.send_text(Method::POST, path, "application/json", &deep).await?;
        ensure!(
            status == StatusCode::BAD_REQUEST,
            "{path} answered {status} {answer}"
        );
    }
    Ok(())
}

async fn too_much_of_anything_is_refused(p: &Project) -> TestResult {
    let many = |item: &dyn Fn(usize) -> Value| -> Value { (0..10_000).map(item).collect() };
    let named = many(&|index| json!({"id": format!("e{index}"), "order": index}));
    let dates = json!({"date_from": "2020-01-01", "date_to": "2020-01-03"});
    for (path, request) in insights() {
        if reads_entities(path) {
            p.check_refused(path, merged(&request, json!({"events": named})), "events")
                .await?;
        }
        let filters = many(&|index| json!({"key": format!("k{index}"), "value": "v"}));
        p.check_refused(
            path,
            merged(&request, json!({"properties": filters})),
            "properties",
        )
        .await?;
    }
    let two = merged(&dates, json!({"events": events(&["e", "f"])}));
    let numbers = many(&|index| json!(index + 1));
    let texts = many(&|index| json!(format!("t{index}")));
    for (path, request, attr) in [
        (
            "insights/funnel/",
            merged(&two, json!({"breakdown": texts})),
            "breakdown",
        ),
        (
            "insights/funnel/",
            merged(
                &two,
                json!({"exclusions": many(&|index| json!({"id": format!("x{index}"), "funnel_from_step": 0, "funnel_to_step": 1}))}),
            ),
            "exclusions",
        ),
        (
            "insights/path/",
            merged(&dates, json!({"path_groupings": texts})),
            "path_groupings",
        ),
        (
            "insights/path/",
            merged(
                &dates,
                json!({"local_path_cleaning_filters": many(&|_| json!({"regex": "a", "alias": "b"}))}),
            ),
            "local_path_cleaning_filters",
        ),
        (
            "persons/funnel/",
            merged(&two, json!({"funnel_custom_steps": numbers})),
            "funnel_custom_steps",
        ),
    ] {
        p.check_refused(path, request, attr).await?;
    }
    // Ten thousand values of one filter are fine, and so are as many names, and hundreds of filters.
    let texts: Value = (0..10_000).map(|index| json!(format!("t{index}"))).collect();
    for (path, request) in insights() {
        let filters: Value = (0..200)
            .map(|index| json!({"key": format!("k{index}"), "operator": "icontains", "value": "v"}))
            .collect();
        p.post(path, merged(&request, json!({"properties": filters})))
            .await?;
        let values = json!({"properties": [{"key": "a", "value": texts}]});
        p.post(path, merged(&request, values)).await?;
    }
    for extra in [
        json!({"exclude_events": texts}),
        json!({"include_custom_events": texts}),
    ] {
        p.post("insights/path/", merged(&dates, extra)).await?;
    }
    Ok(())
}

async fn nothing_odd_breaks_the_server(p: &Project) -> TestResult {
    p.events([
        event("e").with("b", "x"),
        event("f").at("2020-01-02T10:00Z").with("b", 5),
        event("$pageview").with("$current_url", "/a"),
    ])
    .await?;
    let odd = [
        json!(-1),
        json!(1e99),
        json!("x' OR \"1\"=`1`; --\\"),
        json!("\u{0}"),
        json!(["\u{0}\u{1}\u{7f}", "%_\\", "💥"]),
        json!([[[]]]),
        json!({"a": {"b": []}}),
        json!(true),
        json!("9999-12-31"),
    ];
    let fields = [
        "date_from",
        "date_to",
        "interval",
        "properties",
        "breakdown",
        "breakdown_type",
        "breakdown_limit",
        "events",
        "actions",
        "aggregation_group_type_index",
        "start_point",
        "exclude_events",
        "path_groupings",
        "step_limit",
        "funnel_window_interval",
        "exclusions",
        "funnel_viz_type",
        "funnel_correlation_type",
        "funnel_correlation_names",
        "session",
        "period",
        "total_intervals",
        "target_entity",
        "filter_test_accounts",
        "display",
        "formula",
    ];
    for (path, request) in insights() {
        for field in fields {
            for value in &odd {
                let mut asked = request.clone();
                asked[field] = value.clone();
                let address = format!("/api/projects/{}/{path}", p.id);
                let (status, answer) = p.send(Method::POST, &address, Some(&asked)).await?;
                ensure!(
                    status == StatusCode::OK
                        || (status == StatusCode::BAD_REQUEST && answer["attr"].is_string()),
                    "{path} answered {status} {answer} to {asked}"
                );
            }
        }
        let odd_keys: Value = odd
            .iter()
            .map(|value| json!({"key": value, "value": value}))
            .collect();
        let address = format!(
            "/api/projects/{}/{path}?{}",
            p.id,
            query_string(&json!({"properties": odd_keys}))
        );
        let (status, answer) = p.send(Method::GET, &address, None).await?;
        ensure!(status.as_u16() < 500, "{path} answered {status} {answer}");
        for value in &odd {
            for operator in ["exact", "icontains", "regex", "gt", "is_date_before", "is_not"] {
                let filter = json!({"key": "b", "operator": operator, "value": value});
                let asked = merged(&request, json!({"properties": [filter]}));
                let address = format!("/api/projects/{}/{path}", p.id);
                let (status, answer) = p.send(Method::POST, &address, Some(&asked)).await?;
                ensure!(
                    status == StatusCode::OK
                        || (status == StatusCode::BAD_REQUEST && answer["attr"].is_string()),
                    "{path} answered {status} {answer} to {asked}"
                );
            }
        }
    }
    Ok(())
}

async fn unknown_things_are_404(p: &Project) -> TestResult {
    for path in [
        "/api/projects/999999/events/",
        "/api/nothing/",
        "/api/projects/999999/insights/trend/",
        "/api/projects/999999/insights/funnel/",
        "/api/projects/999999/persons/path/",
    ] {
        let (status, answer) = p.send(Method::GET, path, None).await?;
        ensure!(
            status == StatusCode::NOT_FOUND && answer["code"] == "not_found",
            "{path}: {status} {answer}"
        );
    }
    let (status, _) = p
        .send(
            Method::GET,
            &format!("/api/projects/{}/events/not-a-uuid/", p.id),
            None,
        )
        .await?;
    ensure!(status == StatusCode::NOT_FOUND, "{status}");
    Ok(())
}
