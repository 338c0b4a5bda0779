//! The table of merges, and what events do to persons.

use serde_json::{Value, json};

use super::*;

/// Plays the steps, each as its own request, then looks at (id groups, identified ids, properties of an id).
struct Case {
    name: &'static str,
    steps: Vec<(&'static str, &'static str, Value)>,
    /// Ids that are one person, by the id whose uuid it has.
    persons: Vec<(&'static str, Vec<&'static str>)>,
    identified: Vec<&'static str>,
    ended: Vec<&'static str>,
}

fn cases() -> Vec<Case> {
    let identify = |other: &str| json!({"$anon_distinct_id": other});
    let alias = |other: &str| json!({"alias": other});
    vec![
        Case {
            name: "no other id",
            steps: vec![("$identify", "a", json!({}))],
            persons: vec![("a", vec!["a"])],
            identified: vec![],
            ended: vec![],
        },
        Case {
            name: "same id",
            steps: vec![("$identify", "a", identify("a"))],
            persons: vec![("a", vec!["a"])],
            identified: vec![],
            ended: vec![],
        },
        Case {
            name: "placeholder",
            steps: vec![("seen", "v", json!({})), ("$identify", "guest", identify("v"))],
            persons: vec![("v", vec!["v"]), ("guest", vec!["guest"])],
            identified: vec![],
            ended: vec![],
        },
        Case {
            name: "neither known",
            steps: vec![("$identify", "a", identify("b"))],
            persons: vec![("a", vec!["a", "b"])],
            identified: vec!["a"],
            ended: vec![],
        },
        Case {
            name: "the anonymous id known",
            steps: vec![("seen", "b", json!({})), ("$identify", "a", identify("b"))],
            persons: vec![("b", vec!["a", "b"])],
            identified: vec!["b"],
            ended: vec![],
        },
        Case {
            name: "the living id known",
            steps: vec![("seen", "a", json!({})), ("$create_alias", "a", alias("b"))],
            persons: vec![("a", vec!["a", "b"])],
            identified: vec!["a"],
            ended: vec![],
        },
        Case {
            name: "two persons",
            steps: vec![
                ("seen", "b", json!({})),
                ("seen", "a", json!({})),
                ("$identify", "a", identify("b")),
            ],
            persons: vec![("a", vec!["a", "b"])],
            identified: vec!["a"],
            ended: vec!["b"],
        },
        Case {
            name: "twice is once",
            steps: vec![
                ("seen", "b", json!({})),
                ("seen", "a", json!({})),
                ("$identify", "a", identify("b")),
                ("$identify", "a", identify("b")),
            ],
            persons: vec![("a", vec!["a", "b"])],
            identified: vec!["a"],
            ended: vec!["b"],
        },
        Case {
            name: "the other is identified",
            steps: vec![
                ("$identify", "b", identify("b2")),
                ("seen", "a", json!({})),
                ("$identify", "a", identify("b")),
            ],
            persons: vec![("a", vec!["a"]), ("b", vec!["b", "b2"])],
            identified: vec!["a", "b"],
            ended: vec![],
        },
        Case {
            name: "dangerously",
            steps: vec![
                ("$identify", "b", identify("b2")),
                ("seen", "a", json!({})),
                ("$merge_dangerously", "a", alias("b")),
            ],
            persons: vec![("a", vec!["a", "b", "b2"])],
            identified: vec!["a"],
            ended: vec!["b"],
        },
        Case {
            name: "an identified person takes in many, and their ids move on with it",
            steps: vec![
                ("$identify", "a", identify("x")),
                ("seen", "y", json!({})),
                ("$identify", "a", identify("y")),
                ("seen", "c", json!({})),
                ("$merge_dangerously", "c", alias("y")),
            ],
            persons: vec![("c", vec!["a", "c", "x", "y"])],
            identified: vec!["c"],
            ended: vec!["y", "a"],
        },
        Case {
            name: "without a profile no person, until identified",
            steps: vec![
                ("seen", "anon", json!({"$process_person_profile": false})),
                ("$identify", "a", identify("anon")),
            ],
            persons: vec![("a", vec!["a", "anon"])],
            identified: vec!["a"],
            ended: vec![],
        },
    ]
}

