//! Requests of the events list, and what they resolve to.

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::resolved::{PersonSet, PropertySource, PropertyTest};
use crate::test_context::{World, at, request};

#[test]
fn bounds_order_and_limit() {
    let world = World::new().in_zone("Asia/Tokyo");
    let plain = events(&request(json!({})), &world.context()).unwrap();
    assert_eq!(
        (plain.after, plain.before),
        (None, Some(world.now + TimeDelta::seconds(5)))
    );
    assert_eq!((plain.ascending, plain.limit), (false, 100));
    let narrow = json!({
        "after": "2020-01-01", "before": "2020-02-01T00:00:00.000001Z", "orderBy": "[\"timestamp\"]", "limit": "25",
    });
    let narrow = events(&request(narrow), &world.context()).unwrap();
    assert_eq!(narrow.after, Some(at("2019-12-31T15:00:00Z")));
    assert_eq!(narrow.before, Some(at("2020-02-01T00:00:00.000001Z")));
    assert_eq!((narrow.ascending, narrow.limit), (true, 25));
    for (order, ascending) in [
        (json!(["-timestamp"]), false),
        (json!("timestamp"), true),
        (json!("[]"), false),
    ] {
        let query = events(&request(json!({"orderBy": order})), &world.context()).unwrap();
        assert_eq!(query.ascending, ascending, "{order}");
    }
}

#[test]
fn conditions() {
    let world = World::new().with_action(1, "act", json!([{"event": "a"}]));
    let id = "3f0a3c1e-0000-4000-8000-000000000001";
    let named = |name: &str| Condition::EventName(name.to_owned());
    for (body, expected) in [
        (json!({"event": "e"}), named("e")),
        (json!({"action_id": "1"}), named("a")),
        (json!({"distinct_id": 5}), Condition::DistinctId("5".to_owned())),
        (
            json!({"person_id": id}),
            Condition::Person(PersonSet::Ids(vec![id.parse().unwrap()])),
        ),
        // No person has such an id.
        (json!({"person_id": "5"}), Condition::Any(vec![])),
        (
            json!({"event": "e", "properties": "[{\"key\": \"n\", \"value\": 7}]"}),
            Condition::All(vec![
                named("e"),
                Condition::Property {
                    source: PropertySource::Event,
                    key: "n".to_owned(),
                    test: PropertyTest::AnyOf(vec!["7".to_owned()]),
                },
            ]),
        ),
    ] {
        assert_eq!(
            events(&request(body.clone()), &world.context())
                .unwrap()
                .condition,
            expected,
            "{body}"
        );
    }
}

#[test]
fn refusals_name_their_field() {
    for (body, attr) in [
        (json!({"after": "whenever"}), "after"),
        (json!({"after": "2020-01-02", "before": "2020-01-01"}), "after"),
        (json!({"limit": 0}), "limit"),
        (json!({"limit": "all"}), "limit"),
        (json!({"orderBy": "[\"name\"]"}), "orderBy"),
        (json!({"action_id": 9}), "action_id"),
        (json!({"properties": "[{"}), "properties"),
    ] {
        let error = events(&request(body.clone()), &World::new().context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(attr), "{body}: {error}");
    }
}
