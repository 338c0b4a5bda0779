//! The events list.

use serde_json::json;
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(pages_lose_no_ties, one_event_whole, values_of_a_property);

async fn pages_lose_no_ties(p: &Project) -> TestResult {
    p.events((0..7).map(|n| event("e").at("2020-01-01T10:00Z").with("n", n)))
        .await?;
    let mut seen = Vec::new();
    let mut path = Some("events/?limit=3&after=2019-01-01T00:00:00Z".to_owned());
    while let Some(next) = path {
        let page = p.get(&next).await?;
        seen.extend(
            page["results"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|event| event["id"].to_string()),
        );
        path = page["next"].as_str().map(|url| {
            url.split_once("/api/")
                .map_or(url.to_owned(), |(_, rest)| format!("/api/{rest}"))
        });
    }
    let total = seen.len();
    seen.sort();
    seen.dedup();
    anyhow::ensure!(
        total == 7 && seen.len() == 7,
        "{total} rows, {} distinct",
        seen.len()
    );
    Ok(())
}

async fn one_event_whole(p: &Project) -> TestResult {
    let uuid = uuid::Uuid::new_v4();
    p.person(
        "ann",
        "2020-01-01T00:00Z",
        json!({"email": "ann@x.example", "secret": 1}),
    )
    .await?;
    p.events([event("e")
        .by("ann")
        .with_uuid(uuid)
        .with("nested", json!({"a": [1, null, "ü"]}))])
        .await?;
    let found = p.get(&format!("events/{uuid}/")).await?;
    anyhow::ensure!(
        found["properties"]["nested"] == json!({"a": [1, null, "ü"]}),
        "{found}"
    );
    anyhow::ensure!(
        found["person"]["properties"] == json!({"email": "ann@x.example"}),
        "{found}"
    );
    Ok(())
}

async fn values_of_a_property(p: &Project) -> TestResult {
    for (who, plan) in [("a", "pro"), ("b", "pro"), ("c", "free")] {
        p.person(who, "2020-01-01T00:00Z", json!({"plan": plan})).await?;
    }
    let values = p.get("persons/values/?key=plan").await?;
    anyhow::ensure!(
        values == json!([{"name": "pro", "count": 2}, {"name": "free", "count": 1}]),
        "{values}"
    );
    Ok(())
}
