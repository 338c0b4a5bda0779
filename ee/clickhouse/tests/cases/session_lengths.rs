//! Session lengths: where runs split, and which interval they belong to.

use event_store::EventStore;
use insights::{Condition, SessionLengthsQuery};
use serde_json::json;

use super::*;

pub async fn session_lengths_split_at_half_an_hour<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        // Exactly half an hour is no split, and the run goes on into the next day.
        ("a", "ann", "2020-01-01T23:30:00Z", json!({})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({})),
        ("b", "ann", "2020-01-02T00:10:00Z", json!({})),
        // A microsecond more is.
        ("a", "ann", "2020-01-02T00:30:00.000001Z", json!({})),
        ("a", "ann", "2020-01-02T00:30:00.500001Z", json!({})),
        // Of the same person, but of another distinct id.
        ("a", "ann2", "2020-01-02T00:30:00Z", json!({})),
        ("a", "bob", "2020-01-02T05:00:00Z", json!({})),
        ("a", "bob", "2020-01-02T05:00:00Z", json!({})),
        ("a", "bob", "2020-01-04T00:00:00Z", json!({})),
    ]);
    people(&mut append);
    append.distinct_ids.push(mapping("ann2", 100, 1));
    store.append(append).await?;
    let mut query = SessionLengthsQuery {
        project: PROJECT,
        timezone: chrono_tz::UTC,
        week_start: WeekStart::Sunday,
        range: range("2020-01-01", "2020-01-04"),
        interval: Interval::Day,
        ticks: days("2020-01-01", 3),
        condition: Condition::EventName("a".to_owned()),
    };
    let found = async |query: &SessionLengthsQuery| {
        let mut rows: Vec<_> = store
            .session_lengths(query)
            .await?
            .into_iter()
            .map(|row| (row.tick, row.seconds, row.sessions, row.sum))
            .collect();
        rows.sort_by_key(|row| (row.0, row.1));
        Ok::<_, event_store::StoreError>(rows)
    };
    assert_eq!(
        found(&query).await?,
        [(0, 1800, 1, 1800.0), (1, 0, 2, 0.0), (1, 1, 1, 0.5)]
    );
    query.condition = Condition::All(vec![]);
    assert_eq!(
        found(&query).await?,
        [(0, 3601, 1, 3_600.500_001), (1, 0, 2, 0.0)]
    );
    query.condition = property(PropertySource::Person, "plan", any_of(&["pro"]));
    query.ticks.clear();
    assert_eq!(found(&query).await?, []);
    Ok(())
}
