//! Every path of an answer leads to the actors that were counted.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn world() -> World {
    let mut world = World::new()
        .in_zone("America/New_York")
        .with_action(4, "act", json!([{"event": "buy"}]))
        .with_cohort(
            7,
            "pro",
            json!([{"properties": [{"key": "plan", "value": "pro", "type": "person"}]}]),
            None,
        );
    world.project.test_account_filters =
        json!([{"key": "email", "value": "@test", "type": "person", "operator": "not_icontains"}]);
    world
}

fn to_actors(world: &World, url: &Value) -> FunnelActorsQuery {
    let (path, request) = followed(url);
    assert_eq!(path, "persons/funnel/");
    // The clock may have moved on meanwhile.
    let mut context = world.context();
    context.now += chrono::TimeDelta::days(400);
    actors(&request, &context).unwrap()
}

/// Any text, and what might be mistaken for something else.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,6}",
        select(vec![
            "",
            "Other",
            "null",
            "[\"Other\"]",
            "[]",
            "[1,2]",
            "1.0",
            "a&b=c%",
            "all"
        ])
        .prop_map(str::to_owned),
    ]
}

fn groups(keys: usize) -> impl Strategy<Value = Vec<FunnelGroup>> {
    let group = prop_oneof![
        4 => prop::collection::vec(text(), keys).prop_map(FunnelGroup::Value),
        1 => Just(FunnelGroup::Other),
    ];
    prop::collection::btree_set(group, 1..4).prop_map(|groups| groups.into_iter().collect())
}

/// Fields of a request that say how the funnel works.
fn ways() -> impl Strategy<Value = Vec<Value>> {
    let one = |choices: Vec<Value>| select(choices);
    (
        one(vec![
            json!({}),
            json!({"funnel_order_type": "strict"}),
            json!({"funnel_order_type": "unordered",
                "exclusions": [{"id": "x", "funnel_from_step": 0, "funnel_to_step": 2}]}),
            json!({"exclusions": "[{\"id\": \"x\", \"funnel_from_step\": 0, \"funnel_to_step\": 1}]"}),
        ]),
        one(vec![
            json!({}),
            json!({"funnel_window_days": 3}),
            json!({"funnel_window_interval": "2", "funnel_window_interval_unit": "month"}),
        ]),
        one(vec![
            json!({}),
            json!({"aggregation_group_type_index": 1}),
            json!({"properties": {"type": "OR", "values": [{"key": "c & d", "value": true}]},
                "filter_test_accounts": true}),
        ]),
        one(vec![
            json!({}),
            json!({"date_from": "-30d", "interval": "week"}),
            json!({"date_from": "2019-11-02T01:30:00.25", "date_to": "2019-11-03T12:00:00Z", "interval": "hour"}),
            json!({"date_from": "-1mStart", "interval": "month"}),
            json!({"date_from": "2019-11-01", "date_to": "2019-11-05"}),
            json!({"interval": "hour"}),
        ]),
        one(vec![
            json!({}),
            json!({"breakdown_attribution_type": "step", "breakdown_attribution_value": 1}),
            json!({"breakdown_attribution_type": "all_events", "breakdown_limit": 3}),
        ]),
    )
        .prop_map(|(order, window, filters, dates, attribution)| {
            vec![order, window, filters, dates, attribution]
        })
}

fn body(fields: impl IntoIterator<Item = Value>) -> Request {
    let mut body = request(json!({
        "events": [{"id": "a", "order": 0, "properties": [{"key": "ü", "value": ["1", 2]}]}, {"id": "b", "order": 2}],
        "actions": [{"id": "4", "order": 1, "math": "sum"}],
    }));
    for fields in fields {
        body.extend(request(fields));
    }
    body
}

fn breakdown(keys: usize) -> Value {
    match keys {
        0 => json!({}),
        1 => json!({"breakdown": "k"}),
        _ => json!({"breakdown": ["k", "l"], "breakdown_type": "person"}),
    }
}

