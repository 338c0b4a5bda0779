//! Funnels, worked out by hand.

use chrono::TimeDelta;
use event_store::{Append, EventStore, GroupRow};
use insights::{
    ActorKind, Attribution, Condition, ConversionWindow, FunnelActorsQuery, FunnelBreakdown, FunnelExclusion,
    FunnelGroup, FunnelOrder, FunnelQuery, FunnelTimesQuery, FunnelTrendsQuery, PersonSet, PropertySource,
};
use model::{Interval, TimeRange, WeekStart};
use serde_json::json;

use super::{
    PROJECT, any_of, day, days, events, group, id, mapping, object, people, person, property, range, time,
};
use crate::Case;

pub(super) fn named(name: &str) -> Condition {
    Condition::EventName(name.to_owned())
}

fn hours(hours: i64) -> ConversionWindow {
    ConversionWindow::Span(TimeDelta::hours(hours))
}

pub(super) fn funnel(order: FunnelOrder, steps: &[&str]) -> FunnelQuery {
    FunnelQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        range: range("2020-01-01", "2020-01-08"),
        actor: ActorKind::Person,
        order,
        window: hours(24),
        steps: steps.iter().map(|name| named(name)).collect(),
        between: Condition::All(Vec::new()),
        exclusions: Vec::new(),
        breakdown: None,
    }
}

fn excluding(mut query: FunnelQuery, name: &str, from_step: usize, to_step: usize) -> FunnelQuery {
    query.exclusions.push(FunnelExclusion {
        condition: named(name),
        from_step,
        to_step,
    });
    query
}

fn by(mut query: FunnelQuery, keys: &[&str], attribution: Attribution, limit: u32) -> FunnelQuery {
    query.breakdown = Some(FunnelBreakdown {
        source: PropertySource::Event,
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        attribution,
        limit,
    });
    query
}

type Asked<T> = Result<T, event_store::StoreError>;

async fn counts<S: EventStore>(store: &S, query: &FunnelQuery) -> Asked<Vec<u64>> {
    let mut answer = store.funnel(query).await?;
    assert_eq!(answer.len(), 1);
    let only = answer.remove(0);
    assert_eq!(only.group, None);
    Ok(only.steps.iter().map(|step| step.count).collect())
}

async fn groups<S: EventStore>(store: &S, query: &FunnelQuery) -> Asked<Vec<(String, Vec<u64>)>> {
    let answer = store.funnel(query).await?;
    Ok(answer
        .into_iter()
        .map(|line| {
            let name = match line.group.expect("a group") {
                FunnelGroup::Value(values) => values.join("|"),
                FunnelGroup::Other => "Other".to_owned(),
            };
            (name, line.steps.iter().map(|step| step.count).collect())
        })
        .collect())
}

async fn actors<S: EventStore>(store: &S, query: &FunnelQuery, reached: &[usize]) -> Asked<Vec<String>> {
    store
        .funnel_actors(&FunnelActorsQuery {
            funnel: query.clone(),
            group: None,
            reached: reached.to_vec(),
            entrance: None,
            limit: 100,
            offset: 0,
        })
        .await
}

/// Persons 1, 2, … with the distinct ids p1, p2, ….
pub(super) fn persons(append: &mut Append, count: u128) {
    append.persons = (1..=count).map(|n| person(n, json!({}))).collect();
    append.distinct_ids = (1..=count).map(|n| mapping(&format!("p{n}"), n, 1)).collect();
}

fn line(name: &str, counts: &[u64]) -> (String, Vec<u64>) {
    (name.to_owned(), counts.to_vec())
}

pub(super) fn names(ids: &[u128]) -> Vec<String> {
    ids.iter().map(|&n| id(n).to_string()).collect()
}

