//! Requests of lifecycle, what they resolve to, and answers from hand-made rows.

use model::{Interval, WeekStart};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::resolved::*;
use crate::test_context::{World, at, followed, request};

fn plan(world: &World, body: Value) -> Plan {
    Plan::parse(&request(body), &world.context()).unwrap()
}

fn point(status: LifecycleStatus, tick: usize, count: u64) -> LifecyclePoint {
    LifecyclePoint { status, tick, count }
}

#[test]
fn four_series_and_the_dormant_below_zero() {
    use LifecycleStatus::*;
    let plan = plan(
        &World::new(),
        json!({"events": [{"id": "seen"}], "date_from": "2020-01-12", "date_to": "2020-01-14"}),
    );
    assert_eq!(
        plan.queries()[0].range,
        model::TimeRange {
            from: at("2020-01-11T00:00:00Z"),
            to: at("2020-01-15T00:00:00Z"),
        }
    );
    let answer = plan.shape(&[vec![
        point(New, 0, 1),
        point(Returning, 0, 1),
        point(Returning, 1, 1),
        point(Resurrecting, 2, 1),
        point(Dormant, 1, 1),
        point(Dormant, 2, 1),
    ]]);
    let lines: Vec<String> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|series| {
            format!(
                "{} {} {} {}",
                series["label"], series["status"], series["data"], series["count"]
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "seen - new" "new" [1,0,0] 1
    "seen - returning" "returning" [1,1,0] 2
    "seen - resurrecting" "resurrecting" [0,0,1] 1
    "seen - dormant" "dormant" [0,-1,-1] -2
    "#);
    assert_eq!(
        answer[3]["days"],
        json!(["2020-01-12", "2020-01-13", "2020-01-14"])
    );
    assert_eq!(answer[3]["labels"][0], "12-Jan-2020");
    assert_eq!(answer[3]["action"]["id"], "seen");
    insta::assert_json_snapshot!(answer[3]["persons_urls"][1], @r#"
    {
      "filter": {
        "entity_id": "seen",
        "entity_type": "events",
        "entity_math": null,
        "target_date": "2020-01-13T00:00:00Z",
        "lifecycle_type": "dormant"
      },
      "url": "api/projects/1/persons/lifecycle/?entity_id=seen&entity_type=events&target_date=2020-01-13T00%3A00%3A00Z&lifecycle_type=dormant&events=%5B%7B%22id%22%3A%22seen%22%2C%22type%22%3A%22events%22%2C%22order%22%3A0%2C%22name%22%3A%22seen%22%2C%22custom_name%22%3Anull%2C%22math%22%3Anull%2C%22math_property%22%3Anull%2C%22math_group_type_index%22%3Anull%2C%22properties%22%3A%5B%5D%7D%5D"
    }
    "#);
}

#[test]
fn whole_weeks_and_months_of_the_project() {
    let mut world = World::new().in_zone("America/New_York");
    world.project.week_start = WeekStart::Monday;
    for (interval, from, to, ticks) in [
        ("week", "2020-02-24T05:00:00Z", "2020-03-16T04:00:00Z", 2),
        ("month", "2020-02-01T05:00:00Z", "2020-04-01T04:00:00Z", 1),
        ("day", "2020-03-03T05:00:00Z", "2020-03-12T04:00:00Z", 8),
    ] {
        let plan = plan(
            &world,
            json!({"events": [{"id": "e"}], "interval": interval, "date_from": "2020-03-04", "date_to": "2020-03-11"}),
        );
        let query = &plan.queries()[0];
        assert_eq!(
            (query.range.from, query.range.to),
            (at(from), at(to)),
            "{interval}"
        );
        assert_eq!(query.ticks.len(), ticks);
    }
}

#[test]
fn entities_bring_their_filters_and_missing_actions_none() {
    let world = World::new().with_action(4, "act", json!([{"event": "buy"}]));
    let plan = plan(
        &world,
        json!({"events": [{"id": "a", "properties": [{"key": "k", "value": "v"}], "order": 1}], "actions": [4, 5],
            "properties": [{"key": "g", "operator": "is_set"}], "aggregation_group_type_index": 1}),
    );
    let leaf = |key: &str, test| Condition::Property {
        source: PropertySource::Event,
        key: key.to_owned(),
        test,
    };
    let global = leaf("g", PropertyTest::IsSet);
    let conditions: Vec<&Condition> = plan.queries().iter().map(|query| &query.condition).collect();
    assert_eq!(
        conditions,
        [
            &Condition::All(vec![Condition::EventName("buy".to_owned()), global.clone()]),
            &Condition::All(vec![
                Condition::EventName("a".to_owned()),
                leaf("k", PropertyTest::AnyOf(vec!["v".to_owned()])),
                global
            ]),
        ]
    );
    let group = model::GroupTypeIndex::new(1).unwrap();
    assert!(
        plan.queries()
            .iter()
            .all(|query| query.actor == ActorKind::Group(group))
    );
    let answer = plan.shape(&[Vec::new(), Vec::new()]);
    assert_eq!(answer.as_array().unwrap().len(), 8);
    assert_eq!(answer[0]["label"], "act - new");
    assert_eq!(answer[4]["label"], "a - new");
}

#[test]
fn wrong_requests_name_the_field() {
    let base = json!({"events": [{"id": "a"}], "target_date": "2020-01-02", "lifecycle_type": "new"});
    for (change, attr) in [
        (json!({"target_date": null}), "target_date"),
        (json!({"target_date": "some day"}), "target_date"),
        (json!({"target_date": "all"}), "target_date"),
        (json!({"lifecycle_type": ""}), "lifecycle_type"),
        (json!({"lifecycle_type": "old"}), "lifecycle_type"),
        (json!({"events": []}), "entity_id"),
        (
            json!({"events": [{"id": "a"}, {"id": "b"}], "entity_id": "c"}),
            "entity_id",
        ),
        (json!({"interval": "year"}), "interval"),
        (
            json!({"date_from": "2020-01-03", "date_to": "2020-01-01"}),
            "date_from",
        ),
        (
            json!({"aggregation_group_type_index": 5}),
            "aggregation_group_type_index",
        ),
        (json!({"limit": 0}), "limit"),
    ] {
        let mut body = request(base.clone());
        body.extend(request(change.clone()));
        let error = actors(&body, &World::new().context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{change}: {error}");
    }
    let body = request(json!({"events": [{"id": "a"}], "date_from": "2020-01-03", "date_to": "2020-01-01"}));
    let error = Plan::parse(&body, &World::new().context()).unwrap_err();
    assert_eq!(error.attr.as_deref(), Some("date_from"));
    // Of several entities the first one, or the one named.
    for (id, name) in [(json!(null), "a"), (json!("b"), "b")] {
        let mut body = request(base.clone());
        body.extend(request(
            json!({"events": [{"id": "a"}, {"id": "b"}], "entity_id": id, "offset": 7, "limit": 3}),
        ));
        let query = actors(&body, &World::new().context()).unwrap();
        assert_eq!(query.query.condition, Condition::EventName(name.to_owned()));
        assert_eq!((query.limit, query.offset), (3, 7));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_path_leads_to_its_point(
        interval in prop::sample::select(vec!["hour", "day", "week", "month", ""]),
        zone in prop::sample::select(vec!["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
        monday in any::<bool>(),
        day in 1_u32..29,
        days in 0_u32..3,
        group in prop::option::of(0_u8..5),
        id in prop::sample::select(vec![json!("a & b=ü?"), json!(null), json!(7)]),
        value in "\\PC{1,6}",
        test_accounts in any::<bool>(),
    ) {
        let mut world = World::new().in_zone(zone).with_action(7, "seven", json!([{"event": "x"}]));
        world.project.week_start = if monday { WeekStart::Monday } else { WeekStart::Sunday };
        world.project.test_account_filters = json!([{"key": "t", "type": "person", "value": 1}]);
        let list = if id == json!(7) { "actions" } else { "events" };
        let plan = plan(&world, json!({
            list: [{"id": id, "properties": [{"key": "k", "value": [value.clone()]}], "math": "dau"}],
            "properties": {"type": "OR", "values": [{"key": value, "operator": "is_set"}, {"key": "n", "operator": "gt", "value": 2}]},
            "interval": interval,
            "date_from": format!("2020-03-{day:02}"),
            "date_to": format!("2020-03-{:02}", day + days),
            "aggregation_group_type_index": group,
            "filter_test_accounts": test_accounts,
        }));
        let query = &plan.queries()[0];
        let answer = plan.shape(&[Vec::new()]);
        for series in answer.as_array().unwrap() {
            let urls = series["persons_urls"].as_array().unwrap();
            prop_assert_eq!(urls.len(), query.ticks.len());
            for (tick, url) in query.ticks.iter().zip(urls) {
                let (path, request) = followed(&url["url"]);
                prop_assert_eq!(path, "persons/lifecycle/");
                let found = actors(&request, &world.context()).unwrap();
                prop_assert_eq!(&series["status"], found.status.name());
                prop_assert_eq!(&found.query.ticks, &vec![*tick]);
                prop_assert_eq!(found.tick, 0);
                prop_assert!(found.query.range.from < *tick && found.query.range.from >= query.range.from);
                prop_assert!(found.query.range.to > *tick && found.query.range.to <= query.range.to);
                let same = LifecycleQuery { ticks: query.ticks.clone(), range: query.range, ..found.query };
                prop_assert_eq!(&same, query);
            }
        }
        prop_assert_eq!(query.interval == Interval::Day, matches!(interval, "day" | ""));
    }
}