async fn check(case: &Case, together: bool) {
    let world = World::new();
    let events: Vec<_> = case
        .steps
        .iter()
        .enumerate()
        .map(|(n, (e, id, p))| event(n as u128, e, id, p.clone()))
        .collect();
    if together {
        world.send(events).await;
    } else {
        for event in events {
            world.send([event]).await;
        }
    }
    let stored = world.store.stored();
    let mut living: Vec<_> = stored
        .persons
        .values()
        .filter(|row| !row.is_deleted)
        .map(|row| row.id)
        .collect();
    let mut want: Vec<_> = case.persons.iter().map(|(id, _)| person(id)).collect();
    living.sort();
    want.sort();
    assert_eq!(living, want, "{}", case.name);
    for (of, ids) in &case.persons {
        let found: Vec<_> = stored
            .distinct_ids
            .values()
            .filter(|row| row.person_id == person(of))
            .map(|row| row.distinct_id.as_str())
            .collect();
        assert_eq!(found, *ids, "{}", case.name);
        let row = &stored.persons[&(PROJECT, person(of))];
        assert_eq!(
            row.is_identified,
            case.identified.contains(of),
            "{}: {of}",
            case.name
        );
    }
    for ended in &case.ended {
        assert!(
            stored.persons[&(PROJECT, person(ended))].is_deleted,
            "{}: {ended}",
            case.name
        );
    }
    assert_eq!(stored.events.len(), case.steps.len(), "{}", case.name);
}

#[tokio::test]
async fn merges() {
    for case in cases() {
        check(&case, false).await;
        // Within one step a person that it made or moved itself must be found again. Persons of an earlier step that
        // are merged away there never reach the store alive, so their tombstones do.
        check(&case, true).await;
    }
}

#[tokio::test]
async fn survivor_keeps_its_properties_and_the_earlier_creation() {
    let world = World::new();
    world
        .send([
            event(5, "seen", "a", json!({"$set": {"both": "a", "from_a": 1}})),
            event(2, "seen", "b", json!({"$set": {"both": "b", "from_b": 1}})),
            event(
                7,
                "$identify",
                "a",
                json!({"$anon_distinct_id": "b", "$set": {"plan": "pro"}, "$set_once": {"from_b": 2}}),
            ),
        ])
        .await;
    let stored = world.store.stored();
    let row = &stored.persons[&(PROJECT, person("a"))];
    assert_eq!(
        row.created_at,
        "2020-01-01T12:02:00Z"
            .parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap()
    );
    assert_eq!(
        Value::Object(row.properties.clone()),
        json!({
            "both": "a", "from_a": 1, "from_b": 1, "plan": "pro",
            "$creator_event_uuid": Uuid::from_u128(6).to_string(),
        })
    );
    assert!(row.version > stored.persons[&(PROJECT, person("b"))].version);
    assert_eq!(stored.distinct_ids[&(PROJECT, "b".to_owned())].version, 2);
}

#[tokio::test]
async fn a_deleted_person_comes_back_as_another() {
    let world = World::new();
    world.send([event(0, "seen", "a", json!({}))]).await;
    let mut row = world.store.stored().persons[&(PROJECT, person("a"))].clone();
    row.is_deleted = true;
    row.version = 100;
    let append = event_store::Append {
        persons: vec![row],
        token: "deletion".to_owned(),
        ..Default::default()
    };
    event_store::EventStore::append(world.store.as_ref(), append)
        .await
        .unwrap();

    let world = world.restarted();
    world.send([event(1, "seen", "a", json!({}))]).await;
    let stored = world.store.stored();
    let mapping = &stored.distinct_ids[&(PROJECT, "a".to_owned())];
    assert_ne!(mapping.person_id, person("a"));
    assert!(!stored.persons[&(PROJECT, mapping.person_id)].is_deleted);
}

#[tokio::test]
async fn a_known_person_gets_a_version_only_when_it_changes() {
    let world = World::new();
    for number in 0..5 {
        world
            .send([event(
                number,
                "seen",
                "a",
                json!({"$set": {"plan": "pro"}, "$browser": "x"}),
            )])
            .await;
    }
    let stored = world.store.stored();
    assert_eq!(stored.persons[&(PROJECT, person("a"))].version, 1);
    assert_eq!(stored.distinct_ids[&(PROJECT, "a".to_owned())].version, 1);
}
