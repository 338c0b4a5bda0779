//! Lists of events, persons and values.

use super::*;

pub async fn events_page<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("a", "ann", "2020-01-01T00:00:00Z", json!({})),
        ("b", "ann", "2020-01-02T00:00:00Z", json!({})),
        ("c", "cat", "2020-01-02T00:00:00Z", json!({})),
        ("d", "ann", "2020-01-03T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.distinct_ids.push(mapping("ann2", 100, 1));
    store.append(append).await?;
    let mut query = EventsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        after: None,
        before: Some(day("2020-01-03")),
        condition: Condition::All(vec![]),
        ascending: false,
        cursor: None,
        limit: 2,
    };
    let page = store.events(&query).await?;
    let names: Vec<_> = page.iter().map(|record| record.row.event.as_str()).collect();
    assert_eq!(names, ["c", "b"]);
    assert_eq!(page[0].person, None);
    let ann = page[1].person.as_ref().expect("a person");
    assert_eq!(ann.row.properties["plan"], json!("pro"));
    assert_eq!(ann.distinct_ids, ["ann", "ann2"]);

    query.cursor = Some((day("2020-01-02"), id(3)));
    let page = store.events(&query).await?;
    let names: Vec<_> = page.iter().map(|record| record.row.event.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    query.ascending = true;
    query.before = None;
    query.after = Some(day("2020-01-01"));
    query.cursor = None;
    let page = store.events(&query).await?;
    let names: Vec<_> = page.iter().map(|record| record.row.event.as_str()).collect();
    assert_eq!(names, ["b", "c"]);
    Ok(())
}

pub async fn persons_are_listed<S: EventStore>(store: &S) -> Case {
    let mut append = Append {
        token: "people".to_owned(),
        ..Append::default()
    };
    people(&mut append);
    let mut gone = person(300, json!({"plan": "pro"}));
    gone.is_deleted = true;
    append.persons.push(gone);
    store.append(append.clone()).await?;
    let all = PersonsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        condition: Condition::All(vec![]),
        distinct_id: None,
        email: None,
        ids: None,
        search: None,
        limit: 10,
        offset: 0,
    };
    let listed = store.persons(&all).await?;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].row, append.persons[1]);
    assert_eq!(listed[0].distinct_ids, ["bob"]);
    assert_eq!(listed[1].row, append.persons[0]);

    let search = |text: &str| PersonsQuery {
        search: Some(text.to_owned()),
        ..all.clone()
    };
    let cases = [
        (
            PersonsQuery {
                distinct_id: Some("ann".to_owned()),
                ..all.clone()
            },
            vec![100],
        ),
        (
            PersonsQuery {
                distinct_id: Some("nobody".to_owned()),
                ..all.clone()
            },
            vec![],
        ),
        (
            PersonsQuery {
                ids: Some(vec![id(200), id(300)]),
                ..all.clone()
            },
            vec![200],
        ),
        (
            PersonsQuery {
                ids: Some(vec![]),
                ..all.clone()
            },
            vec![],
        ),
        (
            PersonsQuery {
                email: Some("x".to_owned()),
                ..all.clone()
            },
            vec![],
        ),
        (search("\"a\""), vec![100]),
        (search("BO"), vec![200]),
        (search("plan"), vec![]),
        (search("7"), vec![200]),
        (
            PersonsQuery {
                condition: property(PropertySource::Person, "plan", any_of(&["pro"])),
                ..all.clone()
            },
            vec![100],
        ),
        (
            PersonsQuery {
                condition: property(PropertySource::Person, "nothing", PropertyTest::IsSet),
                ..all.clone()
            },
            vec![200],
        ),
        (
            PersonsQuery {
                limit: 1,
                offset: 1,
                ..all.clone()
            },
            vec![100],
        ),
    ];
    for (query, expected) in cases {
        let found: Vec<_> = store
            .persons(&query)
            .await?
            .into_iter()
            .map(|p| p.row.id.as_u128())
            .collect();
        assert_eq!(found, expected, "{query:?}");
    }
    Ok(())
}

pub async fn values_are_ranked<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("a", "ann", "2020-01-01T00:00:00Z", json!({"b": "Chrome"})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({"b": "Chrome"})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({"b": 5})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({"b": "Arc"})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let mut query = ValuesQuery {
        project: PROJECT,
        source: PropertySource::Event,
        key: "b".to_owned(),
        search: None,
        since: None,
        limit: 2,
    };
    let text = |text: &str, times| (text.to_owned(), times);
    assert_eq!(
        store.property_values(&query).await?,
        [text("Chrome", 2), text("5", 1)]
    );
    query.search = Some("C".to_owned());
    query.since = Some(day("2020-01-02"));
    assert_eq!(
        store.property_values(&query).await?,
        [text("Arc", 1), text("Chrome", 1)]
    );
    query.source = PropertySource::Person;
    query.key = "plan".to_owned();
    query.search = None;
    assert_eq!(
        store.property_values(&query).await?,
        [text("free", 1), text("pro", 1)]
    );
    Ok(())
}
