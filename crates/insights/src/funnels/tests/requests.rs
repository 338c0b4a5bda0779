//! What requests ask.

use chrono::TimeDelta;
use model::{GroupTypeIndex, Interval, TimeRange, WeekStart};

use super::*;
use crate::test_context::at;

fn event(name: &str) -> Condition {
    Condition::EventName(name.to_owned())
}

fn is(source: PropertySource, key: &str, value: &str) -> Condition {
    Condition::Property {
        source,
        key: key.to_owned(),
        test: PropertyTest::AnyOf(vec![value.to_owned()]),
    }
}

#[test]
fn a_plain_funnel_is_ordered_within_two_weeks() {
    let query = funnel_asked(&World::new(), funnel(json!({})));
    assert_eq!(query.order, FunnelOrder::Ordered);
    assert_eq!(query.window, ConversionWindow::Span(TimeDelta::days(14)));
    assert_eq!(query.steps, [event("a"), event("b"), event("c")]);
    assert_eq!(query.between, Condition::All(vec![]));
    assert_eq!(query.actor, ActorKind::Person);
    assert_eq!(query.range.from, at("2020-01-01T00:00:00Z"));
    assert_eq!(query.range.to, at("2020-01-04T00:00:00Z"));
    assert_eq!((query.breakdown, query.exclusions), (None, vec![]));
}

#[test]
fn no_steps_ask_nothing() {
    for body in [json!({}), json!({"events": [], "exclusions": [{"id": "x"}]})] {
        let plan = plan(&World::new(), body);
        assert_eq!(plan.asks(), []);
        assert_eq!(plan.shape(&[]), json!([]));
    }
}

#[test]
fn windows() {
    let span = |span| ConversionWindow::Span(span);
    for (change, window) in [
        (json!({"funnel_window_days": 3}), span(TimeDelta::days(3))),
        (json!({"funnel_window_days": "3"}), span(TimeDelta::days(3))),
        (
            json!({"funnel_window_days": 3, "funnel_window_interval": 5}),
            span(TimeDelta::days(3)),
        ),
        (
            json!({"funnel_window_days": 0, "funnel_window_interval": "5"}),
            span(TimeDelta::days(5)),
        ),
        (
            json!({"funnel_window_interval": 5, "funnel_window_interval_unit": "minute"}),
            span(TimeDelta::minutes(5)),
        ),
        (
            json!({"funnel_window_interval": 1, "funnel_window_interval_unit": "hour"}),
            span(TimeDelta::hours(1)),
        ),
        (
            json!({"funnel_window_interval_unit": "week"}),
            span(TimeDelta::weeks(14)),
        ),
        (
            json!({"funnel_window_interval": 2, "funnel_window_interval_unit": "month"}),
            ConversionWindow::Months(2),
        ),
    ] {
        let query = funnel_asked(&World::new(), funnel(change.clone()));
        assert_eq!(query.window, window, "{change}");
    }
}

#[test]
fn global_filters_are_part_of_steps_exclusions_and_what_may_not_come_between() {
    let mut world = World::new().with_action(4, "act", json!([{"event": "b"}]));
    world.project.test_account_filters = json!([{"key": "staff", "value": "no", "type": "person"}]);
    let body = json!({
        "events": [{"id": "a", "order": 0, "properties": [{"key": "k", "value": "v"}], "math": "sum"}],
        "actions": [{"id": 4, "order": 1, "math": "no such thing"}],
        "exclusions": [{"id": "x", "funnel_from_step": 0, "funnel_to_step": "1"}],
        "properties": [{"key": "g", "value": "h"}],
        "filter_test_accounts": true,
        "aggregation_group_type_index": 2,
    });
    let index = GroupTypeIndex::new(2).unwrap();
    let query = funnel_asked(&world, body);
    let globals = [
        is(PropertySource::Person, "staff", "no"),
        is(PropertySource::Event, "g", "h"),
        Condition::InGroup(index),
    ];
    let with = |own: &[Condition]| Condition::All([own, &globals].concat());
    assert_eq!(query.actor, ActorKind::Group(index));
    assert_eq!(
        query.steps,
        [
            with(&[event("a"), is(PropertySource::Event, "k", "v")]),
            with(&[event("b")]),
        ]
    );
    assert_eq!(query.between, with(&[]));
    assert_eq!(
        query.exclusions,
        [FunnelExclusion {
            condition: with(&[event("x")]),
            from_step: 0,
            to_step: 1,
        }]
    );
}

