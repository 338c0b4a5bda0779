//! Group types, groups and definitions through the whole of ingestion.

use model::GroupTypeIndex;
use serde_json::{Value, json};

use super::*;
use model::{Definition, PropertyKind, PropertyType};

fn index(index: u8) -> GroupTypeIndex {
    GroupTypeIndex::new(index).unwrap()
}

#[tokio::test]
async fn five_types_by_first_sight() {
    let world = World::new();
    let groups = json!({"$groups": {"t0": "a", "t1": "b", "t2": "c"}});
    let more = json!({"$groups": {"t3": 4, "t4": "e", "t5": "f", "t1": "b2"}, "$group_3": "lies"});
    world
        .send([event(0, "seen", "p", groups), event(1, "seen", "p", more)])
        .await;
    let rows = world.store.stored().events;
    let properties = |n: usize| serde_json::from_str::<Value>(&rows[n].properties).unwrap();
    assert_eq!(
        properties(0),
        json!({"$groups": {"t0": "a", "t1": "b", "t2": "c"}, "$group_0": "a", "$group_1": "b", "$group_2": "c"})
    );
    assert_eq!(
        properties(1),
        json!({
            "$groups": {"t3": 4, "t4": "e", "t5": "f", "t1": "b2"},
            "$group_1": "b2", "$group_3": "4", "$group_4": "e",
        })
    );
}

#[tokio::test]
async fn group_identify_merges_key_by_key() {
    let world = World::new();
    let identify = |number, set: Value| {
        event(
            number,
            "$groupidentify",
            "p",
            json!({"$group_type": "company", "$group_key": "acme", "$group_set": set, "$set": {"x": 1}}),
        )
    };
    world
        .send([identify(9, json!({"plan": "free", "seats": 1}))])
        .await;
    world
        .send([
            identify(4, json!({"plan": "pro"})),
            identify(10, json!({"plan": "pro"})),
        ])
        .await;
    let stored = world.store.stored();
    let row = &stored.groups[&(PROJECT, index(0), "acme".to_owned())];
    assert_eq!(
        Value::Object(row.properties.clone()),
        json!({"plan": "pro", "seats": 1})
    );
    assert_eq!(row.version, 2);
    assert_eq!(
        row.created_at,
        "2020-01-01T12:04:00Z"
            .parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap()
    );
    // The person that sent it has no property of the group.
    assert!(
        !stored.persons[&(PROJECT, person("p"))]
            .properties
            .contains_key("x")
    );
}

#[tokio::test]
async fn definitions_once() {
    let world = World::new();
    let properties = json!({"price": 2, "$feature/f": true, "$set": {"plan": "pro"}, "nothing": null});
    world.send([event(0, "buy", "p", properties.clone())]).await;
    let first = world.directory.definitions();
    let property = |kind, name: &str, property_type| Definition::Property {
        project: PROJECT,
        kind,
        name: name.to_owned(),
        property_type,
    };
    let pair = |name: &str| Definition::EventProperty {
        project: PROJECT,
        event: "buy".to_owned(),
        property: name.to_owned(),
    };
    let received_at = "2026-11-21T12:00:00Z".parse().unwrap();
    assert_eq!(
        first,
        [
            Definition::Event {
                project: PROJECT,
                name: "buy".to_owned(),
                last_seen_at: received_at
            },
            property(PropertyKind::Event, "price", Some(PropertyType::Numeric)),
            pair("price"),
            property(PropertyKind::Event, "$feature/f", Some(PropertyType::String)),
            property(PropertyKind::Event, "nothing", None),
            pair("nothing"),
            property(PropertyKind::Person, "plan", Some(PropertyType::String)),
        ]
    );
    world.send([event(1, "buy", "p", properties)]).await;
    assert_eq!(world.directory.definitions(), first);
    // A type is recorded when it is first seen.
    world.send([event(2, "buy", "p", json!({"nothing": true}))]).await;
    assert_eq!(
        world.directory.definitions()[first.len()..],
        [property(
            PropertyKind::Event,
            "nothing",
            Some(PropertyType::Boolean)
        )]
    );
    assert_eq!(world.directory.ingested(), [PROJECT]);
}
