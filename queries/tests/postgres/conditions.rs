//! Conditions beyond the event's own properties: persons, groups, sessions, sets.

use event_store::{Append, EventStore, StoreError};
use insights::{
    Comparison, Condition, ElementTest, EventsQuery, PersonSet, PersonsQuery, PropertySource, PropertyTest,
};
use model::CohortId;
use serde_json::json;

use crate::database::*;

fn property(source: PropertySource, key: &str, test: PropertyTest) -> Condition {
    Condition::Property {
        source,
        key: key.to_owned(),
        test,
    }
}

fn any_of(texts: &[&str]) -> PropertyTest {
    PropertyTest::AnyOf(texts.iter().map(|&text| text.to_owned()).collect())
}

fn none_of(texts: &[&str]) -> PropertyTest {
    PropertyTest::NoneOf(texts.iter().map(|&text| text.to_owned()).collect())
}

/// Names of the matching events, ascending in time.
async fn matching(db: &Database, condition: Condition) -> String {
    let query = EventsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        after: None,
        before: None,
        condition,
        ascending: true,
        cursor: None,
        limit: 100,
    };
    let found = db.store.events(&query).await.expect("answered");
    found.iter().map(|event| event.row.event.as_str()).collect()
}

async fn check(db: &Database, condition: Condition, expected: &str, all: &str) {
    assert_eq!(matching(db, condition.clone()).await, expected, "{condition:?}");
    let others: String = all.chars().filter(|c| !expected.contains(*c)).collect();
    let negated = Condition::Not(Box::new(condition.clone()));
    assert_eq!(matching(db, negated).await, others, "not {condition:?}");
}

#[tokio::test]
async fn conditions_combine() {
    let db = Database::new().await;
    db.events([
        event("a", "x", "2020-01-01 00:00", json!({"n": 1})),
        event("b", "y", "2020-01-01 00:01", json!({"n": 2})),
        event("c", "x", "2020-01-01 00:02", json!({})),
    ])
    .await;
    let n = |text: &str| property(PropertySource::Event, "n", any_of(&[text]));
    for (condition, expected) in [
        (Condition::All(vec![]), "abc"),
        (Condition::Any(vec![]), ""),
        (named("b"), "b"),
        (Condition::DistinctId("x".to_owned()), "ac"),
        (Condition::All(vec![n("1"), named("a")]), "a"),
        (Condition::All(vec![n("1"), named("b")]), ""),
        (Condition::Any(vec![n("1"), named("b")]), "ab"),
        (
            Condition::All(vec![
                Condition::Any(vec![named("a"), named("c")]),
                Condition::Not(Box::new(n("1"))),
            ]),
            "c",
        ),
    ] {
        check(&db, condition, expected, "abc").await;
    }
}

#[tokio::test]
async fn an_event_without_live_person_fails_every_test_on_it() {
    let db = Database::new().await;
    db.person(1, &["ann", "anon"], json!({"plan": "pro", "n": 3}))
        .await;
    db.person(2, &["bob"], json!({})).await;
    db.person(3, &["gone"], json!({"plan": "pro"})).await;
    let mut gone = person_row(3, json!({"plan": "pro"}), 2);
    gone.is_deleted = true;
    db.append(Append {
        persons: vec![gone],
        ..Append::default()
    })
    .await;
    db.events([
        event("a", "ann", "2020-01-01 00:00", json!({})),
        event("n", "anon", "2020-01-01 00:01", json!({})),
        event("b", "bob", "2020-01-01 00:02", json!({})),
        event("g", "gone", "2020-01-01 00:03", json!({})),
        event("u", "unknown", "2020-01-01 00:04", json!({})),
    ])
    .await;
    let person = |key: &str, test| property(PropertySource::Person, key, test);
    for (condition, expected) in [
        (person("plan", any_of(&["pro"])), "an"),
        (person("plan", none_of(&["pro"])), "b"),
        (person("plan", any_of(&[""])), "b"),
        (person("plan", PropertyTest::IsNotSet), "b"),
        (
            person(
                "plan",
                PropertyTest::Contains {
                    text: "PR".to_owned(),
                    negated: true,
                },
            ),
            "b",
        ),
        (
            person(
                "plan",
                PropertyTest::Regex {
                    pattern: "^$".to_owned(),
                    negated: false,
                },
            ),
            "b",
        ),
        (
            person(
                "n",
                PropertyTest::Compare {
                    op: Comparison::Greater,
                    value: 2.0,
                },
            ),
            "an",
        ),
        (
            Condition::Any(vec![person("plan", any_of(&["pro"])), named("u")]),
            "anu",
        ),
    ] {
        check(&db, condition, expected, "anbgu").await;
    }
}

