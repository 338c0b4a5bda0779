//! Correlations, and the actors behind them.

use event_store::EventStore;
use insights::{
    Condition, CorrelationActorsQuery, CorrelationItem, CorrelationOf, CorrelationQuery, FunnelOrder,
};
use serde_json::{Value, json};

use super::funnels::{funnel, named, names, persons};
use super::{events, object};
use crate::Case;

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
