//! Lifecycle: new, returning, resurrecting, dormant.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::project::alike;
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    days_of_two_persons,
    weeks_start_on_sunday_or_monday,
    months_are_those_of_the_project,
    days_have_23_or_25_hours,
    groups_have_a_life,
    filters_actions_and_cohorts,
    merged_persons_are_as_old_as_the_older_one,
    two_entities_have_eight_series,
    wrong_actors_requests_are_refused,
);

const STATUSES: [&str; 4] = ["new", "returning", "resurrecting", "dormant"];

/// Events of one name, of this person, at these times.
fn seen(distinct_id: &str, times: &[&str]) -> Vec<Event> {
    times
        .iter()
        .map(|time| event("seen").by(distinct_id).at(time))
        .collect()
}

/// `expected` has the data by status, in the order of [`STATUSES`]. Both ways to ask must answer so, and every number
/// leads to its actors.
async fn check(p: &Project, request: Value, expected: Value) -> TestResult {
    let result = p.insight("lifecycle", request.clone()).await?;
    let mut old = request.clone();
    old["shown_as"] = json!("Lifecycle");
    let same = p.insight("trend", old).await?;
    ensure!(same == result, "{same} by trend, {result} by lifecycle");
    let series = result.as_array().context("a list of series")?;
    ensure!(series.len() == 4, "{result}");
    for (status, expected) in STATUSES.iter().zip(expected.as_array().into_iter().flatten()) {
        let found = series
            .iter()
            .find(|series| series["status"] == *status)
            .context("each status has a series")?;
        ensure!(
            alike(&found["data"], expected),
            "{status} is {}, expected {expected}, for {request}",
            found["data"]
        );
        let sum: f64 = expected
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .sum();
        ensure!(found["count"].as_f64() == Some(sum), "{found}");
    }
    p.check_people(&result).await
}

async fn days_of_two_persons(p: &Project) -> TestResult {
    p.events(seen(
        "p1",
        &[
            "2020-01-11T12:00Z",
            "2020-01-12T12:00Z",
            "2020-01-12T13:00Z",
            "2020-01-13T00:00Z",
        ],
    ))
    .await?;
    p.events(seen("p2", &["2020-01-12T12:00Z", "2020-01-14T23:59:59Z"]))
        .await?;
    // Active with another event only.
    p.events([event("other").by("p1").at("2020-01-14T12:00Z")])
        .await?;
    let request = json!({"events": [{"id": "seen"}], "date_from": "2020-01-12", "date_to": "2020-01-14"});
    check(
        p,
        request.clone(),
        json!([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, -1, -1]]),
    )
    .await?;
    let result = p.insight("lifecycle", request).await?;
    let new = result
        .as_array()
        .into_iter()
        .flatten()
        .find(|series| series["status"] == "new");
    let new = new.context("new ones")?;
    ensure!(new["label"] == "seen - new", "{new}");
    ensure!(
        new["days"] == json!(["2020-01-12", "2020-01-13", "2020-01-14"]),
        "{new}"
    );
    ensure!(
        new["labels"] == json!(["12-Jan-2020", "13-Jan-2020", "14-Jan-2020"]),
        "{new}"
    );
    let people = p.people(&new["persons_urls"][0]).await?;
    ensure!(
        people.len() == 1 && people[0]["distinct_ids"] == json!(["p2"]),
        "{people:?}"
    );
    Ok(())
}

async fn weeks_start_on_sunday_or_monday(p: &Project) -> TestResult {
    // 5, 12 and 19 January are Sundays.
    p.events(seen(
        "a",
        &[
            "2020-01-01T12:00Z",
            "2020-01-05T12:00Z",
            "2020-01-12T12:00Z",
            "2020-01-20T12:00Z",
        ],
    ))
    .await?;
    p.events(seen("b", &["2020-01-06T12:00Z", "2020-01-12T12:00Z"]))
        .await?;
    let request = json!({"events": [{"id": "seen"}], "interval": "week",
        "date_from": "2020-01-08", "date_to": "2020-01-22"});
    check(
        p,
        request.clone(),
        json!([[1, 0, 0], [1, 2, 1], [0, 0, 0], [0, 0, -1]]),
    )
    .await?;
    let days = |result: &Value| result[0]["days"].clone();
    let found = days(&p.insight("lifecycle", request.clone()).await?);
    ensure!(
        found == json!(["2020-01-05", "2020-01-12", "2020-01-19"]),
        "{found}"
    );
    p.patch(json!({"week_start_day": 1})).await?;
    check(
        p,
        request.clone(),
        json!([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, -2, 0]]),
    )
    .await?;
    let found = days(&p.insight("lifecycle", request).await?);
    ensure!(
        found == json!(["2020-01-06", "2020-01-13", "2020-01-20"]),
        "{found}"
    );
    Ok(())
}