pub async fn funnel_orders<S: EventStore>(store: &S) -> Case {
    let query = funnel(FunnelOrder::Ordered, &["a", "b", "c"]);
    let empty = store.funnel(&query).await?;
    assert_eq!(empty.len(), 1);
    assert!(
        empty[0]
            .steps
            .iter()
            .all(|step| step.count == 0 && step.average.is_none())
    );

    let mut append = events(&[
        ("a", "p1", "2020-01-01T10:00:00Z", json!({})),
        ("b", "p1", "2020-01-01T10:10:00Z", json!({})),
        ("c", "p1", "2020-01-01T10:40:00Z", json!({})),
        ("a", "p2", "2020-01-01T09:00:00Z", json!({})),
        ("b", "p2", "2020-01-02T09:30:00Z", json!({})),
        ("b", "p3", "2020-01-01T08:00:00Z", json!({})),
        ("a", "p3", "2020-01-01T09:00:00Z", json!({})),
        // Without a person, and before the range.
        ("a", "p9", "2020-01-01T09:00:00Z", json!({})),
        ("a", "p4", "2019-12-31T23:59:59.999999Z", json!({})),
        ("b", "p4", "2020-01-01T01:00:00Z", json!({})),
    ]);
    persons(&mut append, 4);
    store.append(append).await?;
    let ordered = &store.funnel(&query).await?[0].steps;
    assert_eq!(
        ordered.iter().map(|step| step.count).collect::<Vec<_>>(),
        [3, 1, 1]
    );
    assert_eq!((ordered[0].average, ordered[0].median), (None, None));
    assert_eq!(
        (ordered[1].average, ordered[1].median),
        (Some(600.0), Some(600.0))
    );
    assert_eq!(
        (ordered[2].average, ordered[2].median),
        (Some(1800.0), Some(1800.0))
    );
    let unordered = funnel(FunnelOrder::Unordered, &["a", "b", "c"]);
    assert_eq!(counts(store, &unordered).await?, [4, 2, 1]);
    assert_eq!(
        counts(store, &funnel(FunnelOrder::Strict, &["a", "b"])).await?,
        [3, 1]
    );
    assert_eq!(counts(store, &funnel(FunnelOrder::Strict, &["a"])).await?, [3]);
    assert_eq!(counts(store, &funnel(FunnelOrder::Ordered, &["c"])).await?, [1]);
    assert_eq!(actors(store, &query, &[1, 2, 3]).await?, names(&[1, 2, 3]));
    assert_eq!(actors(store, &query, &[1]).await?, names(&[2, 3]));
    assert_eq!(actors(store, &unordered, &[2, 3]).await?, names(&[1, 3]));
    Ok(())
}

