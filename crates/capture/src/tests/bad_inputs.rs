//! What clients should not send: each gets its status, and nothing good is lost.

use ingest::testing::Failure;

use super::*;
use crate::body;
use crate::error::CaptureError;

#[tokio::test]
async fn statuses() {
    let long = "x".repeat(250_000);
    for (body, status, code) in [
        ("".to_owned(), 400, "empty_payload"),
        ("{".to_owned(), 400, "invalid_payload"),
        ("[]".to_owned(), 400, "empty_batch"),
        (
            json!({"api_key": TOKEN, "batch": []}).to_string(),
            400,
            "empty_batch",
        ),
        (
            json!({"api_key": TOKEN, "batch": "x"}).to_string(),
            400,
            "invalid_payload",
        ),
        ("7".to_owned(), 400, "invalid_payload"),
        (
            json!({"event": "e", "distinct_id": "a"}).to_string(),
            401,
            "missing_api_key",
        ),
        (
            json!({"event": "e", "distinct_id": "a", "api_key": "phx_secret"}).to_string(),
            401,
            "invalid_api_key",
        ),
        (
            json!({"event": "e", "distinct_id": "a", "api_key": "x".repeat(65)}).to_string(),
            401,
            "invalid_api_key",
        ),
        (
            json!({"event": "e", "distinct_id": "a", "api_key": "tökén"}).to_string(),
            401,
            "invalid_api_key",
        ),
        (
            json!({"event": "e", "distinct_id": "a", "api_key": "phc_other"}).to_string(),
            401,
            "invalid_api_key",
        ),
        (
            json!([{"event": "e", "token": TOKEN}, {"event": "e", "token": "b"}]).to_string(),
            401,
            "mixed_api_keys",
        ),
        (
            json!({"event": "e", "api_key": TOKEN}).to_string(),
            400,
            "no_distinct_id",
        ),
        (
            json!({"event": "", "distinct_id": "a", "api_key": TOKEN}).to_string(),
            400,
            "no_event_name",
        ),
        (
            json!({"event": "e", "distinct_id": "a", "api_key": TOKEN, "properties": []}).to_string(),
            400,
            "properties_not_object",
        ),
        (
            json!({"event": "e", "distinct_id": "a", "api_key": TOKEN, "properties": {"l": long}})
                .to_string(),
            413,
            "payload_too_large",
        ),
        ("x".repeat(400_000), 413, "payload_too_large"),
    ] {
        let server = Server::new();
        let reply = server
            .call(
                Method::POST,
                "/batch/",
                &[("Origin", "https://a.example")],
                body.clone(),
            )
            .await;
        let shown = &body[..body.len().min(80)];
        assert_eq!(reply.status, status, "{shown}");
        let json = reply.json();
        assert_eq!(json["code"], code, "{shown}");
        for key in ["type", "detail", "attr"] {
            assert!(json.get(key).is_some(), "{shown}");
        }
        assert_eq!(reply.headers["access-control-allow-origin"], "https://a.example");
        assert!(server.events().is_empty());
    }
}

