//! What is stored of an event, and which events are refused.

use serde_json::json;

use super::*;

fn captured(event: &str, properties: Value) -> CapturedEvent {
    CapturedEvent {
        project: ProjectId(1),
        uuid: Uuid::from_u128(7),
        event: event.to_owned(),
        distinct_id: "ann".to_owned(),
        properties: properties.as_object().unwrap().clone(),
        timestamp: Some(json!("2026-11-21T11:00:00Z")),
        offset_ms: None,
        sent_at: None,
        received_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        ip: None,
    }
}

#[test]
fn refusals() {
    for (event, properties, reason) in [
        ("$performance_event", json!({}), Reason::NotAnalytics),
        ("$$heatmap", json!({}), Reason::NotAnalytics),
        (
            "$identify",
            json!({"$process_person_profile": false}),
            Reason::PersonProfileOff,
        ),
        (
            "$groupidentify",
            json!({"$process_person_profile": false}),
            Reason::PersonProfileOff,
        ),
        ("$create_alias", json!({"alias": ["x"]}), Reason::OtherIdNotText),
        (
            "$create_alias",
            json!({"alias": "x", "$cookieless_mode": true}),
            Reason::CookielessMerge,
        ),
        (
            "seen",
            json!({"$cookieless_mode": "yes"}),
            Reason::CookielessModeNotBoolean,
        ),
        (
            "$groupidentify",
            json!({"$group_type": "a", "$group_key": "k".repeat(401)}),
            Reason::GroupKeyTooLong,
        ),
    ] {
        assert_eq!(
            prepare(captured(event, properties.clone())).err(),
            Some(reason),
            "{event} {properties}"
        );
    }
}

#[test]
fn address_and_send_time_are_added() {
    let mut event = captured(
        "seen",
        json!({"$ip": "", "$heatmap_data": [1], "$set": {"a": 1}, "nul": "a\0b"}),
    );
    event.ip = Some("10.0.0.1".to_owned());
    event.sent_at = Some("2026-11-21T12:00:00.25Z".parse().unwrap());
    let prepared = prepare(event).unwrap();
    assert_eq!(
        Value::Object(prepared.properties),
        json!({"$ip": "10.0.0.1", "$set": {"a": 1}, "nul": "a\0b", "$sent_at": "2026-11-21T12:00:00.250Z"})
    );

    let mut event = captured("seen", json!({"$ip": "1.2.3.4"}));
    event.ip = Some("10.0.0.1".to_owned());
    assert_eq!(
        Value::Object(prepare(event).unwrap().properties),
        json!({"$ip": "1.2.3.4"})
    );
}

#[test]
fn without_a_profile_there_is_no_person_part_and_no_group() {
    let properties = json!({"$process_person_profile": false, "$set": {"a": 1}, "$groups": {"company": "acme"}, "$group_0": "x"});
    let prepared = prepare(captured("seen", properties)).unwrap();
    assert!(prepared.person.is_none());
    assert_eq!(prepared.memberships, []);
    assert_eq!(
        Value::Object(prepared.properties),
        json!({"$process_person_profile": false, "$groups": {"company": "acme"}})
    );
}
