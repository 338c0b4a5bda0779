//! Session lengths of the older kind: the mean over time, and classes.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::project::alike;
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    the_mean_of_a_day,
    ten_classes,
    a_session_is_of_the_day_it_begins_on,
    half_an_hour_is_no_end,
    sessions_are_of_a_distinct_id,
    filters_and_entities,
);

fn seen(distinct_id: &str, times: &[&str]) -> Vec<Event> {
    times
        .iter()
        .map(|time| event("seen").by(distinct_id).at(time))
        .collect()
}

async fn mean(p: &Project, request: Value) -> anyhow::Result<Value> {
    p.insight("session", with(request, json!({"session": "avg"})))
        .await
}

/// Classes that are not empty: (label, count).
async fn classes(p: &Project, request: Value) -> anyhow::Result<Vec<(String, u64)>> {
    let result = p
        .insight("session", with(request, json!({"session": "dist"})))
        .await?;
    let classes = result.as_array().context("a list of classes")?;
    ensure!(classes.len() == 10, "{result}");
    let count = |class: &Value| class["count"].as_u64().unwrap_or_default();
    Ok(classes
        .iter()
        .filter(|class| count(class) > 0)
        .map(|class| {
            (
                class["label"].as_str().unwrap_or_default().to_owned(),
                count(class),
            )
        })
        .collect())
}

fn with(mut request: Value, extra: Value) -> Value {
    for (key, value) in extra.as_object().into_iter().flatten() {
        request[key] = value.clone();
    }
    request
}

fn class(label: &str, count: u64) -> (String, u64) {
    (label.to_owned(), count)
}

async fn the_mean_of_a_day(p: &Project) -> TestResult {
    let request = json!({"date_from": "2020-01-01", "date_to": "2020-01-03"});
    ensure!(mean(p, request.clone()).await? == json!([]));
    p.events(seen(
        "a",
        &[
            "2020-01-01T10:00Z",
            "2020-01-01T10:10Z",
            "2020-01-01T10:45Z",
            "2020-01-01T12:00Z",
            "2020-01-03T08:00Z",
        ],
    ))
    .await?;
    // Would hold two sessions together, but nobody did it.
    p.events([event("$feature_flag_called").by("a").at("2020-01-01T10:30Z")])
        .await?;
    let result = mean(p, request).await?;
    let series = &result[0];
    ensure!(alike(&series["data"], &json!([200.0 / 60.0, 0, 0])), "{series}");
    ensure!(series["label"] == "Average Session Length (minutes)", "{series}");
    ensure!(series["count"] == 3, "{series}");
    ensure!(
        series["days"] == json!(["2020-01-01", "2020-01-02", "2020-01-03"]),
        "{series}"
    );
    // Some of one day and hours of another are in one unit.
    p.events(seen(
        "b",
        &[
            "2020-01-02T10:00Z",
            "2020-01-02T10:29Z",
            "2020-01-02T10:58Z",
            "2020-01-02T11:27Z",
            "2020-01-02T11:56Z",
            "2020-01-02T12:25Z",
        ],
    ))
    .await?;
    let request = json!({"date_from": "2020-01-02", "date_to": "2020-01-02"});
    let result = mean(p, request).await?;
    ensure!(alike(&result[0]["data"], &json!([145.0 / 60.0])), "{}", result[0]);
    ensure!(
        result[0]["label"] == "Average Session Length (hours)",
        "{}",
        result[0]
    );
    Ok(())
}

async fn ten_classes(p: &Project) -> TestResult {
    let day = json!({"date_from": "2020-01-01", "date_to": "2020-01-01"});
    ensure!(classes(p, day.clone()).await?.is_empty());
    for (id, end) in [
        ("a", "10:00:03Z"),
        ("b", "10:00:03.001Z"),
        ("c", "10:00:10Z"),
        ("d", "10:01:00Z"),
        ("e", "10:01:01Z"),
        ("f", "10:10:00Z"),
        ("g", "10:30:00Z"),
    ] {
        p.events(seen(id, &["2020-01-01T10:00:00Z", &format!("2020-01-01T{end}")]))
            .await?;
    }
    p.events(seen(
        "h",
        &[
            "2020-01-01T10:00Z",
            "2020-01-01T10:25Z",
            "2020-01-01T10:50Z",
            "2020-01-01T11:00:00.001Z",
        ],
    ))
    .await?;
    p.events(seen("i", &["2020-01-01T10:00Z"])).await?;
    let found = classes(p, day).await?;
    let expected = [
        class("0 seconds (1 event)", 1),
        class("0-3 seconds", 1),
        class("3-10 seconds", 2),
        class("30-60 seconds", 1),
        class("1-3 minutes", 1),
        class("3-10 minutes", 1),
        class("10-30 minutes", 1),
        class("1+ hours", 1),
    ];
    ensure!(found == expected, "{found:?}");
    Ok(())
}

