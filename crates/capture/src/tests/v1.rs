//! The strict endpoint: headers, whole-batch errors, results per event.

use std::io::Write;

use super::*;

const UUID: &str = "01a1fe2d-9a03-7e1d-b369-2bb67e6f8e65";
const REQUEST_ID: &str = "01a1fe2d-9a04-7d9b-9245-427a0d489e64";

const HEADERS: [(&str, &str); 7] = [
    ("Authorization", "Bearer phc_test"),
    ("PostHog-Sdk-Info", "posthog-node/5.70.0"),
    ("PostHog-Attempt", "1"),
    ("PostHog-Request-Id", REQUEST_ID),
    ("PostHog-Request-Timestamp", "2026-11-21T12:56:03.845Z"),
    ("Content-Type", "application/json"),
    ("User-Agent", "test"),
];

fn body(events: Value) -> String {
    json!({"created_at": "2026-11-21T12:56:03.844Z", "batch": events}).to_string()
}

fn event(number: u8, changes: Value) -> Value {
    let uuid = format!("01a1fe2d-9a03-7e1d-b369-2bb67e6f8e{number:02}");
    let mut event =
        json!({"event": "e", "uuid": uuid, "distinct_id": "u", "timestamp": "2026-11-21T12:56:03.843Z"});
    for (key, value) in changes.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

async fn send(server: &Server, body: String) -> Reply {
    server
        .call(Method::POST, "/i/v1/analytics/events", &HEADERS, body)
        .await
}

#[tokio::test]
async fn recorded() {
    let event = json!({"event": "v1 ev", "uuid": UUID, "distinct_id": "u", "timestamp": "2026-11-21T12:56:03.843Z",
        "session_id": "s1", "options": {"process_person_profile": false},
        "properties": {"$is_server": true, "$geoip_disable": true, "$lib": "forged"}});
    let body = body(json!([event]));
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(body.as_bytes()).unwrap();
    for (encoding, bytes) in [
        ("gzip", gzip(&body)),
        ("deflate", zlib.finish().unwrap()),
        ("zstd", zstd::encode_all(body.as_bytes(), 3).unwrap()),
        ("identity", body.clone().into_bytes()),
    ] {
        let server = Server::new();
        let headers = [&HEADERS[..], &[("Content-Encoding", encoding)]].concat();
        let reply = server
            .call(Method::POST, "/i/v1/analytics/events/", &headers, bytes)
            .await;
        assert_eq!(
            reply.json(),
            json!({"results": {UUID: {"result": "ok"}}}),
            "{encoding}"
        );
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.headers["posthog-request-id"], REQUEST_ID);
        assert_eq!(
            server.events()[0].timestamp,
            "2026-11-21T12:56:04.998Z".parse::<DateTime<Utc>>().unwrap()
        );
        let properties = server.properties(0);
        for (key, value) in [
            ("$session_id", json!("s1")),
            ("$process_person_profile", json!(false)),
            ("$lib", json!("posthog-node")),
            ("$lib_version", json!("5.70.0")),
        ] {
            assert_eq!(properties[key], value, "{key}");
        }
    }
}

#[tokio::test]
async fn headers_are_required() {
    for (header, value, status, tag) in [
        ("Authorization", None, 401, "missing_api_key"),
        ("Authorization", Some("Basic x"), 401, "missing_api_key"),
        ("Authorization", Some("bearer phc_no"), 401, "invalid_api_key"),
        ("PostHog-Sdk-Info", None, 400, "missing_required_headers"),
        ("PostHog-Sdk-Info", Some("nameonly"), 400, "invalid_header"),
        ("PostHog-Attempt", Some("0"), 400, "invalid_header"),
        ("PostHog-Request-Id", Some("x"), 400, "invalid_header"),
        (
            "PostHog-Request-Timestamp",
            Some("yesterday"),
            400,
            "invalid_header",
        ),
        (
            "Content-Type",
            Some("text/plain"),
            415,
            "unsupported_content_type",
        ),
        ("User-Agent", None, 400, "missing_required_headers"),
        (
            "Content-Encoding",
            Some("lzma"),
            415,
            "unsupported_content_encoding",
        ),
        ("Content-Encoding", Some("br"), 400, "invalid_payload"),
        ("Content-Encoding", Some("zstd"), 400, "invalid_payload"),
        ("Content-Encoding", Some("gzip"), 400, "invalid_payload"),
    ] {
        let server = Server::new();
        let mut headers: Vec<_> = HEADERS.into_iter().filter(|(name, _)| *name != header).collect();
        headers.extend(value.map(|value| (header, value)));
        let reply = server
            .call(
                Method::POST,
                "/i/v1/analytics/events",
                &headers,
                body(json!([event(1, json!({}))])),
            )
            .await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["error"]),
            (status, &json!(tag)),
            "{header}: {value:?}"
        );
        assert!(reply.json()["error_description"].is_string());
        assert!(server.events().is_empty());
    }
}

