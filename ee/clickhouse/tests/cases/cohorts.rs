//! Cohorts by rules, what persons did in sequence, the names of properties, and the version of the data.

use ee_clickhouse::{ClickHouseStore, Executor};
use event_store::EventStore;
use insights::{Condition, PersonSet, PropertySource};
use model::CohortId;
use serde_json::json;

use super::*;

fn plan(value: &str) -> Condition {
    property(PropertySource::Person, "plan", any_of(&[value]))
}

pub async fn cohorts_follow_their_condition<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[("buy", "ann", "2020-01-02T00:00:00Z", json!({}))]);
    people(&mut append);
    append.persons.push(person(300, json!({"plan": "pro"})));
    append.persons.push(person(400, json!({"plan": "pro"})));
    append.persons[3].is_deleted = true;
    store.append(append).await?;
    let (pros, others) = (CohortId(5), CohortId(6));
    let zone = chrono_tz::UTC;
    let recalculate = async |cohort, condition: &Condition| {
        store.recalculate_cohort(PROJECT, zone, cohort, condition).await
    };
    let of_person = async |n| store.cohorts_of_person(PROJECT, id(n)).await;

    assert_eq!(store.count_persons(PROJECT, zone, &plan("pro")).await?, 2);
    assert_eq!(
        store
            .count_persons(PROJECT, zone, &Condition::All(vec![]))
            .await?,
        3
    );
    assert_eq!(store.count_persons(PROJECT, zone, &plan("none")).await?, 0);
    assert_eq!(recalculate(others, &plan("free")).await?, 1);
    assert_eq!(recalculate(pros, &plan("pro")).await?, 2);
    assert_eq!(recalculate(pros, &plan("pro")).await?, 2);
    assert_eq!(of_person(100).await?, [pros]);
    assert_eq!(of_person(200).await?, [others]);
    assert_eq!(of_person(400).await?, []);
    assert_eq!(store.cohorts_of_person(ProjectId(8), id(100)).await?, []);
    store
        .add_to_static_cohort(PROJECT, CohortId(2), &[id(100)])
        .await?;
    assert_eq!(of_person(100).await?, [CohortId(2), pros]);

    // Ann leaves and comes back, again and again; the neighbour's members stay.
    for round in 2..6 {
        let mut ann = person(100, json!({"plan": if round % 2 == 0 { "free" } else { "pro" }}));
        ann.version = round;
        store
            .append(Append {
                persons: vec![ann],
                token: format!("round {round}"),
                ..Append::default()
            })
            .await?;
        let (members, cohorts): (_, &[_]) = if round % 2 == 0 {
            (1, &[CohortId(2)])
        } else {
            (2, &[CohortId(2), pros])
        };
        assert_eq!(recalculate(pros, &plan("pro")).await?, members, "{round}");
        assert_eq!(of_person(100).await?, cohorts, "{round}");
        assert_eq!(of_person(200).await?, [others], "{round}");
    }
    let bought = Condition::Person(PersonSet::Performed {
        events: Box::new(Condition::EventName("buy".to_owned())),
        range: range("2020-01-01", "2020-02-01"),
        count: Comparison::GreaterOrEqual,
        times: 1,
    });
    assert_eq!(recalculate(pros, &bought).await?, 1);
    assert_eq!(of_person(300).await?, []);
    assert_eq!(recalculate(pros, &Condition::Any(vec![])).await?, 0);
    assert_eq!(of_person(100).await?, [CohortId(2)]);
    Ok(())
}

/// Signs that a writer left behind which died while its statement went on.
pub async fn surplus_signs_are_made_good<E: Executor>(store: &ClickHouseStore<E>) -> Case {
    let mut append = Append {
        token: "one".to_owned(),
        ..Append::default()
    };
    people(&mut append);
    store.append(append).await?;
    let cohort = CohortId(5);
    let insert = async |person: u128, sign: &str| {
        let sql = format!(
            "INSERT INTO cohortpeople (person_id, cohort_id, team_id, sign) VALUES ('{}', 5, 7, {sign})",
            id(person)
        );
        store.executor().command(&sql).await
    };
    for (person, sign) in [(100, "1"), (100, "1"), (100, "1"), (200, "-1"), (200, "-1")] {
        insert(person, sign).await?;
    }
    let zone = chrono_tz::UTC;
    let count = store
        .recalculate_cohort(PROJECT, zone, cohort, &plan("free"))
        .await?;
    assert_eq!(count, 1);
    assert_eq!(store.cohorts_of_person(PROJECT, id(100)).await?, []);
    assert_eq!(store.cohorts_of_person(PROJECT, id(200)).await?, [cohort]);
    Ok(())
}