#[tokio::test]
async fn an_event_without_group_has_no_group_properties() {
    let db = Database::new().await;
    db.group(0, "acme", json!({"size": 50})).await;
    db.group(0, "tiny", json!({})).await;
    db.group(1, "acme", json!({"size": 1})).await;
    db.events([
        event("a", "x", "2020-01-01 00:00", json!({"$group_0": "acme"})),
        event(
            "t",
            "x",
            "2020-01-01 00:01",
            json!({"$group_0": "tiny", "$group_1": "acme"}),
        ),
        event("u", "x", "2020-01-01 00:02", json!({"$group_0": "unknown"})),
        event("n", "x", "2020-01-01 00:03", json!({"$group_0": null})),
    ])
    .await;
    let group = |index, test| property(PropertySource::Group(group_type(index)), "size", test);
    for (condition, expected) in [
        (group(0, any_of(&["50"])), "a"),
        (group(0, none_of(&["50"])), "tun"),
        (group(0, PropertyTest::IsSet), "a"),
        (group(1, PropertyTest::IsSet), "t"),
        (
            group(
                0,
                PropertyTest::Compare {
                    op: Comparison::Less,
                    value: 100.0,
                },
            ),
            "a",
        ),
        (Condition::InGroup(group_type(0)), "atu"),
        (Condition::InGroup(group_type(2)), ""),
        (Condition::GroupIs(group_type(0), "unknown".to_owned()), "u"),
    ] {
        check(&db, condition, expected, "atun").await;
    }
}