pub async fn funnel_ties_and_windows<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        // Simultaneous is not later; a tied event does not hide the next.
        ("a", "p1", "2020-01-01T10:00:00Z", json!({})),
        ("b", "p1", "2020-01-01T10:00:00Z", json!({})),
        ("b", "p1", "2020-01-01T10:00:00.000001Z", json!({})),
        ("a", "p2", "2020-01-01T10:00:00Z", json!({})),
        ("b", "p2", "2020-01-01T10:00:00Z", json!({})),
        // The last instant of the window, and the one behind it.
        ("a", "p3", "2020-01-01T10:00:00Z", json!({})),
        ("b", "p3", "2020-01-02T10:00:00Z", json!({})),
        ("a", "p4", "2020-01-01T10:00:00Z", json!({})),
        ("b", "p4", "2020-01-02T10:00:00.000001Z", json!({})),
        // Behind the range, though inside the window.
        ("a", "p5", "2020-01-07T23:00:00Z", json!({})),
        ("b", "p5", "2020-01-08T00:00:00Z", json!({})),
    ]);
    persons(&mut append, 5);
    store.append(append).await?;
    let ordered = funnel(FunnelOrder::Ordered, &["a", "b"]);
    assert_eq!(actors(store, &ordered, &[2]).await?, names(&[1, 3]));
    assert_eq!(actors(store, &ordered, &[1]).await?, names(&[2, 4, 5]));
    let unordered = funnel(FunnelOrder::Unordered, &["a", "b"]);
    assert_eq!(actors(store, &unordered, &[2]).await?, names(&[1, 3]));
    let strict = funnel(FunnelOrder::Strict, &["a", "b"]);
    assert_eq!(actors(store, &strict, &[2]).await?, names(&[1, 3]));
    // One event is not two steps of the same kind.
    assert_eq!(
        counts(store, &funnel(FunnelOrder::Ordered, &["a", "a"])).await?,
        [5, 0]
    );
    assert_eq!(
        counts(store, &funnel(FunnelOrder::Ordered, &["b", "b"])).await?,
        [4, 1]
    );

    let mut months = events(&[
        ("m", "p1", "2020-01-31T12:00:00Z", json!({})),
        ("n", "p1", "2020-02-29T12:00:00Z", json!({})),
        ("m", "p2", "2020-01-31T12:00:00Z", json!({})),
        ("n", "p2", "2020-02-29T12:00:00.000001Z", json!({})),
    ]);
    for (event, n) in months.events.iter_mut().zip(500..) {
        event.uuid = id(n);
    }
    months.token = "months".to_owned();
    store.append(months).await?;
    let mut query = funnel(FunnelOrder::Ordered, &["m", "n"]);
    query.range = range("2020-01-01", "2020-04-01");
    query.window = ConversionWindow::Months(1);
    assert_eq!(actors(store, &query, &[2]).await?, names(&[1]));
    query.window = ConversionWindow::Months(u32::MAX);
    assert_eq!(actors(store, &query, &[2]).await?, names(&[1, 2]));
    query.window = ConversionWindow::Span(TimeDelta::MAX);
    assert_eq!(actors(store, &query, &[2]).await?, names(&[1, 2]));
    Ok(())
}

pub async fn funnel_exclusions<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("a", "p1", "2020-01-01T10:00:00Z", json!({})),
        ("x", "p1", "2020-01-01T10:05:00Z", json!({})),
        ("b", "p1", "2020-01-01T10:10:00Z", json!({})),
        ("a", "p1", "2020-01-01T11:00:00Z", json!({})),
        ("b", "p1", "2020-01-01T11:10:00Z", json!({})),
        ("a", "p2", "2020-01-01T10:00:00Z", json!({})),
        ("x", "p2", "2020-01-01T10:05:00Z", json!({})),
        // Neither end is between.
        ("a", "p3", "2020-01-01T10:00:00Z", json!({})),
        ("x", "p3", "2020-01-01T10:00:00Z", json!({})),
        ("x", "p3", "2020-01-01T10:10:00Z", json!({})),
        ("b", "p3", "2020-01-01T10:10:00Z", json!({})),
        // Behind the window.
        ("a", "p4", "2020-01-01T10:00:00Z", json!({})),
        ("x", "p4", "2020-01-02T10:00:00Z", json!({})),
    ]);
    persons(&mut append, 4);
    store.append(append).await?;
    let query = excluding(funnel(FunnelOrder::Ordered, &["a", "b"]), "x", 0, 1);
    assert_eq!(counts(store, &query).await?, [3, 2]);
    assert_eq!(actors(store, &query, &[2]).await?, names(&[1, 3]));
    assert_eq!(actors(store, &query, &[1]).await?, names(&[4]));
    let query = excluding(funnel(FunnelOrder::Unordered, &["a", "b"]), "x", 0, 1);
    assert_eq!(actors(store, &query, &[2]).await?, names(&[1, 3]));
    // Only between the second and the third step: nobody has a third.
    let query = excluding(funnel(FunnelOrder::Ordered, &["a", "b", "c"]), "x", 1, 2);
    assert_eq!(counts(store, &query).await?, [4, 2, 0]);
    Ok(())
}

