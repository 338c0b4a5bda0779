//! Wrong requests: 400, and the field is named.

use axum::http::{Method, StatusCode};
use serde_json::json;
use tests::{Project, TestResult, backend_suite};

backend_suite!(wrong_fields_are_named, unknown_things_are_404);

async fn wrong_fields_are_named(p: &Project) -> TestResult {
    let event = json!([{"id": "e"}]);
    for (request, attr) in [
        (json!({"events": event, "date_from": "yesterdayish"}), "date_from"),
        (
            json!({"events": event, "date_from": "2020-01-03", "date_to": "2020-01-01"}),
            "date_from",
        ),
        (json!({"events": event, "interval": "fortnight"}), "interval"),
        (json!({"events": [{"id": "e", "math": "sum"}]}), "math_property"),
        (
            json!({"events": [{"id": "e", "math": "unique_group"}]}),
            "math_group_type_index",
        ),
        (
            json!({"events": event, "compare": true, "date_from": "all"}),
            "compare",
        ),
    ] {
        p.check_refused("insights/trend/", request, attr).await?;
    }
    Ok(())
}

async fn unknown_things_are_404(p: &Project) -> TestResult {
    for path in [
        "/api/projects/999999/events/",
        "/api/nothing/",
        "/api/projects/999999/insights/trend/",
    ] {
        let (status, answer) = p.send(Method::GET, path, None).await?;
        anyhow::ensure!(
            status == StatusCode::NOT_FOUND && answer["code"] == "not_found",
            "{path}: {status} {answer}"
        );
    }
    let (status, _) = p
        .send(
            Method::GET,
            &format!("/api/projects/{}/events/not-a-uuid/", p.id),
            None,
        )
        .await?;
    anyhow::ensure!(status == StatusCode::NOT_FOUND, "{status}");
    Ok(())
}
