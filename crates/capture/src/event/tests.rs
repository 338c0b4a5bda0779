//! The table of bad inputs, as far as it is about one event; fields and where they are found.

use chrono_tz::Tz;
use model::{ProjectId, WeekStart};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn project(anonymize_ips: bool) -> Project {
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    Project {
        id: ProjectId(3),
        uuid: Uuid::from_u128(1),
        name: "p".to_owned(),
        api_token: "t".to_owned(),
        timezone: Tz::UTC,
        week_start: WeekStart::Sunday,
        test_account_filters: json!([]),
        path_cleaning_filters: json!([]),
        anonymize_ips,
        ingested_event: false,
        created_at: at,
        updated_at: at,
    }
}

fn run_as(sent: Value, is_engage: bool, anonymize_ips: bool) -> Result<CapturedEvent, Refused> {
    let project = project(anonymize_ips);
    let received_at = "2026-11-21T12:00:00Z".parse().unwrap();
    let arrival = Arrival {
        project: &project,
        sent_at: None,
        received_at,
        ip: Some("192.0.2.1"),
        is_engage,
    };
    event(sent, &arrival)
}

fn run(sent: Value) -> Result<CapturedEvent, Reason> {
    run_as(sent, false, false).map_err(|refused| refused.reason)
}

#[test]
fn names() {
    let name = |sent: Value| run(json!({"event": sent, "distinct_id": "a"})).map(|event| event.event);
    assert_eq!(name(json!("seen")), Ok("seen".to_owned()));
    assert_eq!(name(json!("")), Err(Reason::NoEventName));
    assert_eq!(name(Value::Null), Err(Reason::NoEventName));
    assert_eq!(name(json!(5)), Ok("5".to_owned()));
    assert_eq!(name(json!({"a": 1})), Ok("{\"a\":1}".to_owned()));
    assert_eq!(name(json!("n".repeat(300))), Ok("n".repeat(200)));
    // Two units each.
    assert_eq!(name(json!("😀".repeat(150))), Ok("😀".repeat(100)));
    assert_eq!(
        name(json!(format!("n{}", "😀".repeat(150)))),
        Ok(format!("n{}", "😀".repeat(99)))
    );
    assert_eq!(run(json!({"distinct_id": "a"})).unwrap_err(), Reason::NoEventName);
}

#[test]
fn distinct_ids() {
    let id = |mut sent: Value| {
        sent["event"] = json!("seen");
        run(sent).map(|event| event.distinct_id)
    };
    for (sent, want) in [
        (json!({"distinct_id": "a"}), "a"),
        (json!({"$distinct_id": "a"}), "a"),
        (
            json!({"distinct_id": null, "properties": {"distinct_id": "a"}}),
            "a",
        ),
        (json!({"properties": {"distinct_id": 7}}), "7"),
        (json!({"distinct_id": " a "}), " a "),
        (json!({"distinct_id": 0}), "0"),
        (json!({"distinct_id": false}), "false"),
        (json!({"distinct_id": 23}), "23"),
        (json!({"distinct_id": ["a", "b"]}), "[\"a\",\"b\"]"),
        (json!({"distinct_id": {"a": 1}}), "{\"a\":1}"),
        (json!({"distinct_id": "a\0b"}), "a\u{FFFD}b"),
        (json!({"distinct_id": "null"}), "null"),
    ] {
        assert_eq!(id(sent.clone()).as_deref(), Ok(want), "{sent}");
    }
    for sent in [
        json!({}),
        json!({"distinct_id": null}),
        json!({"distinct_id": ""}),
        json!({"distinct_id": " \t"}),
    ] {
        assert_eq!(id(sent.clone()), Err(Reason::NoDistinctId), "{sent}");
    }
    assert_eq!(id(json!({"distinct_id": "é".repeat(300)})), Ok("é".repeat(200)));
}

#[test]
fn uuids() {
    let uuid = |sent: Value| {
        run(json!({"event": "e", "distinct_id": "a", "uuid": sent}))
            .unwrap()
            .uuid
    };
    let given = "01a1fe2d-9da9-7ec9-b7b2-fe3b479ca91c";
    assert_eq!(uuid(json!(given)).to_string(), given);
    assert_eq!(uuid(json!(given.to_uppercase())).to_string(), given);
    for none in [json!(""), Value::Null, json!("x"), json!(7), json!(Uuid::nil())] {
        let fresh = uuid(none.clone());
        assert_eq!(fresh.get_version_num(), 7, "{none}");
        assert_ne!(fresh, uuid(none));
    }
}