pub async fn sequences_of_events<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        // Ann: the second exactly an hour behind the first, behind the range's end.
        ("view", "ann", "2020-01-02T23:30:00Z", json!({})),
        ("buy", "ann2", "2020-01-03T00:30:00Z", json!({})),
        // Bob: a microsecond too late, and at the same instant, and before.
        ("buy", "bob", "2020-01-01T00:00:00Z", json!({})),
        ("view", "bob", "2020-01-01T10:00:00Z", json!({})),
        ("buy", "bob", "2020-01-01T10:00:00Z", json!({})),
        ("buy", "bob", "2020-01-01T11:00:00.000001Z", json!({})),
        // Eve: the view lies behind the range.
        ("view", "eve", "2020-01-03T00:00:00Z", json!({})),
        ("buy", "eve", "2020-01-03T00:10:00Z", json!({})),
        ("view", "eve", "2020-01-02T00:00:00Z", json!({})),
        ("view", "eve", "2020-01-02T00:20:00Z", json!({})),
        // Nobody.
        ("view", "cat", "2020-01-02T00:00:00Z", json!({})),
        ("buy", "cat", "2020-01-02T00:01:00Z", json!({})),
    ]);
    people(&mut append);
    append.distinct_ids.push(mapping("ann2", 100, 1));
    append.distinct_ids.push(mapping("eve", 300, 1));
    append.persons.push(person(300, json!({})));
    store.append(append).await?;
    let sequence = |first: &str, second: &str, within| {
        Condition::Person(PersonSet::PerformedSequence {
            first: Box::new(Condition::EventName(first.to_owned())),
            second: Box::new(Condition::EventName(second.to_owned())),
            range: range("2020-01-01", "2020-01-03"),
            within,
        })
    };
    let persons = async |condition: Condition| {
        let found = store
            .persons(&PersonsQuery {
                project: PROJECT,
                timezone: chrono_tz::UTC,
                condition,
                distinct_id: None,
                email: None,
                ids: None,
                search: None,
                limit: 10,
                offset: 0,
            })
            .await?;
        let mut ids: Vec<_> = found.iter().map(|person| person.row.id.as_u128()).collect();
        ids.sort_unstable();
        Ok::<_, event_store::StoreError>(ids)
    };
    let hour = TimeDelta::hours(1);
    assert_eq!(persons(sequence("view", "buy", hour)).await?, [100]);
    let longer = hour + TimeDelta::microseconds(1);
    assert_eq!(persons(sequence("view", "buy", longer)).await?, [100, 200]);
    assert_eq!(
        persons(sequence("view", "view", TimeDelta::days(1))).await?,
        [300]
    );
    let shorter = hour - TimeDelta::microseconds(1);
    assert_eq!(persons(sequence("view", "buy", shorter)).await?, [0_u128; 0]);
    let not = Condition::Not(Box::new(sequence("view", "buy", hour)));
    assert_eq!(persons(not).await?, [200, 300]);
    // The same through events.
    let mut query = trend(Math::Total);
    query.range = range("2020-01-01", "2020-01-04");
    query.condition = sequence("view", "buy", hour);
    assert_eq!(single(store, &query).await?, 2.0);
    Ok(())
}

pub async fn property_names_are_ranked<S: EventStore>(store: &S) -> Case {
    let mut append = Append {
        token: "one".to_owned(),
        ..Append::default()
    };
    people(&mut append);
    append.persons.push(person(300, json!({"plan": "x", "gone": 1})));
    append.groups = vec![GroupRow {
        project: PROJECT,
        group_type: group(2),
        key: "x".to_owned(),
        properties: object(json!({"b \"q\"": 1, "a": null})),
        created_at: day("2020-01-01"),
        version: 1,
    }];
    store.append(append.clone()).await?;
    let mut gone = append.persons[2].clone();
    gone.version = 2;
    gone.is_deleted = true;
    store
        .append(Append {
            persons: vec![gone],
            token: "two".to_owned(),
            ..Append::default()
        })
        .await?;
    let named = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
        list.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
    };
    assert_eq!(
        store.property_names(PROJECT, PropertySource::Person).await?,
        named(&[("age", 2), ("plan", 2), ("name", 1), ("nothing", 1)])
    );
    assert_eq!(
        store
            .property_names(PROJECT, PropertySource::Group(group(2)))
            .await?,
        named(&[("a", 1), ("b \"q\"", 1)])
    );
    assert!(
        store
            .property_names(PROJECT, PropertySource::Event)
            .await
            .is_err()
    );
    Ok(())
}

pub async fn data_versions_change_with_the_data<S: EventStore>(store: &S) -> Case {
    let mut seen = vec![store.data_version(PROJECT).await?];
    assert_eq!(store.data_version(PROJECT).await?, seen[0]);
    let mut append = events(&[("buy", "ann", "2020-01-02T00:00:00Z", json!({}))]);
    people(&mut append);
    let groups = Append {
        groups: vec![GroupRow {
            project: PROJECT,
            group_type: group(2),
            key: "x".to_owned(),
            properties: Map::new(),
            created_at: day("2020-01-01"),
            version: 1,
        }],
        token: "groups".to_owned(),
        ..Append::default()
    };
    for append in [append.clone(), groups] {
        store.append(append).await?;
        seen.push(store.data_version(PROJECT).await?);
    }
    // A repetition changes nothing.
    store.append(append).await?;
    assert_eq!(store.data_version(PROJECT).await?, seen[2]);
    store
        .add_to_static_cohort(PROJECT, CohortId(1), &[id(100)])
        .await?;
    seen.push(store.data_version(PROJECT).await?);
    for value in ["pro", "free"] {
        store
            .recalculate_cohort(PROJECT, chrono_tz::UTC, CohortId(2), &plan(value))
            .await?;
        seen.push(store.data_version(PROJECT).await?);
    }
    store
        .recalculate_cohort(PROJECT, chrono_tz::UTC, CohortId(2), &plan("free"))
        .await?;
    assert_eq!(Some(&store.data_version(PROJECT).await?), seen.last());
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
    Ok(())
}
