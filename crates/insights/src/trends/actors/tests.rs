//! What the paths to actors lead to.

use serde_json::{Value, json};

use super::*;
use crate::resolved::{Comparison, GroupKey, PropertySource, PropertyTest, TrendsPoint};
use crate::test_context::{World, at, request};
use crate::trends::Plan;

fn plan(world: &World, body: Value) -> Plan {
    Plan::parse(&request(body), &world.context()).unwrap()
}

fn in_group(group: &str, tick: usize, value: f64) -> TrendsPoint {
    TrendsPoint {
        group: Some(GroupKey::Value(group.to_owned())),
        tick,
        value,
    }
}

/// The query of the actors that a path leads to.
fn followed(world: &World, url: &Value) -> TrendActorsQuery {
    let (path, request) = crate::test_context::followed(url);
    assert_eq!(path, "persons/trends/");
    actors(&request, &world.context()).unwrap()
}

#[test]
fn paths_to_actors_ask_what_was_counted() {
    let mut world = World::new()
        .in_zone("America/New_York")
        .with_action(4, "act", json!([{"event": "buy"}]));
    world.project.test_account_filters =
        json!([{"key": "email", "value": "@test", "type": "person", "operator": "not_icontains"}]);
    let base = json!({
        "actions": [{"id": 4, "properties": [{"key": "a & b", "value": ["ü", 1]}], "math": "dau"}],
        "properties": {"type": "OR", "values": [{"key": "c", "value": true}, {"key": "d", "operator": "is_set"}]},
        "filter_test_accounts": true,
        "date_from": "2022-11-04", "date_to": "2022-11-07",
    });
    let day = |from: &str, to: &str| (at(from), at(to));
    for (change, tick, (from, to)) in [
        (
            json!({}),
            Some(2),
            day("2022-11-06T04:00:00Z", "2022-11-07T05:00:00Z"),
        ),
        (
            json!({"display": "ActionsLineGraphCumulative"}),
            Some(2),
            day("2022-11-04T04:00:00Z", "2022-11-07T05:00:00Z"),
        ),
        (
            json!({"display": "ActionsPie"}),
            None,
            day("2022-11-04T04:00:00Z", "2022-11-08T05:00:00Z"),
        ),
        (
            json!({"interval": "week"}),
            Some(1),
            day("2022-11-06T04:00:00Z", "2022-11-08T05:00:00Z"),
        ),
        (
            json!({"interval": "hour"}),
            Some(1),
            day("2022-11-04T05:00:00Z", "2022-11-04T06:00:00Z"),
        ),
        (
            json!({"compare": true}),
            Some(0),
            day("2022-11-04T04:00:00Z", "2022-11-05T04:00:00Z"),
        ),
    ] {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(request(change.clone()));
        let plan = plan(&world, body);
        let answer = plan.shape(&vec![Vec::new(); plan.queries().len()]);
        let point = match tick {
            Some(tick) => &answer[0]["persons_urls"][tick],
            None => &answer[0]["persons"],
        };
        let query = followed(&world, &point["url"]);
        assert_eq!((query.range.from, query.range.to), (from, to), "{change}");
        assert_eq!(query.condition, plan.queries()[0].condition, "{change}");
        assert_eq!(query.actor, ActorKind::Person);
    }
}

#[test]
fn paths_to_actors_of_rolling_numbers_span_their_window() {
    let world = World::new();
    for (display, index, from, to) in [
        (
            "ActionsLineGraph",
            1,
            "2019-12-27T00:00:00Z",
            "2020-01-03T00:00:00Z",
        ),
        (
            "ActionsLineGraphCumulative",
            1,
            "2019-12-26T00:00:00Z",
            "2020-01-03T00:00:00Z",
        ),
    ] {
        let plan = plan(
            &world,
            json!({"events": [{"id": "v", "math": "weekly_active"}], "date_from": "2020-01-01", "date_to": "2020-01-03",
                "display": display}),
        );
        let answer = plan.shape(&[vec![]]);
        let query = followed(&world, &answer[0]["persons_urls"][index]["url"]);
        assert_eq!(
            (query.range.from, query.range.to),
            (at(from), at(to)),
            "{display}"
        );
    }
    let plan = plan(
        &world,
        json!({"events": [{"id": "v", "math": "monthly_active"}], "date_from": "2020-01-01", "date_to": "2020-02-03",
            "display": "BoldNumber"}),
    );
    let query = followed(&world, &plan.shape(&[vec![]])[0]["persons"]["url"]);
    assert_eq!(
        (query.range.from, query.range.to),
        (at("2020-01-05T00:00:00Z"), at("2020-02-04T00:00:00Z"))
    );
}

