//! Correlations and their actors.

use super::*;
use crate::field_error::FieldError;

fn correlating(change: Value) -> CorrelationPlan {
    correlation(&request(funnel(change)), &World::new().context()).unwrap()
}

fn item(event: &str, key: &str, value: &str, converted: u64, lost: u64) -> CorrelationItem {
    CorrelationItem {
        event: event.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
        converted,
        lost,
    }
}

#[test]
fn what_is_asked() {
    let texts = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
    for (change, of) in [
        (json!({}), CorrelationOf::Events { excluded: vec![] }),
        (
            json!({"funnel_correlation_type": "events", "funnel_correlation_exclude_event_names": "[\"x\"]"}),
            CorrelationOf::Events {
                excluded: texts(&["x"]),
            },
        ),
        (
            json!({"funnel_correlation_type": "properties", "funnel_correlation_names": ["$all"],
                "funnel_correlation_exclude_names": ["email"]}),
            CorrelationOf::Properties {
                names: None,
                excluded: texts(&["email"]),
            },
        ),
        (
            json!({"funnel_correlation_type": "properties", "funnel_correlation_names": ["a", "b"]}),
            CorrelationOf::Properties {
                names: Some(texts(&["a", "b"])),
                excluded: vec![],
            },
        ),
        (
            json!({"funnel_correlation_type": "event_with_properties", "funnel_correlation_event_names": ["x"],
                "funnel_correlation_event_exclude_property_names": ["$lib"]}),
            CorrelationOf::EventProperties {
                events: texts(&["x"]),
                excluded_keys: texts(&["$lib"]),
            },
        ),
    ] {
        let plan = correlating(change.clone());
        assert_eq!(plan.query().of, of, "{change}");
    }
    let plan = correlating(json!({"breakdown": "k"}));
    assert_eq!(
        plan.query().funnel,
        funnel_asked(&World::new(), funnel(json!({})))
    );
}

#[test]
fn what_is_missing() {
    let refused = |change: Value| -> FieldError {
        correlation(&request(funnel(change)), &World::new().context()).unwrap_err()
    };
    for (change, field) in [
        (
            json!({"funnel_correlation_type": "luck"}),
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
        (json!({"events": []}), "events"),
    ] {
        assert_eq!(refused(change.clone()).attr.as_deref(), Some(field), "{change}");
    }
    for (change, field) in [
        (
            json!({"funnel_correlation_person_entity": {"id": 3, "type": "actions"}}),
            "funnel_correlation_person_entity__id",
        ),
        (
            json!({"funnel_correlation_property_values": [{"key": "k", "value": "v", "operator": "regex"}]}),
            "funnel_correlation_property_values__0__operator",
        ),
        (
            json!({"funnel_correlation_property_values": [{"key": "k", "value": ["v", "w"]}]}),
            "funnel_correlation_property_values__0__value",
        ),
        (
            json!({"funnel_correlation_person_converted": "perhaps"}),
            "funnel_correlation_person_converted",
        ),
    ] {
        let error =
            correlation_actors(&request(funnel(change.clone())), &World::new().context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(field), "{change}");
    }
}

#[test]
fn the_strongest_come_first() {
    let mut items = vec![
        item("five of seven", "", "", 5, 1),
        item("rare", "", "", 0, 0),
        item("bad", "", "", 0, 9),
    ];
    items.extend((0..12).map(|index| item(&format!("n{index:02}"), "", "", 6, 4)));
    let answer = correlating(json!({})).shape(&Correlation {
        converted: 7,
        lost: 11,
        items,
    });
    assert_eq!(answer["skewed"], json!(false));
    let events = answer["events"].as_array().unwrap();
    let names: Vec<_> = events
        .iter()
        .map(|event| event["event"]["event"].as_str().unwrap())
        .collect();
    assert_eq!(names[0], "five of seven");
    assert_eq!(
        names[1..10],
        ["n00", "n01", "n02", "n03", "n04", "n05", "n06", "n07", "n08"]
    );
    assert_eq!(names[10..], ["bad"]);
    let mut first = events[0].clone();
    first
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !key.ends_with("url"));
    assert_eq!(
        first,
        json!({
            "event": {"event": "five of seven", "properties": {}, "elements": []},
            "success_count": 5, "failure_count": 1, "odds_ratio": 11.0, "correlation_type": "success",
        })
    );
    assert_eq!(events[10]["correlation_type"], json!("failure"));
}

#[test]
fn one_sided_funnels_are_skewed() {
    let shaped = |converted, lost| {
        correlating(json!({})).shape(&Correlation {
            converted,
            lost,
            items: vec![item("x", "", "", 1, 1)],
        })
    };
    assert_eq!(shaped(0, 5), json!({"events": [], "skewed": true}));
    assert_eq!(shaped(5, 0), json!({"events": [], "skewed": true}));
    assert_eq!(shaped(20, 2)["skewed"], json!(false));
    assert_eq!(shaped(21, 2)["skewed"], json!(true));
    assert_eq!(shaped(2, 21)["skewed"], json!(true));
    // 2 of 102 are fewer than 2 %, and 2 of 10,000 fewer than 25 anyway.
    assert_eq!(shaped(21, 2)["events"].as_array().unwrap().len(), 1);
    assert_eq!(shaped(51, 51)["events"], json!([]));
}

