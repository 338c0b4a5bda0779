//! Answers that are kept: found again when asked again, and never when they may have changed.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(
    the_same_question_is_answered_once,
    new_data_is_never_missed,
    definitions_and_settings_count_too,
);

/// The answer to a trend, and whether it was kept.
async fn ask(p: &Project, request: &Value) -> anyhow::Result<(Value, bool)> {
    let answer = p.post("insights/trend/", request.clone()).await?;
    let kept = answer["is_cached"].as_bool();
    ensure!(
        kept.is_some() && answer["last_refresh"].is_string(),
        "the answer says nothing of its age: {answer}"
    );
    Ok((answer["result"].clone(), kept == Some(true)))
}

async fn the_same_question_is_answered_once(p: &Project) -> TestResult {
    p.events([event("e")]).await?;
    let request = json!({"events": [{"id": "e"}], "date_from": "2020-01-01", "date_to": "2020-01-01"});
    let first = p.post("insights/trend/", request.clone()).await?;
    ensure!(first["is_cached"] == false, "{first}");
    let second = p.post("insights/trend/", request.clone()).await?;
    ensure!(second["is_cached"] == true, "{second}");
    ensure!(second["result"] == first["result"], "{second}");
    ensure!(second["last_refresh"] == first["last_refresh"], "{second}");
    let mut refreshed = request.clone();
    refreshed["refresh"] = json!(true);
    ensure!(!ask(p, &refreshed).await?.1);
    // In the other form it is the same question.
    let encoded: String = request["events"]
        .to_string()
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let got = p
        .get(&format!(
            "insights/trend/?events={encoded}&date_from=2020-01-01&date_to=2020-01-01"
        ))
        .await?;
    ensure!(
        got["is_cached"] == true && got["result"] == first["result"],
        "{got}"
    );
    // Another question.
    let mut other = request;
    other["date_to"] = json!("2020-01-02");
    ensure!(!ask(p, &other).await?.1);
    Ok(())
}

async fn new_data_is_never_missed(p: &Project) -> TestResult {
    p.events([event("e").by("ann"), event("e").by("bob")]).await?;
    let all =
        json!({"events": [{"id": "e", "math": "dau"}], "date_from": "2020-01-01", "date_to": "2020-01-01"});
    let mut pro = all.clone();
    pro["properties"] = json!([{"key": "plan", "type": "person", "value": "pro"}]);
    let count = async |request: &Value| -> anyhow::Result<Option<f64>> {
        let (first, _) = ask(p, request).await?;
        let (second, kept) = ask(p, request).await?;
        ensure!(kept && first == second, "{first} {second}");
        Ok(first[0]["count"].as_f64())
    };
    ensure!(count(&all).await? == Some(2.0));
    ensure!(count(&pro).await? == Some(0.0));
    p.events([event("e").by("cat")]).await?;
    ensure!(count(&all).await? == Some(3.0));
    p.person("ann", "2020-01-02T00:00Z", json!({"plan": "pro"}))
        .await?;
    ensure!(count(&pro).await? == Some(1.0));
    p.events([event("$identify")
        .by("bob")
        .at("2020-01-02T00:00Z")
        .with("$anon_distinct_id", "cat")])
        .await?;
    ensure!(count(&all).await? == Some(2.0));
    // A list that grows.
    let listed = json!({"name": "listed", "is_static": true, "distinct_ids": ["ann"]});
    let cohort = p.post("cohorts/", listed).await?;
    let mut of_cohort = all.clone();
    of_cohort["properties"] = json!([{"key": "id", "type": "cohort", "value": cohort["id"]}]);
    ensure!(count(&of_cohort).await? == Some(1.0));
    p.change(
        &format!("cohorts/{}/", cohort["id"]),
        json!({"distinct_ids": ["bob"]}),
    )
    .await?;
    ensure!(count(&of_cohort).await? == Some(2.0));
    Ok(())
}

async fn definitions_and_settings_count_too(p: &Project) -> TestResult {
    p.events([
        event("a").at("2020-01-01T23:30Z"),
        event("b").at("2020-01-01T12:00Z"),
        event("b").at("2020-01-01T13:00Z"),
    ])
    .await?;
    let action = p
        .post("actions/", json!({"name": "x", "steps": [{"event": "a"}]}))
        .await?;
    let request = json!({"actions": [{"id": action["id"], "type": "actions"}],
        "date_from": "2020-01-01", "date_to": "2020-01-01"});
    let (result, _) = ask(p, &request).await?;
    ensure!(result[0]["count"].as_f64() == Some(1.0), "{result}");
    p.patch(json!({"timezone": "Europe/Berlin"})).await?;
    let (result, kept) = ask(p, &request).await?;
    ensure!(!kept && result[0]["count"].as_f64() == Some(0.0), "{result}");
    p.change(
        &format!("actions/{}/", action["id"]),
        json!({"name": "x", "steps": [{"event": "b"}]}),
    )
    .await?;
    let (result, kept) = ask(p, &request).await?;
    ensure!(!kept && result[0]["count"].as_f64() == Some(2.0), "{result}");
    Ok(())
}
