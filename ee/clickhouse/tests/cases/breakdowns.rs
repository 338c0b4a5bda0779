//! Breakdowns of trends: ranks, the rest, sources, bins.

use super::*;

pub async fn breakdowns_rank_and_rest<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": "b"})),
            ("buy", "a", "2020-01-02T00:00:00Z", json!({"plan": "b"})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": "c"})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": "a"})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": true})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"plan": "true"})),
            ("buy", "a", "2020-01-03T00:00:00Z", json!({"plan": null})),
            ("buy", "a", "2020-01-03T00:00:00Z", json!({})),
            ("buy", "a", "2020-01-03T00:00:00Z", json!({"plan": ""})),
        ]))
        .await?;
    let mut query = trend(Math::Total);
    query.breakdown = Some(breakdown(PropertySource::Event, "plan"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value(""), vec![0.0, 0.0, 1.0]),
            (value("a"), vec![1.0, 0.0, 0.0]),
            (value("b"), vec![1.0, 1.0, 0.0]),
            (value("c"), vec![1.0, 0.0, 0.0]),
            (value("null"), vec![0.0, 0.0, 1.0]),
            (value("true"), vec![2.0, 0.0, 0.0]),
            (GroupKey::Null, vec![0.0, 0.0, 1.0]),
        ]
    );
    // "b" and "true" have two, then by value.
    query.breakdown = Some(Breakdown {
        limit: 3,
        ..breakdown(PropertySource::Event, "plan")
    });
    assert_eq!(
        lines(store, &query).await?,
        [
            (value(""), vec![0.0, 0.0, 1.0]),
            (value("b"), vec![1.0, 1.0, 0.0]),
            (value("true"), vec![2.0, 0.0, 0.0]),
            (GroupKey::Other, vec![2.0, 0.0, 1.0]),
            (GroupKey::Null, vec![0.0, 0.0, 1.0]),
        ]
    );
    Ok(())
}

pub async fn breakdowns_by_person_and_group<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        (
            "buy",
            "ann",
            "2020-01-01T00:00:00Z",
            json!({"$group_0": "x", "url": "https://a.b/c//?q=1#f"}),
        ),
        (
            "buy",
            "ann",
            "2020-01-02T00:00:00Z",
            json!({"$group_0": "y", "url": "https://a.b/c"}),
        ),
        ("buy", "bob", "2020-01-01T00:00:00Z", json!({})),
        ("buy", "cat", "2020-01-01T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.groups = vec![GroupRow {
        project: PROJECT,
        group_type: group(0),
        key: "x".to_owned(),
        properties: object(json!({"size": 5})),
        created_at: day("2020-01-01"),
        version: 1,
    }];
    store.append(append).await?;
    let mut query = trend(Math::UniqueActors(ActorKind::Person));
    query.breakdown = Some(breakdown(PropertySource::Person, "plan"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("free"), vec![1.0, 0.0, 0.0]),
            (value("pro"), vec![1.0, 1.0, 0.0])
        ]
    );
    let mut query = trend(Math::Total);
    query.breakdown = Some(breakdown(PropertySource::Group(group(0)), "size"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("5"), vec![1.0, 0.0, 0.0]),
            (GroupKey::Null, vec![2.0, 1.0, 0.0])
        ]
    );
    query.breakdown = Some(Breakdown {
        normalize_url: true,
        ..breakdown(PropertySource::Event, "url")
    });
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("https://a.b/c"), vec![1.0, 1.0, 0.0]),
            (GroupKey::Null, vec![2.0, 0.0, 0.0])
        ]
    );
    Ok(())
}

pub async fn histograms<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"size": 10})),
            ("buy", "a", "2020-01-03T00:00:00Z", json!({"size": 10})),
            ("buy", "a", "2020-01-01T00:00:00Z", json!({"size": "20"})),
            ("buy", "a", "2020-01-02T00:00:00Z", json!({"size": 40})),
            ("buy", "a", "2020-01-02T00:00:00Z", json!({"size": "big"})),
        ]))
        .await?;
    let mut query = trend(Math::Total);
    query.breakdown = Some(Breakdown {
        histogram: Some(Histogram { bins: 2 }),
        ..breakdown(PropertySource::Event, "size")
    });
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("[10.0,20.0]"), vec![1.0, 0.0, 1.0]),
            (value("[20.0,40.01]"), vec![1.0, 1.0, 0.0]),
            (GroupKey::Null, vec![0.0, 1.0, 0.0]),
        ]
    );
    query.condition = Condition::EventName("none".to_owned());
    assert_eq!(lines(store, &query).await?, []);
    Ok(())
}