#[test]
fn strict_funnels_have_no_exclusions() {
    let query = funnel_asked(
        &World::new(),
        funnel(json!({
            "funnel_order_type": "strict",
            "exclusions": [{"id": "x", "funnel_from_step": 0, "funnel_to_step": 1}],
        })),
    );
    assert_eq!(query.order, FunnelOrder::Strict);
    assert_eq!(query.exclusions, []);
}

#[test]
fn an_exclusion_may_be_narrower_than_a_step() {
    let query = funnel_asked(
        &World::new(),
        funnel(json!({"exclusions": [
            {"id": "b", "properties": [{"key": "k", "value": "v"}], "funnel_from_step": 0, "funnel_to_step": 1},
            // Equal to a step, but to none that it lies between.
            {"id": "c", "funnel_from_step": 0, "funnel_to_step": 1},
        ]})),
    );
    assert_eq!(query.exclusions.len(), 2);
}

#[test]
fn breakdowns_by_properties() {
    let breakdown = |source, keys: &[&str], attribution, limit| FunnelBreakdown {
        source,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        attribution,
        limit,
    };
    let group = PropertySource::Group(GroupTypeIndex::new(1).unwrap());
    for (change, expected) in [
        (
            json!({"breakdown": "k"}),
            breakdown(PropertySource::Event, &["k"], Attribution::FirstTouch, 25),
        ),
        (
            json!({"breakdown": ["k", "l"], "breakdown_type": "person", "breakdown_limit": "3"}),
            breakdown(PropertySource::Person, &["k", "l"], Attribution::FirstTouch, 3),
        ),
        (
            json!({"breakdown": "[\"k\"]", "breakdown_attribution_type": "last_touch"}),
            breakdown(PropertySource::Event, &["k"], Attribution::LastTouch, 25),
        ),
        (
            json!({"breakdown": "k", "breakdown_type": "group", "breakdown_group_type_index": 1,
                "breakdown_attribution_type": "all_events"}),
            breakdown(group, &["k"], Attribution::AllEvents, 25),
        ),
        (
            json!({"breakdowns": [{"property": "k", "type": "person"}, {"property": "l"}],
                "breakdown_attribution_type": "step", "breakdown_attribution_value": "2"}),
            breakdown(PropertySource::Person, &["k", "l"], Attribution::Step(2), 25),
        ),
    ] {
        let query = funnel_asked(&World::new(), funnel(change.clone()));
        assert_eq!(query.breakdown, Some(expected), "{change}");
    }
}

#[test]
fn breakdowns_by_cohorts_ask_once_for_each() {
    let world = World::new().with_cohort(
        7,
        "pro",
        json!([{"properties": [{"key": "plan", "value": "pro", "type": "person"}]}]),
        None,
    );
    let plan = plan(
        &world,
        funnel(json!({
            "breakdown_type": "cohort", "breakdown": [7, "all", 99], "funnel_order_type": "strict",
        })),
    );
    let [Ask::Steps(pro), Ask::Steps(all)] = plan.asks() else {
        panic!("{:?}", plan.asks());
    };
    let member = is(PropertySource::Person, "plan", "pro");
    assert_eq!(pro.steps[0], Condition::All(vec![event("a"), member.clone()]));
    assert_eq!(pro.between, member);
    assert_eq!(pro.breakdown, None);
    assert_eq!(all.steps[0], event("a"));
}

#[test]
fn trends_ask_for_their_periods_and_steps() {
    for (change, from, to) in [
        (json!({"funnel_viz_type": "trends"}), 1, 3),
        (json!({"display": "ActionsLineGraph", "funnel_to_step": 0}), 1, 3),
        (
            json!({"funnel_viz_type": "trends", "funnel_from_step": "1", "funnel_to_step": 2}),
            2,
            3,
        ),
    ] {
        let mut body = funnel(change.clone());
        body["date_from"] = json!("2020-01-01T06:00:00Z");
        let plan = plan(&World::new().in_zone("US/Pacific"), body);
        let [Ask::Trends(query)] = plan.asks() else {
            panic!("{:?}", plan.asks());
        };
        assert_eq!((query.from, query.to), (from, to), "{change}");
        assert_eq!(query.interval, Interval::Day);
        assert_eq!(query.week_start, WeekStart::Sunday);
        assert_eq!(query.ticks.len(), 4);
        assert_eq!(query.ticks[0], at("2019-12-31T08:00:00Z"));
        assert_eq!(query.funnel.range.from, at("2020-01-01T06:00:00Z"));
    }
    // What the request says of its view goes before what older ones said of their display.
    let body = funnel(json!({"display": "ActionsLineGraph", "funnel_viz_type": "steps"}));
    assert!(matches!(plan(&World::new(), body).asks(), [Ask::Steps(_)]));
}

