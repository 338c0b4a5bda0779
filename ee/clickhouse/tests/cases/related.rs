//! Related actors: those that exist and share an event.

use event_store::EventStore;
use insights::{Actor, RelatedQuery};
use serde_json::json;

use super::*;

pub async fn related_actors_share_events<S: EventStore>(store: &S) -> Case {
    let mut append = events(&[
        (
            "a",
            "ann",
            "2020-01-02T00:00:00Z",
            json!({"$group_0": "x", "$group_1": "p"}),
        ),
        ("a", "ann2", "2020-01-02T00:00:00Z", json!({"$group_0": "y"})),
        ("a", "ann", "2020-01-02T00:00:00Z", json!({"$group_0": "unknown"})),
        (
            "a",
            "bob",
            "2020-01-02T00:00:00Z",
            json!({"$group_0": "x", "$group_1": "q"}),
        ),
        ("a", "cat", "2020-01-02T00:00:00Z", json!({"$group_0": "x"})),
        ("a", "dan", "2020-01-02T00:00:00Z", json!({"$group_0": "x"})),
        ("a", "ann", "2019-12-31T00:00:00Z", json!({"$group_0": "z"})),
    ]);
    people(&mut append);
    append.distinct_ids.push(mapping("ann2", 100, 1));
    append.distinct_ids.push(mapping("dan", 300, 1));
    append.persons.push(person(300, json!({})));
    append.persons[2].is_deleted = true;
    append.groups = [(0, "x"), (0, "y"), (0, "z"), (1, "p"), (1, "q")]
        .map(|(index, key)| GroupRow {
            project: PROJECT,
            group_type: group(index),
            key: key.to_owned(),
            properties: Map::new(),
            created_at: day("2020-01-01"),
            version: 1,
        })
        .to_vec();
    store.append(append).await?;
    let of_group = |index, key: &str| Actor::Group(group(index), key.to_owned());
    let mut query = RelatedQuery {
        project: PROJECT,
        actor: Actor::Person(id(100)),
        since: day("2020-01-01"),
        limit: 10,
    };
    assert_eq!(
        store.related(&query).await?,
        [of_group(0, "x"), of_group(0, "y"), of_group(1, "p")]
    );
    query.limit = 1;
    assert_eq!(store.related(&query).await?, [of_group(0, "x"), of_group(1, "p")]);
    query.limit = 10;
    query.actor = of_group(0, "x");
    assert_eq!(
        store.related(&query).await?,
        [
            Actor::Person(id(100)),
            Actor::Person(id(200)),
            of_group(1, "p"),
            of_group(1, "q")
        ]
    );
    query.actor = of_group(1, "p");
    assert_eq!(
        store.related(&query).await?,
        [Actor::Person(id(100)), of_group(0, "x")]
    );
    query.actor = Actor::Person(id(999));
    assert_eq!(store.related(&query).await?, []);
    Ok(())
}
