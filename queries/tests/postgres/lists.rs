//! Lists of events and persons, and values of properties.

use event_store::{Append, EventStore};
use insights::{
    Comparison, Condition, EventsQuery, PersonSet, PersonsQuery, PropertySource, PropertyTest, ValuesQuery,
};
use serde_json::json;

use crate::database::*;

#[tokio::test]
async fn events_are_paged_by_time_and_uuid() {
    let db = Database::new().await;
    db.person(1, &["ann", "anon"], json!({"k": 1})).await;
    let rows = [
        event("a", "ann", "2020-01-01", json!({"z": 1, "a": "ü"})),
        event("b", "bob", "2020-01-02", json!({})),
        event("c", "anon", "2020-01-02", json!({})),
        event("d", "ann", "2020-01-03", json!({})),
    ];
    db.events(rows.clone()).await;
    let query = EventsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        after: None,
        before: None,
        condition: anything(),
        ascending: false,
        cursor: None,
        limit: 10,
    };
    let names = async |query: &EventsQuery| {
        let found = db.store.events(query).await.expect("answered");
        found
            .iter()
            .map(|event| event.row.event.as_str())
            .collect::<String>()
    };
    let cursor = |row: usize| Some((rows[row].timestamp, rows[row].uuid));
    for (change, expected) in [
        (query.clone(), "dcba"),
        (
            EventsQuery {
                ascending: true,
                ..query.clone()
            },
            "abcd",
        ),
        (
            EventsQuery {
                limit: 2,
                ..query.clone()
            },
            "dc",
        ),
        (
            EventsQuery {
                after: Some(at("2020-01-01")),
                ..query.clone()
            },
            "dcb",
        ),
        (
            EventsQuery {
                before: Some(at("2020-01-03")),
                ..query.clone()
            },
            "cba",
        ),
        (
            EventsQuery {
                cursor: cursor(2),
                ..query.clone()
            },
            "ba",
        ),
        (
            EventsQuery {
                cursor: cursor(1),
                ascending: true,
                ..query.clone()
            },
            "cd",
        ),
        (
            EventsQuery {
                condition: Condition::DistinctId("anon".to_owned()),
                ..query.clone()
            },
            "c",
        ),
    ] {
        assert_eq!(names(&change).await, expected, "{change:?}");
    }
    let all = db
        .store
        .events(&EventsQuery {
            ascending: true,
            ..query
        })
        .await
        .expect("answered");
    assert_eq!(
        all.iter().map(|event| event.row.clone()).collect::<Vec<_>>(),
        rows
    );
    let person = all[2].person.as_ref().expect("a person");
    assert_eq!(person.row, person_row(1, json!({"k": 1}), 1));
    assert_eq!(person.distinct_ids, ["ann", "anon"]);
    assert_eq!(all[1].person, None);

    let one = db
        .store
        .event(PROJECT, rows[3].uuid)
        .await
        .expect("answered")
        .expect("found");
    assert_eq!(one.row, rows[3]);
    assert!(
        db.store
            .event(PROJECT, uuid::Uuid::max())
            .await
            .expect("answered")
            .is_none()
    );
    assert!(
        db.store
            .event(model::ProjectId(8), rows[3].uuid)
            .await
            .expect("answered")
            .is_none()
    );
}

