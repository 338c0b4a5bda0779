//! Requests of paths, what they resolve to, and answers from hand-made edges.

use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::resolved::*;
use crate::test_context::{World, at, followed, request};

fn plan(world: &World, body: Value) -> Plan {
    Plan::parse(&request(body), &world.context()).unwrap()
}

fn query(body: Value) -> PathsQuery {
    plan(&World::new(), body).query().clone()
}

fn edge(source: &str, target: &str, value: u64) -> PathEdge {
    PathEdge {
        source: source.to_owned(),
        target: target.to_owned(),
        value,
        average_time: 60_000.0,
    }
}

#[test]
fn defaults() {
    let query = query(json!({"date_from": "2020-01-01", "date_to": "2020-01-02"}));
    assert_eq!(
        (query.range.from, query.range.to),
        (at("2020-01-01T00:00:00Z"), at("2020-01-03T00:00:00Z"))
    );
    assert_eq!(query.condition, Condition::All(Vec::new()));
    assert_eq!(query.actor, ActorKind::Person);
    assert_eq!((query.step_limit, query.edge_limit), (5, Some(50)));
    assert_eq!(query.visit_gap, TimeDelta::minutes(30));
    assert_eq!(query.rewrite, PathRewrite::None);
    assert_eq!((query.start, query.end, query.funnel), (None, None, None));
}

#[test]
fn events_looked_at() {
    let name = |name: &str| Condition::EventName(name.to_owned());
    for (body, condition) in [
        (json!({"include_event_types": ["$pageview"]}), name("$pageview")),
        (
            json!({"include_event_types": "[\"$screen\", \"custom_event\"]"}),
            Condition::Any(vec![name("$screen"), Condition::CustomEvent]),
        ),
        (
            json!({"include_event_types": ["$pageview"], "include_custom_events": ["a", "b"]}),
            Condition::Any(vec![name("$pageview"), name("a"), name("b")]),
        ),
    ] {
        assert_eq!(query(body).condition, condition);
    }
}

#[test]
fn between_two_points_all_edges_are_answered() {
    let body = json!({"start_point": "/a", "end_point": "/b"});
    assert_eq!(query(body).edge_limit, None);
    let body = json!({"start_point": "/a", "end_point": "/b", "edge_limit": 3});
    assert_eq!(query(body).edge_limit, Some(3));
}

#[test]
fn only_stars_are_wild() {
    let query = query(json!({"path_groupings": ["/u/*/x.y", "mid_*", "*", "a**b"]}));
    let PathRewrite::Groupings(pairs) = query.rewrite else {
        panic!("groupings")
    };
    let patterns: Vec<&str> = pairs.iter().map(|(pattern, _)| pattern.as_str()).collect();
    assert_eq!(patterns, [r"/u/(?s:.)*/x\.y", "mid_", "", "a(?s:.)*b"]);
    assert_eq!(pairs[0].1, "/u/*/x.y");
    let compiled = regex::Regex::new(patterns[0]).unwrap();
    assert!(compiled.is_match("https://h/u/1\n2/x.y?z"));
    assert!(!compiled.is_match("/u/1/xxy"));
}

#[test]
fn cleaning_rules_go_before_wildcards() {
    let mut world = World::new();
    world.project.path_cleaning_filters = json!([{"regex": "/\\d+", "alias": "/:id"}]);
    let pair = |regex: &str, alias: &str| (regex.to_owned(), alias.to_owned());
    let local = json!([{"regex": "\\?.*", "alias": ""}]);
    for (body, rewrite) in [
        (
            json!({"path_groupings": ["a*"], "path_replacements": true, "local_path_cleaning_filters": local}),
            PathRewrite::Replacements(vec![pair(r"/\d+", "/:id"), pair(r"\?.*", "")]),
        ),
        (
            json!({"path_groupings": ["a*"], "local_path_cleaning_filters": local.to_string()}),
            PathRewrite::Replacements(vec![pair(r"\?.*", "")]),
        ),
        (
            json!({"path_groupings": ["a*"], "path_replacements": false}),
            PathRewrite::Groupings(vec![pair("a", "a*")]),
        ),
    ] {
        assert_eq!(plan(&world, body.clone()).query().rewrite, rewrite, "{body}");
    }
    let error = check_cleaning_filters(&json!([{"regex": "a", "alias": "b"}, {"regex": "("}])).unwrap_err();
    assert_eq!(error.attr.as_deref(), Some("path_cleaning_filters__1__regex"));
    assert!(check_cleaning_filters(&world.project.path_cleaning_filters).is_ok());
    assert!(check_cleaning_filters(&json!([])).is_ok());
}

#[test]
fn edges_in_the_air_are_left_out() {
    let edges = [
        edge("3_c", "4_d", 9),
        edge("1_a", "2_b", 8),
        edge("2_x", "3_c", 7),
        edge("2_b", "3_e", 6),
    ];
    let kept = |body: Value| -> Vec<String> {
        let answer = plan(&World::new(), body).shape(&edges);
        answer
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| {
                format!(
                    "{}-{}",
                    edge["source"].as_str().unwrap(),
                    edge["target"].as_str().unwrap()
                )
            })
            .collect()
    };
    assert_eq!(kept(json!({})), ["1_a-2_b", "2_b-3_e"]);
    assert_eq!(kept(json!({"min_edge_weight": 6})).len(), 4);
    let answer = plan(&World::new(), json!({})).shape(&edges);
    assert_eq!(answer[0]["value"], 8);
    assert_eq!(answer[0]["average_conversion_time"], 60_000.0);
}

