//! Actions: their life, their steps, their counts.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::Client;

#[tokio::test]
async fn an_action_from_its_making_to_its_end() {
    let client = Client::new().await;
    let made = client
        .post(
            "actions",
            json!({"name": "paid", "description": "d", "tags": ["b", "a"], "steps": [
                {"event": "buy", "isNew": true, "selection": []},
                {"event": "$pageview", "url": " /thanks", "url_matching": "regex"},
            ]}),
        )
        .await;
    assert_eq!(
        (&made["tags"], &made["description"]),
        (&json!(["a", "b"]), &json!("d"))
    );
    assert_eq!(
        (&made["steps"][0]["id"], &made["steps"][1]["id"]),
        (&json!(1), &json!(2))
    );
    assert!(made["steps"][0].get("isNew").is_none());
    let path = format!("actions/{}", made["id"]);
    assert_eq!(client.get(&path).await, made);

    let renamed = client.patch(&path, json!({"name": "bought"})).await;
    assert_eq!(
        (&renamed["steps"], &renamed["tags"]),
        (&made["steps"], &made["tags"])
    );
    let changed = client
        .patch(
            &path,
            json!({"steps": [{"id": 2, "event": "x"}, {"event": "y"}], "tags": []}),
        )
        .await;
    let step = |step: &Value| json!([step["id"], step["event"], step["url"]]);
    assert_eq!(step(&changed["steps"][0]), json!([2, "x", " /thanks"]));
    assert_eq!(step(&changed["steps"][1]), json!([3, "y", null]));
    assert_eq!(client.get(&path).await["steps"], changed["steps"]);
    assert_eq!(
        client.patch(&path, json!({"steps": []})).await["steps"],
        json!([])
    );

    let taken = json!({"name": "bought"});
    client.refused(Method::POST, "actions", Some(taken), "name").await;
    let (status, _) = client.send(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = client.send(Method::GET, &path, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(client.get("actions").await, json!({"results": []}));
}

#[tokio::test]
async fn actions_are_counted() {
    let client = Client::new().await;
    let empty = client.post("actions", json!({"name": "empty"})).await;
    let made = client
        .post("actions", json!({"name": "a", "steps": [{"event": "e"}]}))
        .await;
    client.post("actions", json!({"name": "newest"})).await;
    client.canned().value = 7.0;
    assert_eq!(
        client.get(&format!("actions/{}/count", made["id"])).await,
        json!({"count": 7})
    );
    assert_eq!(
        client.get(&format!("actions/{}/count", empty["id"])).await,
        json!({"count": 0})
    );
    let names = |answer: &Value| -> Vec<Value> {
        answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|action| action["name"].clone())
            .collect()
    };
    assert_eq!(names(&client.get("actions").await), ["newest", "a", "empty"]);
    let counted = client.get("actions?include_count=true").await;
    assert_eq!(names(&counted), ["a", "newest", "empty"]);
    assert_eq!(
        (&counted["results"][0]["count"], &counted["results"][1]["count"]),
        (&json!(7), &json!(0))
    );
}

#[tokio::test]
async fn wrong_steps_are_refused() {
    let client = Client::new().await;
    for (step, attr) in [
        (
            json!({"event": "$autocapture", "selector": "div["}),
            "steps__0__selector",
        ),
        (
            json!({"event": "e", "url_matching": "fuzzy"}),
            "steps__0__url_matching",
        ),
        (json!({"event": ["e"]}), "steps__0__event"),
        (json!("e"), "steps__0"),
    ] {
        let body = json!({"name": "a", "steps": [step]});
        client.refused(Method::POST, "actions", Some(body), attr).await;
    }
    client
        .refused(
            Method::POST,
            "actions",
            Some(json!({"name": "a", "tags": "x"})),
            "tags",
        )
        .await;
    client
        .refused(
            Method::POST,
            "actions",
            Some(json!({"name": "a", "tags": [1]})),
            "tags__0",
        )
        .await;
    client
        .refused(Method::POST, "actions", Some(json!({"steps": []})), "name")
        .await;
    assert_eq!(
        client.get("actions").await,
        json!({"results": []}),
        "nothing is half made"
    );
}
