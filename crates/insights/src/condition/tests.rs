//! What filters, actions and cohorts resolve to.

use chrono::TimeDelta;
use model::{GroupTypeIndex, TimeRange};
use serde_json::{Value, json};

use super::*;
use crate::definition::{cohort_condition, cohort_persons};
use crate::resolved::{Comparison, DateTest, ElementTest, PersonSet, PropertySource, PropertyTest};
use crate::test_context::{World, at, request};

fn of(world: &World, properties: Value) -> Condition {
    of_request(&request(json!({"properties": properties})), &world.context()).unwrap()
}

fn event(key: &str, test: PropertyTest) -> Condition {
    Condition::Property {
        source: PropertySource::Event,
        key: key.to_owned(),
        test,
    }
}

fn person(key: &str, test: PropertyTest) -> Condition {
    Condition::Property {
        source: PropertySource::Person,
        key: key.to_owned(),
        test,
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

#[test]
fn operators() {
    use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
    use PropertyTest::{AnyOf, Compare, Contains, IsNotSet, IsSet, Never, NoneOf, Regex};
    let contains = |text: &str, negated| Contains {
        text: text.to_owned(),
        negated,
    };
    let regex = |pattern: &str, negated| Regex {
        pattern: pattern.to_owned(),
        negated,
    };
    for (operator, value, expected) in [
        (json!(null), json!("a"), AnyOf(texts(&["a"]))),
        (
            json!("exact"),
            json!(["a", 1, 1.0, 1.5, true, null, {"k": 1}]),
            AnyOf(texts(&["a", "1", "1", "1.5", "true", "null", "{\"k\":1}"])),
        ),
        (json!("exact"), json!([]), AnyOf(vec![])),
        (json!("is_not"), json!("a"), NoneOf(texts(&["a"]))),
        (json!("icontains"), json!("50%"), contains("50%", false)),
        (json!("not_icontains"), json!(5), contains("5", true)),
        (json!("regex"), json!("^a+$"), regex("^a+$", false)),
        (json!("not_regex"), json!("^a+$"), regex("^a+$", true)),
        (json!("regex"), json!("?*"), Never),
        (json!("not_regex"), json!("?*"), Never),
        (
            json!("gt"),
            json!("2"),
            Compare {
                op: Greater,
                value: 2.0,
            },
        ),
        (
            json!("gte"),
            json!([2.5]),
            Compare {
                op: GreaterOrEqual,
                value: 2.5,
            },
        ),
        (
            json!("lt"),
            json!(-2),
            Compare {
                op: Less,
                value: -2.0,
            },
        ),
        (
            json!("lte"),
            json!(1e3),
            Compare {
                op: LessOrEqual,
                value: 1000.0,
            },
        ),
        (json!("is_set"), json!("is_set"), IsSet),
        (json!("is_not_set"), json!(null), IsNotSet),
    ] {
        let filter = json!([{"key": "k", "value": value, "operator": operator}]);
        assert_eq!(
            of(&World::new(), filter.clone()),
            event("k", expected),
            "{filter}"
        );
    }
    assert_eq!(
        of(
            &World::new(),
            json!([{"key": "k", "value": ["a", "b"], "operator": "not_icontains"}])
        ),
        Condition::All(vec![
            event("k", contains("a", true)),
            event("k", contains("b", true))
        ])
    );
}

#[test]
fn regular_expressions_are_those_of_re2() {
    for (pattern, expected) in [
        ("^a.*b$", Some("^a.*b$")),
        ("a{2,3}b{2}c{2,}", Some("a{2,3}b{2}c{2,}")),
        ("/user/{id}", Some("/user/\\{id}")),
        ("{", Some("\\{")),
        ("a{,3}", Some("a\\{,3}")),
        ("[[a]", Some("[\\[a]")),
        ("[]a]", Some("[\\]a]")),
        ("[^]a]", Some("[^\\]a]")),
        ("[a&&b]", Some("[a\\&\\&b]")),
        ("[[:alpha:]_]", Some("[[:alpha:]_]")),
        ("[\\]\\d-]", Some("[\\]\\d-]")),
        ("(?i)a(?:b)(?P<c>d)", Some("(?i)a(?:b)(?P<c>d)")),
        ("(?x) a", None),
        ("(?=a)", None),
        ("(?<!a)", None),
        ("(a)\\1", None),
        ("\\<a", None),
        ("a{1001}", None),
        ("[a", None),
        ("a\\", None),
        ("*", None),
    ] {
        assert_eq!(user_regex::portable(pattern).as_deref(), expected, "{pattern}");
    }
}

#[test]
fn dates_are_those_of_the_project() {
    let world = World::new().in_zone("Asia/Tokyo");
    let day = TimeRange {
        from: at("2021-04-04T15:00:00Z"),
        to: at("2021-04-05T15:00:00Z"),
    };
    for (operator, value, expected) in [
        ("is_date_exact", "2021-04-05", DateTest::Within(day)),
        ("is_date_before", "2021-04-05", DateTest::Before(day.from)),
        (
            "is_date_after",
            "2021-04-05",
            DateTest::After(day.to - TimeDelta::microseconds(1)),
        ),
        (
            "is_date_after",
            "2021-04-05 12:00:00",
            DateTest::After(at("2021-04-05T03:00:00Z")),
        ),
        (
            "is_date_exact",
            "2021-04-05T12:00:00Z",
            DateTest::Within(TimeRange {
                from: at("2021-04-05T12:00:00Z"),
                to: at("2021-04-05T12:00:01Z"),
            }),
        ),
        (
            "is_date_before",
            "-1d",
            DateTest::Before(at("2020-01-02T15:00:00Z")),
        ),
    ] {
        let filter = json!([{"key": "k", "value": value, "operator": operator}]);
        assert_eq!(
            of(&world, filter),
            event("k", PropertyTest::Date(expected)),
            "{operator} {value}"
        );
    }
}

#[test]
fn forms_of_filters() {
    let a = event("a", PropertyTest::AnyOf(texts(&["1"])));
    let b = event("b", PropertyTest::IsSet);
    let leaf_a = json!({"key": "a", "value": 1, "type": "event"});
    let leaf_b = json!({"key": "b", "operator": "is_set"});
    for (properties, expected) in [
        (json!(null), Condition::All(vec![])),
        (json!([]), Condition::All(vec![])),
        (json!(""), Condition::All(vec![])),
        (leaf_a.clone(), a.clone()),
        (json!([leaf_a]), a.clone()),
        (
            json!([leaf_a, leaf_b]),
            Condition::All(vec![a.clone(), b.clone()]),
        ),
        (json!(json!([leaf_a]).to_string()), a.clone()),
        (
            json!({"type": "OR", "values": [leaf_a, leaf_b]}),
            Condition::Any(vec![a.clone(), b.clone()]),
        ),
        (
            json!({"type": "or", "groups": [leaf_a, leaf_b]}),
            Condition::Any(vec![a.clone(), b.clone()]),
        ),
        (
            json!({"type": "AND", "values": [{"type": "OR", "values": [leaf_a, leaf_b]}, {"type": "AND", "values": []}]}),
            Condition::Any(vec![a.clone(), b.clone()]),
        ),
        // Empty groups vanish, also where any would do.
        (
            json!({"type": "OR", "values": [{"type": "OR", "values": []}]}),
            Condition::All(vec![]),
        ),
        (
            json!({"a": 1, "b__is_set": true}),
            Condition::All(vec![a.clone(), b.clone()]),
        ),
        (
            json!({"x__y": 1}),
            event("x__y", PropertyTest::AnyOf(texts(&["1"]))),
        ),
        (
            json!({"x__y__gt": 1}),
            event(
                "x__y",
                PropertyTest::Compare {
                    op: Comparison::Greater,
                    value: 1.0,
                },
            ),
        ),
    ] {
        assert_eq!(of(&World::new(), properties.clone()), expected, "{properties}");
    }
    let both =
        request(json!({"properties": [leaf_a], "property_groups": {"type": "OR", "values": [leaf_b]}}));
    assert_eq!(
        of_request(&both, &World::new().context()).unwrap(),
        Condition::All(vec![a, b])
    );
}

#[test]
fn kinds_of_filters() {
    let world = World::new();
    let index = GroupTypeIndex::new(2).unwrap();
    let set = |source, key: &str| Condition::Property {
        source,
        key: key.to_owned(),
        test: PropertyTest::IsSet,
    };
    for (filter, expected) in [
        (
            json!({"key": "k", "type": "person", "operator": "is_set"}),
            set(PropertySource::Person, "k"),
        ),
        (
            json!({"key": "k", "type": "group", "group_type_index": 2, "operator": "is_set"}),
            set(PropertySource::Group(index), "k"),
        ),
        (
            json!({"key": "$session_duration", "type": "session", "operator": "exact", "value": "30"}),
            Condition::Property {
                source: PropertySource::Session,
                key: "$session_duration".to_owned(),
                test: PropertyTest::Compare {
                    op: Comparison::Equal,
                    value: 30.0,
                },
            },
        ),
        (json!({"key": "id", "type": "cohort", "value": 99}), never()),
        (
            json!({"key": "id", "type": "cohort", "value": "99", "operator": "not_in"}),
            not(never()),
        ),
        (
            json!({"key": "tag_name", "type": "element", "value": []}),
            Condition::Elements(ElementTest::Never),
        ),
        (
            json!({"key": "tag_name", "type": "element", "value": [], "operator": "is_not"}),
            Condition::Elements(ElementTest::Always),
        ),
        (
            json!({"key": "text", "type": "element", "value": "?*", "operator": "not_regex"}),
            Condition::Elements(ElementTest::Never),
        ),
    ] {
        assert_eq!(of(&world, json!([filter])), expected, "{filter}");
    }
}

#[test]
fn test_accounts_are_left_out_on_demand() {
    let mut world = World::new();
    world.project.test_account_filters = json!([{"key": "email", "type": "person", "operator": "is_set"}]);
    for (flag, expected) in [
        (json!(null), always()),
        (json!("false"), always()),
        (json!("true"), person("email", PropertyTest::IsSet)),
        (json!(true), person("email", PropertyTest::IsSet)),
    ] {
        let asked = request(json!({"filter_test_accounts": flag}));
        assert_eq!(of_request(&asked, &world.context()).unwrap(), expected);
    }
}

#[test]
fn actions() {
    let world = World::new()
        .with_cohort(3, "c", json!([{"properties": [{"key": "p", "value": 1}]}]), None)
        .with_action(1, "none", json!([]))
        .with_action(2, "urls", json!([{"event": "", "url": "a.b%", "url_matching": null}, {"event": "e", "url": "x", "url_matching": "exact"}, {"url": "(", "url_matching": "regex"}]))
        .with_action(3, "click", json!([{"event": "$autocapture", "tag_name": "a", "properties": [{"key": "id", "type": "cohort", "value": 3}]}]))
        .with_action(4, "no click", json!([{"event": "e", "tag_name": "a", "properties": []}]));
    let of = |id| crate::action_condition(model::ActionId(id), &world.context()).unwrap();
    assert_eq!(of(1), never());
    let url = |test| event("$current_url", test);
    let e = Condition::EventName("e".to_owned());
    assert_eq!(
        of(2),
        Condition::Any(vec![
            url(PropertyTest::Regex {
                pattern: "a\\.b%".to_owned(),
                negated: false
            }),
            Condition::All(vec![e.clone(), url(PropertyTest::AnyOf(texts(&["x"])))]),
            url(PropertyTest::Never),
        ])
    );
    let Condition::All(click) = of(3) else { panic!() };
    assert_eq!(click[0], Condition::EventName("$autocapture".to_owned()));
    assert!(matches!(
        &click[1],
        Condition::Elements(ElementTest::Matches { negated: false, .. })
    ));
    assert_eq!(click[2], person("p", PropertyTest::AnyOf(texts(&["1"]))));
    assert_eq!(of(4), e);
    assert!(crate::action_condition(model::ActionId(9), &world.context()).is_err());
}

#[test]
fn cohorts() {
    let now = World::new().now;
    let range = |days: i64| TimeRange {
        from: now - TimeDelta::days(days),
        to: now,
    };
    let performed = |days, count, times| {
        Condition::Person(PersonSet::Performed {
            events: Box::new(Condition::EventName("e".to_owned())),
            range: range(days),
            count,
            times,
        })
    };
    let any = |key: &str| person(key, PropertyTest::AnyOf(texts(&["1"])));
    let criterion = |extra: Value| {
        let mut criterion = request(
            json!({"type": "behavioral", "key": "e", "event_type": "events", "time_value": 7, "time_interval": "day"}),
        );
        criterion.extend(request(extra));
        json!({"properties": {"type": "OR", "values": [{"type": "AND", "values": [criterion]}]}})
    };
    use Comparison::{Equal, GreaterOrEqual, LessOrEqual};
    let regularly = |count, times, at_least| {
        Condition::Person(PersonSet::PerformedRegularly {
            events: Box::new(Condition::EventName("e".to_owned())),
            periods: (0..3)
                .map(|period| TimeRange {
                    from: range(7 * (period + 1)).from,
                    to: range(7 * period).from,
                })
                .collect(),
            count,
            times,
            at_least,
        })
    };
    let other = World::new().with_cohort(8, "other", json!([{"properties": {"q": 1}}]), None);
    for (groups, filters, expected) in [
        (json!([]), None, never()),
        (json!(null), None, never()),
        (
            json!([]),
            Some(json!({"properties": {"type": "AND", "values": []}})),
            never(),
        ),
        (
            json!([{"properties": [{"key": "a", "value": 1}]}]),
            None,
            any("a"),
        ),
        (
            json!([{"properties": {"a": 1, "b": 1}}, {"properties": {"c": 1}}]),
            None,
            Condition::Any(vec![Condition::All(vec![any("a"), any("b")]), any("c")]),
        ),
        (
            json!([{"properties": [{"key": "id", "type": "cohort", "value": 8}]}]),
            None,
            any("q"),
        ),
        (
            json!([{"properties": [{"key": "id", "type": "cohort", "value": 8, "negation": true}]}]),
            None,
            not(any("q")),
        ),
        (
            json!([{"event_id": "e", "days": "7"}]),
            None,
            performed(7, GreaterOrEqual, 1),
        ),
        (
            json!([{"event_id": "e", "days": 7, "count": 2}]),
            None,
            performed(7, Equal, 2),
        ),
        (
            json!([{"event_id": "e", "days": 7, "count": 2, "count_operator": "lte"}]),
            None,
            performed(7, LessOrEqual, 2),
        ),
        (
            json!([{"event_id": "e", "days": 7, "count": 0}]),
            None,
            not(performed(7, GreaterOrEqual, 1)),
        ),
        (
            json!([{"event_id": "e", "days": 7, "count": 0, "count_operator": "lte"}]),
            None,
            not(performed(7, GreaterOrEqual, 1)),
        ),
        (
            json!(null),
            Some(criterion(json!({"value": "performed_event"}))),
            performed(7, GreaterOrEqual, 1),
        ),
        (
            json!(null),
            Some(criterion(
                json!({"value": "performed_event", "negation": true, "time_interval": "week", "time_value": "1"}),
            )),
            not(performed(7, GreaterOrEqual, 1)),
        ),
        (
            json!(null),
            Some(criterion(
                json!({"value": "performed_event_multiple", "operator": "gte", "operator_value": 3}),
            )),
            performed(7, GreaterOrEqual, 3),
        ),
        (
            json!(null),
            Some(criterion(json!({"value": "performed_event_first_time"}))),
            Condition::Person(PersonSet::PerformedFirst {
                events: Box::new(Condition::EventName("e".to_owned())),
                range: range(7),
            }),
        ),
        (
            json!(null),
            Some(criterion(
                json!({"value": "performed_event_regularly", "total_periods": 3, "min_periods": 2,
                    "operator": "lte", "operator_value": 4}),
            )),
            regularly(LessOrEqual, 4, 2),
        ),
        (
            json!(null),
            Some(criterion(
                json!({"value": "performed_event_regularly", "total_periods": 3, "min_periods": 2,
                    "operator": "eq", "operator_value": 0}),
            )),
            // Not at all in two of three: in fewer than two of them.
            not(regularly(GreaterOrEqual, 1, 2)),
        ),
        (
            json!(null),
            Some(criterion(
                json!({"value": "performed_event_sequence", "seq_event": "f", "seq_time_value": 2, "seq_time_interval": "month",
                    "negation": true, "event_filters": [{"key": "k", "value": "v"}]}),
            )),
            not(Condition::Person(PersonSet::PerformedSequence {
                first: Box::new(Condition::All(vec![
                    Condition::EventName("e".to_owned()),
                    Condition::Property {
                        source: PropertySource::Event,
                        key: "k".to_owned(),
                        test: PropertyTest::AnyOf(vec!["v".to_owned()]),
                    },
                ])),
                second: Box::new(Condition::EventName("f".to_owned())),
                range: range(7),
                within: chrono::TimeDelta::days(60),
            })),
        ),
        (
            json!(null),
            Some(criterion(
                json!({"value": "stopped_performing_event", "seq_time_value": 2, "seq_time_interval": "day"}),
            )),
            Condition::All(vec![
                Condition::Person(PersonSet::Performed {
                    events: Box::new(Condition::EventName("e".to_owned())),
                    range: model::TimeRange {
                        from: range(7).from,
                        to: range(2).from,
                    },
                    count: GreaterOrEqual,
                    times: 1,
                }),
                not(performed(2, GreaterOrEqual, 1)),
            ]),
        ),
    ] {
        let mut world = World::new().with_cohort(7, "c", groups.clone(), filters.clone());
        world.cohorts.extend(other.cohorts.clone());
        let condition = cohort_condition(model::CohortId(7), &world.context()).unwrap();
        assert_eq!(condition, expected, "{groups} {filters:?}");
        // The same condition finds the members among the persons.
        let persons = cohort_persons(model::CohortId(7), &request(json!({})), &world.context()).unwrap();
        assert_eq!(persons.condition, expected);
    }
}

#[test]
fn cohorts_that_cannot_be() {
    let nested = |id: i64| json!([{"properties": [{"key": "id", "type": "cohort", "value": id}]}]);
    let world = World::new()
        .with_cohort(1, "a", nested(2), None)
        .with_cohort(2, "b", nested(1), None);
    let error = cohort_condition(model::CohortId(1), &world.context()).unwrap_err();
    assert!(error.detail.contains("own definition"), "{error}");
    // Before it is stored: a change of cohort 2 that closes the circle.
    let mut changed = world.cohorts[&model::CohortId(2)].clone();
    changed.groups = nested(2);
    assert!(crate::check_cohort(&changed, &world.context()).is_err());
    changed.groups = json!([]);
    assert!(crate::check_cohort(&changed, &world.context()).is_ok());
    for (filter, attr) in [
        (
            json!({"key": "a", "type": "element", "value": "x"}),
            "filters__properties__values__0__key",
        ),
        (
            json!({"key": "text", "type": "element", "value": "x"}),
            "filters__properties__values__0__type",
        ),
        (
            json!({"type": "behavioral", "value": "dreamt", "key": "e", "time_value": 1}),
            "filters__properties__values__0__value",
        ),
        (
            json!({"type": "behavioral", "value": "performed_event", "key": "e"}),
            "filters__properties__values__0__time_value",
        ),
        (
            json!({"type": "behavioral", "value": "performed_event_sequence", "key": "e", "time_value": 1}),
            "filters__properties__values__0__seq_event",
        ),
        (
            json!({"type": "behavioral", "value": "performed_event_sequence", "key": "e", "time_value": 1,
                "seq_event": "x", "seq_event_type": "actions", "seq_time_value": 1}),
            "filters__properties__values__0__seq_event",
        ),
        (
            json!({"type": "behavioral", "value": "performed_event_sequence", "key": "e", "time_value": 1, "seq_event": "f"}),
            "filters__properties__values__0__seq_time_value",
        ),
        (
            json!({"type": "behavioral", "value": "stopped_performing_event", "key": "e", "time_value": 1,
                "seq_time_value": 1}),
            "filters__properties__values__0__seq_time_value",
        ),
    ] {
        let filters = json!({"properties": {"type": "AND", "values": [filter]}});
        let world = World::new().with_cohort(1, "c", json!(null), Some(filters));
        let error = cohort_condition(model::CohortId(1), &world.context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{error}");
    }
}

#[test]
fn definitions_that_say_nothing_are_not_stored() {
    let regex = |kind: &str| json!([{"key": "a", "operator": "regex", "value": "?*", "type": kind}]);
    let cohort = |id: i64| json!([{"key": "id", "type": "cohort", "value": id}]);
    let world = World::new();
    for (groups, filters, attr) in [
        (json!([{}]), None, "groups__0"),
        (
            json!([{"event_id": "a"}, {"days": 3, "event_id": null}]),
            None,
            "groups__1",
        ),
        (
            json!([{"properties": cohort(9)}]),
            None,
            "groups__0__properties__0__value",
        ),
        (
            json!([{"properties": regex("person")}]),
            None,
            "groups__0__properties__0__value",
        ),
        (
            json!([{"event_id": "a", "start_date": "2020-01-02", "end_date": "2020-01-01"}]),
            None,
            "groups__0__start_date",
        ),
        (
            json!([{"event_id": "a", "start_date": "soon"}]),
            None,
            "groups__0__start_date",
        ),
        (
            json!(null),
            Some(json!({"type": "OR", "values": [{"type": "AND", "values": cohort(9)}]})),
            "filters__properties__values__0__values__0__value",
        ),
        (
            json!(null),
            Some(
                json!({"type": "OR", "values": [{"type": "behavioral", "value": "performed_event", "key": "e",
                "time_value": 1, "event_filters": regex("event")}]}),
            ),
            "filters__properties__values__0__event_filters__0__value",
        ),
    ] {
        let filters = filters.map(|tree| json!({"properties": tree}));
        let changed = World::new().with_cohort(7, "c", groups, filters).cohorts[&model::CohortId(7)].clone();
        let error = crate::check_cohort(&changed, &world.context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{error}");
        let deleted = model::Cohort {
            deleted: true,
            ..changed
        };
        assert!(crate::check_cohort(&deleted, &world.context()).is_ok());
    }
    let step = |step: Value| serde_json::from_value::<Vec<model::ActionStep>>(json!([step])).unwrap();
    for (steps, attr) in [
        (
            step(json!({"event": "e", "url": "?*", "url_matching": "regex"})),
            "steps__0__url",
        ),
        (
            step(json!({"event": "e", "properties": regex("event")})),
            "steps__0__properties__0__value",
        ),
    ] {
        let error = crate::check_action_steps(&steps, &world.context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{error}");
    }
    assert!(crate::check_properties(&regex("event"), "f", &world.context()).is_err());
}

#[test]
fn circles_are_found_wherever_they_close() {
    let cohort = |id: i64| json!([{"key": "id", "type": "cohort", "value": id}]);
    let by_action = World::new()
        .with_action(4, "act", json!([{"event": "e", "properties": cohort(1)}]))
        .with_cohort(1, "c", json!([{"action_id": 4}]), None);
    let criterion = json!({"properties": {"type": "AND", "values": [{"type": "behavioral", "value": "performed_event",
        "key": "e", "time_value": 1, "event_filters": cohort(1)}]}});
    let by_filter = World::new().with_cohort(1, "c", json!(null), Some(criterion));
    let doubled = (2..=40).fold(
        World::new().with_cohort(1, "c", json!([{"event_id": "e"}]), None),
        |world, id| {
            let twice = json!([{"properties": cohort(id - 1)}, {"properties": cohort(id - 1)}]);
            world.with_cohort(id, "c", twice, None)
        },
    );
    for (world, id) in [(by_action, 1), (by_filter, 1), (doubled, 40)] {
        let filter = request(json!({"events": ["e"], "properties": cohort(id)}));
        let error = crate::trends::Plan::parse(&filter, &world.context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some("properties__0__value"), "{error}");
        let stored = &world.cohorts[&model::CohortId(id)];
        assert!(crate::check_cohort(stored, &world.context()).is_err());
    }
}