#[test]
fn times_ask_for_their_steps_and_are_never_broken_down() {
    let body = funnel(json!({"funnel_viz_type": "time_to_convert", "funnel_from_step": 1, "breakdown": "k"}));
    let plan = plan(&World::new(), body);
    let [Ask::Times(query)] = plan.asks() else {
        panic!("{:?}", plan.asks());
    };
    assert_eq!((query.from, query.to), (1, 2));
    assert_eq!(query.funnel.breakdown, None);
}

#[test]
fn actors_are_those_of_a_step() {
    for (change, reached) in [
        (json!({"funnel_step": 1}), vec![1, 2, 3]),
        (json!({"funnel_step": 0}), vec![1, 2, 3]),
        (json!({"funnel_step": "2"}), vec![2, 3]),
        (json!({"funnel_step": -2}), vec![1]),
        (json!({"funnel_step": "-3"}), vec![2]),
        (
            json!({"funnel_custom_steps": [3, "1", 3], "funnel_step": 2}),
            vec![1, 3],
        ),
        (json!({"funnel_custom_steps": "[2]"}), vec![2]),
    ] {
        let query = actors(&request(funnel(change.clone())), &World::new().context()).unwrap();
        assert_eq!(query.reached, reached, "{change}");
        assert_eq!((query.limit, query.offset), (100, 0));
        assert_eq!((query.group, query.entrance), (None, None));
    }
}

#[test]
fn actors_of_a_part_of_a_breakdown() {
    for (breakdown, named, group) in [
        (json!("k"), json!("Chrome"), value("Chrome")),
        (json!("k"), json!(["Chrome"]), value("Chrome")),
        (json!("k"), json!("[\"Chrome\"]"), value("Chrome")),
        (json!("k"), json!("[1,2]"), value("[1,2]")),
        (json!("k"), json!(5), value("5")),
        (json!("k"), json!(""), value("")),
        (json!(["k"]), json!("Other"), FunnelGroup::Other),
        (json!(["k", "l"]), json!(["Other"]), FunnelGroup::Other),
        (
            json!(["k", "l"]),
            json!("[\"Other\", 1]"),
            FunnelGroup::Value(vec!["Other".to_owned(), "1".to_owned()]),
        ),
    ] {
        let body = funnel(json!({"breakdown": breakdown, "funnel_step_breakdown": named, "funnel_step": 1}));
        let query = actors(&request(body), &World::new().context()).unwrap();
        assert_eq!(query.group, Some(group), "{breakdown} {named}");
        assert!(query.funnel.breakdown.is_some());
    }
    let body = funnel(json!({"breakdown": "k", "funnel_step": 1, "limit": 4, "offset": "8"}));
    let query = actors(&request(body), &World::new().context()).unwrap();
    assert_eq!(
        (query.group, query.funnel.breakdown, query.limit, query.offset),
        (None, None, 4, 8)
    );
}

#[test]
fn actors_of_a_period() {
    let actors_of = |change: Value| {
        let body = request(funnel(json!({"funnel_viz_type": "trends"})));
        let body = body.into_iter().chain(request(change)).collect();
        actors(&body, &World::new().context()).unwrap()
    };
    let day = TimeRange {
        from: at("2020-01-02T00:00:00Z"),
        to: at("2020-01-03T00:00:00Z"),
    };
    for start in ["2020-01-02", "2020-01-02 00:00:00", "2020-01-02T13:00:00Z"] {
        let query = actors_of(json!({"entrance_period_start": start}));
        assert_eq!((query.entrance, query.reached), (Some(day), vec![3]));
    }
    let query = actors_of(json!({"entrance_period_start": "2020-01-02", "drop_off": "true"}));
    assert_eq!(query.reached, [1, 2]);
    let query = actors_of(json!({
        "entrance_period_start": "2020-01-02", "drop_off": true, "funnel_from_step": 1, "funnel_to_step": 2,
    }));
    assert_eq!(query.reached, [2]);
    let query = actors_of(json!({"entrance_period_start": "2020-01-02", "funnel_to_step": 1}));
    assert_eq!(query.reached, [2, 3]);
    // A step may be asked for all the same.
    assert_eq!(actors_of(json!({"funnel_step": 2})).entrance, None);
}
