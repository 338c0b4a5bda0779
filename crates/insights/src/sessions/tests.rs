//! Requests of session lengths, and answers from hand-made rows.

use serde_json::{Value, json};

use super::*;
use crate::resolved::*;
use crate::test_context::{World, request};

fn plan(body: Value) -> Plan {
    Plan::parse(&request(body), &World::new().context()).unwrap()
}

fn lengths(tick: usize, seconds: u64, sessions: u64) -> SessionLengths {
    SessionLengths {
        tick,
        seconds,
        sessions,
        sum: (seconds * sessions) as f64,
    }
}

#[test]
fn means_are_shown_in_a_fitting_unit() {
    let days = json!({"date_from": "2020-01-01", "date_to": "2020-01-02", "session": "avg"});
    let answer = plan(days.clone()).shape(&[lengths(0, 600, 1), lengths(0, 0, 2)]);
    assert_eq!(
        answer,
        json!([{"data": [200.0 / 60.0, 0.0], "days": ["2020-01-01", "2020-01-02"],
            "labels": ["1-Jan-2020", "2-Jan-2020"], "count": 3,
            "label": "Average Session Length (minutes)", "chartLabel": "Average Session Length (minutes)"}])
    );
    // The mean of the days that have any length.
    let answer = plan(days.clone()).shape(&[lengths(1, 9_000, 1)]);
    assert_eq!(answer[0]["data"], json!([0.0, 2.5]));
    assert_eq!(answer[0]["count"], 2);
    assert_eq!(answer[0]["label"], "Average Session Length (hours)");
    let answer = plan(days.clone()).shape(&[lengths(0, 3, 2), lengths(1, 6, 1)]);
    assert_eq!(answer[0]["data"], json!([3.0, 6.0]));
    assert_eq!(answer[0]["count"], 4);
    assert_eq!(answer[0]["label"], "Average Session Length (seconds)");
    assert_eq!(plan(days.clone()).shape(&[lengths(0, 0, 4)]), json!([]));
    assert_eq!(plan(days).shape(&[]), json!([]));
}

#[test]
fn classes_hold_their_upper_bound() {
    let answer = plan(json!({"session": "dist"})).shape(&[
        lengths(0, 0, 2),
        lengths(0, 3, 1),
        lengths(1, 4, 1),
        lengths(2, 10, 1),
        lengths(0, 600, 1),
        lengths(0, 601, 4),
        lengths(0, 3_600, 5),
        lengths(0, 3_601, 7),
    ]);
    let classes: Vec<String> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|class| format!("{} {}", class["label"].as_str().unwrap(), class["count"]))
        .collect();
    insta::assert_snapshot!(classes.join("\n"), @r"
    0 seconds (1 event) 2
    0-3 seconds 1
    3-10 seconds 2
    10-30 seconds 0
    30-60 seconds 0
    1-3 minutes 0
    3-10 minutes 1
    10-30 minutes 4
    30-60 minutes 5
    1+ hours 7
    ");
}

#[test]
fn what_sessions_are_made_of() {
    let no_flags = Condition::Not(Box::new(Condition::EventName("$feature_flag_called".to_owned())));
    assert_eq!(plan(json!({})).query().condition, no_flags);
    let named = plan(json!({"events": ["a", "b"], "properties": [{"key": "k", "operator": "is_set"}]}));
    let name = |name: &str| Condition::EventName(name.to_owned());
    assert_eq!(
        named.query().condition,
        Condition::All(vec![
            no_flags,
            Condition::Any(vec![name("a"), name("b")]),
            Condition::Property {
                source: PropertySource::Event,
                key: "k".to_owned(),
                test: PropertyTest::IsSet,
            },
        ])
    );
}

#[test]
fn wrong_requests_name_the_field() {
    for (body, attr) in [
        (json!({"session": "median"}), "session"),
        (json!({"interval": "quarter"}), "interval"),
        (
            json!({"date_from": "2020-01-03", "date_to": "2020-01-01"}),
            "date_from",
        ),
    ] {
        let error = Plan::parse(&request(body), &World::new().context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{error}");
    }
}
