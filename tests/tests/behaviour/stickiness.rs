//! Stickiness: in how many intervals actors did something.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::project::alike;
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    days_of_three_persons,
    hours_count_by_the_clock_that_passes,
    weeks_start_on_sunday_or_monday,
    months_of_two_years,
    days_are_those_of_the_project,
    groups_stick_too,
    compare_is_the_period_before,
    filters_actions_and_cohorts,
    distinct_ids_of_one_person_are_one,
    wrong_actors_requests_are_refused,
);

fn seen(distinct_id: &str, times: &[&str]) -> Vec<Event> {
    times
        .iter()
        .map(|time| event("seen").by(distinct_id).at(time))
        .collect()
}

/// Data of each series. Both ways to ask must answer so, and every number leads to its actors.
async fn check(p: &Project, request: Value, expected: Value) -> anyhow::Result<Value> {
    let result = p.insight("stickiness", request.clone()).await?;
    let mut old = request.clone();
    old["shown_as"] = json!("Stickiness");
    let same = p.insight("trend", old).await?;
    ensure!(same == result, "{same} by trend, {result} by stickiness");
    let series = result.as_array().context("a list of series")?;
    let data: Vec<Value> = series.iter().map(|series| series["data"].clone()).collect();
    ensure!(
        alike(&json!(data), &expected),
        "{data:?}, expected {expected}, for {request}"
    );
    p.check_people(&result).await?;
    Ok(result)
}

async fn days_of_three_persons(p: &Project) -> TestResult {
    for events in [
        seen(
            "p1",
            &["2020-01-01T00:00Z", "2020-01-02T12:00Z", "2020-01-03T23:59:59Z"],
        ),
        seen("p2", &["2020-01-01T12:00Z", "2020-01-01T13:00Z"]),
        seen("p3", &["2020-01-01T12:00Z", "2020-01-03T12:00Z"]),
        // Outside of the range.
        seen("p2", &["2019-12-31T23:59:59Z", "2020-01-04T00:00Z"]),
    ] {
        p.events(events).await?;
    }
    p.events([event("other").by("p2").at("2020-01-02T12:00Z")])
        .await?;
    let request = json!({"events": [{"id": "seen"}], "date_from": "2020-01-01", "date_to": "2020-01-03"});
    let result = check(p, request, json!([[1, 1, 1]])).await?;
    let series = &result[0];
    ensure!(
        series["labels"] == json!(["1 day", "2 days", "3 days"]),
        "{series}"
    );
    ensure!(series["days"] == json!([1, 2, 3]), "{series}");
    ensure!(series["count"].as_f64() == Some(3.0), "{series}");
    let people = p.people(&series["persons_urls"][1]).await?;
    ensure!(
        people.len() == 1 && people[0]["distinct_ids"] == json!(["p3"]),
        "{people:?}"
    );
    Ok(())
}

async fn hours_count_by_the_clock_that_passes(p: &Project) -> TestResult {
    // Both are half past two in Berlin, an hour apart.
    p.events(seen("a", &["2020-10-25T00:30Z", "2020-10-25T01:30Z"]))
        .await?;
    p.events(seen("b", &["2020-10-25T03:10Z", "2020-10-25T03:50Z"]))
        .await?;
    let request = json!({"events": [{"id": "seen"}], "interval": "hour",
        "date_from": "2020-10-25T00:00:00Z", "date_to": "2020-10-25T03:59:59Z"});
    p.patch(json!({"timezone": "Europe/Berlin"})).await?;
    let result = check(p, request, json!([[1, 1, 0, 0]])).await?;
    ensure!(result[0]["labels"][1] == "2 hours", "{result}");
    Ok(())
}