#[tokio::test]
async fn elements_chains_match() {
    let db = Database::new().await;
    let mut click = event("c", "x", "2020-01-01 00:00", json!({}));
    click.elements_chain = r#"a.btn:href="/buy"text="Buy";div:nth-child="2""#.to_owned();
    db.events([click, event("n", "x", "2020-01-01 00:01", json!({}))])
        .await;
    let matches = |pattern: &str, negated| {
        Condition::Elements(ElementTest::Matches {
            pattern: pattern.to_owned(),
            negated,
        })
    };
    for (condition, expected) in [
        (matches(r"(^|;)a(\.|$|;|:)", false), "c"),
        (matches(r#"(^|;)[^;]*text="Buy""#, false), "c"),
        (matches("buy.", true), "n"),
        (Condition::Elements(ElementTest::Never), ""),
        (Condition::Elements(ElementTest::Always), "cn"),
    ] {
        check(&db, condition, expected, "cn").await;
    }
}

#[tokio::test]
async fn sessions_have_a_duration() {
    let db = Database::new().await;
    let session = |name: &str, time: &str, id: &str| event(name, "x", time, json!({"$session_id": id}));
    db.events([
        session("a", "2020-01-01T00:00:00.900Z", "s1"),
        session("b", "2020-01-01T00:01:00.100Z", "s1"),
        session("c", "2020-01-01 00:10", "s2"),
        event("n", "x", "2020-01-01 00:20", json!({})),
        event("e", "x", "2020-01-01 00:30", json!({"$session_id": ""})),
    ])
    .await;
    let duration = |test| property(PropertySource::Session, "$session_duration", test);
    for (condition, expected) in [
        // Seconds as the clock shows them: from 00:00:00 to 00:01:00.
        (
            duration(PropertyTest::Compare {
                op: Comparison::Equal,
                value: 60.0,
            }),
            "ab",
        ),
        (
            duration(PropertyTest::Compare {
                op: Comparison::Less,
                value: 60.0,
            }),
            "c",
        ),
        (duration(any_of(&["60"])), "ab"),
        (duration(none_of(&["60"])), "cne"),
        (duration(PropertyTest::IsNotSet), "ne"),
    ] {
        check(&db, condition, expected, "abcne").await;
    }
}

#[tokio::test]
async fn sets_of_persons() {
    let db = Database::new().await;
    db.person(1, &["ann", "anon"], json!({})).await;
    db.person(2, &["bob"], json!({})).await;
    db.store
        .add_to_static_cohort(PROJECT, CohortId(5), &[person_id(1)])
        .await
        .expect("added");
    db.store
        .add_to_static_cohort(PROJECT, CohortId(6), &[person_id(2)])
        .await
        .expect("added");
    db.events([
        event("a", "ann", "2020-01-01", json!({})),
        event("b", "anon", "2020-01-05", json!({})),
        event("b", "bob", "2020-01-02", json!({})),
        event("u", "unknown", "2020-01-03", json!({})),
    ])
    .await;
    let performed = |events, from, to, count, times| {
        Condition::Person(PersonSet::Performed {
            events: Box::new(events),
            range: range(from, to),
            count,
            times,
        })
    };
    let first = |events, from, to| {
        Condition::Person(PersonSet::PerformedFirst {
            events: Box::new(events),
            range: range(from, to),
        })
    };
    let b = || Condition::Any(vec![named("a"), named("b")]);
    let everyone = "2019-01-01";
    let end = "2021-01-01";
    for (condition, expected) in [
        (Condition::Person(PersonSet::StaticCohort(CohortId(5))), "1 1"),
        (Condition::Person(PersonSet::StaticCohort(CohortId(7))), ""),
        (Condition::Person(PersonSet::Ids(vec![person_id(2)])), "2"),
        (Condition::Person(PersonSet::Ids(vec![])), ""),
        (
            performed(named("a"), everyone, end, Comparison::GreaterOrEqual, 1),
            "1 1",
        ),
        (
            performed(b(), everyone, end, Comparison::GreaterOrEqual, 2),
            "1 1",
        ),
        (performed(b(), everyone, end, Comparison::Equal, 1), "2"),
        (
            performed(b(), "2020-01-02", end, Comparison::LessOrEqual, 1),
            "1 2 1",
        ),
        (performed(b(), everyone, end, Comparison::Less, 2), "2"),
        (performed(b(), everyone, end, Comparison::Greater, 1), "1 1"),
        (
            performed(named("a"), "2020-01-02", end, Comparison::GreaterOrEqual, 1),
            "",
        ),
        (first(b(), "2020-01-01", "2020-01-02"), "1 1"),
        (first(b(), "2020-01-02", "2020-01-06"), "2"),
        // Sets within sets.
        (
            performed(
                Condition::Person(PersonSet::StaticCohort(CohortId(6))),
                everyone,
                end,
                Comparison::GreaterOrEqual,
                1,
            ),
            "2",
        ),
    ] {
        let query = EventsQuery {
            project: PROJECT,
            timezone: chrono_tz::UTC,
            after: None,
            before: None,
            condition: condition.clone(),
            ascending: true,
            cursor: None,
            limit: 100,
        };
        let who = |events: Vec<event_store::EventRecord>| {
            let names = events.iter().map(|event| match &event.person {
                Some(person) if person.row.id == person_id(1) => "1",
                Some(_) => "2",
                None => "u",
            });
            names.collect::<Vec<_>>().join(" ")
        };
        let found = who(db.store.events(&query).await.expect("answered"));
        assert_eq!(found, expected, "{condition:?}");
        let negated = EventsQuery {
            condition: Condition::Not(Box::new(condition.clone())),
            ..query
        };
        let others = who(db.store.events(&negated).await.expect("answered"));
        assert!(others.contains('u'), "{condition:?}");
        assert_eq!(
            found.len() + others.len() + usize::from(!found.is_empty()),
            "1 2 u 1".len(),
            "{condition:?}"
        );
    }
}

#[tokio::test]
async fn a_list_of_persons_has_no_events() {
    let db = Database::new().await;
    for condition in [
        named("a"),
        property(PropertySource::Event, "x", PropertyTest::IsSet),
        Condition::InGroup(group_type(0)),
        Condition::Elements(ElementTest::Always),
    ] {
        let query = PersonsQuery {
            project: PROJECT,
            timezone: chrono_tz::UTC,
            condition,
            distinct_id: None,
            email: None,
            ids: None,
            search: None,
            limit: 1,
            offset: 0,
        };
        assert!(matches!(
            db.store.persons(&query).await,
            Err(StoreError::Failed(_))
        ));
    }
}
