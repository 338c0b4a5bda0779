//! Retention tables and their actors.

use super::*;

fn retention(kind: RetentionKind) -> RetentionQuery {
    let intervals = (18..=20).map(|n| {
        let from = day(&format!("2020-06-{n}"));
        TimeRange {
            from,
            to: from + TimeDelta::days(1),
        }
    });
    RetentionQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        interval: Interval::Day,
        intervals: intervals.collect(),
        kind,
        target: Condition::EventName("buy".to_owned()),
        returning: Condition::EventName("buy".to_owned()),
        actor: ActorKind::Person,
        breakdown: None,
        first_interval_only: false,
    }
}

/// The example of the contract: p1 on 18, 19, 20; p2 on 18, 20; p3 on 19.
fn returning_people() -> Append {
    let mut append = events(&[
        ("buy", "p1", "2020-06-18T01:00:00Z", json!({"b": "x"})),
        ("buy", "p1", "2020-06-19T01:00:00Z", json!({"b": "y"})),
        ("buy", "p1", "2020-06-20T01:00:00Z", json!({"b": "y"})),
        ("buy", "p2", "2020-06-18T01:00:00Z", json!({"b": "x"})),
        ("buy", "p2", "2020-06-20T01:00:00Z", json!({"b": "x"})),
        ("buy", "p3", "2020-06-19T01:00:00Z", json!({})),
        ("look", "p3", "2020-06-20T01:00:00Z", json!({})),
    ]);
    append.persons = vec![person(1, json!({})), person(2, json!({})), person(3, json!({}))];
    append.distinct_ids = vec![mapping("p1", 1, 1), mapping("p2", 2, 1), mapping("p3", 3, 1)];
    append
}

/// (breakdown, base, offset, count), sorted.
async fn table<S: EventStore>(
    store: &S,
    query: &RetentionQuery,
) -> Result<Vec<(String, usize, usize, u64)>, event_store::StoreError> {
    let mut cells: Vec<_> = store
        .retention(query)
        .await?
        .into_iter()
        .map(|cell| {
            (
                cell.breakdown.unwrap_or_default().join("::"),
                cell.base,
                cell.offset,
                cell.count,
            )
        })
        .collect();
    cells.sort();
    Ok(cells)
}

fn plain(cells: &[(usize, usize, u64)]) -> Vec<(String, usize, usize, u64)> {
    cells
        .iter()
        .map(|(base, offset, count)| (String::new(), *base, *offset, *count))
        .collect()
}

pub async fn retention_recurring<S: EventStore>(store: &S) -> Case {
    store.append(returning_people()).await?;
    let mut query = retention(RetentionKind::Recurring);
    let cells = [(0, 0, 2), (0, 1, 1), (0, 2, 2), (1, 0, 2), (1, 1, 1), (2, 0, 2)];
    assert_eq!(table(store, &query).await?, plain(&cells));

    let mut actors = RetentionActorsQuery {
        query: query.clone(),
        base: 0,
        offset: None,
        breakdown: None,
        limit: 10,
        skip: 0,
    };
    let list = |actors: Vec<insights::RetentionActor>| -> Vec<_> {
        actors
            .into_iter()
            .map(|actor| (actor.actor, actor.offsets))
            .collect()
    };
    let p1 = (id(1).to_string(), vec![0, 1, 2]);
    let p2 = (id(2).to_string(), vec![0, 2]);
    assert_eq!(list(store.retention_actors(&actors).await?), [p1.clone(), p2]);
    actors.offset = Some(1);
    assert_eq!(list(store.retention_actors(&actors).await?), [p1]);

    query.first_interval_only = true;
    assert_eq!(table(store, &query).await?, plain(&cells[..3]));
    query.first_interval_only = false;
    query.returning = Condition::EventName("look".to_owned());
    assert_eq!(
        table(store, &query).await?,
        plain(&[(0, 0, 2), (1, 0, 2), (1, 1, 1), (2, 0, 2)])
    );
    Ok(())
}

pub async fn retention_first_time_and_breakdown<S: EventStore>(store: &S) -> Case {
    let mut append = returning_people();
    append.events.push(EventRow {
        uuid: id(99),
        timestamp: day("2019-01-01"),
        ..append.events[3].clone()
    });
    store.append(append).await?;
    let mut query = retention(RetentionKind::FirstTime);
    assert_eq!(
        table(store, &query).await?,
        plain(&[(0, 0, 1), (0, 1, 1), (0, 2, 1), (1, 0, 1)])
    );
    query.breakdown = Some(RetentionBreakdown {
        source: PropertySource::Event,
        keys: vec!["b".to_owned(), "c".to_owned()],
    });
    let part = |value: &str, offset, count| (value.to_owned(), 0, offset, count);
    assert_eq!(
        table(store, &query).await?,
        [
            part("::", 0, 1),
            part("x::", 0, 1),
            part("x::", 1, 1),
            part("x::", 2, 1)
        ]
    );
    query.kind = RetentionKind::Recurring;
    assert_eq!(
        table(store, &query).await?,
        [
            part("::", 0, 1),
            part("x::", 0, 2),
            part("x::", 1, 1),
            part("x::", 2, 2)
        ]
    );
    Ok(())
}