async fn months_are_those_of_the_project(p: &Project) -> TestResult {
    p.events(seen(
        "a",
        &[
            "2019-12-31T23:30Z",
            "2020-02-01T12:00Z",
            "2020-03-01T12:00Z",
            "2020-05-31T12:00Z",
        ],
    ))
    .await?;
    p.events(seen("b", &["2020-01-31T12:00Z", "2020-02-29T12:00Z"]))
        .await?;
    let request = json!({"events": [{"id": "seen"}], "interval": "month",
        "date_from": "2020-01-15", "date_to": "2020-05-10"});
    check(
        p,
        request.clone(),
        json!([
            [1, 0, 0, 0, 0],
            [0, 1, 1, 0, 0],
            [0, 1, 0, 0, 1],
            [-1, 0, -1, -1, 0]
        ]),
    )
    .await?;
    // Half past eleven at night is the new year in Berlin.
    p.patch(json!({"timezone": "Europe/Berlin"})).await?;
    check(
        p,
        request,
        json!([
            [2, 0, 0, 0, 0],
            [0, 2, 1, 0, 0],
            [0, 0, 0, 0, 1],
            [0, 0, -1, -1, 0]
        ]),
    )
    .await
}

async fn days_have_23_or_25_hours(p: &Project) -> TestResult {
    p.patch(json!({"timezone": "Europe/Berlin"})).await?;
    // Sunday 29 March is from 23:00 to 22:00 UTC.
    p.events(seen("p1", &["2020-03-28T22:59:59Z", "2020-03-28T23:00:00Z"]))
        .await?;
    p.events(seen("p2", &["2020-03-29T21:59:59Z", "2020-03-29T22:00:00Z"]))
        .await?;
    p.events(seen("p3", &["2020-03-30T22:00:00Z"])).await?;
    check(
        p,
        json!({"events": [{"id": "seen"}], "date_from": "2020-03-29", "date_to": "2020-03-31"}),
        json!([[1, 0, 1], [1, 1, 0], [0, 0, 0], [0, -1, -1]]),
    )
    .await?;
    // Sunday 25 October is from 22:00 to 23:00 UTC, and its hour from two to three comes twice.
    p.events(seen("q1", &["2020-10-24T21:59:59Z", "2020-10-25T22:59:59Z"]))
        .await?;
    p.events(seen("q2", &["2020-10-25T23:00:00Z"])).await?;
    check(
        p,
        json!({"events": [{"id": "seen"}], "date_from": "2020-10-25", "date_to": "2020-10-26"}),
        json!([[0, 1], [1, 0], [0, 0], [0, -1]]),
    )
    .await?;
    p.events(seen("h", &["2020-10-25T00:30Z", "2020-10-25T01:30Z"]))
        .await?;
    check(
        p,
        json!({"events": [{"id": "seen"}], "interval": "hour",
            "date_from": "2020-10-25T00:00:00Z", "date_to": "2020-10-25T02:59:59Z"}),
        json!([[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, -1]]),
    )
    .await
}

async fn groups_have_a_life(p: &Project) -> TestResult {
    p.group("organization", "acme", "2019-12-01T00:00Z", json!({}))
        .await?;
    p.group("organization", "young", "2020-01-13T05:00Z", json!({}))
        .await?;
    let of = |key: &str, time: &str| event("seen").at(time).of_group("organization", key);
    p.events([
        of("acme", "2020-01-12T12:00Z"),
        of("acme", "2020-01-13T12:00Z").by("another"),
        of("young", "2020-01-13T12:00Z"),
        of("unknown", "2020-01-13T12:00Z"),
        event("seen").at("2020-01-13T12:00Z"),
    ])
    .await?;
    let request = json!({"events": [{"id": "seen"}], "aggregation_group_type_index": 0,
        "date_from": "2020-01-12", "date_to": "2020-01-14"});
    check(
        p,
        request.clone(),
        json!([[0, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, -2]]),
    )
    .await?;
    let result = p.insight("lifecycle", request).await?;
    let dormant = result
        .as_array()
        .into_iter()
        .flatten()
        .find(|series| series["status"] == "dormant");
    let people = p
        .people(&dormant.context("dormant ones")?["persons_urls"][2])
        .await?;
    let keys: Vec<&Value> = people.iter().map(|group| &group["group_key"]).collect();
    ensure!(keys == ["acme", "young"], "{people:?}");
    Ok(())
}