#[test]
fn visits_relative_to_a_funnel_are_as_long_as_its_window() {
    let funnel = json!({"events": [{"id": "a"}, {"id": "b", "order": 1}], "funnel_window_interval": 3,
        "funnel_window_interval_unit": "day", "funnel_step": 2});
    let query = query(
        json!({"funnel_paths": "funnel_path_between_steps", "funnel_filter": funnel.to_string(),
        "date_from": "2020-01-01", "date_to": "2020-01-02", "aggregation_group_type_index": 1}),
    );
    assert_eq!(query.visit_gap, TimeDelta::days(3));
    let part = query.funnel.unwrap();
    assert_eq!(part.at, FunnelPlace::Between(1));
    assert_eq!(part.funnel.range, query.range);
    assert_eq!(part.funnel.actor, query.actor);
}

#[test]
fn wrong_requests_name_the_field() {
    for (body, attr) in [
        (
            json!({"include_event_types": ["click"]}),
            "include_event_types__0",
        ),
        (
            json!({"include_event_types": ["custom_event"], "include_custom_events": ["a"]}),
            "include_custom_events",
        ),
        (json!({"step_limit": 0}), "step_limit"),
        (json!({"step_limit": 21}), "step_limit"),
        (json!({"edge_limit": 0}), "edge_limit"),
        (json!({"min_edge_weight": -1}), "min_edge_weight"),
        (
            json!({"min_edge_weight": 3, "max_edge_weight": 2}),
            "max_edge_weight",
        ),
        (json!({"path_groupings": ["a", ""]}), "path_groupings__1"),
        (
            json!({"local_path_cleaning_filters": [{"regex": "[", "alias": "x"}]}),
            "local_path_cleaning_filters__0__regex",
        ),
        (
            json!({"local_path_cleaning_filters": [{"alias": "x"}]}),
            "local_path_cleaning_filters__0__regex",
        ),
        (
            json!({"local_path_cleaning_filters": ["x"]}),
            "local_path_cleaning_filters__0",
        ),
        (
            json!({"date_from": "2020-01-03", "date_to": "2020-01-01"}),
            "date_from",
        ),
        (json!({"interval": "eon"}), "interval"),
        (
            json!({"aggregation_group_type_index": 9}),
            "aggregation_group_type_index",
        ),
        (json!({"funnel_paths": "funnel_path_after_step"}), "funnel_filter"),
        (json!({"path_start_key": "/a"}), "path_start_key"),
        (json!({"path_end_key": "0_/a"}), "path_end_key"),
        (json!({"path_dropoff_key": "x_y"}), "path_dropoff_key"),
    ] {
        let world = World::new();
        let error = actors(&request(body.clone()), &world.context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{body}: {error}");
        if !attr.starts_with("path_") || attr.starts_with("path_g") {
            assert_eq!(Plan::parse(&request(body), &world.context()).unwrap_err(), error);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_path_leads_to_its_edge(
        from in prop::option::of(prop::sample::select(vec!["2020-01-02", "-3d", "2020-01-01T07:30:00", "mStart"])),
        types in prop::sample::subsequence(vec!["$pageview", "$screen"], 0..=2),
        names in prop::collection::vec("\\PC{1,5}", 0..3),
        excluded in prop::collection::vec("\\PC{1,5}", 0..3),
        start in prop::option::of("\\PC{1,5}"),
        end in prop::option::of("\\PC{1,5}"),
        groupings in prop::collection::vec("[a*.(]{1,5}", 0..3),
        rules in any::<bool>(),
        step_limit in prop::option::of(1_u32..=20),
        group in prop::option::of(0_u8..5),
        place in prop::option::of(prop::sample::select(vec![
            "funnel_path_before_step", "funnel_path_between_steps", "funnel_path_after_step"])),
        source in "\\PC{0,5}",
    ) {
        let mut world = World::new();
        world.project.path_cleaning_filters = json!([{"regex": "/\\d+", "alias": "/:id"}]);
        let funnel = place.map(|_| json!({"events": [{"id": "a"}, {"id": "b", "order": 1}], "funnel_step": 2}));
        let plan = plan(&world, json!({
            "date_from": from, "include_event_types": types, "include_custom_events": names, "exclude_events": excluded,
            "start_point": start, "end_point": end, "path_groupings": groupings, "path_replacements": rules,
            "step_limit": step_limit, "aggregation_group_type_index": group, "funnel_paths": place, "funnel_filter": funnel,
            "properties": [{"key": "email", "type": "person", "value": "a&b"}],
        }));
        let answer = plan.shape(&[edge(&format!("1_{source}"), "2_x", 4)]);
        let (path, request) = followed(&answer[0]["people_url"]);
        prop_assert_eq!(path, "persons/path/");
        let found = actors(&request, &world.context()).unwrap();
        prop_assert_eq!(&found.paths, plan.query());
        prop_assert_eq!(found.from, Some(format!("1_{source}")));
        prop_assert_eq!(found.to.as_deref(), Some("2_x"));
        prop_assert_eq!(found.dropoff, None);
    }
}
