//! Trends: math, intervals, zones, actives, sessions.

use super::*;

pub async fn counts_per_day_in_a_zone<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("buy", "ann", "2020-03-07T23:30:00Z", json!({})),
            ("buy", "ann", "2020-03-08T04:59:59Z", json!({})),
            ("buy", "ann", "2020-03-08T05:00:00Z", json!({})),
            ("buy", "ann", "2020-03-09T03:59:59.999999Z", json!({})),
            ("buy", "ann", "2020-03-09T04:00:00Z", json!({})),
            ("look", "ann", "2020-03-08T12:00:00Z", json!({})),
        ]))
        .await?;
    let mut query = trend(Math::Total);
    query.timezone = chrono_tz::America::New_York;
    // 8 March has 23 hours there.
    query.ticks = [
        "2020-03-07T05:00:00Z",
        "2020-03-08T05:00:00Z",
        "2020-03-09T04:00:00Z",
    ]
    .map(time)
    .to_vec();
    query.range = TimeRange {
        from: query.ticks[0],
        to: time("2020-03-10T04:00:00Z"),
    };
    assert_eq!(series(store, &query).await?, [2.0, 2.0, 1.0]);
    assert_eq!(single(store, &query).await?, 5.0);
    query.interval = Interval::Hour;
    query.ticks = (0..2)
        .map(|hour| time("2020-03-08T04:00:00Z") + TimeDelta::hours(hour))
        .collect();
    query.range = TimeRange {
        from: query.ticks[0],
        to: time("2020-03-08T06:00:00Z"),
    };
    assert_eq!(series(store, &query).await?, [1.0, 1.0]);
    Ok(())
}

pub async fn uniques_follow_merges<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("buy", "ann", "2020-01-01T00:00:00Z", json!({"$group_0": "x"})),
        ("buy", "ann", "2020-01-01T01:00:00Z", json!({"$group_0": "y"})),
        ("buy", "bob", "2020-01-01T02:00:00Z", json!({})),
        ("buy", "cat", "2020-01-02T02:00:00Z", json!({"$group_0": "x"})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let persons = trend(Math::UniqueActors(ActorKind::Person));
    assert_eq!(series(store, &persons).await?, [2.0, 0.0, 0.0]);
    assert_eq!(series(store, &trend(Math::Total)).await?, [3.0, 1.0, 0.0]);
    let groups = trend(Math::UniqueActors(ActorKind::Group(group(0))));
    assert_eq!(series(store, &groups).await?, [2.0, 1.0, 0.0]);
    assert_eq!(single(store, &groups).await?, 2.0);

    let mut actors = TrendActorsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        range: range("2020-01-01", "2020-01-03"),
        condition: Condition::EventName("buy".to_owned()),
        actor: ActorKind::Person,
        limit: 10,
        offset: 0,
    };
    assert_eq!(
        store.trend_actors(&actors).await?,
        [id(100).to_string(), id(200).to_string()]
    );
    actors.actor = ActorKind::Group(group(0));
    assert_eq!(store.trend_actors(&actors).await?, ["x", "y"]);
    actors.offset = 1;
    assert_eq!(store.trend_actors(&actors).await?, ["y"]);

    store
        .append(Append {
            distinct_ids: vec![mapping("bob", 100, 2), mapping("cat", 100, 2)],
            token: "merge".to_owned(),
            ..Append::default()
        })
        .await?;
    assert_eq!(series(store, &persons).await?, [1.0, 1.0, 0.0]);
    assert_eq!(single(store, &persons).await?, 1.0);
    Ok(())
}

pub async fn property_math<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("buy", "ann", "2020-01-01T00:00:00Z", json!({"amount": 1})),
        ("buy", "ann", "2020-01-01T00:00:00Z", json!({"amount": "2.5"})),
        ("buy", "bob", "2020-01-01T00:00:00Z", json!({"amount": 4})),
        ("buy", "bob", "2020-01-02T00:00:00Z", json!({"amount": "many"})),
        ("buy", "bob", "2020-01-03T00:00:00Z", json!({"amount": -3})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let math = |aggregate| {
        trend(Math::Property {
            source: PropertySource::Event,
            key: "amount".to_owned(),
            aggregate,
        })
    };
    assert_eq!(series(store, &math(Aggregate::Sum)).await?, [7.5, 0.0, -3.0]);
    assert_eq!(series(store, &math(Aggregate::Avg)).await?, [2.5, 0.0, -3.0]);
    assert_eq!(series(store, &math(Aggregate::Min)).await?, [1.0, 0.0, -3.0]);
    assert_eq!(single(store, &math(Aggregate::Max)).await?, 4.0);
    assert_eq!(single(store, &math(Aggregate::Median)).await?, 1.75);
    let p90 = single(store, &math(Aggregate::P90)).await?;
    assert!((p90 - 3.55).abs() < 1e-9, "{p90}");

    let age = Math::Property {
        source: PropertySource::Person,
        key: "age".to_owned(),
        aggregate: Aggregate::Sum,
    };
    assert_eq!(series(store, &trend(age)).await?, [67.0, 7.0, 7.0]);
    let counts = |aggregate| {
        trend(Math::CountPerActor {
            actor: ActorKind::Person,
            aggregate,
        })
    };
    assert_eq!(series(store, &counts(Aggregate::Avg)).await?, [1.5, 1.0, 1.0]);
    assert_eq!(single(store, &counts(Aggregate::Max)).await?, 3.0);
    assert_eq!(single(store, &counts(Aggregate::Median)).await?, 2.5);
    Ok(())
}

