//! Funnels: worked out by hand, and against a model.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use event_store::{Append, EventRow, EventStore, GroupRow};
use insights::{
    ActorKind, Attribution, Condition, ConversionWindow, CorrelationActorsQuery, CorrelationItem,
    CorrelationOf, CorrelationQuery, FunnelActorsQuery, FunnelBreakdown, FunnelExclusion, FunnelGroup,
    FunnelOrder, FunnelQuery, FunnelTimesQuery, FunnelTrendsQuery, PersonSet, PropertySource,
};
use model::{Interval, ProjectId, TimeRange, WeekStart};
use serde_json::{Value, json};

use super::funnel_model::{self, Event};
use super::{
    PROJECT, any_of, day, days, events, group, id, mapping, object, people, person, property, range, time,
};
use crate::Case;

fn named(name: &str) -> Condition {
    Condition::EventName(name.to_owned())
}

fn hours(hours: i64) -> ConversionWindow {
    ConversionWindow::Span(TimeDelta::hours(hours))
}

fn funnel(order: FunnelOrder, steps: &[&str]) -> FunnelQuery {
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
fn persons(append: &mut Append, count: u128) {
    append.persons = (1..=count).map(|n| person(n, json!({}))).collect();
    append.distinct_ids = (1..=count).map(|n| mapping(&format!("p{n}"), n, 1)).collect();
}

fn line(name: &str, counts: &[u64]) -> (String, Vec<u64>) {
    (name.to_owned(), counts.to_vec())
}

fn names(ids: &[u128]) -> Vec<String> {
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

/// A pipe of numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).expect("small")
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}

const ROUNDS: usize = 240;
/// A question takes a server much longer than the engine.
const ROUNDS_ON_A_SERVER: usize = 60;

fn history(dice: &mut Dice) -> Vec<Event> {
    let mut events = Vec::new();
    for n in 0..2 + dice.below(6) {
        // Few instants, so that many events are simultaneous.
        let instants = dice.of(&[4_u64, 12, 40]);
        for _ in 0..dice.below(12) {
            let at = day("2020-01-01")
                + TimeDelta::minutes(i64::try_from(dice.below(instants) * 90).expect("small"));
            let mut properties = BTreeMap::new();
            for (key, values) in [
                ("v", ["", "x", "y", "z"]),
                ("w", ["", "1", "2", ""]),
                ("g", ["1", "1", "1", "0"]),
            ] {
                let value = dice.of(&values);
                if !value.is_empty() {
                    properties.insert(key, value.to_owned());
                }
            }
            let group = dice.of(&["", "g1", "g2", "g3"]);
            if !group.is_empty() {
                properties.insert("$group_0", group.to_owned());
            }
            events.push(Event {
                name: dice.of(&["a", "a", "b", "b", "c", "x", "y"]),
                at,
                // The last one has mappings to nobody.
                person: (n < 6).then(|| id(u128::from(n) + 1).to_string()),
                group: (!group.is_empty()).then(|| group.to_owned()),
                properties,
            });
        }
    }
    events
}

fn question(dice: &mut Dice, project: ProjectId) -> FunnelQuery {
    let steps = 1 + dice.index(4);
    let global = dice.below(3) == 0;
    let globally = |condition: Condition| {
        let filter = property(PropertySource::Event, "g", any_of(&["1"]));
        if global {
            Condition::All(vec![condition, filter])
        } else {
            condition
        }
    };
    let order = dice.of(&[FunnelOrder::Ordered, FunnelOrder::Strict, FunnelOrder::Unordered]);
    let step = |dice: &mut Dice| match dice.below(8) {
        0 => Condition::Any(vec![named("a"), named("b")]),
        1 => Condition::Not(Box::new(named("x"))),
        2 | 3 => named("c"),
        4 | 5 => named("a"),
        _ => named("b"),
    };
    let conditions: Vec<_> = (0..steps).map(|_| globally(step(dice))).collect();
    let mut exclusions = Vec::new();
    if order != FunnelOrder::Strict && steps > 1 {
        for _ in 0..dice.below(3) {
            let (from_step, to_step) = if order == FunnelOrder::Unordered {
                (0, steps - 1)
            } else {
                let from = dice.index(steps - 1);
                (from, from + 1 + dice.index(steps - 1 - from))
            };
            exclusions.push(FunnelExclusion {
                condition: globally(named(dice.of(&["x", "y"]))),
                from_step,
                to_step,
            });
        }
    }
    let attribution = dice.of(&[
        Attribution::FirstTouch,
        Attribution::LastTouch,
        Attribution::AllEvents,
        Attribution::Step(steps - 1),
        Attribution::Step(0),
    ]);
    let keys: &[&str] = dice.of(&[&["v"], &["w"], &["v", "w"]]);
    let breakdown = FunnelBreakdown {
        source: PropertySource::Event,
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        attribution,
        limit: dice.of(&[1, 2, 25]),
    };
    FunnelQuery {
        project,
        timezone: chrono_tz::UTC,
        range: range("2020-01-01", dice.of(&["2020-01-02", "2020-01-03", "2020-01-05"])),
        actor: dice.of(&[ActorKind::Person, ActorKind::Person, ActorKind::Group(group(0))]),
        order,
        window: match dice.below(6) {
            0 => ConversionWindow::Months(1),
            n => ConversionWindow::Span(TimeDelta::minutes(90 * [1, 2, 4, 8, 100][n as usize - 1])),
        },
        steps: conditions,
        between: globally(Condition::All(Vec::new())),
        exclusions,
        breakdown: (dice.below(2) == 0).then_some(breakdown),
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

pub async fn funnels_are_those_of_the_model<S: EventStore>(store: &S) -> Case {
    let mut dice = Dice(3);
    let histories: Vec<_> = (0..ROUNDS).map(|_| history(&mut dice)).collect();
    let mut append = Append {
        token: "histories".to_owned(),
        ..Append::default()
    };
    let project = |round: usize| ProjectId(1_000 + i64::try_from(round).expect("small"));
    for (round, history) in histories.iter().enumerate() {
        let project = project(round);
        for n in 1..=6 {
            append.persons.push(event_store::PersonRow {
                project,
                ..person(n, json!({}))
            });
            append.distinct_ids.push(event_store::DistinctIdRow {
                project,
                ..mapping(&id(n).to_string(), n, 1)
            });
        }
        for event in history {
            append.events.push(EventRow {
                project,
                uuid: id(append.events.len() as u128 + 1),
                event: event.name.to_owned(),
                distinct_id: event.person.clone().unwrap_or_else(|| "nobody".to_owned()),
                properties: json!(event.properties).to_string(),
                elements_chain: String::new(),
                timestamp: event.at,
                created_at: day("2024-01-01"),
            });
        }
    }
    store.append(append).await?;
    let rounds = if store.name() == "columnar" {
        ROUNDS
    } else {
        ROUNDS_ON_A_SERVER
    };
    for (round, history) in histories.iter().enumerate().take(rounds) {
        let query = question(&mut dice, project(round));
        let context = || format!("round {round}: {query:#?}\n{history:#?}");
        let answer = store.funnel(&query).await?;
        let expected = funnel_model::funnel(&query, history);
        let same = answer.len() == expected.len()
            && answer.iter().zip(&expected).all(|(a, e)| {
                let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
                    (Some(a), Some(b)) => close(a, b),
                    (a, b) => a == b,
                };
                let same_step = |(a, e): (&insights::FunnelStep, &insights::FunnelStep)| {
                    a.count == e.count && near(a.average, e.average) && near(a.median, e.median)
                };
                a.group == e.group
                    && a.steps.len() == e.steps.len()
                    && a.steps.iter().zip(&e.steps).all(same_step)
            });
        assert!(same, "{}\n{answer:#?}\n{expected:#?}", context());
        actors_are_those_of_the_model(store, &mut dice, &query, history).await?;
        if round % 2 == 0 {
            let mut plain = query.clone();
            plain.breakdown = None;
            views_are_those_of_the_model(store, &mut dice, &plain, history).await?;
        }
    }
    Ok(())
}

async fn actors_are_those_of_the_model<S: EventStore>(
    store: &S,
    dice: &mut Dice,
    query: &FunnelQuery,
    history: &[Event],
) -> Case {
    let (listed, entered) = funnel_model::entered(query, history);
    let group = match dice.index(listed.len() + 2) {
        0 => None,
        _ if query.breakdown.is_none() => None,
        1 => Some(FunnelGroup::Other),
        n => Some(FunnelGroup::Value(listed[n - 2].clone())),
    };
    let reached: Vec<_> = (1..=query.steps.len()).filter(|_| dice.below(2) == 0).collect();
    let entrance = (dice.below(2) == 0).then(|| TimeRange {
        from: day("2020-01-01") + TimeDelta::minutes(90 * i64::try_from(dice.below(6)).expect("small")),
        to: day("2020-01-02"),
    });
    let actors = store
        .funnel_actors(&FunnelActorsQuery {
            funnel: query.clone(),
            group: group.clone(),
            reached: reached.clone(),
            entrance,
            limit: 100,
            offset: 0,
        })
        .await?;
    let mut expected: Vec<_> = entered
        .into_iter()
        .filter(|((of, _), _)| group.is_none() || *of == group)
        .map(|((_, actor), mut chains)| {
            chains.retain(|chain| entrance.is_none_or(|range| chain[0] >= range.from && chain[0] < range.to));
            (actor, funnel_model::steps_of(&chains))
        })
        .filter(|(_, steps)| reached.contains(steps))
        .map(|(actor, _)| actor)
        .collect();
    expected.sort();
    expected.dedup();
    assert_eq!(
        actors, expected,
        "{group:?} {reached:?} {entrance:?} {query:#?}\n{history:#?}"
    );
    Ok(())
}

async fn views_are_those_of_the_model<S: EventStore>(
    store: &S,
    dice: &mut Dice,
    query: &FunnelQuery,
    history: &[Event],
) -> Case {
    let context = || format!("{query:#?}\n{history:#?}");
    let last = query.steps.len();
    let from = 1 + dice.index(last);
    let (interval, hours) = dice.of(&[(Interval::Hour, 1), (Interval::Day, 24)]);
    let whole = (query.range.to - query.range.from).num_hours();
    let trends = FunnelTrendsQuery {
        funnel: query.clone(),
        week_start: WeekStart::Sunday,
        interval,
        ticks: (0..whole / hours)
            .map(|i| query.range.from + TimeDelta::hours(i * hours))
            .collect(),
        from,
        to: last,
    };
    let points: Vec<_> = store
        .funnel_trends(&trends)
        .await?
        .iter()
        .map(|p| (p.tick, p.reached_from, p.reached_to))
        .collect();
    assert_eq!(
        points,
        funnel_model::trends(query, history, hours, from, last),
        "{}",
        context()
    );

    if last > 1 {
        let to = 1 + dice.index(last - 1);
        let from = dice.index(to);
        let times = FunnelTimesQuery {
            funnel: query.clone(),
            from,
            to,
        };
        let times = store.funnel_times(&times).await?;
        let expected = funnel_model::times(query, history, from, to);
        let same = times.len() == expected.len()
            && times
                .iter()
                .zip(&expected)
                .all(|(a, e)| (a.second, a.count) == (e.0, e.1) && close(a.sum, e.2) && close(a.max, e.3));
        assert!(same, "{}\n{times:#?}\n{expected:#?}", context());
    }

    let spans = funnel_model::spans(query, history);
    let found = funnel_model::in_time(query, history, &spans);
    let converted = spans.values().filter(|(converted, ..)| *converted).count() as u64;
    let by_event = store
        .correlation(&CorrelationQuery {
            funnel: query.clone(),
            of: CorrelationOf::Events {
                excluded: vec!["y".to_owned()],
            },
        })
        .await?;
    assert_eq!(
        (by_event.converted, by_event.lost),
        (converted, spans.len() as u64 - converted),
        "{}",
        context()
    );
    let expected = funnel_model::items(&found, 0, |event| {
        let item = (event.name != "y").then(|| (String::new(), String::new()));
        item.into_iter().collect()
    });
    assert_eq!(by_event.items, expected, "{}", context());
    let by_property = store
        .correlation(&CorrelationQuery {
            funnel: query.clone(),
            of: CorrelationOf::EventProperties {
                events: vec!["x".to_owned(), "a".to_owned()],
                excluded_keys: vec!["g".to_owned()],
            },
        })
        .await?;
    let expected = funnel_model::items(&found, 2, |event| {
        let asked = event.name == "x" || event.name == "a";
        let keys = event.properties.iter().filter(|(key, _)| asked && **key != "g");
        keys.map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect()
    });
    assert_eq!(by_property.items, expected, "{}", context());
    let only = dice.of(&[None, Some(true), Some(false)]);
    let actors = store
        .correlation_actors(&CorrelationActorsQuery {
            funnel: query.clone(),
            converted: only,
            did: Some(named("x")),
            has: Vec::new(),
            limit: 100,
            offset: 0,
        })
        .await?;
    let mut expected: Vec<_> = found
        .iter()
        .filter(|(_, converted, event)| event.name == "x" && only.is_none_or(|only| only == *converted))
        .map(|(actor, ..)| actor.clone())
        .collect();
    expected.sort();
    expected.dedup();
    assert_eq!(actors, expected, "{}", context());
    Ok(())
}

fn item(event: &str, key: &str, value: &str, converted: u64, lost: u64) -> CorrelationItem {
    CorrelationItem {
        event: event.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
        converted,
        lost,
    }
}

pub async fn correlations<S: EventStore>(store: &S) -> Case {
    let mut list: Vec<(&str, &str, &str, Value)> = vec![
        ("a", "p1", "2020-01-01T10:00:00Z", json!({})),
        ("look", "p1", "2020-01-01T10:00:00Z", json!({"k": "at the start"})),
        (
            "look",
            "p1",
            "2020-01-01T10:05:00Z",
            json!({"k": "v", "n": 1.5, "g": null}),
        ),
        ("look", "p1", "2020-01-01T10:06:00Z", json!({"k": "v"})),
        ("b", "p1", "2020-01-01T10:10:00Z", json!({})),
        ("look", "p1", "2020-01-01T10:10:00Z", json!({"k": "at the end"})),
        ("a", "p2", "2020-01-01T10:00:00Z", json!({})),
        ("look", "p2", "2020-01-02T09:59:59Z", json!({"k": "v"})),
        ("look", "p2", "2020-01-02T10:00:00Z", json!({"k": "v"})),
        ("a", "p3", "2020-01-01T10:00:00Z", json!({})),
    ];
    let click = json!({"$event_type": "click", "chain": "a:text=\"Buy\""});
    for at in [
        "2020-01-01T11:00:00Z",
        "2020-01-01T12:00:00Z",
        "2020-01-01T13:00:00Z",
    ] {
        list.push(("$autocapture", "p3", at, click.clone()));
    }
    let mut append = events(&list);
    persons(&mut append, 3);
    append.persons[0].properties = object(json!({"plan": "pro", "age": 30, "q": "a\"b"}));
    append.persons[1].properties = object(json!({"plan": "pro", "age": null}));
    store.append(append).await?;
    let query = funnel(FunnelOrder::Ordered, &["a", "b"]);
    let ask = async |of| {
        store
            .correlation(&CorrelationQuery {
                funnel: query.clone(),
                of,
            })
            .await
    };
    let of_events = ask(CorrelationOf::Events { excluded: vec![] }).await?;
    assert_eq!((of_events.converted, of_events.lost), (1, 2));
    assert_eq!(
        of_events.items,
        [item("$autocapture", "", "", 0, 1), item("look", "", "", 1, 1)]
    );
    let all = ask(CorrelationOf::Properties {
        names: None,
        excluded: vec!["age".to_owned()],
    })
    .await?;
    assert_eq!(
        all.items,
        [item("", "plan", "pro", 1, 1), item("", "q", "a\"b", 1, 0)]
    );
    let ages = ask(CorrelationOf::Properties {
        names: Some(vec!["age".to_owned(), "none".to_owned()]),
        excluded: vec![],
    })
    .await?;
    assert_eq!(
        ages.items,
        [item("", "age", "30", 1, 0), item("", "age", "null", 0, 1)]
    );
    let values = ask(CorrelationOf::EventProperties {
        events: vec!["look".to_owned(), "$autocapture".to_owned()],
        excluded_keys: vec![],
    })
    .await?;
    assert_eq!(
        values.items,
        [
            item(
                "$autocapture",
                "elements_chain",
                "click__~~__a:text=\"Buy\"",
                0,
                1
            ),
            item("look", "k", "v", 1, 1)
        ]
    );

    let actors = async |converted, did: Option<Condition>, has: &[(&str, &str)]| {
        let has = has
            .iter()
            .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
        store
            .correlation_actors(&CorrelationActorsQuery {
                funnel: query.clone(),
                converted,
                did,
                has: has.collect(),
                limit: 10,
                offset: 0,
            })
            .await
    };
    assert_eq!(actors(None, None, &[]).await?, names(&[1, 2, 3]));
    let everybody = Some(Condition::All(Vec::new()));
    assert_eq!(actors(Some(false), everybody, &[]).await?, names(&[2, 3]));
    assert_eq!(actors(None, Some(named("look")), &[]).await?, names(&[1, 2]));
    assert_eq!(actors(Some(true), Some(named("look")), &[]).await?, names(&[1]));
    assert!(actors(None, Some(named("a")), &[]).await?.is_empty());
    assert_eq!(
        actors(None, None, &[("plan", "pro"), ("age", "null")]).await?,
        names(&[2])
    );
    assert!(actors(None, None, &[("none", "")]).await?.is_empty());
    Ok(())
}