#[tokio::test]
async fn persons_are_found() {
    let db = Database::new().await;
    db.person(
        1,
        &["ann", "anon"],
        json!({"email": "Ann@x.org", "plan": "pro", "tags": ["Blue"]}),
    )
    .await;
    db.person(2, &["bob"], json!({"email": "bob@x.org", "n": 100}))
        .await;
    db.person(3, &["cat"], json!({"note": "100% sure"})).await;
    db.person(4, &["dan"], json!({"plan": "pro"})).await;
    let mut gone = person_row(4, json!({"plan": "pro"}), 2);
    gone.is_deleted = true;
    let mut unmapped = mapping("cat", 3, 2);
    unmapped.is_deleted = true;
    db.append(Append {
        persons: vec![gone],
        distinct_ids: vec![unmapped],
        ..Append::default()
    })
    .await;
    db.events([event("a", "ann", "2020-01-01", json!({}))]).await;
    let all = PersonsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        condition: anything(),
        distinct_id: None,
        email: None,
        ids: None,
        search: None,
        limit: 10,
        offset: 0,
    };
    let property = |key: &str, test| Condition::Property {
        source: PropertySource::Person,
        key: key.to_owned(),
        test,
    };
    let searched = |text: &str| PersonsQuery {
        search: Some(text.to_owned()),
        ..all.clone()
    };
    let filtered = |condition| PersonsQuery {
        condition,
        ..all.clone()
    };
    for (query, expected) in [
        // Youngest first.
        (all.clone(), vec![3, 2, 1]),
        (
            PersonsQuery {
                limit: 1,
                offset: 1,
                ..all.clone()
            },
            vec![2],
        ),
        (
            PersonsQuery {
                distinct_id: Some("anon".to_owned()),
                ..all.clone()
            },
            vec![1],
        ),
        (
            PersonsQuery {
                distinct_id: Some("ano".to_owned()),
                ..all.clone()
            },
            vec![],
        ),
        (
            PersonsQuery {
                distinct_id: Some("cat".to_owned()),
                ..all.clone()
            },
            vec![],
        ),
        (
            PersonsQuery {
                email: Some("bob@x.org".to_owned()),
                ..all.clone()
            },
            vec![2],
        ),
        (
            PersonsQuery {
                email: Some("ann@x.org".to_owned()),
                ..all.clone()
            },
            vec![],
        ),
        (
            PersonsQuery {
                ids: Some(vec![person_id(3), person_id(1), person_id(4)]),
                ..all.clone()
            },
            vec![3, 1],
        ),
        (searched("X.ORG"), vec![2, 1]),
        (searched("NON"), vec![1]),
        (searched("100%"), vec![3]),
        (searched("100"), vec![3, 2]),
        (searched("blue"), vec![1]),
        (searched("email"), vec![]),
        (
            filtered(property("plan", PropertyTest::AnyOf(vec!["pro".to_owned()]))),
            vec![1],
        ),
        (filtered(property("plan", PropertyTest::IsNotSet)), vec![3, 2]),
        (
            filtered(property(
                "n",
                PropertyTest::Compare {
                    op: Comparison::Greater,
                    value: 99.0,
                },
            )),
            vec![2],
        ),
        (
            filtered(Condition::Person(PersonSet::Performed {
                events: Box::new(named("a")),
                range: range("2020-01-01", "2020-01-02"),
                count: Comparison::GreaterOrEqual,
                times: 1,
            })),
            vec![1],
        ),
        (
            filtered(Condition::Not(Box::new(Condition::Person(PersonSet::Ids(vec![
                person_id(1),
            ]))))),
            vec![3, 2],
        ),
    ] {
        let found = db.store.persons(&query).await.expect("answered");
        let ids: Vec<_> = found.iter().map(|person| person.row.id).collect();
        assert_eq!(
            ids,
            expected.into_iter().map(person_id).collect::<Vec<_>>(),
            "{query:?}"
        );
    }
    let found = db.store.persons(&all).await.expect("answered");
    assert_eq!(found[2].distinct_ids, ["ann", "anon"]);
    assert!(found[0].distinct_ids.is_empty());
}

#[tokio::test]
async fn frequent_values_come_first() {
    let db = Database::new().await;
    db.person(1, &["a"], json!({"plan": "pro"})).await;
    db.person(2, &["b"], json!({"plan": "free"})).await;
    db.person(3, &["c"], json!({"plan": "pro"})).await;
    db.group(0, "g", json!({"plan": "big"})).await;
    db.group(1, "g", json!({"plan": "small"})).await;
    let values = [
        json!("b"),
        json!("B"),
        json!(1),
        json!("1"),
        json!(null),
        json!(["b"]),
    ];
    db.events(values.map(|v| event("e", "a", "2020-01-02", json!({"v": v}))))
        .await;
    db.events([
        event("e", "a", "2020-01-01", json!({"v": "old"})),
        event("e", "a", "2020-01-02", json!({})),
    ])
    .await;
    let sessions = [
        ("s", "2020-01-02 00:00"),
        ("s", "2020-01-02 00:01"),
        ("t", "2020-01-02 00:00"),
    ];
    db.events(sessions.map(|(id, time)| event("e", "a", time, json!({"$session_id": id}))))
        .await;
    let query = ValuesQuery {
        project: PROJECT,
        source: PropertySource::Event,
        key: "v".to_owned(),
        search: None,
        since: None,
        limit: 10,
    };
    let of = |source| ValuesQuery {
        source,
        key: "plan".to_owned(),
        ..query.clone()
    };
    for (query, expected) in [
        (
            query.clone(),
            vec![
                ("1", 2),
                ("B", 1),
                ("[\"b\"]", 1),
                ("b", 1),
                ("null", 1),
                ("old", 1),
            ],
        ),
        (
            ValuesQuery {
                limit: 2,
                ..query.clone()
            },
            vec![("1", 2), ("B", 1)],
        ),
        (
            ValuesQuery {
                search: Some("B".to_owned()),
                ..query.clone()
            },
            vec![("B", 1), ("[\"b\"]", 1), ("b", 1)],
        ),
        (
            ValuesQuery {
                search: Some("L".to_owned()),
                since: Some(at("2020-01-02")),
                ..query.clone()
            },
            vec![("null", 1)],
        ),
        (of(PropertySource::Session), vec![("0", 1), ("60", 1)]),
        (of(PropertySource::Person), vec![("pro", 2), ("free", 1)]),
        (of(PropertySource::Group(group_type(1))), vec![("small", 1)]),
    ] {
        let found = db.store.property_values(&query).await.expect("answered");
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(text, times)| (text.to_owned(), times))
            .collect();
        assert_eq!(found, expected, "{query:?}");
    }
}
