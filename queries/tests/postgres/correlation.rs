//! What those who went through a funnel have in common.

use event_store::EventStore;
use insights::{
    ActorKind, Correlation, CorrelationActorsQuery, CorrelationOf, CorrelationQuery, FunnelQuery,
};
use serde_json::json;

use crate::database::*;
use crate::funnels::{ids, steps_of};

fn shown(correlation: &Correlation) -> Vec<String> {
    let mut lines = vec![format!("{}/{}", correlation.converted, correlation.lost)];
    lines.extend(correlation.items.iter().map(|item| {
        let (event, key, value) = (&item.event, &item.key, &item.value);
        format!("{event}|{key}|{value}: {}/{}", item.converted, item.lost)
    }));
    lines
}

#[tokio::test]
async fn correlations() {
    let db = Database::new().await;
    db.person(1, &["p1"], json!({"plan": "pro", "seats": 4})).await;
    db.person(2, &["p2"], json!({"plan": "pro"})).await;
    db.person(3, &["p3"], json!({"plan": "free"})).await;
    db.events([
        event("help", "p1", "2020-01-01 09:00", json!({})),
        event("A", "p1", "2020-01-01 10:00", json!({})),
        event("help", "p1", "2020-01-01 10:00", json!({})),
        event("look", "p1", "2020-01-01 10:01", json!({"at": "x", "n": 1})),
        event("look", "p1", "2020-01-01 10:02", json!({"at": "x"})),
        event("hide", "p1", "2020-01-01 10:03", json!({})),
        event("B", "p1", "2020-01-01 10:10", json!({})),
        event("help", "p1", "2020-01-01 10:11", json!({})),
        event("A", "p2", "2020-01-01 10:00", json!({})),
        event("look", "p2", "2020-01-02 09:59", json!({"at": "x"})),
        event("help", "p2", "2020-01-02 10:00", json!({})),
        event("A", "p3", "2020-01-01 10:00", json!({})),
        event("help", "p3", "2020-01-01 10:30", json!({})),
    ])
    .await;
    let click = |who, time, kind: &str| {
        let mut row = event("$autocapture", who, time, json!({"$event_type": kind}));
        row.elements_chain = "a:nth-child=\"1\"".to_owned();
        row
    };
    db.events([
        click("p1", "2020-01-01 10:04", "click"),
        click("p2", "2020-01-01 10:04", "click"),
        click("p3", "2020-01-01 10:04", "click"),
        click("p3", "2020-01-01 10:05", "change"),
    ])
    .await;
    let funnel = steps_of(&["A", "B"]);
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    for (of, expected) in [
        (
            CorrelationOf::Events {
                excluded: names(&["hide"]),
            },
            vec!["1/2", "$autocapture||: 1/2", "help||: 0/1", "look||: 1/1"],
        ),
        (
            CorrelationOf::Properties {
                names: None,
                excluded: vec![],
            },
            vec!["1/2", "|plan|free: 0/1", "|plan|pro: 1/1", "|seats|4: 1/0"],
        ),
        (
            CorrelationOf::Properties {
                names: Some(names(&["plan", "seats"])),
                excluded: names(&["plan"]),
            },
            vec!["1/2", "|seats|4: 1/0"],
        ),
        (
            CorrelationOf::EventProperties {
                events: names(&["look", "$autocapture"]),
                excluded_keys: vec![],
            },
            vec![
                "1/2",
                "$autocapture|elements_chain|click__~~__a:nth-child=\"1\": 1/2",
                "look|at|x: 1/1",
            ],
        ),
        (
            CorrelationOf::EventProperties {
                events: names(&["look"]),
                excluded_keys: names(&["at"]),
            },
            vec!["1/2"],
        ),
    ] {
        let query = CorrelationQuery {
            funnel: funnel.clone(),
            of,
        };
        let found = db.store.correlation(&query).await.expect("answered");
        assert_eq!(shown(&found), expected, "{query:?}");
    }
    let nobody = CorrelationQuery {
        funnel: steps_of(&["never", "B"]),
        of: CorrelationOf::Events { excluded: vec![] },
    };
    let found = db.store.correlation(&nobody).await.expect("answered");
    assert_eq!(shown(&found), ["0/0"]);

    let has = |key: &str, text: &str| vec![(key.to_owned(), text.to_owned())];
    for (converted, did, has, expected) in [
        (None, None, vec![], vec![1, 2, 3]),
        (Some(true), None, vec![], vec![1]),
        (Some(false), Some(anything()), vec![], vec![2, 3]),
        (None, Some(named("look")), vec![], vec![1, 2]),
        (Some(false), Some(named("help")), vec![], vec![3]),
        (None, Some(named("B")), vec![], vec![]),
        (None, None, has("plan", "pro"), vec![1, 2]),
        (Some(true), Some(named("look")), has("seats", "4"), vec![1]),
    ] {
        let query = CorrelationActorsQuery {
            funnel: funnel.clone(),
            converted,
            did,
            has,
            limit: 10,
            offset: 0,
        };
        let found = db.store.correlation_actors(&query).await.expect("answered");
        assert_eq!(found, ids(&expected), "{query:?}");
    }
}

#[tokio::test]
async fn correlations_of_groups() {
    let db = Database::new().await;
    db.group(1, "acme", json!({"size": "big"})).await;
    db.group(1, "beta", json!({"size": "small"})).await;
    let of = |group: &str| json!({"$group_1": group});
    db.events([
        event("A", "x", "2020-01-01 10:00", of("acme")),
        event("look", "y", "2020-01-01 10:01", of("acme")),
        event("B", "z", "2020-01-01 10:02", of("acme")),
        event("A", "x", "2020-01-01 10:00", of("beta")),
        event("look", "x", "2020-01-01 10:01", json!({})),
    ])
    .await;
    let funnel = FunnelQuery {
        actor: ActorKind::Group(group_type(1)),
        ..steps_of(&["A", "B"])
    };
    for (of, expected) in [
        (
            CorrelationOf::Events { excluded: vec![] },
            vec!["1/1", "look||: 1/0"],
        ),
        (
            CorrelationOf::Properties {
                names: None,
                excluded: vec![],
            },
            vec!["1/1", "|size|big: 1/0", "|size|small: 0/1"],
        ),
    ] {
        let query = CorrelationQuery {
            funnel: funnel.clone(),
            of,
        };
        let found = db.store.correlation(&query).await.expect("answered");
        assert_eq!(shown(&found), expected);
    }
    let query = CorrelationActorsQuery {
        funnel,
        converted: None,
        did: None,
        has: vec![("size".to_owned(), "small".to_owned())],
        limit: 10,
        offset: 0,
    };
    assert_eq!(
        db.store.correlation_actors(&query).await.expect("answered"),
        ["beta"]
    );
}
