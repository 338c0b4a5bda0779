//! Requests of trends, what they resolve to, and answers from hand-made rows.

use serde_json::{Value, json};

use super::*;
use crate::field_error::ErrorCode;
use crate::resolved::*;
use crate::test_context::{World, at, request};
use crate::trends::formula::Formula;

fn plan(world: &World, body: Value) -> Plan {
    Plan::parse(&request(body), &world.context()).unwrap()
}

fn point(tick: usize, value: f64) -> TrendsPoint {
    TrendsPoint {
        group: None,
        tick,
        value,
    }
}

fn in_group(group: &str, tick: usize, value: f64) -> TrendsPoint {
    TrendsPoint {
        group: Some(GroupKey::Value(group.to_owned())),
        tick,
        value,
    }
}

/// The answer without the parts that repeat the request, a series a line.
fn numbers(mut answer: Value) -> String {
    let series = answer.as_array_mut().unwrap().iter_mut().map(|series| {
        for key in ["action", "filter", "persons_urls", "persons"] {
            series.as_object_mut().unwrap().shift_remove(key);
        }
        series.to_string()
    });
    series.collect::<Vec<_>>().join("\n")
}

fn field<'a>(answer: &'a Value, key: &str) -> Vec<&'a Value> {
    answer
        .as_array()
        .unwrap()
        .iter()
        .map(|series| &series[key])
        .collect()
}