/// The actors that both paths of the only item lead to.
fn both(change: Value, item: CorrelationItem) -> [CorrelationActorsQuery; 2] {
    let answer = correlating(change).shape(&Correlation {
        converted: 3,
        lost: 3,
        items: vec![item],
    });
    ["success_people_url", "failure_people_url"].map(|key| {
        let (path, request) = followed(&answer["events"][0][key]);
        assert_eq!(path, "persons/funnel/correlation/");
        correlation_actors(&request, &World::new().context()).unwrap()
    })
}

#[test]
fn paths_lead_to_those_who_did_it() {
    let property = |key: &str, test| Condition::Property {
        source: PropertySource::Event,
        key: key.to_owned(),
        test,
    };
    let with = json!({"funnel_correlation_type": "event_with_properties",
        "funnel_correlation_event_names": ["x & y", "$autocapture"]});
    let event = |name: &str| Condition::EventName(name.to_owned());
    let equals = |value: &str| PropertyTest::AnyOf(vec![value.to_owned()]);
    for (change, item, did) in [
        (json!({}), item("x & y", "", "", 2, 1), event("x & y")),
        (
            with.clone(),
            item("x & y", "k", "[\"v\"]", 2, 1),
            Condition::All(vec![event("x & y"), property("k", equals("[\"v\"]"))]),
        ),
        (
            with.clone(),
            item("x & y", "k", "", 2, 1),
            Condition::All(vec![
                event("x & y"),
                property("k", equals("")),
                property("k", PropertyTest::IsSet),
            ]),
        ),
        (
            with,
            item(
                "$autocapture",
                "elements_chain",
                "click__~~__a.b:text=\"(1)\"",
                2,
                1,
            ),
            Condition::All(vec![
                event("$autocapture"),
                property("$event_type", equals("click")),
                Condition::Elements(ElementTest::Matches {
                    pattern: "^a\\.b:text=\"\\(1\\)\"$".to_owned(),
                    negated: false,
                }),
            ]),
        ),
    ] {
        let [success, failure] = both(change, item);
        assert_eq!(success.did.as_ref(), Some(&did));
        assert_eq!(failure.did, Some(did));
        assert_eq!((success.converted, failure.converted), (Some(true), Some(false)));
        assert_eq!(success.funnel, funnel_asked(&World::new(), funnel(json!({}))));
        assert_eq!(success.has, []);
    }
}

#[test]
fn paths_lead_to_those_who_have_it() {
    let change = json!({"funnel_correlation_type": "properties", "funnel_correlation_names": ["$all"]});
    for (key, value) in [("plan", "pro"), ("plan", ""), ("", "v"), ("n", "[1,\"ü\"]")] {
        let [success, _] = both(change.clone(), item("", key, value, 2, 1));
        assert_eq!(success.has, [(key.to_owned(), value.to_owned())]);
        assert_eq!(success.did, None);
    }
}

#[test]
fn autocaptured_elements_are_shown() {
    let plan = correlating(json!({"funnel_correlation_type": "event_with_properties",
        "funnel_correlation_event_names": ["$autocapture"]}));
    let answer = plan.shape(&Correlation {
        converted: 3,
        lost: 3,
        items: vec![item(
            "$autocapture",
            "elements_chain",
            "click__~~__a.b:text=\"Buy\"nth-child=\"2\";div",
            2,
            1,
        )],
    });
    let event = &answer["events"][0]["event"];
    assert_eq!(event["properties"], json!({"$event_type": "click"}));
    assert_eq!(event["elements"][0]["text"], json!("Buy"));
    assert_eq!(event["elements"][0]["nth_child"], json!(2));
    assert_eq!(event["elements"][1]["tag_name"], json!("div"));
}

#[test]
fn actors_page() {
    let page = |change: Value| {
        let query = correlation_actors(&request(funnel(change)), &World::new().context()).unwrap();
        (query.limit, query.offset, query.converted)
    };
    assert_eq!(page(json!({})), (100, 0, None));
    assert_eq!(
        page(
            json!({"funnel_correlation_person_limit": 5, "funnel_correlation_person_offset": "10",
            "funnel_correlation_person_converted": "TrUe"})
        ),
        (5, 10, Some(true))
    );
    assert_eq!(
        page(json!({"funnel_correlation_person_offset": 0, "offset": 100})),
        (100, 100, None)
    );
}

#[test]
fn the_least_number_of_actors_is_exact() {
    for (actors, least) in [
        (0, 0),
        (1, 1),
        (50, 1),
        (51, 2),
        // 0.02 * 350 is more than 7 in binary fractions.
        (350, 7),
        (1_200, 24),
        (1_201, 25),
        (u64::MAX, 25),
    ] {
        assert_eq!(CorrelationQuery::actors_min(actors), least, "{actors}");
    }
}