#[tokio::test]
async fn whole_batch_errors() {
    let server = Server::new();
    for (body, tag) in [
        ("[]".to_owned(), "invalid_payload"),
        ("{".to_owned(), "invalid_payload"),
        (
            json!({"batch": [event(1, json!({}))]}).to_string(),
            "invalid_created_at",
        ),
        (
            json!({"created_at": "x", "batch": [event(1, json!({}))]}).to_string(),
            "invalid_created_at",
        ),
        (
            json!({"created_at": "2026-11-21T12:56:03Z"}).to_string(),
            "missing_required_field",
        ),
        (body(json!([])), "empty_batch"),
        (
            body(json!([event(1, json!({})), event(1, json!({}))])),
            "duplicate_event_uuid",
        ),
        (
            body(json!([event(1, json!({"uuid": "x"}))])),
            "invalid_event_uuid",
        ),
        (
            body(json!([event(1, json!({"uuid": null}))])),
            "missing_required_field",
        ),
        (
            body(json!([event(1, json!({"distinct_id": 5}))])),
            "missing_required_field",
        ),
        (
            body(json!([event(1, json!({"timestamp": null}))])),
            "missing_required_field",
        ),
        (body(json!([event(1, json!({})), 7])), "missing_required_field"),
    ] {
        let reply = send(&server, body.clone()).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["error"]),
            (400, &json!(tag)),
            "{body}"
        );
    }
    let large = body(json!([event(
        1,
        json!({"properties": {"l": "x".repeat(150_000)}})
    )]));
    assert_eq!(send(&server, large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(server.events().is_empty());
}

#[tokio::test]
async fn each_event_has_a_result() {
    let server = Server::new();
    let events = json!([
        event(10, json!({})),
        event(11, json!({"event": "n".repeat(201)})),
        event(12, json!({"distinct_id": "  "})),
        event(13, json!({"distinct_id": "d".repeat(201)})),
        event(14, json!({"timestamp": "soon"})),
        event(15, json!({"properties": [1]})),
        event(16, json!({"options": {"cookieless_mode": "yes"}})),
        event(17, json!({"distinct_id": " guest "})),
        event(18, json!({"distinct_id": "SYSTEM"})),
        event(
            19,
            json!({"event": "$identify", "options": {"process_person_profile": false}})
        ),
        event(
            20,
            json!({"options": {"disable_skew_correction": true, "product_tour_id": "t", "unknown": 1}, "window_id": "w"})
        ),
    ]);
    let reply = send(&server, body(events.clone())).await;
    assert_eq!(reply.status, StatusCode::OK);
    let results = reply.json();
    let result =
        |number: u8| results["results"][format!("01a1fe2d-9a03-7e1d-b369-2bb67e6f8e{number}")].clone();
    let ok = json!({"result": "ok"});
    let without_person = json!({"result": "ok", "details": "person_processing_disabled"});
    let dropped = |reason: &str| json!({"result": "drop", "details": reason});
    for (number, want) in [
        (10, ok.clone()),
        (11, dropped("event_name_too_long")),
        (12, dropped("no_distinct_id")),
        (13, dropped("distinct_id_too_long")),
        (14, dropped("timestamp_unreadable")),
        (15, dropped("properties_not_object")),
        (16, dropped("option_unreadable")),
        (17, without_person.clone()),
        (18, without_person),
        (19, dropped("person_profile_off")),
        (20, ok),
    ] {
        assert_eq!(result(number), want, "{number}");
    }
    assert_eq!(server.ledger().values().sum::<u64>(), 11);
    assert_eq!(server.store.stored().persons.len(), 1);
    let last = server.events().len() - 1;
    assert_eq!(
        server.events()[last].timestamp,
        "2026-11-21T12:56:03.843Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!(server.properties(last)["$window_id"], "w");
    assert_eq!(server.properties(last)["$product_tour_id"], "t");

    // A retry has the same results and stores nothing twice.
    let stored = server.events().len();
    assert_eq!(send(&server, body(events)).await.json(), results);
    assert_eq!(server.events().len(), stored);
}