fn check_steps(world: &World, query: &FunnelQuery, group: Option<&FunnelGroup>, funnel: &Value) {
    let all = funnel.as_array().unwrap().len();
    for (index, step) in funnel.as_array().unwrap().iter().enumerate() {
        let converted = to_actors(world, &step["converted_people_url"]);
        assert_eq!(&converted.funnel, query);
        assert_eq!(converted.group.as_ref(), group);
        assert_eq!(converted.reached, (index + 1..=all).collect::<Vec<_>>());
        assert_eq!(converted.entrance, None);
        if index > 0 {
            let dropped = to_actors(world, &step["dropped_people_url"]);
            assert_eq!(&dropped.funnel, query);
            assert_eq!(dropped.group.as_ref(), group);
            assert_eq!(dropped.reached, [index]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn of_steps(ways in ways(), (keys, groups) in (0..3_usize).prop_flat_map(|keys| (Just(keys), groups(keys)))) {
        let world = world();
        let plan = Plan::parse(&body(ways.into_iter().chain([breakdown(keys)])), &world.context()).unwrap();
        let [Ask::Steps(query)] = plan.asks() else { panic!("{:?}", plan.asks()) };
        if keys == 0 {
            let answer = plan.shape(&[Answer::Steps(vec![steps(None, &[3, 2, 1])])]);
            check_steps(&world, query, None, &answer);
        } else {
            let rows = groups.iter().map(|group| steps(Some(group.clone()), &[3, 2, 1])).collect();
            let answer = plan.shape(&[Answer::Steps(rows)]);
            for (group, funnel) in groups.iter().zip(answer.as_array().unwrap()) {
                check_steps(&world, query, Some(group), funnel);
            }
        }
    }

    #[test]
    fn of_cohorts(ways in ways()) {
        let world = world();
        let by = json!({"breakdown_type": "cohort", "breakdown": ["7", "all"]});
        let plan = Plan::parse(&body(ways.into_iter().chain([by])), &world.context()).unwrap();
        let rows = || Answer::Steps(vec![steps(None, &[3, 2, 1])]);
        let answer = plan.shape(&[rows(), rows()]);
        for (ask, funnel) in plan.asks().iter().zip(answer.as_array().unwrap()) {
            let Ask::Steps(query) = ask else { panic!("{ask:?}") };
            check_steps(&world, query, None, funnel);
        }
    }

    #[test]
    fn of_trends(
        ways in ways(),
        keys in 0..2_usize,
        group in groups(1),
        (from, to) in select(vec![(0, 2), (0, 1), (1, 2), (2, 2)]),
    ) {
        let world = world();
        let view = json!({"funnel_viz_type": "trends", "funnel_from_step": from, "funnel_to_step": to});
        let fields = ways.into_iter().chain([breakdown(keys), view]);
        let plan = Plan::parse(&body(fields), &world.context()).unwrap();
        let [Ask::Trends(query)] = plan.asks() else { panic!("{:?}", plan.asks()) };
        let group = (keys > 0).then(|| group[0].clone());
        let answer = plan.shape(&[Answer::Trends(vec![FunnelTrendsPoint {
            group: group.clone(),
            tick: 0,
            reached_from: 2,
            reached_to: 1,
        }])]);
        let urls = answer[0]["persons_urls"].as_array().unwrap();
        prop_assert_eq!(urls.len(), query.ticks.len());
        // The periods cover the range one after the other.
        let mut end = query.funnel.range.from;
        for (url, tick) in urls.iter().zip(&query.ticks) {
            let converted = to_actors(&world, &url["converted_people_url"]);
            let dropped = to_actors(&world, &url["dropped_people_url"]);
            prop_assert_eq!(&converted.funnel, &query.funnel);
            prop_assert_eq!(&dropped.funnel, &query.funnel);
            prop_assert_eq!(&converted.group, &group);
            prop_assert_eq!(&dropped.group, &group);
            prop_assert_eq!(converted.reached, (query.to..=3).collect::<Vec<_>>());
            prop_assert_eq!(dropped.reached, (query.from..query.to).collect::<Vec<_>>());
            prop_assert_eq!(dropped.entrance, converted.entrance);
            let entrance = converted.entrance.unwrap();
            prop_assert_eq!(entrance.from, end);
            prop_assert!(entrance.from >= *tick);
            end = entrance.to;
        }
        prop_assert_eq!(end, query.funnel.range.to);
    }
}