pub async fn funnel_strict_neighbours<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("a", "p1", "2020-01-01T10:00:00Z", json!({"g": 1})),
        ("x", "p1", "2020-01-01T10:01:00Z", json!({})),
        ("b", "p1", "2020-01-01T10:02:00Z", json!({"g": 1})),
        ("a", "p2", "2020-01-01T10:00:00Z", json!({"g": 1})),
        ("b", "p2", "2020-01-01T10:01:00Z", json!({"g": 1})),
        ("x", "p2", "2020-01-01T10:02:00Z", json!({})),
        // Simultaneous ones are not between.
        ("a", "p3", "2020-01-01T10:00:00Z", json!({"g": 1})),
        ("x", "p3", "2020-01-01T10:00:00Z", json!({})),
        ("b", "p3", "2020-01-01T10:01:00Z", json!({"g": 1})),
        ("x", "p3", "2020-01-01T10:01:00Z", json!({})),
    ]);
    persons(&mut append, 3);
    store.append(append).await?;
    let mut query = funnel(FunnelOrder::Strict, &["a", "b"]);
    assert_eq!(actors(store, &query, &[2]).await?, names(&[2, 3]));
    assert_eq!(actors(store, &query, &[1]).await?, names(&[1]));
    // What the global filters leave out disturbs nobody.
    let global = property(PropertySource::Event, "g", any_of(&["1"]));
    query.between = global.clone();
    for step in &mut query.steps {
        *step = Condition::All(vec![step.clone(), global.clone()]);
    }
    assert_eq!(actors(store, &query, &[2]).await?, names(&[1, 2, 3]));
    Ok(())
}

pub async fn funnel_attributions<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("a", "p1", "2020-01-01T10:00:00Z", json!({})),
        ("a", "p1", "2020-01-01T11:00:00Z", json!({"v": "x", "w": 1})),
        ("b", "p1", "2020-01-01T12:00:00Z", json!({"v": "y", "w": true})),
        ("a", "p2", "2020-01-01T10:00:00Z", json!({"v": "y"})),
        ("b", "p2", "2020-01-01T12:00:00Z", json!({"v": "y"})),
        ("a", "p3", "2020-01-01T10:00:00Z", json!({})),
        ("a", "p4", "2020-01-01T10:00:00Z", json!({"v": "z"})),
        ("a", "p4", "2020-01-01T10:00:00Z", json!({"v": "x"})),
    ]);
    persons(&mut append, 4);
    store.append(append).await?;
    let plain = funnel(FunnelOrder::Ordered, &["a", "b"]);
    let asked =
        async |attribution, limit| groups(store, &by(plain.clone(), &["v"], attribution, limit)).await;
    // By events of steps: y 3, '' 2, x 2, z 1.
    assert_eq!(
        asked(Attribution::FirstTouch, 25).await?,
        [line("y", &[1, 1]), line("", &[1, 0]), line("x", &[2, 1])]
    );
    assert_eq!(
        asked(Attribution::FirstTouch, 1).await?,
        [line("y", &[1, 1]), line("Other", &[3, 1])]
    );
    assert_eq!(
        asked(Attribution::LastTouch, 25).await?,
        [line("y", &[2, 2]), line("", &[1, 0]), line("z", &[1, 0])]
    );
    // By events of step 0: '' 2, x 2, y 1, z 1; an actor counts wherever it has an entrance.
    assert_eq!(
        asked(Attribution::AllEvents, 25).await?,
        [
            line("", &[2, 0]),
            line("x", &[2, 0]),
            line("y", &[1, 1]),
            line("z", &[1, 0])
        ]
    );
    // Other is one value: its chain may go from one of them to the other.
    assert_eq!(
        asked(Attribution::AllEvents, 1).await?,
        [line("", &[2, 0]), line("Other", &[3, 2])]
    );
    assert_eq!(
        asked(Attribution::Step(0), 25).await?,
        [
            line("", &[2, 1]),
            line("x", &[2, 1]),
            line("y", &[1, 1]),
            line("z", &[1, 0])
        ]
    );
    assert_eq!(asked(Attribution::Step(1), 25).await?, [line("y", &[2, 2])]);
    assert_eq!(
        asked(Attribution::Step(0), 1).await?,
        [line("", &[2, 1]), line("Other", &[3, 2])]
    );

    let several = by(plain, &["v", "w"], Attribution::FirstTouch, 25);
    assert_eq!(
        groups(store, &several).await?,
        [
            line("|", &[1, 0]),
            line("y|", &[1, 1]),
            line("x|", &[1, 0]),
            line("x|1", &[1, 1])
        ]
    );
    let of_group = async |values: Option<&[&str]>, query: &FunnelQuery| {
        let group = values.map_or(FunnelGroup::Other, |values| {
            FunnelGroup::Value(values.iter().map(|&value| value.to_owned()).collect())
        });
        let query = FunnelActorsQuery {
            funnel: query.clone(),
            group: Some(group),
            reached: vec![1, 2],
            entrance: None,
            limit: 100,
            offset: 0,
        };
        store.funnel_actors(&query).await
    };
    assert_eq!(of_group(Some(&["x", "1"]), &several).await?, names(&[1]));
    assert_eq!(of_group(Some(&["", ""]), &several).await?, names(&[3]));
    assert!(of_group(Some(&["none", ""]), &several).await?.is_empty());
    let mut two = several.clone();
    two.breakdown.as_mut().expect("one").limit = 2;
    assert_eq!(of_group(None, &two).await?, names(&[1, 4]));
    assert_eq!(
        of_group(Some(&["y"]), &by(two, &["v"], Attribution::Step(1), 1)).await?,
        names(&[1, 2])
    );
    Ok(())
}

