//! Requests of stickiness, what they resolve to, and answers from hand-made rows.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::resolved::*;
use crate::test_context::{World, at, followed, request};

fn plan(world: &World, body: Value) -> Plan {
    Plan::parse(&request(body), &world.context()).unwrap()
}

fn point(intervals: usize, actors: u64) -> StickinessPoint {
    StickinessPoint { intervals, actors }
}

#[test]
fn as_many_numbers_as_the_range_has_intervals() {
    let plan = plan(
        &World::new(),
        json!({"events": [{"id": "watched"}], "date_from": "2020-01-01", "date_to": "2020-01-03"}),
    );
    let answer = plan.shape(&[vec![
        point(3, 1),
        point(1, 1),
        point(2, 1),
        point(4, 9),
        point(0, 9),
    ]]);
    assert_eq!(answer[0]["data"], json!([1, 1, 1]));
    assert_eq!(answer[0]["days"], json!([1, 2, 3]));
    assert_eq!(answer[0]["labels"], json!(["1 day", "2 days", "3 days"]));
    assert_eq!(answer[0]["count"], 3);
    assert_eq!(answer[0]["label"], "watched");
    assert_eq!(answer[0]["filter"]["insight"], "STICKINESS");
    assert_eq!(answer[0]["compare"], Value::Null);
    assert_eq!(
        answer[0]["persons_urls"][1]["filter"],
        json!({"entity_id": "watched", "entity_type": "events", "entity_math": null,
            "date_from": "2020-01-01T00:00:00Z", "date_to": "2020-01-04T00:00:00Z", "stickiness_days": 2})
    );
}

#[test]
fn intervals_are_counted_by_the_calendar() {
    for (zone, interval, from, to, count, last) in [
        ("UTC", "month", "2020-01-01", "2020-09-08", 9, "9 months"),
        ("UTC", "month", "2019-12-31", "2021-01-01", 14, "14 months"),
        ("UTC", "week", "2020-01-01", "2020-01-05", 2, "2 weeks"),
        (
            "UTC",
            "hour",
            "2020-01-01 12:00:00",
            "2020-01-01 20:59:59",
            9,
            "9 hours",
        ),
        ("US/Pacific", "day", "2021-05-01", "2021-05-15", 15, "15 days"),
    ] {
        let world = World::new().in_zone(zone);
        let plan = plan(
            &world,
            json!({"events": [{"id": "e"}], "date_from": from, "date_to": to, "interval": interval}),
        );
        let answer = plan.shape(&[Vec::new()]);
        let labels = answer[0]["labels"].as_array().unwrap();
        assert_eq!(labels.len(), count, "{interval}");
        assert_eq!(labels[count - 1], last);
    }
}

#[test]
fn compared_with_as_many_intervals_before() {
    let body = json!({"events": [{"id": "a"}, {"id": "b"}], "date_from": "2020-01-04", "date_to": "2020-01-06",
        "compare": true});
    let plan = plan(&World::new(), body);
    let ranges: Vec<_> = plan.queries().iter().map(|query| query.range.from).collect();
    let (now, before) = (at("2020-01-04T00:00:00Z"), at("2020-01-01T00:00:00Z"));
    assert_eq!(ranges, [now, before, now, before]);
    let answer = plan.shape(&[vec![], vec![point(2, 5)], vec![], vec![]]);
    assert_eq!(answer[1]["compare_label"], "previous");
    assert_eq!(answer[1]["data"], json!([0, 5, 0]));
    assert_eq!(answer[2]["compare_label"], "current");
    let body = request(json!({"events": ["a"], "date_from": "all", "compare": true}));
    let error = Plan::parse(&body, &World::new().context()).unwrap_err();
    assert_eq!(error.attr.as_deref(), Some("compare"));
}

#[test]
fn actors_may_be_groups() {
    let group = |index| ActorKind::Group(model::GroupTypeIndex::new(index).unwrap());
    for (body, actor) in [
        (json!({"events": ["e"]}), ActorKind::Person),
        (
            json!({"events": ["e"], "aggregation_group_type_index": "2"}),
            group(2),
        ),
        (
            json!({"events": [{"id": "e", "math": "unique_group", "math_group_type_index": 0}],
                "aggregation_group_type_index": 2}),
            group(0),
        ),
        (
            json!({"events": [{"id": "e", "math_group_type_index": 1}]}),
            group(1),
        ),
    ] {
        assert_eq!(
            plan(&World::new(), body.clone()).queries()[0].actor,
            actor,
            "{body}"
        );
    }
}

#[test]
fn wrong_requests_name_the_field() {
    for (change, attr) in [
        (json!({"stickiness_days": null}), "stickiness_days"),
        (json!({"stickiness_days": 0}), "stickiness_days"),
        (json!({"stickiness_days": "many"}), "stickiness_days"),
        (json!({"events": []}), "entity_id"),
        (json!({"interval": "fortnight"}), "interval"),
        (
            json!({"date_from": "2020-01-03", "date_to": "2020-01-01"}),
            "date_from",
        ),
    ] {
        let mut body = request(json!({"events": [{"id": "a"}], "stickiness_days": 1}));
        body.extend(request(change.clone()));
        let error = actors(&body, &World::new().context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{change}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_path_leads_to_its_number(
        interval in prop::sample::select(vec!["hour", "day", "week", "month"]),
        zone in prop::sample::select(vec!["UTC", "America/New_York", "Asia/Kathmandu"]),
        from in prop::option::of(prop::sample::select(vec!["2020-01-02", "-3d", "2020-01-01T07:30:00", "mStart"])),
        group in prop::option::of(0_u8..5),
        own_group in prop::option::of(0_u8..5),
        compare in any::<bool>(),
        key in "\\PC{1,6}",
    ) {
        let world = World::new().in_zone(zone).with_action(7, "seven", json!([{"event": "x"}]));
        let plan = plan(&world, json!({
            "events": [{"id": "e", "math_group_type_index": own_group}],
            "actions": [{"id": 7, "properties": [{"key": key, "value": "v"}]}],
            "properties": [{"key": "email", "type": "person", "operator": "icontains", "value": "%25&="}],
            "interval": interval,
            "date_from": from,
            "aggregation_group_type_index": group,
            "compare": compare,
        }));
        let answer = plan.shape(&vec![Vec::new(); plan.queries().len()]);
        let series = answer.as_array().unwrap();
        prop_assert_eq!(series.len(), if compare { 4 } else { 2 });
        for (query, series) in plan.queries().iter().zip(series) {
            for (index, url) in series["persons_urls"].as_array().unwrap().iter().enumerate() {
                let (path, request) = followed(&url["url"]);
                prop_assert_eq!(path, "persons/stickiness/");
                let found = actors(&request, &world.context()).unwrap();
                prop_assert_eq!(&found.query, query);
                prop_assert_eq!(found.intervals, index + 1);
            }
        }
    }
}
