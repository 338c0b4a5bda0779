//! What was appended is found, once, in its latest version.

use super::*;

pub async fn appends_are_found_once<S: EventStore>(store: &S) -> Case {
    store.ready().await?;
    assert_eq!(store.earliest_event(PROJECT, day("2015-01-01")).await?, None);
    let mut append = events(&[
        (
            "buy",
            "ann",
            "2020-01-01T00:00:00.000001Z",
            json!({"a": "ü\n\"'\\"}),
        ),
        ("buy", "ann", "2020-01-02T00:00:00Z", json!({})),
    ]);
    append.ledger = vec![
        LedgerRow {
            project: PROJECT,
            at: day("2024-01-01"),
            outcome: LedgerOutcome::Stored,
            count: 2,
        },
        LedgerRow {
            project: PROJECT,
            at: day("2024-01-01"),
            outcome: LedgerOutcome::Refused("too_old".to_owned()),
            count: 3,
        },
    ];
    store.append(append.clone()).await?;
    store.append(append.clone()).await?;

    assert_eq!(store.known_events(PROJECT, &[id(1), id(9)]).await?, [id(1)]);
    assert!(store.known_events(ProjectId(8), &[id(1)]).await?.is_empty());
    assert_eq!(
        store.earliest_event(PROJECT, day("2015-01-01")).await?,
        Some(time("2020-01-01T00:00:00.000001Z"))
    );
    assert_eq!(
        store.earliest_event(PROJECT, day("2020-01-02")).await?,
        Some(day("2020-01-02"))
    );
    let found = store.event(PROJECT, id(1)).await?.expect("the event");
    assert_eq!(found.row, append.events[0]);
    assert_eq!(found.person, None);
    assert_eq!(store.event(PROJECT, id(9)).await?, None);
    assert_eq!(
        store.ledger(PROJECT).await?,
        [
            LedgerCount {
                outcome: LedgerOutcome::Refused("too_old".to_owned()),
                count: 3
            },
            LedgerCount {
                outcome: LedgerOutcome::Stored,
                count: 2
            },
        ]
    );
    assert_eq!(series(store, &trend(Math::Total)).await?, [1.0, 1.0, 0.0]);
    Ok(())
}

pub async fn identities_follow_versions<S: EventStore>(store: &S) -> Case {
    let mut append = Append {
        token: "one".to_owned(),
        ..Append::default()
    };
    people(&mut append);
    append.distinct_ids.push(mapping("gone", 100, 1));
    store.append(append.clone()).await?;
    let mut changed = append.persons[0].clone();
    changed.version = 2;
    changed.properties = object(json!({"plan": "team"}));
    let mut deleted = mapping("gone", 100, 2);
    deleted.is_deleted = true;
    store
        .append(Append {
            persons: vec![changed.clone()],
            distinct_ids: vec![mapping("bob", 100, 2), deleted],
            token: "two".to_owned(),
            ..Append::default()
        })
        .await?;

    let asked: Vec<_> = ["ann", "bob", "gone", "new"].map(str::to_owned).to_vec();
    let mut found = store.identities(PROJECT, &asked).await?;
    found.sort_by(|a, b| a.distinct_id.cmp(&b.distinct_id));
    let seen: Vec<_> = found
        .iter()
        .map(|i| (i.distinct_id.as_str(), i.version, i.person.as_ref()))
        .collect();
    assert_eq!(
        seen,
        [
            ("ann", 1, Some(&changed)),
            ("bob", 2, Some(&changed)),
            ("gone", 2, None)
        ]
    );
    let mut ids = store.distinct_ids(PROJECT, &[id(100), id(200)]).await?;
    ids.sort_by(|a, b| a.distinct_id.cmp(&b.distinct_id));
    assert_eq!(ids, [mapping("ann", 100, 1), mapping("bob", 100, 2)]);
    Ok(())
}

pub async fn groups_follow_versions<S: EventStore>(store: &S) -> Case {
    let row = |key: &str, properties: Value, version| GroupRow {
        project: PROJECT,
        group_type: group(1),
        key: key.to_owned(),
        properties: object(properties),
        created_at: day("2020-01-01"),
        version,
    };
    let old = [row("b:1", json!({"n": 1}), 1), row("a:1", json!({}), 1)];
    let new = row("b:1", json!({"n": 2}), 2);
    for (token, groups) in [("1", old.to_vec()), ("2", vec![new.clone()])] {
        store
            .append(Append {
                groups,
                token: token.to_owned(),
                ..Append::default()
            })
            .await?;
    }
    let listed = store.groups(PROJECT, group(1), None, 10, 0).await?;
    assert_eq!(listed, [old[1].clone(), new.clone()]);
    assert_eq!(
        store.groups(PROJECT, group(1), Some("b:"), 10, 0).await?,
        std::slice::from_ref(&new)
    );
    assert_eq!(store.groups(PROJECT, group(0), None, 10, 0).await?, []);
    let keys = [(group(1), "b:1".to_owned()), (group(1), "c".to_owned())];
    assert_eq!(store.groups_by_key(PROJECT, &keys).await?, [new]);
    Ok(())
}