#[tokio::test]
async fn good_events_are_kept_and_each_refused_one_is_named() {
    let server = Server::new();
    let uuid = "12b76f89-ec46-41ee-a42b-e606d379ca4c";
    let batch = json!([
        {"event": "good", "distinct_id": "a"},
        {"event": "no id", "uuid": uuid},
        "text",
        {"event": "$identify", "distinct_id": "a", "properties": {"$anon_distinct_id": 5}},
        {"distinct_id": "a"},
        {"event": "good too", "distinct_id": "a", "properties": null},
        {"event": "$performance_event", "distinct_id": "a"},
        {"event": "listed", "distinct_id": "a", "properties": [1]},
    ]);
    let reply = server
        .post("/batch/", json!({"api_key": TOKEN, "batch": batch}).to_string())
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    let reply = reply.json();
    assert_eq!(reply["status"], 1);
    let named: Vec<_> = reply["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| {
            (
                refused["index"].as_u64().unwrap(),
                refused["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            (1, "no_distinct_id"),
            (2, "event_not_object"),
            (3, "other_id_not_text"),
            (4, "no_event_name"),
            (6, "not_analytics"),
            (7, "properties_not_object"),
        ]
    );
    assert_eq!(reply["refused"][0]["uuid"], uuid);
    assert_eq!(reply["refused"][0]["event"], "no id");
    assert_eq!(reply["refused"][0]["attr"], "distinct_id");
    assert_eq!(
        server
            .events()
            .iter()
            .map(|row| row.event.as_str())
            .collect::<Vec<_>>(),
        ["good", "good too"]
    );
    let ledger = server.ledger();
    assert_eq!(ledger["stored"], 2);
    assert_eq!(ledger.values().sum::<u64>(), 8);
}

#[tokio::test]
async fn a_batch_without_a_good_event_is_400_and_in_the_ledger() {
    let server = Server::new();
    let body = json!({"api_key": TOKEN, "batch": [{"event": "e"}, {"distinct_id": "a"}]});
    let reply = server.post("/batch/", body.to_string()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let reply = reply.json();
    assert_eq!(
        (&reply["code"], &reply["attr"]),
        (&json!("no_distinct_id"), &json!("distinct_id"))
    );
    assert_eq!(reply["refused"].as_array().unwrap().len(), 2);
    assert_eq!(server.ledger().values().sum::<u64>(), 2);
}

#[tokio::test]
async fn only_filtered_events_are_accepted() {
    let server = Server::new();
    let body = json!({"api_key": TOKEN, "batch": [{"event": "$performance_event", "distinct_id": "a"}]});
    let reply = server.post("/e/", body.to_string()).await;
    assert_eq!(
        (reply.status, &reply.json()["status"]),
        (StatusCode::OK, &json!(1))
    );
    assert!(server.events().is_empty());
}

#[tokio::test]
async fn odd_values_are_no_errors() {
    for (uri, event) in [
        ("/e/?compression=rot13&_=abc&beacon=0&v=&x", json!({"event": "e"})),
        ("/e/", json!({"event": 7})),
        ("/e/", json!({"event": "e", "uuid": "not a uuid"})),
        ("/e/", json!({"event": "e", "timestamp": 1735787045})),
        ("/e/", json!({"event": "e", "timestamp": "2099-01-01"})),
        ("/e/", json!({"event": "e", "timestamp": ["x"]})),
        (
            "/e/",
            json!({"event": "e", "$set": "text", "properties": {"$set": "text"}}),
        ),
        ("/e/", json!({"event": "e", "properties": {"$groups": ["x"]}})),
        (
            "/e/",
            json!({"event": "e", "properties": {"$process_person_profile": "false"}}),
        ),
        (
            "/e/",
            json!({"event": "e", "token": TOKEN, "properties": {"a\0": "b\0"}}),
        ),
    ] {
        let server = Server::new();
        let mut event = event;
        event["distinct_id"] = json!("a");
        event["api_key"] = json!(TOKEN);
        let reply = server.post(uri, event.to_string()).await;
        assert_eq!(
            (reply.status, reply.json()),
            (StatusCode::OK, json!({"status": 1})),
            "{event}"
        );
        assert_eq!(server.store.stored().persons.len(), 1, "{event}");
    }
    // Not JSON, but sent by old clients.
    let server = Server::new();
    let body = r#"{"event":"e","distinct_id":"a","api_key":"phc_test","properties":{"n":NaN,"i":-Infinity,"s":"\ud800"}}"#;
    assert_eq!(server.post("/e/", body).await.status, StatusCode::OK);
    let properties = server.properties(0);
    assert_eq!(
        (&properties["n"], &properties["s"]),
        (&Value::Null, &json!("\u{FFFD}"))
    );
}

#[tokio::test]
async fn beacons_get_204_and_only_they() {
    let server = Server::new();
    let body = json!({"event": "e", "distinct_id": "a", "api_key": TOKEN}).to_string();
    let reply = server.post("/e/?beacon=1", body.clone()).await;
    assert_eq!((reply.status, reply.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(server.post("/e/?beacon=true", body).await.status, StatusCode::OK);
    assert_eq!(
        server.post("/e/?beacon=1", "{").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn what_cannot_be_stored_is_503() {
    let body = json!({"event": "e", "distinct_id": "a", "api_key": TOKEN}).to_string();
    let server = Server::new();
    server.store.fail_next(Failure::Before);
    let reply = server.post("/e/", body.clone()).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.headers["retry-after"], "1");
    assert_eq!(reply.json()["type"], "server_error");
    assert_eq!(server.post("/e/", body.clone()).await.status, StatusCode::OK);

    let server = Server::with(None, IngestConfig::default());
    assert_eq!(
        server.post("/e/", body.clone()).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );

    let server = Server::new();
    server.state.ingest.close().await;
    assert_eq!(
        server.post("/e/", body).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn a_body_that_stalls_is_408() {
    let mut server = Server::new();
    server.state.limits.body_timeout = std::time::Duration::from_millis(20);
    let stalled = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let reply = server.post("/e/", stalled).await;
    assert_eq!(reply.status, StatusCode::REQUEST_TIMEOUT);
    let broken = futures::stream::iter([
        Ok(bytes::Bytes::from_static(b"{")),
        Err(std::io::Error::other("gone")),
    ]);
    assert_eq!(
        server.post("/e/", Body::from_stream(broken)).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn bodies_share_their_memory() {
    let limits = CaptureLimits {
        held_bytes_max: 400 << 10,
        ..CaptureLimits::default()
    };
    let shared = body::Shared::new(&limits);
    let read = |length| body::read(Body::from("x".repeat(length)), 300 << 10, &limits, &shared);
    let first = read(150 << 10).await.unwrap();
    let second = read(150 << 10).await.unwrap();
    assert_eq!(read(150 << 10).await.unwrap_err(), CaptureError::Unavailable);
    drop(first);
    let third = read(150 << 10).await.unwrap();
    // A body over its own limit holds nothing while the rest of it is thrown away.
    assert_eq!(
        read(301 << 10).await.unwrap_err(),
        CaptureError::TooLarge { bytes_max: 300 << 10 }
    );
    drop((second, third));
    read(300 << 10).await.unwrap();
}

#[tokio::test]
async fn a_bomb_is_413() {
    let server = Server::new();
    let bomb = gzip(&" ".repeat(5_000_000));
    assert!(bomb.len() < 100_000);
    let reply = server.post("/e/", bomb).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn methods_and_preflights() {
    let server = Server::new();
    for path in ["/e/", "/batch", "/i/v1/analytics/events"] {
        let reply = server
            .call(
                Method::PUT,
                path,
                &[("Origin", "https://a.example")],
                Body::empty(),
            )
            .await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(reply.headers["access-control-allow-origin"], "https://a.example");
        let asks = [
            ("Origin", "https://a.example"),
            ("Access-Control-Request-Headers", "content-type,x-a"),
        ];
        let reply = server.call(Method::OPTIONS, path, &asks, Body::empty()).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert_eq!(reply.headers["access-control-allow-headers"], "content-type,x-a");
        assert_eq!(
            reply.headers["access-control-allow-methods"],
            "GET, POST, OPTIONS"
        );
    }
    assert_eq!(
        server.call(Method::GET, "/e/", &[], Body::empty()).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(server.post("/unknown", "{}").await.status, StatusCode::NOT_FOUND);
}
