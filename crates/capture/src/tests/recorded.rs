//! Requests as released clients send them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::*;

#[tokio::test]
async fn browser_today() {
    let server = Server::new();
    let body = gzip(
        r#"{"api_key":"phc_test","batch":[{"uuid":"01a1fe2d-9da9-7ec9-b7b2-fe3b479ca91c","event":"$pageview",
        "properties":{"$lib":"web","distinct_id":"01a1fe2d-9d94-72a8-bcf0-9ade2f9f26ef","utm_source":"news","utm_medium":null,
        "token":"phc_test","$is_identified":false,"$process_person_profile":false},
        "timestamp":"2026-11-21T12:56:04.777Z"}],"sent_at":"2026-11-21T12:56:04.817Z"}"#,
    );
    let headers = [
        ("Content-Type", "text/plain"),
        ("Origin", "https://shop.example"),
        ("X-Forwarded-For", "203.0.113.9"),
    ];
    let reply = server.call(Method::POST, "/e/", &headers, body).await;
    assert_eq!(
        (reply.status, reply.json()),
        (StatusCode::OK, json!({"status": 1}))
    );
    assert_eq!(
        reply.headers["access-control-allow-origin"],
        "https://shop.example"
    );
    assert_eq!(reply.headers["access-control-allow-credentials"], "true");
    let row = &server.events()[0];
    assert_eq!(row.uuid.to_string(), "01a1fe2d-9da9-7ec9-b7b2-fe3b479ca91c");
    assert_eq!(row.distinct_id, "01a1fe2d-9d94-72a8-bcf0-9ade2f9f26ef");
    // The client's clock is 183 ms behind.
    assert_eq!(
        row.timestamp,
        "2026-11-21T12:56:04.960Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!(server.properties(0)["$ip"], "203.0.113.9");
    assert_eq!(server.properties(0)["$sent_at"], "2026-11-21T12:56:04.817Z");
    assert!(server.store.stored().persons.is_empty());
}

#[tokio::test]
async fn browser_batch_with_offsets() {
    let server = Server::new();
    let body = gzip(
        r#"[{"event":"$create_alias","offset":1466,"uuid":"01a1fe2d-9da9-7ec9-b7b2-fe3b479ca91c",
        "properties":{"distinct_id":"user-1","alias":"alias-1","token":"phc_test"}}]"#,
    );
    let uri = "/i/v0/e/?ip=0&_=1795266047825&ver=1.309.1&compression=gzip-js";
    let reply = server
        .call(Method::POST, uri, &[("Content-Type", "text/plain")], body)
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    let stored = server.store.stored();
    assert_eq!(
        stored.events[0].timestamp,
        now() - chrono::Duration::milliseconds(1466)
    );
    assert_eq!((stored.persons.len(), stored.distinct_ids.len()), (1, 2));
}

#[tokio::test]
async fn browser_forms() {
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let event = r#"{"uuid":"01a1fe30-9da9-7ec9-b7b2-fe3b479ca91c","event":"seen","properties":{"distinct_id":"d","token":"phc_test"}}"#;
    let encode = |text: String| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let base64 = format!("data={}", encode(BASE64_STANDARD.encode(event)));
    let lz64 = format!(
        "data={}&compression=lz64",
        encode(lz_str::compress_to_base64(event))
    );
    for body in [base64, lz64] {
        let server = Server::new();
        let reply = server
            .call(
                Method::POST,
                "/e/?ip=1&_=1795265936913&ver=1.69.0",
                &form,
                body.clone(),
            )
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{body}");
        assert_eq!(server.events()[0].distinct_id, "d");
        // The same by GET.
        let reply = server
            .call(Method::GET, &format!("/e/?{body}"), &[], Body::empty())
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{body}");
        assert_eq!(server.ledger()["repeated"], 1);
    }
}

#[tokio::test]
async fn browser_people_set() {
    let server = Server::new();
    let event =
        json!({"$set": {"z": 1}, "$token": TOKEN, "$distinct_id": "user-1", "$device_id": "x"}).to_string();
    let body = format!("data={}", BASE64_STANDARD.encode(event).replace('=', "%3D"));
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let reply = server
        .call(Method::POST, "/engage/?ip=1&_=1795265938437", &headers, body)
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(server.events()[0].event, "$identify");
    let persons = server.store.stored().persons;
    assert_eq!(persons.values().next().unwrap().properties["z"], 1);
}