#[test]
fn properties_and_top_level_sets() {
    let properties = |mut sent: Value| {
        sent["event"] = json!("e");
        sent["distinct_id"] = json!("a");
        run(sent).map(|event| Value::Object(event.properties))
    };
    for (sent, want) in [
        (json!({}), json!({})),
        (json!({"properties": null}), json!({})),
        (json!({"properties": {"nul": "a\0b"}}), json!({"nul": "a\0b"})),
        (
            json!({"$set": {"a": 1}, "$set_once": {"o": 1}, "properties": {"$set": {"a": 0, "b": 2}}}),
            json!({"$set": {"a": 1, "b": 2}, "$set_once": {"o": 1}}),
        ),
        (
            json!({"$set": "text", "properties": {"$set": {"a": 0}}}),
            json!({"$set": {"a": 0}}),
        ),
        (
            json!({"$set": {"a": 1}, "properties": {"$set": "text"}}),
            json!({"$set": {"a": 1}}),
        ),
        (json!({"$unset": ["a"]}), json!({})),
    ] {
        assert_eq!(properties(sent.clone()), Ok(want), "{sent}");
    }
    for sent in [json!([]), json!("x"), json!(1), json!(true)] {
        assert_eq!(
            properties(json!({"properties": sent})),
            Err(Reason::PropertiesNotObject),
            "{sent}"
        );
    }
}

#[test]
fn times_are_kept_as_sent() {
    let sent = json!({"event": "e", "distinct_id": "a", "timestamp": 1735787045, "offset": 1466.0});
    let event = run(sent).unwrap();
    assert_eq!(
        (event.timestamp, event.offset_ms),
        (Some(json!(1735787045)), Some(1466))
    );
    let event = run(json!({"event": "e", "distinct_id": "a", "timestamp": null, "offset": "x"})).unwrap();
    assert_eq!((event.timestamp, event.offset_ms), (None, None));
}

#[test]
fn addresses_are_kept_unless_the_project_wants_none() {
    let sent = json!({"event": "e", "distinct_id": "a", "properties": {"$ip": "203.0.113.1"}});
    let event = run_as(sent.clone(), false, false).unwrap();
    assert_eq!(
        (event.ip.as_deref(), event.properties.contains_key("$ip")),
        (Some("192.0.2.1"), true)
    );
    let event = run_as(sent, false, true).unwrap();
    assert_eq!((event.ip, event.properties.contains_key("$ip")), (None, false));
}

#[test]
fn engage_identifies() {
    let sent = json!({"$set": {"z": 1, "$browser": "Safari"}, "$token": "t", "$distinct_id": "user-1"});
    let event = run_as(sent, true, false).unwrap();
    assert_eq!(
        (event.event.as_str(), event.distinct_id.as_str()),
        ("$identify", "user-1")
    );
    assert_eq!(
        Value::Object(event.properties),
        json!({"$set": {"z": 1, "$browser": "Safari"}})
    );
    let named = run_as(json!({"event": "e", "distinct_id": "a"}), true, false).unwrap();
    assert_eq!(named.event, "e");
}

#[test]
fn a_refusal_names_the_event() {
    let refused = run_as(json!({"event": "e", "uuid": "u-1"}), false, false).unwrap_err();
    assert_eq!(
        refused,
        Refused {
            uuid: Some("u-1".to_owned()),
            event: Some("e".to_owned()),
            reason: Reason::NoDistinctId
        }
    );
    for sent in [json!(null), json!("x"), json!([]), json!(5)] {
        assert_eq!(run(sent).unwrap_err(), Reason::EventNotObject);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(json!("a\0")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[a-z$]{1,4}", inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    /// Whatever the fields hold, an event that is taken keeps what `CapturedEvent` promises.
    #[test]
    fn any_fields(fields in prop::collection::hash_map(
        prop::sample::select(&["event", "distinct_id", "$distinct_id", "uuid", "properties", "timestamp", "offset", "$set"][..]),
        any_json(),
        0..8,
    )) {
        let sent: Value = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        if let Ok(event) = run(sent) {
            prop_assert!(!event.event.is_empty() && event.event.encode_utf16().count() <= 200);
            prop_assert!(!event.distinct_id.trim().is_empty() && event.distinct_id.chars().count() <= 200);
            prop_assert!(!event.distinct_id.contains('\0') && !event.uuid.is_nil());
        }
    }
}