#[test]
fn paths_to_actors_of_a_breakdown() {
    let world = World::new().with_cohort(
        5,
        "pros",
        json!([{"properties": [{"key": "plan", "value": "pro"}]}]),
        None,
    );
    let plan = plan(
        &world,
        json!({"events": ["buy"], "breakdown": "plan", "breakdown_type": "person", "date_from": "2020-01-01"}),
    );
    let key = |group| TrendsPoint {
        group: Some(group),
        tick: 0,
        value: 1.0,
    };
    let rows = [vec![
        key(GroupKey::Value(String::new())),
        key(GroupKey::Other),
        key(GroupKey::Null),
    ]];
    let answer = plan.shape(&rows);
    let property = |test| Condition::Property {
        source: PropertySource::Person,
        key: "plan".to_owned(),
        test,
    };
    let event = Condition::EventName("buy".to_owned());
    let empty = vec![String::new()];
    for (line, expected) in [
        // Not those without the property: they have a line of their own.
        vec![
            property(PropertyTest::AnyOf(empty.clone())),
            property(PropertyTest::IsSet),
        ],
        vec![
            property(PropertyTest::IsSet),
            property(PropertyTest::NoneOf(empty)),
        ],
        vec![property(PropertyTest::IsNotSet)],
    ]
    .into_iter()
    .enumerate()
    {
        let query = followed(&world, &answer[line]["persons_urls"][0]["url"]);
        let expected: Vec<Condition> = std::iter::once(event.clone()).chain(expected).collect();
        assert_eq!(query.condition, Condition::All(expected));
    }
    let cohorts = self::plan(
        &world,
        json!({"events": ["buy"], "breakdown": ["all", 5], "breakdown_type": "cohort"}),
    );
    let answer = cohorts.shape(&[vec![], vec![]]);
    let member = property(PropertyTest::AnyOf(vec!["pro".to_owned()]));
    let pros = followed(&world, &answer[0]["persons_urls"][0]["url"]);
    assert_eq!(pros.condition, Condition::All(vec![event.clone(), member]));
    assert_eq!(
        followed(&world, &answer[1]["persons_urls"][0]["url"]).condition,
        event
    );
}

#[test]
fn bins_and_addresses_lead_to_their_actors() {
    let world = World::new();
    let property = |test| Condition::Property {
        source: PropertySource::Event,
        key: "n".to_owned(),
        test,
    };
    let event = Condition::EventName("v".to_owned());
    let bins = plan(
        &world,
        json!({"events": ["v"], "breakdown": "n", "breakdown_histogram_bin_count": 2}),
    );
    let answer = bins.shape(&[vec![in_group("[1,2.5]", 0, 1.0)]]);
    let compare = |op, value| property(PropertyTest::Compare { op, value });
    assert_eq!(
        followed(&world, &answer[0]["persons_urls"][0]["url"]).condition,
        Condition::All(vec![
            event.clone(),
            compare(Comparison::GreaterOrEqual, 1.0),
            compare(Comparison::Less, 2.5)
        ])
    );
    let addresses = plan(
        &world,
        json!({"events": ["v"], "breakdown": "n", "breakdown_normalize_url": "true"}),
    );
    let answer = addresses.shape(&[vec![in_group("https://x.example/a", 0, 1.0)]]);
    let Condition::All(parts) = followed(&world, &answer[0]["persons_urls"][0]["url"]).condition else {
        panic!()
    };
    let Condition::Property {
        test: PropertyTest::Regex { pattern, .. },
        ..
    } = &parts[1]
    else {
        panic!()
    };
    let pattern = regex::Regex::new(pattern).unwrap();
    for (text, expected) in [
        ("https://x.example/a", true),
        ("https://x.example/a//", true),
        ("https://x.example/a/?q=1#f", true),
        ("https://x.example/a#f", true),
        ("https://x.example/a/b", false),
        ("https://xyexample/a", false),
    ] {
        assert_eq!(pattern.is_match(text), expected, "{text}");
    }
}

#[test]
fn actors_asked_for_by_day() {
    let world = World::new();
    for (body, from, to) in [
        (
            json!({"date_from": "2020-01-01", "date_to": "2020-01-01"}),
            "2020-01-01T00:00:00Z",
            "2020-01-02T00:00:00Z",
        ),
        (
            json!({"date_from": "2020-01-01"}),
            "2020-01-01T00:00:00Z",
            "2020-01-02T00:00:00Z",
        ),
        (
            json!({"date_from": "2020-01-05", "date_to": "2020-01-05", "interval": "week"}),
            "2020-01-05T00:00:00Z",
            "2020-01-12T00:00:00Z",
        ),
        (
            json!({"date_from": "2020-01-01", "date_to": "2020-01-03"}),
            "2020-01-01T00:00:00Z",
            "2020-01-04T00:00:00Z",
        ),
        (
            json!({"date_from": "2020-01-10", "entity_math": "weekly_active"}),
            "2020-01-04T00:00:00Z",
            "2020-01-11T00:00:00Z",
        ),
        (
            json!({"date_from": "2020-01-10 13:00:00", "interval": "hour"}),
            "2020-01-10T13:00:00Z",
            "2020-01-10T14:00:00Z",
        ),
    ] {
        let mut body = body;
        body["entity_id"] = json!("v");
        body["entity_type"] = json!("events");
        let query = actors(&request(body.clone()), &world.context()).unwrap();
        assert_eq!((query.range.from, query.range.to), (at(from), at(to)), "{body}");
    }
}

#[test]
fn one_of_several_series_is_chosen_by_id_and_math() {
    let world = World::new();
    let body = json!({"events": [{"id": "a"}, {"id": "b", "properties": {"x__gt": 1}}, {"id": "b", "math": "unique_group", "math_group_type_index": 0}],
        "entity_id": "b", "entity_type": "events", "entity_math": "unique_group"});
    let query = actors(&request(body), &world.context()).unwrap();
    assert_eq!(query.condition, Condition::EventName("b".to_owned()));
    assert_eq!(
        query.actor,
        ActorKind::Group(model::GroupTypeIndex::new(0).unwrap())
    );
}