pub async fn rolling_actives<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("buy", "ann", "2020-01-01T10:00:00Z", json!({})),
        ("buy", "bob", "2020-01-05T10:00:00Z", json!({})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let mut query = trend(Math::Active {
        actor: ActorKind::Person,
        days: 7,
    });
    query.range = range("2020-01-03", "2020-01-13");
    query.ticks = days("2020-01-03", 10);
    assert_eq!(
        series(store, &query).await?,
        [1.0, 1.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    );
    query.range.to = day("2020-01-08");
    assert_eq!(single(store, &query).await?, 2.0);
    query.range.to = day("2020-01-09");
    assert_eq!(single(store, &query).await?, 1.0);
    Ok(())
}

pub async fn cumulative_uniques<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("buy", "ann", "2020-01-01T10:00:00Z", json!({"plan": "x"})),
        ("buy", "ann", "2020-01-02T10:00:00Z", json!({"plan": "y"})),
        ("buy", "bob", "2020-01-03T10:00:00Z", json!({"plan": "x"})),
        ("buy", "bob", "2020-01-02T10:00:00Z", json!({"plan": "x"})),
    ]);
    people(&mut append);
    store.append(append).await?;
    let mut query = trend(Math::UniqueActors(ActorKind::Person));
    query.shape = TrendsShape::FirstSeen;
    assert_eq!(series(store, &query).await?, [1.0, 1.0, 0.0]);
    query.breakdown = Some(breakdown(PropertySource::Event, "plan"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("x"), vec![1.0, 1.0, 0.0]),
            (value("y"), vec![0.0, 1.0, 0.0])
        ]
    );
    Ok(())
}

pub async fn sessions<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("open", "u", "2019-12-31T23:59:50Z", json!({"$session_id": "s1"})),
            ("buy", "u", "2020-01-01T00:00:00Z", json!({"$session_id": "s1"})),
            ("buy", "u", "2020-01-01T00:00:05Z", json!({"$session_id": "s1"})),
            ("buy", "u", "2020-01-01T00:00:00Z", json!({"$session_id": "s2"})),
            ("buy", "u", "2020-01-01T00:01:00Z", json!({})),
        ]))
        .await?;
    let durations = Math::Property {
        source: PropertySource::Session,
        key: "$session_duration".to_owned(),
        aggregate: Aggregate::Median,
    };
    assert_eq!(series(store, &trend(durations)).await?, [7.5, 0.0, 0.0]);
    let mut query = trend(Math::UniqueSessions);
    query.condition = Condition::All(vec![
        query.condition,
        property(
            PropertySource::Session,
            "$session_duration",
            PropertyTest::Compare {
                op: Comparison::Greater,
                value: 0.0,
            },
        ),
    ]);
    assert_eq!(series(store, &query).await?, [1.0, 0.0, 0.0]);
    let mut query = trend(Math::Total);
    query.breakdown = Some(breakdown(PropertySource::Session, "$session_duration"));
    assert_eq!(
        lines(store, &query).await?,
        [
            (value("0"), vec![1.0, 0.0, 0.0]),
            (value("15"), vec![2.0, 0.0, 0.0]),
            (GroupKey::Null, vec![1.0, 0.0, 0.0]),
        ]
    );
    Ok(())
}

pub async fn weeks_and_months<S: EventStore>(store: &S) -> Case {
    store
        .append(events(&[
            ("buy", "a", "2020-01-05T00:00:00Z", json!({})),
            ("buy", "a", "2020-01-11T23:59:59Z", json!({})),
            ("buy", "a", "2020-01-12T00:00:00Z", json!({})),
            ("buy", "a", "2020-03-01T00:00:00Z", json!({})),
        ]))
        .await?;
    let mut query = trend(Math::Total);
    query.interval = Interval::Week;
    query.ticks = vec![day("2020-01-05"), day("2020-01-12")];
    query.range = range("2020-01-05", "2020-01-19");
    assert_eq!(series(store, &query).await?, [2.0, 1.0]);
    query.interval = Interval::Month;
    query.ticks = vec![
        day("2019-12-01"),
        day("2020-01-01"),
        day("2020-02-01"),
        day("2020-03-01"),
    ];
    query.range = range("2019-12-01", "2020-04-01");
    assert_eq!(series(store, &query).await?, [0.0, 3.0, 0.0, 1.0]);
    Ok(())
}