async fn weeks_start_on_sunday_or_monday(p: &Project) -> TestResult {
    // 4 January is a Saturday.
    for events in [
        seen("a", &["2020-01-05T12:00Z", "2020-01-06T12:00Z"]),
        seen("b", &["2020-01-04T12:00Z", "2020-01-05T12:00Z"]),
        seen("c", &["2020-01-04T12:00Z", "2020-01-06T12:00Z"]),
        seen("d", &["2020-01-05T00:00Z", "2020-01-06T00:00Z"]),
    ] {
        p.events(events).await?;
    }
    let request = |from: &str, to: &str| json!({"events": [{"id": "seen"}], "interval": "week", "date_from": from, "date_to": to});
    check(p, request("2019-12-29", "2020-01-11"), json!([[2, 2]])).await?;
    p.patch(json!({"week_start_day": 1})).await?;
    check(p, request("2019-12-30", "2020-01-12"), json!([[1, 3]])).await?;
    Ok(())
}

async fn months_of_two_years(p: &Project) -> TestResult {
    p.events(seen(
        "a",
        &["2019-11-30T12:00Z", "2019-12-01T12:00Z", "2020-02-29T12:00Z"],
    ))
    .await?;
    p.events(seen("b", &["2020-01-01T00:00Z", "2020-01-31T23:59:59Z"]))
        .await?;
    let request = json!({"events": [{"id": "seen"}], "interval": "month",
        "date_from": "2019-11-01", "date_to": "2020-02-29"});
    check(p, request, json!([[1, 0, 1, 0]])).await?;
    Ok(())
}

async fn days_are_those_of_the_project(p: &Project) -> TestResult {
    // Midnight in Kolkata is at half past six in the evening.
    p.events(seen("a", &["2020-01-01T18:29:59Z", "2020-01-01T18:30:00Z"]))
        .await?;
    p.events(seen("b", &["2020-01-01T18:30:00Z", "2020-01-02T18:29:59Z"]))
        .await?;
    let request = json!({"events": [{"id": "seen"}], "date_from": "2020-01-01", "date_to": "2020-01-03"});
    check(p, request.clone(), json!([[1, 1, 0]])).await?;
    p.patch(json!({"timezone": "Asia/Kolkata"})).await?;
    let result = check(p, request.clone(), json!([[1, 1, 0]])).await?;
    let people = p.people(&result[0]["persons_urls"][1]).await?;
    ensure!(people[0]["distinct_ids"] == json!(["a"]), "{people:?}");
    // A day of 25 hours is one day.
    p.patch(json!({"timezone": "America/New_York"})).await?;
    p.events(seen("c", &["2020-11-01T04:00Z", "2020-11-02T04:59:59Z"]))
        .await?;
    let request = json!({"events": [{"id": "seen"}], "date_from": "2020-11-01", "date_to": "2020-11-02"});
    check(p, request, json!([[1, 0]])).await?;
    Ok(())
}

async fn groups_stick_too(p: &Project) -> TestResult {
    let of = |key: &str, by: &str, time: &str| event("seen").by(by).at(time).of_group("organization", key);
    p.group("organization", "x", "2019-12-01T00:00Z", json!({"tier": 1}))
        .await?;
    p.group("organization", "y", "2019-12-01T00:00Z", json!({"tier": 2}))
        .await?;
    p.events([
        of("x", "a", "2020-01-01T12:00Z"),
        of("x", "b", "2020-01-02T12:00Z"),
        of("y", "a", "2020-01-01T12:00Z"),
        of("y", "b", "2020-01-01T13:00Z"),
        event("seen").by("a").at("2020-01-03T12:00Z"),
    ])
    .await?;
    let range = json!({"date_from": "2020-01-01", "date_to": "2020-01-03"});
    let with = |extra: Value| {
        let mut request = range.clone();
        for (key, value) in extra.as_object().into_iter().flatten() {
            request[key] = value.clone();
        }
        request
    };
    let groups = json!([{"id": "seen", "math": "unique_group", "math_group_type_index": 0}]);
    let result = check(p, with(json!({"events": groups})), json!([[1, 1, 0]])).await?;
    let people = p.people(&result[0]["persons_urls"][1]).await?;
    ensure!(people[0]["group_key"] == "x", "{people:?}");
    check(
        p,
        with(json!({"events": [{"id": "seen"}], "aggregation_group_type_index": 0})),
        json!([[1, 1, 0]]),
    )
    .await?;
    check(
        p,
        with(json!({"events": groups, "properties": [
            {"key": "tier", "type": "group", "group_type_index": 0, "value": "1"}]})),
        json!([[0, 1, 0]]),
    )
    .await?;
    check(p, with(json!({"events": [{"id": "seen"}]})), json!([[0, 2, 0]])).await?;
    Ok(())
}

