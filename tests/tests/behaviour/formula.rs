//! Formulas over series.

use serde_json::json;
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(arithmetic, with_breakdown, single_number, cumulative);

async fn arithmetic(p: &Project) -> TestResult {
    p.events([
        event("a").at("2020-01-01T01:00Z"),
        event("a").at("2020-01-01T02:00Z"),
        event("a").at("2020-01-01T03:00Z"),
        event("b").at("2020-01-01T01:00Z"),
        event("b").at("2020-01-01T02:00Z"),
        event("a").at("2020-01-02T01:00Z"),
    ])
    .await?;
    for (formula, data) in [
        ("A + B", json!([[5, 1]])),
        ("A/B", json!([[1.5, 0]])),
        ("(A - B) * 1.5", json!([[1.5, 1.5]])),
        ("A ^ 2", json!([[9, 1]])),
        ("-A", json!([[-3, -1]])),
    ] {
        let request = json!({"events": [{"id": "a"}, {"id": "b"}], "formula": formula, "date_from": "2020-01-01", "date_to": "2020-01-02"});
        p.check_trend(request, "data", data).await?;
    }
    Ok(())
}

async fn with_breakdown(p: &Project) -> TestResult {
    p.events([
        event("a").with("v", "x"),
        event("a").with("v", "y"),
        event("b").with("v", "y"),
        event("b").with("v", "z"),
    ])
    .await?;
    let request = json!({"events": [{"id": "a"}, {"id": "b"}], "formula": "A - B", "breakdown": "v", "date_from": "2020-01-01", "date_to": "2020-01-01"});
    let result = p.insight("trend", request).await?;
    let mut found: Vec<(String, f64)> = result
        .as_array()
        .into_iter()
        .flatten()
        .map(|series| {
            (
                series["breakdown_value"].as_str().unwrap_or_default().to_owned(),
                series["data"][0].as_f64().unwrap_or(f64::NAN),
            )
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [("x", 1.0), ("y", 0.0), ("z", -1.0)].map(|(value, number)| (value.to_owned(), number));
    anyhow::ensure!(found == expected, "{found:?}");
    Ok(())
}

async fn single_number(p: &Project) -> TestResult {
    p.events([event("a"), event("a"), event("a"), event("a"), event("b")])
        .await?;
    p.check_trend(
        json!({"events": [{"id": "a"}, {"id": "b"}], "formula": "B/A", "display": "BoldNumber", "date_from": "2020-01-01", "date_to": "2020-01-01"}),
        "aggregated_value",
        json!([0.25]),
    )
    .await
}

async fn cumulative(p: &Project) -> TestResult {
    p.events([
        event("a").at("2020-01-01T01:00Z"),
        event("a").at("2020-01-02T01:00Z"),
    ])
    .await?;
    p.check_trend(
        json!({"events": [{"id": "a"}], "formula": "A * 2", "display": "ActionsLineGraphCumulative", "date_from": "2020-01-01", "date_to": "2020-01-02"}),
        "data",
        json!([[2, 4]]),
    )
    .await
}
