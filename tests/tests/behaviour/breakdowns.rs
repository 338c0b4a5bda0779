//! Breakdowns of trends by event, person and group property, by cohort, in bins.

use serde_json::{Value, json};
use tests::project::alike;
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(
    by_event_property_with_none,
    values_beyond_the_limit_are_held_together,
    ties_go_by_value,
    by_person_property,
    by_cohort_and_all_users,
    values_that_print_alike_are_one,
    in_bins,
    normalised_urls,
    of_math,
    cumulative_per_value,
);

const OTHER: &str = "$$_posthog_breakdown_other_$$";
const NULL: &str = "$$_posthog_breakdown_null_$$";

/// `breakdown_value` → `field`, compared without order.
async fn check(p: &Project, request: Value, field: &str, expected: Value) -> TestResult {
    let result = p.insight("trend", request.clone()).await?;
    let series = result.as_array().cloned().unwrap_or_default();
    let found: serde_json::Map<String, Value> = series
        .iter()
        .map(|series| {
            let value = series["breakdown_value"].as_str().map(str::to_owned);
            (
                value.unwrap_or_else(|| series["breakdown_value"].to_string()),
                series[field].clone(),
            )
        })
        .collect();
    let expected = expected.as_object().cloned().unwrap_or_default();
    let same = found.len() == expected.len()
        && expected
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|found| alike(found, value)));
    anyhow::ensure!(same, "found {}, expected {}", json!(found), json!(expected));
    Ok(())
}

async fn by_event_property_with_none(p: &Project) -> TestResult {
    p.events([
        event("buy").at("2020-01-01T01:00Z").with("plan", "pro"),
        event("buy").at("2020-01-01T02:00Z").with("plan", "pro"),
        event("buy").at("2020-01-02T03:00Z").with("plan", "free"),
        event("buy").at("2020-01-01T04:00Z"),
    ])
    .await?;
    let request = json!({"events": [{"id": "buy", "name": "buy"}], "breakdown": "plan", "date_from": "2020-01-01", "date_to": "2020-01-02"});
    check(
        p,
        request.clone(),
        "data",
        json!({"pro": [2, 0], "free": [0, 1], NULL: [1, 0]}),
    )
    .await?;
    check(
        p,
        request,
        "label",
        json!({"pro": "buy - pro", "free": "buy - free", NULL: "buy - None"}),
    )
    .await
}

async fn values_beyond_the_limit_are_held_together(p: &Project) -> TestResult {
    let mut events = Vec::new();
    for value in 0..30 {
        for _ in 0..=value {
            events.push(event("e").with("v", format!("v{value:02}")));
        }
    }
    p.events(events).await?;
    let request = |limit: Value| json!({"events": [{"id": "e"}], "breakdown": "v", "breakdown_limit": limit, "date_from": "2020-01-01", "date_to": "2020-01-01"});
    check(
        p,
        request(json!(2)),
        "count",
        json!({"v29": 30, "v28": 29, OTHER: 406}),
    )
    .await?;
    let result = p.insight("trend", request(Value::Null)).await?;
    anyhow::ensure!(
        result.as_array().is_some_and(|series| series.len() == 26),
        "25 values and the rest"
    );
    Ok(())
}

async fn ties_go_by_value(p: &Project) -> TestResult {
    p.events(["d", "b", "c", "a"].map(|value| event("e").with("v", value)))
        .await?;
    let request = json!({"events": [{"id": "e"}], "breakdown": "v", "breakdown_limit": 2, "date_from": "2020-01-01", "date_to": "2020-01-01"});
    check(p, request, "count", json!({"a": 1, "b": 1, OTHER: 2})).await
}