async fn a_session_is_of_the_day_it_begins_on(p: &Project) -> TestResult {
    p.events(seen("a", &["2020-01-01T23:50Z", "2020-01-02T00:10Z"]))
        .await?;
    let request = json!({"date_from": "2020-01-01", "date_to": "2020-01-02"});
    let result = mean(p, request.clone()).await?;
    ensure!(
        alike(&result[0]["data"], &json!([20, 0])),
        "{}",
        result[0]["data"]
    );
    p.patch(json!({"timezone": "Europe/Berlin"})).await?;
    let result = mean(p, request).await?;
    ensure!(
        alike(&result[0]["data"], &json!([0, 20])),
        "{}",
        result[0]["data"]
    );
    // What lies outside of the range is no part of it.
    let request = json!({"date_from": "2020-01-02", "date_to": "2020-01-02"});
    p.patch(json!({"timezone": "UTC"})).await?;
    let found = classes(p, request).await?;
    ensure!(found == [class("0 seconds (1 event)", 1)], "{found:?}");
    Ok(())
}

async fn half_an_hour_is_no_end(p: &Project) -> TestResult {
    p.events(seen(
        "a",
        &[
            "2020-01-01T10:00:00Z",
            "2020-01-01T10:30:00Z",
            "2020-01-01T11:00:00Z",
        ],
    ))
    .await?;
    p.events(seen("b", &["2020-01-01T10:00:00Z", "2020-01-01T10:30:00.001Z"]))
        .await?;
    let found = classes(p, json!({"date_from": "2020-01-01", "date_to": "2020-01-01"})).await?;
    ensure!(
        found == [class("0 seconds (1 event)", 2), class("30-60 minutes", 1)],
        "{found:?}"
    );
    Ok(())
}

async fn sessions_are_of_a_distinct_id(p: &Project) -> TestResult {
    p.events(seen("anon", &["2020-01-01T10:00Z", "2020-01-01T10:02Z"]))
        .await?;
    p.events([event("$identify")
        .by("ann")
        .at("2020-01-01T10:03Z")
        .with("$anon_distinct_id", "anon")])
        .await?;
    p.events(seen("ann", &["2020-01-01T10:05Z"])).await?;
    let found = classes(p, json!({"date_from": "2020-01-01", "date_to": "2020-01-01"})).await?;
    ensure!(found == [class("1-3 minutes", 2)], "{found:?}");
    Ok(())
}

async fn filters_and_entities(p: &Project) -> TestResult {
    p.events([
        event("a").at("2020-01-01T10:00Z").with("n", 1),
        event("b").at("2020-01-01T10:01Z").with("n", 2),
        event("a").at("2020-01-01T10:02Z").with("n", 2),
        event("c").at("2020-01-01T10:20Z").with("n", 1),
    ])
    .await?;
    let day = json!({"date_from": "2020-01-01", "date_to": "2020-01-01"});
    for (extra, expected) in [
        (json!({}), "10-30 minutes"),
        (json!({"properties": [{"key": "n", "value": 2}]}), "30-60 seconds"),
        (json!({"events": [{"id": "a"}]}), "1-3 minutes"),
        (
            json!({"events": [{"id": "a"}, {"id": "b"}], "properties": [{"key": "n", "value": 2}]}),
            "30-60 seconds",
        ),
    ] {
        let found = classes(p, with(day.clone(), extra.clone())).await?;
        ensure!(found == [class(expected, 1)], "{found:?} for {extra}");
    }
    p.check_refused(
        "insights/session/",
        with(day, json!({"session": "median"})),
        "session",
    )
    .await
}