pub async fn funnel_of_groups_and_persons<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("a", "ann", "2020-01-01T10:00:00Z", json!({"$group_0": "x"})),
        ("b", "bob", "2020-01-01T11:00:00Z", json!({"$group_0": "x"})),
        ("a", "bob", "2020-01-01T12:00:00Z", json!({"$group_0": "y"})),
        ("a", "cat", "2020-01-01T12:00:00Z", json!({"$group_0": "z"})),
        ("b", "ann", "2020-01-01T12:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.groups = ["x", "y"]
        .map(|key| GroupRow {
            project: PROJECT,
            group_type: group(0),
            key: key.to_owned(),
            properties: object(json!({"size": if key == "x" { 10 } else { 20 }})),
            created_at: day("2020-01-01"),
            version: 1,
        })
        .to_vec();
    store.append(append).await?;
    let mut query = funnel(FunnelOrder::Ordered, &["a", "b"]);
    assert_eq!(counts(store, &query).await?, [2, 1]);
    query.breakdown = Some(FunnelBreakdown {
        source: PropertySource::Person,
        keys: vec!["plan".to_owned()],
        attribution: Attribution::FirstTouch,
        limit: 25,
    });
    assert_eq!(
        groups(store, &query).await?,
        [line("free", &[1, 0]), line("pro", &[1, 1])]
    );

    query.breakdown = None;
    query.actor = ActorKind::Group(group(0));
    assert_eq!(counts(store, &query).await?, [3, 1]);
    assert_eq!(actors(store, &query, &[1]).await?, ["y", "z"]);
    query.breakdown = Some(FunnelBreakdown {
        source: PropertySource::Group(group(0)),
        keys: vec!["size".to_owned()],
        attribution: Attribution::FirstTouch,
        limit: 25,
    });
    assert_eq!(
        groups(store, &query).await?,
        [line("10", &[1, 1]), line("", &[1, 0]), line("20", &[1, 0])]
    );
    query.breakdown = None;
    query.steps[0] = Condition::All(vec![
        query.steps[0].clone(),
        property(PropertySource::Person, "plan", any_of(&["free"])),
    ]);
    assert_eq!(counts(store, &query).await?, [1, 0]);
    query.steps[0] = Condition::All(vec![named("a"), Condition::Person(PersonSet::Ids(vec![id(100)]))]);
    assert_eq!(counts(store, &query).await?, [1, 1]);
    // A filter that all steps share.
    for step in &mut query.steps {
        let mine = Condition::Not(Box::new(property(
            PropertySource::Person,
            "plan",
            any_of(&["free"]),
        )));
        *step = Condition::All(vec![mine, step.clone()]);
    }
    assert_eq!(counts(store, &query).await?, [1, 0]);
    Ok(())
}