async fn by_person_property(p: &Project) -> TestResult {
    p.person("ann", "2020-01-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.events([
        event("e").by("ann").at("2020-01-01T01:00Z"),
        event("e").by("ann").at("2020-01-01T02:00Z"),
        event("e").by("bob").at("2020-01-01T03:00Z"),
    ])
    .await?;
    for (math, expected) in [
        ("total", json!({"pro": 2, NULL: 1})),
        ("dau", json!({"pro": 1, NULL: 1})),
    ] {
        let request = json!({"events": [{"id": "e", "math": math}], "breakdown": "plan", "breakdown_type": "person",
            "date_from": "2020-01-01", "date_to": "2020-01-01"});
        check(p, request, "count", expected).await?;
    }
    Ok(())
}

async fn by_cohort_and_all_users(p: &Project) -> TestResult {
    p.person("ann", "2020-01-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.events([event("e").by("ann"), event("e").by("ann"), event("e").by("bob")])
        .await?;
    let cohort = p
        .post("cohorts/", json!({"name": "payers", "groups": [{"properties": [{"key": "plan", "value": "pro", "type": "person"}]}]}))
        .await?;
    let id = cohort["id"].clone();
    anyhow::ensure!(cohort["count"] == 1, "the cohort counts {}", cohort["count"]);
    let request = json!({"events": [{"id": "e"}], "breakdown": [id, "all"], "breakdown_type": "cohort",
        "date_from": "2020-01-01", "date_to": "2020-01-01"});
    check(p, request, "count", json!({id.to_string(): 2, "all": 3})).await
}

async fn values_that_print_alike_are_one(p: &Project) -> TestResult {
    p.events([
        event("e").with("v", 1),
        event("e").with("v", "1"),
        event("e").with("v", true),
        event("e").with("v", "true"),
    ])
    .await?;
    let request = json!({"events": [{"id": "e"}], "breakdown": "v", "date_from": "2020-01-01", "date_to": "2020-01-01"});
    check(p, request, "count", json!({"1": 2, "true": 2})).await
}

async fn in_bins(p: &Project) -> TestResult {
    p.events([10, 10, 15, 20, 40].map(|size| event("e").with("size", size)))
        .await?;
    let request = json!({"events": [{"id": "e"}], "breakdown": "size", "breakdown_histogram_bin_count": 2,
        "date_from": "2020-01-01", "date_to": "2020-01-01"});
    check(p, request, "count", json!({"[10.0,17.5]": 3, "[17.5,40.01]": 2})).await
}

async fn normalised_urls(p: &Project) -> TestResult {
    p.events([
        event("e").with("$current_url", "https://x.example/a"),
        event("e").with("$current_url", "https://x.example/a/"),
        event("e").with("$current_url", "https://x.example/a/?q=1"),
        event("e").with("$current_url", "https://x.example/b#top"),
    ])
    .await?;
    let request = json!({"events": [{"id": "e"}], "breakdown": "$current_url", "breakdown_normalize_url": true,
        "date_from": "2020-01-01", "date_to": "2020-01-01"});
    check(
        p,
        request,
        "count",
        json!({"https://x.example/a": 3, "https://x.example/b": 1}),
    )
    .await
}

async fn of_math(p: &Project) -> TestResult {
    p.events([
        event("e").with("v", "a").with("n", 1),
        event("e").with("v", "a").with("n", 2),
        event("e").with("v", "b").with("n", 10),
    ])
    .await?;
    let request = json!({"events": [{"id": "e", "math": "sum", "math_property": "n"}], "breakdown": "v", "breakdown_limit": 1,
        "date_from": "2020-01-01", "date_to": "2020-01-01"});
    check(p, request, "count", json!({"b": 10, OTHER: 3})).await
}

async fn cumulative_per_value(p: &Project) -> TestResult {
    p.events([
        event("e").by("x").at("2020-01-01T01:00Z").with("v", "a"),
        event("e").by("x").at("2020-01-02T01:00Z").with("v", "a"),
        event("e").by("x").at("2020-01-02T02:00Z").with("v", "b"),
    ])
    .await?;
    let request = json!({"events": [{"id": "e", "math": "dau"}], "breakdown": "v", "display": "ActionsLineGraphCumulative",
        "date_from": "2020-01-01", "date_to": "2020-01-02"});
    check(p, request, "data", json!({"a": [1, 1], "b": [0, 1]})).await
}
