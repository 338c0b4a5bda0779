//! Actors that share an event.

use event_store::{Append, EventStore};
use insights::{Actor, RelatedQuery};
use serde_json::json;

use crate::database::*;

#[tokio::test]
async fn who_shares_an_event() {
    let db = Database::new().await;
    db.person(1, &["a", "a2"], json!({})).await;
    db.person(2, &["b"], json!({})).await;
    db.person(3, &["c"], json!({})).await;
    let mut gone = person_row(3, json!({}), 2);
    gone.is_deleted = true;
    db.append(Append {
        persons: vec![gone],
        ..Append::default()
    })
    .await;
    for (index, key) in [(0, "acme"), (0, "zeta"), (1, "p1"), (1, "p2"), (4, "x")] {
        db.group(index, key, json!({})).await;
    }
    let on = |id: &str, time: &str, groups| event("x", id, time, groups);
    db.events([
        on("a", "2020-03-01", json!({"$group_0": "acme", "$group_1": "p2"})),
        on(
            "a2",
            "2020-03-02",
            json!({"$group_0": "zeta", "$group_4": "unknown"}),
        ),
        on("b", "2020-03-03", json!({"$group_0": "acme", "$group_1": "p1"})),
        on("c", "2020-03-03", json!({"$group_0": "acme"})),
        on(
            "nobody",
            "2020-03-03",
            json!({"$group_0": "acme", "$group_4": "x"}),
        ),
        // Long ago.
        on("b", "2020-01-01", json!({"$group_0": "zeta"})),
    ])
    .await;
    let person = |n| Actor::Person(person_id(n));
    let group = |index, key: &str| Actor::Group(group_type(index), key.to_owned());
    let related = async |actor: Actor, limit| {
        let query = RelatedQuery {
            project: PROJECT,
            actor,
            since: at("2020-02-01"),
            limit,
        };
        db.store.related(&query).await.expect("answered")
    };
    assert_eq!(
        related(person(1), 10).await,
        [group(0, "acme"), group(0, "zeta"), group(1, "p2")]
    );
    assert_eq!(related(person(1), 1).await, [group(0, "acme"), group(1, "p2")]);
    assert_eq!(related(person(2), 10).await, [group(0, "acme"), group(1, "p1")]);
    assert_eq!(
        related(group(0, "acme"), 10).await,
        [
            person(1),
            person(2),
            group(1, "p1"),
            group(1, "p2"),
            group(4, "x")
        ]
    );
    assert_eq!(
        related(group(0, "acme"), 1).await,
        [person(1), group(1, "p1"), group(4, "x")]
    );
    assert_eq!(related(group(1, "p1"), 10).await, [person(2), group(0, "acme")]);
    assert!(related(group(3, "acme"), 10).await.is_empty());
    assert!(related(person(9), 10).await.is_empty());
}
