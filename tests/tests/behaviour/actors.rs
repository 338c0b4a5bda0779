//! The actors behind a number: following a link gives exactly as many as were counted.

use serde_json::{Value, json};
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(every_point_leads_to_its_actors);

async fn people(p: &Project, url: &Value) -> anyhow::Result<Vec<Value>> {
    let answer = p.get(url.as_str().unwrap_or_default()).await?;
    Ok(answer["results"][0]["people"]
        .as_array()
        .cloned()
        .unwrap_or_default())
}

async fn every_point_leads_to_its_actors(p: &Project) -> TestResult {
    p.person("ann", "2020-01-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.events([
        event("e").by("ann").at("2020-01-01T10:00Z").with("v", "x"),
        event("e")
            .by("ann")
            .at("2020-01-02T10:00Z")
            .with("v", "y")
            .of_group("organization", "g1"),
        event("e")
            .by("bob")
            .at("2020-01-02T11:00Z")
            .with("v", "x")
            .of_group("organization", "g2"),
        event("e").by("cat").at("2020-01-03T11:00Z"),
        event("e").by("dan").at("2020-01-03T12:00Z").with("v", "z"),
    ])
    .await?;
    let base = json!({"date_from": "2020-01-01", "date_to": "2020-01-03"});
    let with = |extra: Value| {
        let mut request = base.clone();
        for (key, value) in extra.as_object().into_iter().flatten() {
            request[key] = value.clone();
        }
        request
    };
    for request in [
        with(json!({"events": [{"id": "e", "math": "dau"}]})),
        with(json!({"events": [{"id": "e", "math": "dau"}], "breakdown": "v", "breakdown_limit": 1})),
        with(
            json!({"events": [{"id": "e", "math": "dau"}], "breakdown": "plan", "breakdown_type": "person"}),
        ),
        with(json!({"events": [{"id": "e", "math": "weekly_active"}]})),
        with(json!({"events": [{"id": "e", "math": "unique_group", "math_group_type_index": 0}]})),
        with(json!({"events": [{"id": "e", "math": "dau"}], "display": "ActionsLineGraphCumulative"})),
        with(
            json!({"events": [{"id": "e", "math": "dau", "properties": [{"key": "v", "operator": "is_not", "value": "x"}]}],
            "properties": [{"key": "plan", "type": "person", "operator": "is_not_set", "value": "is_not_set"}]}),
        ),
    ] {
        let result = p.insight("trend", request.clone()).await?;
        for series in result.as_array().into_iter().flatten() {
            for (value, link) in series["data"]
                .as_array()
                .into_iter()
                .flatten()
                .zip(series["persons_urls"].as_array().into_iter().flatten())
            {
                let found = people(p, &link["url"]).await?.len();
                anyhow::ensure!(
                    value.as_f64() == Some(found as f64),
                    "{value} counted, {found} behind the link {} of {request}",
                    link["url"]
                );
            }
        }
    }
    let single = with(json!({"events": [{"id": "e", "math": "dau"}], "display": "ActionsTable"}));
    let result = p.insight("trend", single).await?;
    anyhow::ensure!(
        people(p, &result[0]["persons"]["url"]).await?.len() == 4,
        "{result}"
    );
    Ok(())
}