async fn compare_is_the_period_before(p: &Project) -> TestResult {
    p.events(seen(
        "a",
        &["2020-01-01T12:00Z", "2020-01-03T12:00Z", "2020-01-04T12:00Z"],
    ))
    .await?;
    let request = json!({"events": [{"id": "seen"}], "compare": true,
        "date_from": "2020-01-04", "date_to": "2020-01-06"});
    let result = check(p, request, json!([[1, 0, 0], [0, 1, 0]])).await?;
    ensure!(
        result[0]["compare_label"] == "current" && result[1]["compare_label"] == "previous",
        "{result}"
    );
    Ok(())
}

async fn filters_actions_and_cohorts(p: &Project) -> TestResult {
    p.person("ann", "2020-01-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.events([
        event("buy").by("ann").at("2020-01-01T12:00Z").with("n", 1),
        event("buy").by("ann").at("2020-01-02T12:00Z").with("n", 2),
        event("buy").by("bob").at("2020-01-02T12:00Z").with("n", 2),
        event("view").by("bob").at("2020-01-03T12:00Z").with("n", 2),
    ])
    .await?;
    let range = json!({"date_from": "2020-01-01", "date_to": "2020-01-03"});
    let with = |extra: Value| {
        let mut request = range.clone();
        for (key, value) in extra.as_object().into_iter().flatten() {
            request[key] = value.clone();
        }
        request
    };
    let own = json!([{"id": "buy", "properties": [{"key": "n", "value": 2}]}]);
    check(p, with(json!({"events": own})), json!([[2, 0, 0]])).await?;
    let pro = json!([{"key": "plan", "type": "person", "value": "pro"}]);
    check(
        p,
        with(json!({"events": [{"id": "buy"}], "properties": pro})),
        json!([[0, 1, 0]]),
    )
    .await?;
    let steps = json!([{"event": "buy", "properties": [{"key": "n", "value": 2}]}, {"event": "view"}]);
    let action = p
        .post("actions/", json!({"name": "twos", "steps": steps}))
        .await?;
    let actions = json!([{"id": action["id"], "type": "actions", "order": 1}]);
    check(p, with(json!({"actions": actions})), json!([[1, 1, 0]])).await?;
    let cohort = p
        .post(
            "cohorts/",
            json!({"name": "pro", "groups": [{"properties": pro}]}),
        )
        .await?;
    check(
        p,
        with(json!({"actions": actions, "events": [{"id": "buy", "order": 0}],
            "properties": [{"key": "id", "type": "cohort", "value": cohort["id"]}]})),
        json!([[0, 1, 0], [1, 0, 0]]),
    )
    .await?;
    Ok(())
}

async fn distinct_ids_of_one_person_are_one(p: &Project) -> TestResult {
    p.events(seen("anon", &["2020-01-01T12:00Z"])).await?;
    p.events([event("$identify")
        .by("ann")
        .at("2020-01-01T13:00Z")
        .with("$anon_distinct_id", "anon")])
        .await?;
    p.events(seen("ann", &["2020-01-02T12:00Z"])).await?;
    let request = json!({"events": [{"id": "seen"}], "date_from": "2020-01-01", "date_to": "2020-01-02"});
    check(p, request, json!([[0, 1]])).await?;
    Ok(())
}

async fn wrong_actors_requests_are_refused(p: &Project) -> TestResult {
    let request = json!({"events": [{"id": "seen"}], "date_from": "2020-01-01", "date_to": "2020-01-02"});
    p.check_refused("persons/stickiness/", request.clone(), "stickiness_days")
        .await?;
    let mut many = request;
    many["stickiness_days"] = json!("many");
    p.check_refused("persons/stickiness/", many, "stickiness_days")
        .await
}
