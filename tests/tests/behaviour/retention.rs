//! Retention: periods, kinds, breakdowns, actors.

use serde_json::{Value, json};
use tests::project::alike;
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(
    recurring_and_first_time,
    weeks_and_months,
    returning_entity_and_filters,
    by_group,
    breakdown,
    actors_of_a_row
);

async fn check(p: &Project, request: Value, expected: Value) -> TestResult {
    let result = p.insight("retention", request.clone()).await?;
    let rows = result.as_array().cloned().unwrap_or_default();
    let found: Value = rows
        .iter()
        .map(|row| {
            row["values"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|cell| cell["count"].clone())
                .collect::<Value>()
        })
        .collect();
    anyhow::ensure!(
        alike(&found, &expected),
        "found {found}, expected {expected}, for {request}"
    );
    Ok(())
}

async fn three_persons(p: &Project) -> TestResult {
    let on = |who: &str, day: u32| event("seen").by(who).at(&format!("2020-06-{day}T10:00Z"));
    p.events([
        on("p1", 18),
        on("p1", 19),
        on("p1", 20),
        on("p2", 18),
        on("p2", 20),
        on("p3", 19),
    ])
    .await
}

fn seen() -> Value {
    json!({"id": "seen", "type": "events"})
}

async fn recurring_and_first_time(p: &Project) -> TestResult {
    three_persons(p).await?;
    let request = |kind: &str| {
        json!({"period": "Day", "total_intervals": 3, "date_to": "2020-06-20", "retention_type": kind,
            "target_entity": seen(), "returning_entity": seen()})
    };
    check(p, request("retention_recurring"), json!([[2, 1, 2], [2, 1], [2]])).await?;
    check(
        p,
        request("retention_first_time"),
        json!([[2, 1, 2], [1, 0], [0]]),
    )
    .await
}

async fn weeks_and_months(p: &Project) -> TestResult {
    p.events([
        event("seen").by("a").at("2020-06-07T00:00Z"),
        event("seen").by("a").at("2020-06-13T23:59:59Z"),
        event("seen").by("a").at("2020-06-14T00:00Z"),
        event("seen").by("b").at("2020-07-01T00:00Z"),
    ])
    .await?;
    let request = |period: &str, to: &str| json!({"period": period, "total_intervals": 2, "date_to": to, "target_entity": seen(), "returning_entity": seen()});
    check(p, request("Week", "2020-06-16"), json!([[1, 1], [1]])).await?;
    check(p, request("Month", "2020-07-15"), json!([[1, 0], [1]])).await
}

async fn returning_entity_and_filters(p: &Project) -> TestResult {
    p.events([
        event("join").by("a").at("2020-06-18T10:00Z").with("plan", "pro"),
        event("join").by("b").at("2020-06-18T10:00Z").with("plan", "free"),
        event("use").by("a").at("2020-06-19T10:00Z").with("plan", "pro"),
        event("use").by("b").at("2020-06-19T10:00Z").with("plan", "pro"),
    ])
    .await?;
    let base = json!({"period": "Day", "total_intervals": 2, "date_to": "2020-06-19",
        "target_entity": {"id": "join", "type": "events"}, "returning_entity": {"id": "use", "type": "events"}});
    check(p, base.clone(), json!([[2, 2], [0]])).await?;
    let mut filtered = base;
    filtered["properties"] = json!([{"key": "plan", "value": "pro"}]);
    check(p, filtered, json!([[1, 1], [0]])).await
}

async fn by_group(p: &Project) -> TestResult {
    p.events([
        event("seen")
            .by("a")
            .at("2020-06-18T10:00Z")
            .of_group("organization", "x"),
        event("seen")
            .by("b")
            .at("2020-06-19T10:00Z")
            .of_group("organization", "x"),
        event("seen").by("c").at("2020-06-18T10:00Z"),
    ])
    .await?;
    check(
        p,
        json!({"period": "Day", "total_intervals": 2, "date_to": "2020-06-19", "aggregation_group_type_index": 0,
            "target_entity": seen(), "returning_entity": seen()}),
        json!([[1, 1], [1]]),
    )
    .await
}

async fn breakdown(p: &Project) -> TestResult {
    p.events([
        event("seen").by("a").at("2020-06-18T10:00Z").with("os", "Linux"),
        event("seen")
            .by("a")
            .at("2020-06-19T10:00Z")
            .with("os", "Windows"),
        event("seen")
            .by("b")
            .at("2020-06-19T10:00Z")
            .with("os", "Windows"),
    ])
    .await?;
    let request = json!({"period": "Day", "total_intervals": 2, "date_to": "2020-06-19", "retention_type": "retention_first_time",
        "breakdowns": [{"type": "event", "property": "os"}], "target_entity": seen(), "returning_entity": seen()});
    let result = p.insight("retention", request).await?;
    let row = |label: &str| {
        let row = result
            .as_array()
            .into_iter()
            .flatten()
            .find(|row| row["label"] == label)
            .cloned()
            .unwrap_or_default();
        row["values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|cell| cell["count"].clone())
            .collect::<Value>()
    };
    anyhow::ensure!(
        row("Linux") == json!([1, 1]) && row("Windows") == json!([1, 0]),
        "{result}"
    );
    Ok(())
}

async fn actors_of_a_row(p: &Project) -> TestResult {
    three_persons(p).await?;
    let path = "persons/retention/?period=Day&total_intervals=3&date_to=2020-06-20&display=ActionsTable&selected_interval=0\
        &target_entity=%7B%22id%22%3A%22seen%22%2C%22type%22%3A%22events%22%7D\
        &returning_entity=%7B%22id%22%3A%22seen%22%2C%22type%22%3A%22events%22%7D";
    let answer = p.get(path).await?;
    let rows: Vec<(String, Value)> = answer["result"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            (
                row["person"]["distinct_ids"][0]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                row["appearances"].clone(),
            )
        })
        .collect();
    let expected = [
        ("p1".to_owned(), json!([1, 1, 1])),
        ("p2".to_owned(), json!([1, 0, 1])),
    ];
    anyhow::ensure!(rows == expected, "{rows:?}");
    Ok(())
}