#[tokio::test]
async fn python_batch() {
    let server = Server::new();
    let body = r#"{"batch":[
     {"event":"purchase","distinct_id":"user-1","uuid":"12b76f89-ec46-41ee-a42b-e606d379ca4c","timestamp":"2025-01-02T03:04:05+00:00",
      "properties":{"price":12.5,"nested":{"a":[1,{"b":null}]},"nul":"a\u0000b","nan":null,"$groups":{"company":"acme"},"$is_server":true}},
     {"event":"$set","distinct_id":"user-1","$set":{"email":"a@x.io"},"properties":{},"uuid":"12b76f89-ec46-41ee-a42b-e606d379ca4d","timestamp":"2025-01-02T03:04:06+00:00"},
     {"event":"$create_alias","distinct_id":"anon-1","properties":{"distinct_id":"anon-1","alias":"user-1"},"uuid":"12b76f89-ec46-41ee-a42b-e606d379ca4e"},
     {"event":"$groupidentify","distinct_id":"c928c1cd-885b-4773-b42c-9a6be9b6cb68","properties":{"$group_type":"company","$group_key":"acme","$group_set":{"plan":"pro"}},"uuid":"12b76f89-ec46-41ee-a42b-e606d379ca4f"}],
     "historical_migration":false,"sent_at":"2026-11-21T12:56:05+00:00","api_key":"phc_test"}"#;
    for (headers, body) in [
        (
            vec![("Content-Type", "application/json")],
            body.as_bytes().to_vec(),
        ),
        (
            vec![("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
            gzip(body),
        ),
    ] {
        let reply = server.call(Method::POST, "/batch/", &headers, body).await;
        assert_eq!(
            (reply.status, reply.json()),
            (StatusCode::OK, json!({"status": 1}))
        );
    }
    let stored = server.store.stored();
    assert_eq!(stored.events.len(), 4);
    assert_eq!(
        server.ledger(),
        HashMap::from([("stored".to_owned(), 4), ("repeated".to_owned(), 4)])
    );
    assert_eq!(
        stored.events[0].timestamp,
        "2025-01-02T03:04:05Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!(server.properties(0)["nul"], "a\0b");
    assert_eq!(server.properties(0)["$group_0"], "acme");
    let person = stored
        .persons
        .values()
        .find(|person| person.is_identified)
        .unwrap();
    assert_eq!(person.properties["email"], "a@x.io");
    assert_eq!(stored.groups.values().next().unwrap().properties["plan"], "pro");
}

#[tokio::test]
async fn go_alias_has_its_id_in_the_properties() {
    let server = Server::new();
    let body = json!({"api_key": TOKEN, "batch": [
        {"event": "$create_alias", "properties": {"distinct_id": "a", "alias": "b"}, "type": "alias"}
    ]});
    assert_eq!(
        server.post("/batch/", body.to_string()).await.status,
        StatusCode::OK
    );
    assert_eq!(server.store.stored().distinct_ids.len(), 2);
}

#[tokio::test]
async fn every_path_takes_every_shape() {
    let server = Server::new();
    let event = json!({"event": "e", "distinct_id": "a", "api_key": TOKEN});
    let shapes = [
        event.clone(),
        json!([event]),
        json!({"token": TOKEN, "batch": [{"event": "e", "distinct_id": "a"}]}),
    ];
    let mut count = 0;
    for path in [
        "/batch",
        "/e",
        "/i/v0/e",
        "/capture",
        "/track",
        "/engage",
        "/i/v0/ai",
        "/i/v0/ai/batch",
    ] {
        for path in [path.to_owned(), format!("{path}/")] {
            for shape in &shapes {
                let reply = server.post(&path, shape.to_string()).await;
                assert_eq!(
                    (reply.status, reply.json()),
                    (StatusCode::OK, json!({"status": 1})),
                    "{path} {shape}"
                );
                count += 1;
            }
        }
    }
    assert_eq!(server.events().len(), count);
}
