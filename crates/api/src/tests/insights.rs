//! Calculated insights: every route, and what is kept of their answers.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Client, query_string, trend};

fn funnel() -> Value {
    json!({"insight": "FUNNELS", "events": [{"id": "a", "order": 0}, {"id": "b", "order": 1}], "date_from": "-7d"})
}

#[tokio::test]
async fn every_insight_has_a_route_for_get_and_post() {
    let client = Client::new().await;
    for (route, request, call) in [
        ("trend", trend(), "trends"),
        ("lifecycle", trend(), "lifecycle"),
        ("stickiness", trend(), "stickiness"),
        ("funnel", funnel(), "funnel"),
        ("funnel/correlation", funnel(), "correlation"),
        (
            "retention",
            json!({"target_entity": {"id": "e", "type": "events"}}),
            "retention",
        ),
        ("path", json!({"date_from": "-7d"}), "paths"),
        (
            "session",
            json!({"session": "avg", "date_from": "-7d"}),
            "session_lengths",
        ),
    ] {
        let path = format!("insights/{route}");
        let answer = client.post(&path, request.clone()).await;
        assert!(!answer["result"].is_null(), "{route}: {answer}");
        assert_eq!(answer["is_cached"], false, "{route}");
        let again = client.get(&format!("{path}?{}", query_string(&request))).await;
        assert_eq!(again["is_cached"], true, "{route}: a GET asks the same as a POST");
        assert_eq!(again["result"], answer["result"], "{route}");
        assert_eq!(client.canned().asked, [call], "{route}");
        client.canned().asked.clear();
    }
}

#[tokio::test]
async fn an_answer_does_not_tell_how_it_was_asked() {
    let client = Client::new().await;
    let mut request = trend();
    request["properties"] = json!([{"key": "a", "value": "b"}]);
    let path = format!("insights/trend?refresh=true&{}", query_string(&request));
    let by_get = client.get(&path).await;
    request["refresh"] = json!(true);
    let by_post = client.post("insights/trend", request).await;
    assert_eq!(by_get["result"], by_post["result"]);
    let (status, answer) = client
        .send(Method::GET, "insights/trend?events=%5B%7B", None)
        .await;
    assert_eq!(
        (status, &answer["attr"]),
        (StatusCode::BAD_REQUEST, &json!("events"))
    );
}

#[tokio::test]
async fn the_trend_route_answers_lifecycle_and_stickiness_too() {
    let client = Client::new().await;
    for (field, value, call) in [
        ("shown_as", "Lifecycle", "lifecycle"),
        ("insight", "LIFECYCLE", "lifecycle"),
        ("shown_as", "Stickiness", "stickiness"),
        ("insight", "STICKINESS", "stickiness"),
        ("insight", "TRENDS", "trends"),
    ] {
        client.canned().asked.clear();
        let mut request = trend();
        request[field] = json!(value);
        request["refresh"] = json!(true);
        client.post("insights/trend", request).await;
        assert_eq!(client.canned().asked, [call], "{field} {value}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_until_something_changes() {
    let client = Client::new().await;
    let ask = || client.post("insights/trend", trend());
    let first = ask().await;
    assert_eq!(
        (&first["is_cached"], &first["timezone"]),
        (&json!(false), &json!("UTC"))
    );
    client.canned().value = 5.0;
    client.wait(60);
    let kept = ask().await;
    assert_eq!(kept["is_cached"], true, "the clock alone changes nothing");
    assert_eq!(kept["last_refresh"], first["last_refresh"]);
    assert_eq!(kept["result"], first["result"]);

    client.canned().version += 1;
    let newer = ask().await;
    assert_eq!(newer["is_cached"], false, "new data");
    assert_ne!(newer["last_refresh"], first["last_refresh"]);
    assert_eq!(newer["result"][0]["count"], 5.0);

    client.wait(24 * 3600);
    assert_eq!(ask().await["is_cached"], false, "the last week is another one");
    assert_eq!(ask().await["is_cached"], true);
    client.patch("", json!({"timezone": "Asia/Tokyo"})).await;
    assert_eq!(ask().await["is_cached"], false, "days are other days");
}

#[tokio::test]
async fn refresh_computes_in_any_case() {
    let client = Client::new().await;
    client.post("insights/trend", trend()).await;
    client.canned().value = 5.0;
    for refresh in ["true", "1", "yes"] {
        client.wait(1);
        let path = format!("insights/trend?{}&refresh={refresh}", query_string(&trend()));
        let fresh = client.get(&path).await;
        assert_eq!(fresh["is_cached"], false, "{refresh}");
        assert_eq!(fresh["result"][0]["count"], 5.0);
        let kept = client.post("insights/trend", trend()).await;
        assert_eq!(
            (&kept["is_cached"], &kept["last_refresh"]),
            (&json!(true), &fresh["last_refresh"])
        );
    }
    let path = format!("insights/trend?{}&refresh=false", query_string(&trend()));
    assert_eq!(client.get(&path).await["is_cached"], true);
}

#[tokio::test]
async fn a_failure_is_answered_and_not_kept() {
    let client = Client::new().await;
    client.canned().fails = true;
    let (status, answer) = client.send(Method::POST, "insights/trend", Some(trend())).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.to_string().contains("told to"), "{answer}");
    assert_eq!(client.post("insights/trend", trend()).await["is_cached"], false);
}

#[tokio::test]
async fn names_that_are_shown_are_those_of_now() {
    let client = Client::new().await;
    let action = client
        .post("actions", json!({"name": "old", "steps": [{"event": "e"}]}))
        .await;
    let request = json!({"actions": [{"id": action["id"], "type": "actions"}], "date_from": "-7d"});
    client.post("insights/trend", request.clone()).await;
    client
        .patch(&format!("actions/{}", action["id"]), json!({"name": "new"}))
        .await;
    let answer = client.post("insights/trend", request).await;
    assert_eq!(
        (&answer["is_cached"], &answer["result"][0]["label"]),
        (&json!(false), &json!("new"))
    );
}

#[tokio::test]
async fn who_asks_at_the_same_time_waits_for_the_first() {
    let client = Client::new().await;
    let ask = || client.post("insights/trend", trend());
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    let fresh = [one, two, three]
        .iter()
        .filter(|answer| answer["is_cached"] == false)
        .count();
    assert_eq!(
        (fresh, client.canned().asked.as_slice()),
        (1, ["trends"].as_slice())
    );
}
