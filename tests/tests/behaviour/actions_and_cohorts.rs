//! Actions and cohorts where queries use them.

use serde_json::json;
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(
    an_action_is_any_of_its_steps,
    cohorts_nest,
    behavioural_cohorts,
    an_empty_cohort_has_no_members
);

async fn an_action_is_any_of_its_steps(p: &Project) -> TestResult {
    p.events([
        event("buy").with("plan", "pro"),
        event("buy").with("plan", "free"),
        event("$pageview").with("$current_url", "https://x.example/thanks?a=1"),
        event("$pageview").with("$current_url", "https://x.example/"),
    ])
    .await?;
    let action = p
        .post(
            "actions/",
            json!({"name": "paid", "steps": [
                {"event": "buy", "properties": [{"key": "plan", "value": "pro"}]},
                {"event": "$pageview", "url": "/thanks", "url_matching": "contains"},
            ]}),
        )
        .await?;
    p.check_trend(
        json!({"actions": [{"id": action["id"], "type": "actions"}], "date_from": "2020-01-01", "date_to": "2020-01-01"}),
        "count",
        json!([2]),
    )
    .await
}

async fn cohorts_nest(p: &Project) -> TestResult {
    p.person(
        "ann",
        "2020-01-01T00:00Z",
        json!({"plan": "pro", "country": "NO"}),
    )
    .await?;
    p.person(
        "bob",
        "2020-01-01T00:00Z",
        json!({"plan": "pro", "country": "SE"}),
    )
    .await?;
    p.events([event("e").by("ann"), event("e").by("bob"), event("e").by("cat")])
        .await?;
    let pro = p.post("cohorts/", json!({"name": "pro", "groups": [{"properties": [{"key": "plan", "type": "person", "value": "pro"}]}]})).await?;
    let filters = json!({"properties": {"type": "AND", "values": [
        {"key": "id", "type": "cohort", "value": pro["id"]},
        {"key": "country", "type": "person", "value": "NO"},
    ]}});
    let both = p
        .post("cohorts/", json!({"name": "norwegian pros", "filters": filters}))
        .await?;
    for (cohort, count) in [(&pro, 2), (&both, 1)] {
        let request = json!({"events": [{"id": "e"}], "properties": [{"key": "id", "type": "cohort", "value": cohort["id"]}],
            "date_from": "2020-01-01", "date_to": "2020-01-01"});
        p.check_trend(request, "count", json!([count])).await?;
    }
    let members = p.get(&format!("cohorts/{}/persons/", both["id"])).await?;
    anyhow::ensure!(
        members["results"][0]["distinct_ids"] == json!(["ann"]),
        "{members}"
    );
    Ok(())
}

async fn behavioural_cohorts(p: &Project) -> TestResult {
    p.events([
        event("buy").by("ann"),
        event("buy").by("ann"),
        event("buy").by("bob"),
        event("e").by("ann"),
        event("e").by("bob"),
        event("e").by("cat"),
    ])
    .await?;
    for (group, count) in [
        (json!({"event_id": "buy", "days": 7300}), 2),
        (
            json!({"event_id": "buy", "days": 7300, "count": 2, "count_operator": "gte"}),
            1,
        ),
        (
            json!({"event_id": "buy", "days": 7300, "count": 1, "count_operator": "eq"}),
            1,
        ),
        (
            json!({"event_id": "buy", "days": 7300, "count": 0, "count_operator": "eq"}),
            1,
        ),
    ] {
        let cohort = p
            .post("cohorts/", json!({"name": "c", "groups": [group]}))
            .await?;
        let request = json!({"events": [{"id": "e"}], "properties": [{"key": "id", "type": "cohort", "value": cohort["id"]}],
            "date_from": "2020-01-01", "date_to": "2020-01-01"});
        p.check_trend(request, "count", json!([count])).await?;
    }
    Ok(())
}

async fn an_empty_cohort_has_no_members(p: &Project) -> TestResult {
    p.events([event("e")]).await?;
    let cohort = p
        .post("cohorts/", json!({"name": "nobody", "groups": []}))
        .await?;
    anyhow::ensure!(cohort["count"] == 0, "{cohort}");
    let request = json!({"events": [{"id": "e"}], "properties": [{"key": "id", "type": "cohort", "value": cohort["id"]}],
        "date_from": "2020-01-01", "date_to": "2020-01-01"});
    p.check_trend(request, "count", json!([0])).await
}
