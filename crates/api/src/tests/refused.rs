//! Wrong requests: 400, and the field is named.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::client::Client;

#[tokio::test]
async fn wrong_fields_are_named() {
    let client = Client::new().await;
    let two = json!([{"id": "a", "order": 0}, {"id": "b", "order": 1}]);
    for (path, body, attr) in [
        (
            "insights/trend",
            json!({"events": [{"id": "e", "type": "dragons"}]}),
            "events__0__type",
        ),
        (
            "insights/trend",
            json!({"events": [{"id": "e"}], "date_from": "2020-02-01", "date_to": "2020-01-01"}),
            "date_from",
        ),
        (
            "insights/trend",
            json!({"events": [{"id": "e"}], "breakdown": "b", "breakdown_limit": 10_000}),
            "breakdown_limit",
        ),
        (
            "insights/trend",
            json!({"events": [{"id": "e"}], "insight": "DRAGONS"}),
            "insight",
        ),
        ("insights/trend", json!({"events": "[{"}), "events"),
        (
            "insights/funnel",
            json!({"events": two, "exclusions": [{"id": "x", "funnel_from_step": 0, "funnel_to_step": 5}]}),
            "exclusions__0__funnel_to_step",
        ),
        ("insights/session", json!({"session": "dragons"}), "session"),
        (
            "persons/lifecycle",
            json!({"events": [{"id": "e"}], "lifecycle_type": "new"}),
            "target_date",
        ),
        (
            "persons/lifecycle",
            json!({"events": [{"id": "e"}], "target_date": "2020-01-01"}),
            "lifecycle_type",
        ),
        (
            "persons/trends",
            json!({"events": [{"id": "e"}], "limit": 0}),
            "limit",
        ),
    ] {
        client.refused(Method::POST, path, Some(body), attr).await;
    }
    for (body, attr) in [
        (json!({"timezone": "Mars/Olympus"}), "timezone"),
        (json!({"week_start_day": 3}), "week_start_day"),
        (
            json!({"test_account_filters": [{"key": "id", "type": "cohort", "value": "x"}]}),
            "test_account_filters__0__value",
        ),
        (
            json!({"path_cleaning_filters": [{"alias": "a", "regex": "("}]}),
            "path_cleaning_filters__0__regex",
        ),
    ] {
        client.refused(Method::PATCH, "", Some(body), attr).await;
    }
    client
        .refused(Method::GET, "groups?group_type_index=0&limit=x", None, "limit")
        .await;
    client
        .refused(Method::GET, "cohorts?limit=0", None, "limit")
        .await;
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let client = Client::new().await;
    let body = Some(("application/json".to_owned(), b"{".to_vec()));
    let (status, text) = client.send_bytes(Method::POST, "insights/trend", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("parse_error"), "{text}");
    let body = Some(("multipart/form-data".to_owned(), Vec::new()));
    let (status, text) = client.send_bytes(Method::POST, "cohorts", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
    let (status, _) = client.send(Method::PUT, "insights/trend", None).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}
