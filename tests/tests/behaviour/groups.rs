//! Groups: types, properties, filters, breakdowns, unique groups.

use serde_json::json;
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(
    types_are_numbered_and_listed,
    unique_groups,
    filters_and_breakdowns,
    a_sixth_type_gets_no_number
);

async fn types_are_numbered_and_listed(p: &Project) -> TestResult {
    p.group(
        "organization",
        "acme",
        "2020-01-01T00:00Z",
        json!({"industry": "finance"}),
    )
    .await?;
    p.group("project", "web", "2020-01-01T00:00Z", json!({})).await?;
    p.group("organization", "acme", "2020-01-02T00:00Z", json!({"size": 3}))
        .await?;
    let types = p.get("groups_types/").await?;
    anyhow::ensure!(
        types[0]["group_type"] == "organization" && types[1]["group_type_index"] == 1,
        "{types}"
    );
    let found = p.get("groups/find/?group_type_index=0&group_key=acme").await?;
    anyhow::ensure!(
        found["group_properties"] == json!({"industry": "finance", "size": 3}),
        "{found}"
    );
    let list = p.get("groups/?group_type_index=0").await?;
    anyhow::ensure!(
        list["results"].as_array().is_some_and(|list| list.len() == 1),
        "{list}"
    );
    Ok(())
}

async fn unique_groups(p: &Project) -> TestResult {
    p.events([
        event("e").at("2020-01-01T01:00Z").of_group("organization", "a"),
        event("e").at("2020-01-01T02:00Z").of_group("organization", "a"),
        event("e").at("2020-01-01T03:00Z").of_group("organization", "b"),
        event("e").at("2020-01-02T03:00Z"),
    ])
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e", "math": "unique_group", "math_group_type_index": 0}], "date_from": "2020-01-01", "date_to": "2020-01-02"}),
        "data",
        json!([[2, 0]]),
    )
    .await
}

async fn filters_and_breakdowns(p: &Project) -> TestResult {
    p.group(
        "organization",
        "bank",
        "2020-01-01T00:00Z",
        json!({"industry": "finance"}),
    )
    .await?;
    p.group(
        "organization",
        "lab",
        "2020-01-01T00:00Z",
        json!({"industry": "health"}),
    )
    .await?;
    p.events([
        event("e").of_group("organization", "bank"),
        event("e").of_group("organization", "lab"),
        event("e").of_group("organization", "unknown"),
        event("e"),
    ])
    .await?;
    for (operator, count) in [("exact", 1), ("is_not", 3)] {
        let filter = json!([{"key": "industry", "type": "group", "group_type_index": 0, "operator": operator, "value": "finance"}]);
        let request = json!({"events": [{"id": "e"}], "properties": filter, "date_from": "2020-01-01", "date_to": "2020-01-01"});
        p.check_trend(request, "count", json!([count])).await?;
    }
    let request = json!({"events": [{"id": "e"}], "breakdown": "industry", "breakdown_type": "group", "breakdown_group_type_index": 0,
        "date_from": "2020-01-01", "date_to": "2020-01-01"});
    let result = p.insight("trend", request).await?;
    let count = |value: &str| {
        let series = result
            .as_array()
            .into_iter()
            .flatten()
            .find(|series| series["breakdown_value"] == value);
        series.and_then(|series| series["count"].as_f64())
    };
    anyhow::ensure!(
        count("finance") == Some(1.0) && count("health") == Some(1.0),
        "{result}"
    );
    anyhow::ensure!(count("$$_posthog_breakdown_null_$$") == Some(2.0), "{result}");
    Ok(())
}

async fn a_sixth_type_gets_no_number(p: &Project) -> TestResult {
    for name in ["a", "b", "c", "d", "e", "f"] {
        p.events([event("e").of_group(name, "key")]).await?;
    }
    let types = p.get("groups_types/").await?;
    anyhow::ensure!(types.as_array().is_some_and(|types| types.len() == 5), "{types}");
    p.check_trend(
        json!({"events": [{"id": "e"}], "date_from": "2020-01-01", "date_to": "2020-01-01"}),
        "count",
        json!([6]),
    )
    .await
}