async fn filters_actions_and_cohorts(p: &Project) -> TestResult {
    p.person("ann", "2020-01-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.events([
        event("buy").by("ann").at("2020-01-11T12:00Z").with("n", 1),
        event("buy").by("ann").at("2020-01-12T12:00Z").with("n", 2),
        event("buy").by("bob").at("2020-01-12T12:00Z").with("n", 2),
        event("view").by("bob").at("2020-01-13T12:00Z").with("n", 2),
    ])
    .await?;
    let range = json!({"date_from": "2020-01-12", "date_to": "2020-01-13"});
    let with = |extra: Value| {
        let mut request = range.clone();
        for (key, value) in extra.as_object().into_iter().flatten() {
            request[key] = value.clone();
        }
        request
    };
    let buy = json!([{"id": "buy"}]);
    check(
        p,
        with(json!({"events": buy, "properties": [{"key": "n", "value": 2}]})),
        json!([[1, 0], [0, 0], [1, 0], [0, -2]]),
    )
    .await?;
    check(
        p,
        with(json!({"events": buy, "properties": [{"key": "plan", "type": "person", "value": "pro"}]})),
        json!([[0, 0], [1, 0], [0, 0], [0, -1]]),
    )
    .await?;
    check(
        p,
        with(json!({"events": [{"id": null}], "properties": [{"key": "n", "operator": "is_set", "value": "is_set"}]})),
        json!([[1, 0], [1, 1], [0, 0], [0, -1]]),
    )
    .await?;
    let action = p
        .post(
            "actions/",
            json!({"name": "anything", "steps": [{"event": "buy"}, {"event": "view"}]}),
        )
        .await?;
    let actions = json!([{"id": action["id"], "type": "actions"}]);
    check(
        p,
        with(json!({"actions": actions})),
        json!([[1, 0], [1, 1], [0, 0], [0, -1]]),
    )
    .await?;
    let groups = json!([{"properties": [{"key": "plan", "type": "person", "value": "pro"}]}]);
    let cohort = p
        .post("cohorts/", json!({"name": "pro", "groups": groups}))
        .await?;
    check(
        p,
        with(json!({"actions": actions, "properties": [{"key": "id", "type": "cohort", "value": cohort["id"]}]})),
        json!([[0, 0], [1, 0], [0, 0], [0, -1]]),
    )
    .await
}

async fn merged_persons_are_as_old_as_the_older_one(p: &Project) -> TestResult {
    p.events(seen("anonymous-1", &["2020-01-10T12:00Z", "2020-01-12T12:00Z"]))
        .await?;
    p.events(seen("ann", &["2020-01-13T12:00Z"])).await?;
    let request = json!({"events": [{"id": "seen"}], "date_from": "2020-01-12", "date_to": "2020-01-13"});
    check(p, request.clone(), json!([[0, 1], [0, 0], [1, 0], [0, -1]])).await?;
    p.events([event("$identify")
        .by("ann")
        .at("2020-01-13T13:00Z")
        .with("$anon_distinct_id", "anonymous-1")])
        .await?;
    check(p, request, json!([[0, 0], [0, 1], [1, 0], [0, 0]])).await
}

async fn two_entities_have_eight_series(p: &Project) -> TestResult {
    p.events([
        event("a").at("2020-01-12T12:00Z"),
        event("b").by("bob").at("2020-01-12T12:00Z"),
    ])
    .await?;
    let request = json!({"events": [{"id": "a"}, {"id": "b", "name": "b"}],
        "date_from": "2020-01-12", "date_to": "2020-01-12"});
    let result = p.insight("lifecycle", request).await?;
    ensure!(result.as_array().map(Vec::len) == Some(8), "{result}");
    for label in ["a - new", "b - new"] {
        let found = result
            .as_array()
            .into_iter()
            .flatten()
            .find(|series| series["label"] == label);
        ensure!(
            found.is_some_and(|series| alike(&series["data"], &json!([1]))),
            "{label}: {result}"
        );
    }
    p.check_people(&result).await
}

async fn wrong_actors_requests_are_refused(p: &Project) -> TestResult {
    let events = json!([{"id": "seen"}]);
    for (request, attr) in [
        (json!({"events": events, "lifecycle_type": "new"}), "target_date"),
        (
            json!({"events": events, "target_date": "2020-01-12"}),
            "lifecycle_type",
        ),
        (
            json!({"events": events, "target_date": "2020-01-12", "lifecycle_type": "asleep"}),
            "lifecycle_type",
        ),
        (
            json!({"events": events, "target_date": "whenever", "lifecycle_type": "new"}),
            "target_date",
        ),
    ] {
        p.check_refused("persons/lifecycle/", request, attr).await?;
    }
    Ok(())
}