pub async fn funnel_views<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        ("a", "p1", "2020-01-01T10:00:00Z", json!({})),
        ("b", "p1", "2020-01-02T09:00:00Z", json!({})),
        ("a", "p2", "2020-01-01T12:00:00Z", json!({})),
        ("a", "p3", "2020-01-03T00:00:00Z", json!({})),
        ("b", "p3", "2020-01-03T00:00:10.5Z", json!({})),
        ("a", "p3", "2020-01-03T00:01:00Z", json!({})),
        ("b", "p3", "2020-01-03T00:01:20Z", json!({})),
    ]);
    persons(&mut append, 3);
    store.append(append).await?;
    let query = funnel(FunnelOrder::Ordered, &["a", "b"]);
    let trends = FunnelTrendsQuery {
        funnel: query.clone(),
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        ticks: days("2020-01-01", 7),
        from: 1,
        to: 2,
    };
    let points = store.funnel_trends(&trends).await?;
    let points: Vec<_> = points
        .iter()
        .map(|p| (p.tick, p.reached_from, p.reached_to))
        .collect();
    assert_eq!(points, [(0, 2, 1), (2, 1, 1)]);
    let inside = |from: &str, to: &str| FunnelActorsQuery {
        funnel: query.clone(),
        group: None,
        reached: vec![1, 2],
        entrance: Some(TimeRange {
            from: time(from),
            to: time(to),
        }),
        limit: 2,
        offset: 0,
    };
    let first_day = inside("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    assert_eq!(store.funnel_actors(&first_day).await?, names(&[1, 2]));
    let third = inside("2020-01-03T00:01:00Z", "2020-01-03T00:01:00.000001Z");
    assert_eq!(store.funnel_actors(&third).await?, names(&[3]));
    let before = inside("2019-12-01T00:00:00Z", "2020-01-01T10:00:00Z");
    assert!(store.funnel_actors(&before).await?.is_empty());

    let times = FunnelTimesQuery {
        funnel: query,
        from: 0,
        to: 1,
    };
    let times: Vec<_> = store
        .funnel_times(&times)
        .await?
        .iter()
        .map(|t| (t.second, t.count, t.sum, t.max))
        .collect();
    assert_eq!(times, [(15, 1, 15.25, 15.25), (82_800, 1, 82_800.0, 82_800.0)]);
    Ok(())
}

pub async fn funnel_of_fifty_steps<S: EventStore>(store: &S) -> Case {
    let list: Vec<(String, String)> = (0..50)
        .map(|n| {
            (
                format!("e{n}"),
                (day("2020-01-01") + TimeDelta::minutes(n)).to_rfc3339(),
            )
        })
        .collect();
    let list: Vec<_> = list
        .iter()
        .map(|(name, at)| (name.as_str(), "p1", at.as_str(), json!({})))
        .collect();
    let mut append = events(&list);
    persons(&mut append, 1);
    store.append(append).await?;
    let names: Vec<_> = (0..50).map(|n| format!("e{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for order in [FunnelOrder::Ordered, FunnelOrder::Strict, FunnelOrder::Unordered] {
        let mut query = funnel(order, &names);
        let begun = std::time::Instant::now();
        let answer = store.funnel(&query).await?;
        println!("{}: {order:?} {:?}", store.name(), begun.elapsed());
        assert!(answer[0].steps.iter().all(|step| step.count == 1));
        assert_eq!(answer[0].steps[49].average, Some(60.0));
        query.window = ConversionWindow::Span(TimeDelta::minutes(30));
        let counted = counts(store, &query).await?;
        assert_eq!(counted.iter().sum::<u64>(), 31, "{order:?}");
    }
    Ok(())
}