#[test]
fn a_series_is_filled_with_zeros() {
    let plan = plan(
        &World::new(),
        json!({"events": [{"id": "signup"}], "date_from": "2020-01-01", "date_to": "2020-01-03"}),
    );
    assert_eq!(plan.queries().len(), 1);
    let answer = plan.shape(&[vec![point(0, 3.0), point(2, 1.0)]]);
    insta::assert_json_snapshot!(answer, @r#"
    [
      {
        "action": {
          "id": "signup",
          "type": "events",
          "order": 0,
          "name": "signup",
          "custom_name": null,
          "math": null,
          "math_property": null,
          "math_group_type_index": null,
          "properties": []
        },
        "label": "signup",
        "days": [
          "2020-01-01",
          "2020-01-02",
          "2020-01-03"
        ],
        "count": 4.0,
        "data": [
          3.0,
          0.0,
          1.0
        ],
        "labels": [
          "1-Jan-2020",
          "2-Jan-2020",
          "3-Jan-2020"
        ],
        "persons_urls": [
          {
            "filter": {
              "entity_id": "signup",
              "entity_type": "events",
              "entity_math": null,
              "date_from": "2020-01-01T00:00:00Z",
              "date_to": "2020-01-02T00:00:00Z"
            },
            "url": "api/projects/1/persons/trends/?entity_id=signup&entity_type=events&date_from=2020-01-01T00%3A00%3A00Z&date_to=2020-01-02T00%3A00%3A00Z&events=%5B%7B%22id%22%3A%22signup%22%2C%22type%22%3A%22events%22%2C%22order%22%3A0%2C%22name%22%3A%22signup%22%2C%22custom_name%22%3Anull%2C%22math%22%3Anull%2C%22math_property%22%3Anull%2C%22math_group_type_index%22%3Anull%2C%22properties%22%3A%5B%5D%7D%5D"
          },
          {
            "filter": {
              "entity_id": "signup",
              "entity_type": "events",
              "entity_math": null,
              "date_from": "2020-01-02T00:00:00Z",
              "date_to": "2020-01-03T00:00:00Z"
            },
            "url": "api/projects/1/persons/trends/?entity_id=signup&entity_type=events&date_from=2020-01-02T00%3A00%3A00Z&date_to=2020-01-03T00%3A00%3A00Z&events=%5B%7B%22id%22%3A%22signup%22%2C%22type%22%3A%22events%22%2C%22order%22%3A0%2C%22name%22%3A%22signup%22%2C%22custom_name%22%3Anull%2C%22math%22%3Anull%2C%22math_property%22%3Anull%2C%22math_group_type_index%22%3Anull%2C%22properties%22%3A%5B%5D%7D%5D"
          },
          {
            "filter": {
              "entity_id": "signup",
              "entity_type": "events",
              "entity_math": null,
              "date_from": "2020-01-03T00:00:00Z",
              "date_to": "2020-01-04T00:00:00Z"
            },
            "url": "api/projects/1/persons/trends/?entity_id=signup&entity_type=events&date_from=2020-01-03T00%3A00%3A00Z&date_to=2020-01-04T00%3A00%3A00Z&events=%5B%7B%22id%22%3A%22signup%22%2C%22type%22%3A%22events%22%2C%22order%22%3A0%2C%22name%22%3A%22signup%22%2C%22custom_name%22%3Anull%2C%22math%22%3Anull%2C%22math_property%22%3Anull%2C%22math_group_type_index%22%3Anull%2C%22properties%22%3A%5B%5D%7D%5D"
          }
        ],
        "filter": {
          "insight": "TRENDS",
          "display": "ActionsLineGraph",
          "interval": "day",
          "date_from": "2020-01-01T00:00:00Z",
          "date_to": "2020-01-04T00:00:00Z",
          "events": [
            {
              "id": "signup",
              "type": "events",
              "order": 0,
              "name": "signup",
              "custom_name": null,
              "math": null,
              "math_property": null,
              "math_group_type_index": null,
              "properties": []
            }
          ]
        }
      }
    ]
    "#);
}

#[test]
fn a_breakdown_names_its_lines() {
    let plan = plan(
        &World::new(),
        json!({"events": [{"id": "buy"}], "breakdown": "plan", "date_from": "2020-01-01", "date_to": "2020-01-02"}),
    );
    let other = TrendsPoint {
        group: Some(GroupKey::Other),
        tick: 1,
        value: 4.0,
    };
    let null = TrendsPoint {
        group: Some(GroupKey::Null),
        tick: 0,
        value: 2.0,
    };
    let answer = plan.shape(&[vec![
        in_group("pro", 0, 3.0),
        null,
        other,
        in_group("free", 0, 1.0),
    ]]);
    insta::assert_snapshot!(numbers(answer.clone()), @r#"
    {"label":"buy - free","days":["2020-01-01","2020-01-02"],"count":1.0,"data":[1.0,0.0],"labels":["1-Jan-2020","2-Jan-2020"],"breakdown_value":"free"}
    {"label":"buy - pro","days":["2020-01-01","2020-01-02"],"count":3.0,"data":[3.0,0.0],"labels":["1-Jan-2020","2-Jan-2020"],"breakdown_value":"pro"}
    {"label":"buy - Other","days":["2020-01-01","2020-01-02"],"count":4.0,"data":[0.0,4.0],"labels":["1-Jan-2020","2-Jan-2020"],"breakdown_value":"$$_posthog_breakdown_other_$$"}
    {"label":"buy - None","days":["2020-01-01","2020-01-02"],"count":2.0,"data":[2.0,0.0],"labels":["1-Jan-2020","2-Jan-2020"],"breakdown_value":"$$_posthog_breakdown_null_$$"}
    "#);
    // What Other leads to leaves out what has a line of its own.
    let url = answer[2]["persons_urls"][1]["url"].as_str().unwrap();
    assert!(
        url.contains("breakdown_values=%5B%22free%22%2C%22pro%22%5D"),
        "{url}"
    );
}

#[test]
fn bins_are_in_order_of_size() {
    let plan = plan(
        &World::new(),
        json!({"events": ["v"], "breakdown": "n", "breakdown_histogram_bin_count": 3, "date_from": "dStart"}),
    );
    let answer = plan.shape(&[vec![in_group("[10,100.01]", 0, 1.0), in_group("[9,10]", 0, 2.0)]]);
    assert_eq!(
        field(&answer, "breakdown_value"),
        [&json!("[9.0,10.0]"), &json!("[10.0,100.01]")]
    );
}

#[test]
fn cohorts_are_lines_with_all_users_last() {
    let world = World::new()
        .with_cohort(
            5,
            "pros",
            json!([{"properties": [{"key": "plan", "value": "pro"}]}]),
            None,
        )
        .with_cohort(3, "nobody", json!([]), None);
    let plan = plan(
        &world,
        json!({"events": ["buy"], "breakdown": "[\"all\", 5, 3, 99]", "breakdown_type": "cohort",
            "date_from": "2020-01-01", "date_to": "2020-01-01"}),
    );
    // The unknown one is left out.
    assert_eq!(plan.queries().len(), 3);
    let answer = plan.shape(&[vec![point(0, 9.0)], vec![point(0, 4.0)], vec![]]);
    assert_eq!(
        field(&answer, "breakdown_value"),
        [&json!(5), &json!(3), &json!("all")]
    );
    assert_eq!(
        field(&answer, "label"),
        [
            &json!("buy - pros"),
            &json!("buy - nobody"),
            &json!("buy - all users")
        ]
    );
    assert_eq!(field(&answer, "count"), [&json!(4.0), &json!(0.0), &json!(9.0)]);
}

#[test]
fn the_period_before_is_as_long() {
    let plan = plan(
        &World::new(),
        json!({"events": ["v"], "date_from": "2020-01-13", "date_to": "2020-01-14", "compare": "true"}),
    );
    let answer = plan.shape(&[vec![point(1, 2.0)], vec![point(0, 5.0)]]);
    insta::assert_snapshot!(numbers(answer), @r#"
    {"label":"v","days":["2020-01-13","2020-01-14"],"count":2.0,"data":[0.0,2.0],"labels":["day 0","day 1"],"compare":true,"compare_label":"current"}
    {"label":"v","days":["2020-01-11","2020-01-12"],"count":5.0,"data":[5.0,0.0],"labels":["day 0","day 1"],"compare":true,"compare_label":"previous"}
    "#);
}

#[test]
fn periods_before_by_interval() {
    for (zone, body, expected) in [
        // A clock change lies between: days are days.
        (
            "America/New_York",
            json!({"date_from": "2022-11-07", "date_to": "2022-11-08"}),
            ("2022-11-05T04:00:00Z", "2022-11-07T05:00:00Z"),
        ),
        (
            "UTC",
            json!({"date_from": "2020-03-10", "date_to": "2020-03-20", "interval": "month"}),
            ("2020-02-01T00:00:00Z", "2020-03-01T00:00:00Z"),
        ),
        (
            "UTC",
            json!({"date_from": "2020-01-04 10:00", "date_to": "2020-01-04 16:00", "interval": "day"}),
            ("2020-01-04T04:00:00Z", "2020-01-04T10:00:00Z"),
        ),
    ] {
        let mut body = body;
        body["compare"] = json!(true);
        body["events"] = json!(["v"]);
        let plan = plan(&World::new().in_zone(zone), body);
        let range = plan.queries()[1].range;
        assert_eq!((range.from, range.to), (at(expected.0), at(expected.1)));
        assert_eq!(plan.queries()[0].ticks.len(), plan.queries()[1].ticks.len());
    }
}

#[test]
fn the_first_bucket_counts_as_a_whole_when_there_are_two() {
    for (body, from) in [
        (
            json!({"date_from": "2020-06-07", "date_to": "2020-06-10", "interval": "month"}),
            "2020-06-01T00:00:00Z",
        ),
        (
            json!({"date_from": "2020-06-10", "date_to": "2020-06-10", "interval": "week"}),
            "2020-06-07T00:00:00Z",
        ),
        (
            json!({"date_from": "2020-06-10T12:00", "date_to": "2020-06-11"}),
            "2020-06-10T12:00:00Z",
        ),
        (
            json!({"date_from": "2020-06-10T12:00", "date_to": "2020-06-12"}),
            "2020-06-10T00:00:00Z",
        ),
    ] {
        let mut body = body;
        body["events"] = json!(["v"]);
        assert_eq!(
            plan(&World::new(), body.clone()).queries()[0].range.from,
            at(from),
            "{body}"
        );
    }
}

#[test]
fn single_numbers() {
    let plan = plan(
        &World::new(),
        json!({"events": [{"id": "v", "math": "dau"}], "display": "ActionsPie",
            "date_from": "2020-01-01", "date_to": "2020-01-02"}),
    );
    assert_eq!(plan.queries()[0].shape, TrendsShape::Single);
    insta::assert_snapshot!(numbers(plan.shape(&[vec![point(0, 7.0)]])), @r#"
    {"label":"v","days":["2020-01-01","2020-01-02"],"count":0,"data":[],"labels":[],"aggregated_value":7.0}
    "#);
}

#[test]
fn running_sums() {
    let body = json!({"events": [{"id": "v", "math": "dau"}], "display": "ActionsLineGraphCumulative",
        "date_from": "2020-01-01", "date_to": "2020-01-03"});
    let plan = plan(&World::new(), body);
    assert_eq!(plan.queries()[0].shape, TrendsShape::FirstSeen);
    let answer = plan.shape(&[vec![point(0, 2.0), point(2, 1.0)]]);
    assert_eq!(answer[0]["data"], json!([2.0, 2.0, 3.0]));
    assert_eq!(answer[0]["count"], json!(3.0));
}

#[test]
fn smoothing() {
    for (intervals, data, count) in [
        (1, json!([2.0, 1.0, 3.0]), 6.0),
        (2, json!([2.0, 1.0, 2.0]), 5.0),
        (3, json!([2.0, 1.0, 2.0]), 5.0),
    ] {
        let plan = plan(
            &World::new(),
            json!({"events": ["v"], "smoothing_intervals": intervals, "date_from": "-2d"}),
        );
        let answer = plan.shape(&[vec![point(0, 2.0), point(1, 1.0), point(2, 3.0)]]);
        assert_eq!((&answer[0]["data"], &answer[0]["count"]), (&data, &json!(count)));
    }
}

#[test]
fn formulas() {
    for (text, expected) in [
        ("A + B", 8.0),
        ("a-b", 4.0),
        ("A / B * 10", 30.0),
        ("A * 1.5", 9.0),
        (".5*A", 3.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ -1", 0.5),
        ("A / (B - 2)", 0.0),
        ("0 / 0", 0.0),
        ("A - (B - 1) - 1", 4.0),
        ("--A", 6.0),
        ("(0-8)^0.5", 0.0),
    ] {
        assert_eq!(
            Formula::parse(text, 2).unwrap().value(&[6.0, 2.0]),
            expected,
            "{text}"
        );
    }
    let deep = "(".repeat(10_000);
    for text in ["", "A +", "C", "A B", "A $ B", "(A", "A)", "1.2.3", "2A", &deep] {
        let error = Formula::parse(text, 2).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some("formula"), "{text}");
    }
}

#[test]
fn a_formula_goes_over_the_union_of_values() {
    let plan = plan(
        &World::new(),
        json!({"events": ["a", "b"], "formula": "A + B", "breakdown": "city", "date_from": "2020-01-01", "date_to": "2020-01-02"}),
    );
    let rows = [
        vec![in_group("Rome", 0, 1.0)],
        vec![in_group("Bern", 1, 2.0), in_group("Rome", 0, 4.0)],
    ];
    insta::assert_snapshot!(numbers(plan.shape(&rows)), @r#"
    {"label":"Bern","days":["2020-01-01","2020-01-02"],"count":2.0,"data":[0.0,2.0],"labels":["1-Jan-2020","2-Jan-2020"],"breakdown_value":"Bern"}
    {"label":"Rome","days":["2020-01-01","2020-01-02"],"count":5.0,"data":[5.0,0.0],"labels":["1-Jan-2020","2-Jan-2020"],"breakdown_value":"Rome"}
    "#);
}

#[test]
fn formulas_compare_and_sum_up() {
    let mut body = json!({"events": ["a", "b"], "formula": "A / B", "compare": true,
        "date_from": "2020-01-03", "date_to": "2020-01-04"});
    let whole = plan(&World::new(), body.clone());
    // For each entity the current period, then the previous one.
    let rows = [
        vec![point(0, 4.0)],
        vec![point(1, 9.0)],
        vec![point(0, 2.0)],
        vec![point(1, 3.0)],
    ];
    let answer = whole.shape(&rows);
    assert_eq!(field(&answer, "data"), [&json!([2.0, 0.0]), &json!([0.0, 3.0])]);
    assert_eq!(
        field(&answer, "compare_label"),
        [&json!("current"), &json!("previous")]
    );
    body["display"] = json!("ActionsTable");
    let single = plan(&World::new(), body);
    let answer = single.shape(&[vec![point(0, 4.0)], vec![], vec![point(0, 2.0)], vec![]]);
    assert_eq!(field(&answer, "aggregated_value"), [&json!(2.0), &json!(0.0)]);
}

#[test]
fn maths() {
    let person = ActorKind::Person;
    let group = ActorKind::Group(model::GroupTypeIndex::new(1).unwrap());
    for (entity, expected) in [
        (json!({}), Math::Total),
        (json!({"math": "total"}), Math::Total),
        (json!({"math": "dau"}), Math::UniqueActors(person)),
        (
            json!({"math": "weekly_active"}),
            Math::Active {
                actor: person,
                days: 7,
            },
        ),
        (
            json!({"math": "monthly_active"}),
            Math::Active {
                actor: person,
                days: 30,
            },
        ),
        (
            json!({"math": "unique_group", "math_group_type_index": "1"}),
            Math::UniqueActors(group),
        ),
        (json!({"math": "unique_session"}), Math::UniqueSessions),
        (
            json!({"math": "p95", "math_property": "amount"}),
            Math::Property {
                source: PropertySource::Event,
                key: "amount".to_owned(),
                aggregate: Aggregate::P95,
            },
        ),
        (
            json!({"math": "avg", "math_property": "$session_duration"}),
            Math::Property {
                source: PropertySource::Session,
                key: "$session_duration".to_owned(),
                aggregate: Aggregate::Avg,
            },
        ),
        (
            json!({"math": "max_count_per_actor"}),
            Math::CountPerActor {
                actor: person,
                aggregate: Aggregate::Max,
            },
        ),
        (
            json!({"math": "avg_count_per_actor", "math_group_type_index": 1}),
            Math::CountPerActor {
                actor: group,
                aggregate: Aggregate::Avg,
            },
        ),
    ] {
        let mut entity = entity;
        entity["id"] = json!("v");
        let plan = plan(&World::new(), json!({"events": [entity]}));
        assert_eq!(plan.queries()[0].math, expected);
    }
}

#[test]
fn refusals_name_their_field() {
    let invalid = ErrorCode::InvalidInput;
    let required = ErrorCode::Required;
    for (body, code, attr) in [
        (json!({"date_from": "soon"}), invalid, "date_from"),
        (json!({"interval": "decade"}), invalid, "interval"),
        (json!({"display": "Hologram"}), invalid, "display"),
        (json!({"date_from": "all", "compare": true}), invalid, "compare"),
        (
            json!({"events": [{"id": "v", "math": "mode"}]}),
            invalid,
            "events__0__math",
        ),
        (
            json!({"events": [{"id": "v", "math": "sum"}]}),
            required,
            "math_property",
        ),
        (
            json!({"events": [{"id": "v", "math": "unique_group"}]}),
            required,
            "math_group_type_index",
        ),
        (
            json!({"events": [{"id": "v", "math": "unique_group", "math_group_type_index": 5}]}),
            invalid,
            "events__0__math_group_type_index",
        ),
        (json!({"events": [{"name": "v"}]}), required, "events__0__id"),
        (json!({"events": "[{"}), invalid, "events"),
        (
            json!({"events": [{"id": "v", "type": "things"}]}),
            invalid,
            "events__0__type",
        ),
        (json!({"actions": [{"id": "v"}]}), invalid, "actions__0__id"),
        (
            json!({"events": [{"id": "v", "math": "weekly_active"}], "interval": "hour"}),
            invalid,
            "interval",
        ),
        (json!({"properties": "{"}), invalid, "properties"),
        (
            json!({"properties": [{"value": 1}]}),
            required,
            "properties__0__key",
        ),
        (
            json!({"properties": [{"key": "a"}]}),
            required,
            "properties__0__value",
        ),
        (json!({"properties": ["a"]}), invalid, "properties__0"),
        (
            json!({"properties": [{"key": "a", "value": 1, "operator": "is_odd"}]}),
            invalid,
            "properties__0__operator",
        ),
        (
            json!({"properties": [{"key": "a", "value": 1, "type": "planet"}]}),
            invalid,
            "properties__0__type",
        ),
        (
            json!({"properties": [{"key": "a", "value": "x", "operator": "gt"}]}),
            invalid,
            "properties__0__value",
        ),
        (
            json!({"properties": [{"key": "a", "value": 1, "type": "group"}]}),
            required,
            "properties__0__group_type_index",
        ),
        (
            json!({"properties": [{"key": "a", "value": 1, "type": "group", "group_type_index": 7}]}),
            invalid,
            "properties__0__group_type_index",
        ),
        (
            json!({"properties": {"type": "OR", "values": [{"key": "a", "value": 1}, {"type": "AND", "values": []}]}}),
            invalid,
            "properties__values",
        ),
        (
            json!({"properties": {"type": "XOR", "values": []}}),
            invalid,
            "properties__type",
        ),
        (
            json!({"properties": [{"key": "text", "type": "element", "operator": "gt", "value": 1}]}),
            invalid,
            "properties__0__operator",
        ),
        (
            json!({"properties": [{"key": "selector", "type": "element", "value": "a:hover"}]}),
            invalid,
            "properties__0__value",
        ),
        (
            json!({"breakdown": "a", "breakdown_limit": 0}),
            invalid,
            "breakdown_limit",
        ),
        (
            json!({"breakdown": "a", "breakdown_limit": "many"}),
            invalid,
            "breakdown_limit",
        ),
        (json!({"breakdown": ["a", "b"]}), invalid, "breakdown"),
        (
            json!({"breakdown": "a", "breakdown_type": "group"}),
            required,
            "breakdown_group_type_index",
        ),
        (json!({"smoothing_intervals": 0}), invalid, "smoothing_intervals"),
        (json!({"events": ["v"], "formula": "A +"}), invalid, "formula"),
        (
            json!({"date_from": "1990-01-01", "interval": "hour"}),
            invalid,
            "interval",
        ),
    ] {
        let error = Plan::parse(&request(body.clone()), &World::new().context()).unwrap_err();
        assert_eq!(
            (error.code, error.attr.as_deref()),
            (code, Some(attr)),
            "{body}: {error}"
        );
    }
}

#[test]
fn a_missing_action_has_no_series() {
    let plan = plan(&World::new(), json!({"actions": [{"id": 77}], "events": ["v"]}));
    assert_eq!(plan.queries().len(), 1);
    assert_eq!(plan.shape(&[vec![]]).as_array().unwrap().len(), 1);
}

#[test]
fn entities_are_ordered_actions_first() {
    let world = World::new().with_action(1, "act", json!([]));
    let body = json!({
        "events": [{"id": "late", "order": 2}, {"id": "zero", "order": 0}, {"id": "none"}],
        "actions": "[{\"id\": 1, \"order\": 1}]",
    });
    let answer = plan(&world, body).shape(&[vec![], vec![], vec![], vec![]]);
    assert_eq!(field(&answer, "label"), ["zero", "none", "act", "late"]);
}
