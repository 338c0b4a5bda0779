//! Every condition on events, persons, groups, sessions and sets of persons.

use super::*;

pub async fn conditions_on_everything<S: EventStore>(store: &S) -> Case {
    use PropertySource::{Event, Person};
    let org = PropertySource::Group(group(0));
    let mut append = events(&[
        (
            "buy",
            "ann",
            "2020-01-01T00:00:00Z",
            json!({"b": "Chrome", "n": "10", "d": "2020-05-01", "$group_0": "x", "chain": "a:text=\"Buy\""}),
        ),
        (
            "buy",
            "bob",
            "2020-01-01T00:00:00Z",
            json!({"b": "chrome 50%_x", "n": 3, "d": "2020-05-01T12:00:00Z"}),
        ),
        (
            "buy",
            "cat",
            "2020-01-01T00:00:00Z",
            json!({"b": null, "d": "5", "q": "it's \\ \"x\""}),
        ),
        ("old", "bob", "2019-06-01T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.groups = vec![GroupRow {
        project: PROJECT,
        group_type: group(0),
        key: "x".to_owned(),
        properties: object(json!({"size": "big"})),
        created_at: day("2020-01-01"),
        version: 1,
    }];
    store.append(append).await?;
    store
        .add_to_static_cohort(PROJECT, CohortId(5), &[id(200)])
        .await?;
    store
        .add_to_static_cohort(PROJECT, CohortId(5), &[id(200)])
        .await?;

    let contains = |text: &str, negated| PropertyTest::Contains {
        text: text.to_owned(),
        negated,
    };
    let regex = |pattern: &str, negated| PropertyTest::Regex {
        pattern: pattern.to_owned(),
        negated,
    };
    let compare = |op, value| PropertyTest::Compare { op, value };
    let performed = |name: &str, times| PersonSet::Performed {
        events: Box::new(Condition::EventName(name.to_owned())),
        range: range("2019-01-01", "2021-01-01"),
        count: Comparison::GreaterOrEqual,
        times,
    };
    // The `buy` events that pass, by their numbers.
    let cases: Vec<(Condition, &[u128])> = vec![
        (property(Event, "b", any_of(&["Chrome", "x"])), &[1]),
        (property(Event, "b", none_of(&["Chrome"])), &[2, 3]),
        (property(Event, "b", any_of(&["null"])), &[3]),
        (property(Event, "missing", any_of(&[""])), &[1, 2, 3]),
        (property(Event, "b", any_of(&["", "Chrome"])), &[1]),
        (property(Event, "b", any_of(&[])), &[]),
        (property(Event, "b", none_of(&[])), &[1, 2, 3]),
        (property(Event, "b", contains("CHROME", false)), &[1, 2]),
        (property(Event, "b", contains("50%_", false)), &[2]),
        (property(Event, "b", contains("5%", false)), &[]),
        (property(Event, "q", contains("'s \\ \"x", false)), &[3]),
        (property(Event, "b", contains("NUL", false)), &[3]),
        (property(Event, "n", contains("0", true)), &[2, 3]),
        (property(Event, "b", regex("^[Cc]hrome$", false)), &[1]),
        (property(Event, "b", regex("^[Cc]hrome$", true)), &[2, 3]),
        (property(Event, "missing", regex("^$", false)), &[1, 2, 3]),
        (property(Event, "n", compare(Comparison::Greater, 5.0)), &[1]),
        (property(Event, "n", compare(Comparison::LessOrEqual, 3.0)), &[2]),
        (
            Condition::Not(Box::new(property(Event, "n", compare(Comparison::Greater, 5.0)))),
            &[2, 3],
        ),
        (property(Event, "b", PropertyTest::IsSet), &[1, 2, 3]),
        (property(Event, "n", PropertyTest::IsNotSet), &[3]),
        (property(Event, "n", PropertyTest::Never), &[]),
        (
            property(
                Event,
                "d",
                PropertyTest::Date(DateTest::Within(range("2020-05-01", "2020-05-02"))),
            ),
            &[1, 2],
        ),
        (
            property(Event, "d", PropertyTest::Date(DateTest::After(day("2020-05-01")))),
            &[2],
        ),
        (
            property(
                Event,
                "d",
                PropertyTest::Date(DateTest::Before(day("2020-05-02"))),
            ),
            &[1, 2],
        ),
        (property(Person, "plan", any_of(&["pro"])), &[1]),
        (property(Person, "plan", none_of(&["pro"])), &[2]),
        (
            Condition::Any(vec![
                property(Person, "plan", any_of(&["pro"])),
                property(Event, "b", any_of(&["null"])),
            ]),
            &[1, 3],
        ),
        (
            Condition::All(vec![
                property(Person, "plan", any_of(&["free"])),
                property(Person, "age", compare(Comparison::Less, 10.0)),
            ]),
            &[2],
        ),
        (property(org, "size", any_of(&["big"])), &[1]),
        (property(org, "size", none_of(&["big"])), &[2, 3]),
        (property(org, "size", none_of(&["small"])), &[1, 2, 3]),
        (property(org, "size", regex("^$", false)), &[2, 3]),
        (property(org, "size", PropertyTest::IsSet), &[1]),
        (property(org, "size", PropertyTest::IsNotSet), &[2, 3]),
        (Condition::InGroup(group(0)), &[1]),
        (Condition::GroupIs(group(0), "y".to_owned()), &[]),
        (Condition::DistinctId("cat".to_owned()), &[3]),
        (
            Condition::Elements(ElementTest::Matches {
                pattern: "text=\"Buy\"".to_owned(),
                negated: false,
            }),
            &[1],
        ),
        (
            Condition::Elements(ElementTest::Matches {
                pattern: "text=\"Buy\"".to_owned(),
                negated: true,
            }),
            &[2, 3],
        ),
        (Condition::Elements(ElementTest::Never), &[]),
        (Condition::Person(PersonSet::StaticCohort(CohortId(5))), &[2]),
        (
            Condition::Not(Box::new(Condition::Person(PersonSet::StaticCohort(CohortId(5))))),
            &[1, 3],
        ),
        (Condition::Person(PersonSet::Ids(vec![id(100), id(9)])), &[1]),
        (Condition::Person(PersonSet::Ids(vec![])), &[]),
        (Condition::Person(performed("old", 1)), &[2]),
        (Condition::Person(performed("buy", 1)), &[1, 2]),
        (Condition::Person(performed("old", 2)), &[]),
        (
            Condition::Person(PersonSet::PerformedFirst {
                events: Box::new(Condition::All(vec![])),
                range: range("2020-01-01", "2020-01-02"),
            }),
            &[1],
        ),
        (Condition::Any(vec![]), &[]),
    ];
    for (condition, expected) in cases {
        let query = EventsQuery {
            project: PROJECT,
            timezone: chrono_tz::UTC,
            after: None,
            before: None,
            condition: Condition::All(vec![Condition::EventName("buy".to_owned()), condition.clone()]),
            ascending: true,
            cursor: None,
            limit: 10,
        };
        let found: Vec<_> = store
            .events(&query)
            .await?
            .into_iter()
            .map(|e| e.row.uuid.as_u128())
            .collect();
        assert_eq!(found, expected, "{condition:?}");
    }
    Ok(())
}
