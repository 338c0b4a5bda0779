//! Cohorts: every kind of criterion, both forms, cohorts within cohorts, lists, and what becomes of the members.

use std::time::Duration;

use anyhow::{Context, ensure};
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{Project, TestResult, ago, backend_suite, event};

backend_suite!(
    what_persons_did,
    so_many_times,
    first_time_stopped_restarted,
    regularly,
    one_thing_after_another,
    events_of_a_criterion_can_be_filtered,
    trees_and_negation,
    the_old_form,
    cohorts_within_cohorts,
    a_circle_is_refused,
    static_by_list_of_distinct_ids,
    static_by_the_people_of_an_insight,
    a_cohort_can_become_static,
    a_recalculation_follows_the_persons,
    members_are_filters_everywhere,
    wrong_criteria_are_refused,
);

fn days(days: i64) -> String {
    ago(TimeDelta::days(days))
}

/// A tree of one behavioural criterion.
fn behavioral(criterion: Value) -> Value {
    tree("AND", json!([leaf(criterion)]))
}

fn leaf(mut criterion: Value) -> Value {
    criterion["type"] = json!("behavioral");
    if criterion["event_type"].is_null() {
        criterion["event_type"] = json!("events");
    }
    criterion
}

fn tree(kind: &str, values: Value) -> Value {
    json!({"filters": {"properties": {"type": kind, "values": values}}})
}

/// One event long ago of each of these persons, so that there are more persons than members.
async fn everyone(p: &Project, ids: &[&str]) -> TestResult {
    let events = ids.iter().map(|id| event("here").by(id).at("2020-01-01T12:00Z"));
    p.events(events).await
}

async fn create(p: &Project, mut definition: Value) -> anyhow::Result<Value> {
    definition["name"] = json!("c");
    let cohort = p.post("cohorts/", definition).await?;
    calculated(p, &cohort["id"]).await
}

/// The cohort, when it is no longer being calculated.
async fn calculated(p: &Project, id: &Value) -> anyhow::Result<Value> {
    for _ in 0..100 {
        let cohort = p.get(&format!("cohorts/{id}/")).await?;
        if cohort["is_calculating"] == false {
            ensure!(cohort["errors_calculating"] == 0, "{cohort}");
            return Ok(cohort);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("cohort {id} is not calculated after ten seconds");
}

/// First distinct ids of the members, ascending.
async fn members(p: &Project, id: &Value) -> anyhow::Result<Vec<String>> {
    let page = p.get(&format!("cohorts/{id}/persons/")).await?;
    let persons = page["results"].as_array().context("a list of persons")?;
    let mut ids: Vec<String> = persons
        .iter()
        .map(|person| person["distinct_ids"][0].as_str().unwrap_or_default().to_owned())
        .collect();
    ids.sort();
    Ok(ids)
}

/// Creates the cohort; its members must be these as a list, as a count, and as a filter.
async fn check(p: &Project, definition: Value, expected: &[&str]) -> anyhow::Result<Value> {
    let cohort = create(p, definition.clone()).await?;
    let found = members(p, &cohort["id"]).await?;
    ensure!(
        found == expected,
        "{found:?}, expected {expected:?}, for {definition}"
    );
    ensure!(
        cohort["count"].as_u64() == Some(expected.len() as u64),
        "{cohort}, expected {expected:?}"
    );
    let request = json!({"events": [{"id": "here", "math": "dau"}], "date_from": "2020-01-01", "date_to": "2020-01-01",
        "properties": [{"key": "id", "type": "cohort", "value": cohort["id"]}]});
    p.check_trend(request, "data", json!([[expected.len()]])).await?;
    Ok(cohort)
}

/// ann bought yesterday, bob 10 days ago, cat at both times, eve yesterday and 30 days ago, dan never.
async fn buyers(p: &Project) -> TestResult {
    everyone(p, &["ann", "bob", "cat", "dan", "eve"]).await?;
    let buy = |id: &str, days_ago| event("buy").by(id).at(&days(days_ago));
    p.events([
        buy("ann", 1),
        buy("bob", 10),
        buy("cat", 10),
        buy("cat", 1),
        buy("eve", 30),
        buy("eve", 1),
    ])
    .await
}

async fn what_persons_did(p: &Project) -> TestResult {
    buyers(p).await?;
    let did = |count: u32, unit: &str| json!({"value": "performed_event", "key": "buy", "time_value": count, "time_interval": unit});
    check(p, behavioral(did(7, "day")), &["ann", "cat", "eve"]).await?;
    check(p, behavioral(did(2, "week")), &["ann", "bob", "cat", "eve"]).await?;
    check(p, behavioral(did(12, "hour")), &[]).await?;
    check(p, behavioral(did(1, "year")), &["ann", "bob", "cat", "eve"]).await?;
    let mut negated = did(7, "day");
    negated["negation"] = json!(true);
    check(p, behavioral(negated), &["bob", "dan"]).await?;
    let unknown =
        json!({"value": "performed_event", "key": "leave", "time_value": 1, "time_interval": "month"});
    check(p, behavioral(unknown), &[]).await?;
    Ok(())
}

async fn so_many_times(p: &Project) -> TestResult {
    buyers(p).await?;
    for (operator, times, expected) in [
        ("eq", 2, &["cat"][..]),
        ("exact", 1, &["ann", "bob", "eve"]),
        ("gte", 1, &["ann", "bob", "cat", "eve"]),
        ("gt", 1, &["cat"]),
        // Who never did it did not do it once at most.
        ("lte", 1, &["ann", "bob", "eve"]),
        ("lt", 2, &["ann", "bob", "eve"]),
        ("eq", 0, &["dan"]),
        ("lte", 0, &["dan"]),
        ("gt", 2, &[]),
    ] {
        let criterion = json!({"value": "performed_event_multiple", "key": "buy", "time_value": 15,
            "time_interval": "day", "operator": operator, "operator_value": times});
        check(p, behavioral(criterion), expected).await?;
    }
    Ok(())
}

async fn first_time_stopped_restarted(p: &Project) -> TestResult {
    buyers(p).await?;
    let first = |count: u32| {
        behavioral(
            json!({"value": "performed_event_first_time", "key": "buy", "time_value": count, "time_interval": "day"}),
        )
    };
    check(p, first(7), &["ann"]).await?;
    check(p, first(15), &["ann", "bob", "cat"]).await?;
    let spans = |kind: &str| {
        behavioral(
            json!({"value": kind, "key": "buy", "time_value": 14, "time_interval": "day",
            "seq_time_value": 7, "seq_time_interval": "day"}),
        )
    };
    check(p, spans("stopped_performing_event"), &["bob"]).await?;
    check(p, spans("restarted_performing_event"), &["eve"]).await?;
    Ok(())
}

async fn regularly(p: &Project) -> TestResult {
    buyers(p).await?;
    let weeks = |min: u32, total: u32| {
        behavioral(
            json!({"value": "performed_event_regularly", "key": "buy", "time_value": 1, "time_interval": "week",
            "operator": "gte", "operator_value": 1, "min_periods": min, "total_periods": total}),
        )
    };
    check(p, weeks(2, 2), &["cat"]).await?;
    check(p, weeks(1, 2), &["ann", "bob", "cat", "eve"]).await?;
    check(p, weeks(2, 5), &["cat", "eve"]).await?;
    check(p, weeks(3, 5), &[]).await?;
    check(p, weeks(20, 40), &[]).await?;
    Ok(())
}

async fn one_thing_after_another(p: &Project) -> TestResult {
    everyone(p, &["ann", "bob", "cat", "dan", "eve", "fay"]).await?;
    let noon = TimeDelta::days(5);
    let at = |name: &str, id: &str, hours_later: i64| {
        event(name).by(id).at(&ago(noon - TimeDelta::hours(hours_later)))
    };
    let instant = ago(noon);
    p.events([
        at("open", "ann", 0),
        at("close", "ann", 1),
        // The other way round.
        at("close", "bob", 0),
        at("open", "bob", 1),
        // Late.
        at("open", "cat", 0),
        at("close", "cat", 3),
        // Only one.
        at("open", "dan", 0),
        // At once.
        event("open").by("eve").at(&instant),
        event("close").by("eve").at(&instant),
        // The second of two.
        at("open", "fay", 0),
        at("open", "fay", 2),
        at("close", "fay", 3),
    ])
    .await?;
    let sequence = |hours: u32, days: u32| {
        json!({"value": "performed_event_sequence", "key": "open", "time_value": days, "time_interval": "day",
            "seq_event": "close", "seq_event_type": "events", "seq_time_value": hours, "seq_time_interval": "hour"})
    };
    check(p, behavioral(sequence(2, 7)), &["ann", "fay"]).await?;
    check(p, behavioral(sequence(4, 7)), &["ann", "cat", "fay"]).await?;
    check(p, behavioral(sequence(4, 2)), &[]).await?;
    let mut negated = sequence(2, 7);
    negated["negation"] = json!(true);
    check(p, behavioral(negated), &["bob", "cat", "dan", "eve"]).await?;
    let steps = json!([{"event": "close"}]);
    let action = p
        .post("actions/", json!({"name": "closes", "steps": steps}))
        .await?;
    let mut by_action = sequence(2, 7);
    by_action["seq_event"] = action["id"].clone();
    by_action["seq_event_type"] = json!("actions");
    check(p, behavioral(by_action), &["ann", "fay"]).await?;
    Ok(())
}

async fn events_of_a_criterion_can_be_filtered(p: &Project) -> TestResult {
    everyone(p, &["ann", "bob", "cat"]).await?;
    let buy = |id: &str, amount: u32| event("buy").by(id).at(&days(1)).with("amount", amount);
    p.events([buy("ann", 5), buy("bob", 50), buy("cat", 50), buy("cat", 5)])
        .await?;
    let criterion = json!({"value": "performed_event", "key": "buy", "time_value": 7, "time_interval": "day",
        "event_filters": [{"key": "amount", "operator": "gt", "value": 10}]});
    check(p, behavioral(criterion), &["bob", "cat"]).await?;
    let steps = json!([{"event": "buy", "properties": [{"key": "amount", "operator": "lt", "value": 10}]}]);
    let action = p
        .post("actions/", json!({"name": "small", "steps": steps}))
        .await?;
    let criterion = json!({"value": "performed_event", "key": action["id"], "event_type": "actions",
        "time_value": 7, "time_interval": "day"});
    check(p, behavioral(criterion), &["ann", "cat"]).await?;
    Ok(())
}

async fn trees_and_negation(p: &Project) -> TestResult {
    p.person(
        "ann",
        "2020-01-01T00:00Z",
        json!({"plan": "pro", "country": "NO"}),
    )
    .await?;
    p.person("bob", "2020-01-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.person(
        "cat",
        "2020-01-01T00:00Z",
        json!({"plan": "free", "country": "NO"}),
    )
    .await?;
    everyone(p, &["ann", "bob", "cat", "dan"]).await?;
    p.events([
        event("buy").by("bob").at(&days(1)),
        event("buy").by("dan").at(&days(1)),
    ])
    .await?;
    let property = |key: &str, value: &str| json!({"key": key, "type": "person", "value": value});
    let bought =
        leaf(json!({"value": "performed_event", "key": "buy", "time_value": 7, "time_interval": "day"}));
    let mut not_bought = bought.clone();
    not_bought["negation"] = json!(true);
    let pro_norwegians =
        json!({"type": "AND", "values": [property("plan", "pro"), property("country", "NO")]});
    check(
        p,
        tree("OR", json!([pro_norwegians, {"type": "AND", "values": [bought]}])),
        &["ann", "bob", "dan"],
    )
    .await?;
    check(
        p,
        tree("AND", json!([property("plan", "pro"), not_bought])),
        &["ann"],
    )
    .await?;
    // Who has no country is not from Norway.
    check(
        p,
        tree(
            "AND",
            json!([{"key": "country", "type": "person", "operator": "is_not", "value": "NO"}]),
        ),
        &["bob", "dan"],
    )
    .await?;
    check(
        p,
        tree(
            "AND",
            json!([{"key": "plan", "type": "person", "operator": "is_not_set", "value": "is_not_set"}]),
        ),
        &["dan"],
    )
    .await?;
    // Nothing asked is nobody.
    check(p, tree("AND", json!([])), &[]).await?;
    Ok(())
}

async fn the_old_form(p: &Project) -> TestResult {
    buyers(p).await?;
    p.person("dan", "2020-01-02T00:00Z", json!({"plan": "pro"}))
        .await?;
    let groups = |groups: Value| json!({"groups": groups});
    check(
        p,
        groups(json!([{"event_id": "buy", "days": 7}])),
        &["ann", "cat", "eve"],
    )
    .await?;
    check(
        p,
        groups(json!([{"event_id": "buy", "days": "15", "count": "2", "count_operator": "gte"}])),
        &["cat"],
    )
    .await?;
    check(
        p,
        groups(json!([{"event_id": "buy", "days": 15, "count": 1}])),
        &["ann", "bob", "eve"],
    )
    .await?;
    check(
        p,
        groups(json!([{"event_id": "buy", "days": 15, "count": 1, "count_operator": "lte"}])),
        &["ann", "bob", "eve"],
    )
    .await?;
    check(
        p,
        groups(json!([{"event_id": "buy", "days": 15, "count": 0, "count_operator": "eq"}])),
        &["dan"],
    )
    .await?;
    // Any group will do; within a group all properties are asked for.
    check(
        p,
        groups(json!([{"event_id": "buy", "days": 7},
            {"properties": [{"key": "plan", "type": "person", "value": "pro"}]}])),
        &["ann", "cat", "dan", "eve"],
    )
    .await?;
    check(
        p,
        groups(
            json!([{"properties": [{"key": "plan", "type": "person", "value": "pro"},
            {"key": "plan", "type": "person", "operator": "is_not_set", "value": "is_not_set"}]}]),
        ),
        &[],
    )
    .await?;
    check(
        p,
        groups(json!([{"event_id": "here", "start_date": "2020-01-01", "end_date": "2020-01-02"}])),
        &["ann", "bob", "cat", "dan", "eve"],
    )
    .await?;
    check(
        p,
        groups(json!([{"event_id": "here", "start_date": "2020-01-03", "end_date": "2020-01-04"}])),
        &[],
    )
    .await?;
    let action = p
        .post("actions/", json!({"name": "buys", "steps": [{"event": "buy"}]}))
        .await?;
    check(
        p,
        groups(json!([{"action_id": action["id"], "days": 7}])),
        &["ann", "cat", "eve"],
    )
    .await?;
    check(p, groups(json!([])), &[]).await?;
    Ok(())
}

async fn cohorts_within_cohorts(p: &Project) -> TestResult {
    buyers(p).await?;
    p.person("ann", "2020-01-02T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.person("dan", "2020-01-02T00:00Z", json!({"plan": "pro"}))
        .await?;
    let recent = json!({"value": "performed_event", "key": "buy", "time_value": 7, "time_interval": "day"});
    let buyers = check(p, behavioral(recent), &["ann", "cat", "eve"]).await?;
    let cohort = |id: &Value| json!({"key": "id", "type": "cohort", "value": id});
    let not_cohort = |id: &Value| json!({"key": "id", "type": "cohort", "value": id, "negation": true});
    let pro = json!({"key": "plan", "type": "person", "value": "pro"});
    let pro_buyers = check(p, tree("AND", json!([cohort(&buyers["id"]), pro])), &["ann"]).await?;
    check(p, tree("AND", json!([not_cohort(&buyers["id"]), pro])), &["dan"]).await?;
    check(
        p,
        tree("OR", json!([cohort(&pro_buyers["id"]), pro])),
        &["ann", "dan"],
    )
    .await?;
    // Three deep, and through the old form.
    let through = json!({"groups": [{"properties": [cohort(&pro_buyers["id"])]}]});
    let old = check(p, through, &["ann"]).await?;
    check(
        p,
        tree("AND", json!([cohort(&buyers["id"]), not_cohort(&old["id"])])),
        &["cat", "eve"],
    )
    .await?;
    Ok(())
}

async fn a_circle_is_refused(p: &Project) -> TestResult {
    let a = create(p, json!({"groups": []})).await?;
    let within =
        |id: &Value| json!({"groups": [{"properties": [{"key": "id", "type": "cohort", "value": id}]}]});
    let b = create(p, within(&a["id"])).await?;
    for id in [&a["id"], &b["id"]] {
        let path = format!("/api/projects/{}/cohorts/{}/", p.id, a["id"]);
        let (status, answer) = p.send(Method::PATCH, &path, Some(&within(id))).await?;
        ensure!(status == StatusCode::BAD_REQUEST, "{status} {answer}");
    }
    // It stayed as it was.
    let kept = p.get(&format!("cohorts/{}/", a["id"])).await?;
    ensure!(kept["groups"] == json!([]), "{kept}");
    Ok(())
}

async fn static_by_list_of_distinct_ids(p: &Project) -> TestResult {
    everyone(p, &["ann", "bob", "cat", "dan"]).await?;
    p.events([event("$identify")
        .by("ann")
        .at("2020-01-01T13:00Z")
        .with("$anon_distinct_id", "ann-before")])
        .await?;
    let csv = "ann,Ann\r\nunknown\r\n\r\nbob\r\nann-before\r\nbob\r\n";
    let cohort = p
        .upload(
            Method::POST,
            "cohorts/",
            &[("name", "listed"), ("is_static", "true")],
            csv,
        )
        .await?;
    ensure!(cohort["is_static"] == true, "{cohort}");
    let id = &cohort["id"];
    let count = calculated(p, id).await?["count"].clone();
    ensure!(count == 2, "{count}");
    let found = members(p, id).await?;
    ensure!(found == ["ann", "bob"], "{found:?}");
    // Another list adds to it.
    p.upload(Method::PATCH, &format!("cohorts/{id}/"), &[], "cat\nbob\n")
        .await?;
    let count = calculated(p, id).await?["count"].clone();
    ensure!(count == 3, "{count}");
    let found = members(p, id).await?;
    ensure!(found == ["ann", "bob", "cat"], "{found:?}");
    let listed = json!({"name": "ids", "is_static": true, "distinct_ids": ["dan", "ann-before", "unknown"]});
    let by_ids = p.post("cohorts/", listed).await?;
    calculated(p, &by_ids["id"]).await?;
    let found = members(p, &by_ids["id"]).await?;
    ensure!(found == ["ann", "dan"], "{found:?}");
    // What persons do and become is of no matter to it.
    p.person("ann", "2020-01-03T00:00Z", json!({"plan": "pro"}))
        .await?;
    let request = json!({"events": [{"id": "here", "math": "dau"}], "date_from": "2020-01-01", "date_to": "2020-01-01",
        "properties": [{"key": "id", "type": "cohort", "value": id}]});
    p.check_trend(request, "data", json!([[3]])).await?;
    // Within another cohort.
    let rest = tree(
        "AND",
        json!([{"key": "id", "type": "cohort", "value": id, "negation": true}]),
    );
    check(p, rest, &["dan"]).await?;
    Ok(())
}

async fn static_by_the_people_of_an_insight(p: &Project) -> TestResult {
    let visit = |id: &str, day: u32| event("visit").by(id).at(&format!("2020-01-0{day}T12:00:00Z"));
    p.events([
        visit("ann", 1),
        visit("ann", 2),
        visit("bob", 1),
        visit("cat", 2),
        event("buy").by("cat").at("2020-01-02T13:00:00Z"),
    ])
    .await?;
    let created = async |address: &str, mut body: Value| -> anyhow::Result<Vec<String>> {
        body["name"] = json!("people");
        body["is_static"] = json!(true);
        let cohort = p.post(address, body).await?;
        calculated(p, &cohort["id"]).await?;
        members(p, &cohort["id"]).await
    };
    let base = json!({"events": [{"id": "visit"}], "date_from": "2020-01-01", "date_to": "2020-01-02"});
    let with = |extra: Value| {
        let mut request = base.clone();
        for (key, value) in extra.as_object().into_iter().flatten() {
            request[key] = value.clone();
        }
        request
    };
    // A point of a trend: the query of its link.
    let trend = p.insight("trend", base.clone()).await?;
    let link = trend[0]["persons_urls"][1]["url"].as_str().context("a link")?;
    let (_, query) = link.split_once('?').context("a link with a query")?;
    let found = created(&format!("cohorts/?{query}"), json!({})).await?;
    ensure!(found == ["ann", "cat"], "{found:?}");
    let found = created(
        "cohorts/",
        with(json!({"insight": "STICKINESS", "stickiness_days": 2})),
    )
    .await?;
    ensure!(found == ["ann"], "{found:?}");
    let lifecycle = json!({"insight": "LIFECYCLE", "lifecycle_type": "dormant", "target_date": "2020-01-02"});
    let found = created("cohorts/", with(lifecycle)).await?;
    ensure!(found == ["bob"], "{found:?}");
    let funnel = json!({"insight": "FUNNELS", "funnel_step": -2,
        "events": [{"id": "visit", "order": 0}, {"id": "buy", "order": 1}]});
    let found = created("cohorts/", with(funnel)).await?;
    ensure!(found == ["ann", "bob"], "{found:?}");
    Ok(())
}

async fn a_cohort_can_become_static(p: &Project) -> TestResult {
    p.person("ann", "2020-01-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.person("bob", "2020-01-01T00:00Z", json!({"plan": "free"}))
        .await?;
    everyone(p, &["ann", "bob"]).await?;
    let groups = json!([{"properties": [{"key": "plan", "type": "person", "value": "pro"}]}]);
    let cohort = check(p, json!({"groups": groups}), &["ann"]).await?;
    let id = &cohort["id"];
    p.change(&format!("cohorts/{id}/"), json!({"is_static": true}))
        .await?;
    p.person("ann", "2020-01-05T00:00Z", json!({"plan": "free"}))
        .await?;
    p.person("bob", "2020-01-05T00:00Z", json!({"plan": "pro"}))
        .await?;
    let cohort = calculated(p, id).await?;
    ensure!(cohort["is_static"] == true && cohort["count"] == 1, "{cohort}");
    let found = members(p, id).await?;
    ensure!(found == ["ann"], "{found:?}");
    Ok(())
}

async fn a_recalculation_follows_the_persons(p: &Project) -> TestResult {
    for (id, plan) in [("ann", "pro"), ("bob", "free")] {
        p.person(id, "2020-01-01T00:00Z", json!({"plan": plan})).await?;
    }
    everyone(p, &["ann", "bob"]).await?;
    let groups = json!([{"properties": [{"key": "plan", "type": "person", "value": "pro"}]}]);
    let cohort = check(p, json!({"groups": groups}), &["ann"]).await?;
    let id = &cohort["id"];
    let person = async |distinct_id: &str| -> anyhow::Result<Value> {
        let found = p.get(&format!("persons/?distinct_id={distinct_id}")).await?;
        Ok(found["results"][0]["id"].clone())
    };
    let cohorts_of = async |distinct_id: &str| -> anyhow::Result<Vec<Value>> {
        let id = person(distinct_id).await?;
        let id = id.as_str().context("a person has an id")?;
        let found = p.get(&format!("persons/cohorts/?person_id={id}")).await?;
        let found = found["results"].as_array().context("a list of cohorts")?;
        Ok(found.iter().map(|cohort| cohort["id"].clone()).collect())
    };
    ensure!(cohorts_of("ann").await? == std::slice::from_ref(id));
    ensure!(cohorts_of("bob").await?.is_empty());
    // Later than the first ones, so that they win.
    p.person("ann", "2020-01-05T00:00Z", json!({"plan": "free"}))
        .await?;
    p.person("bob", "2020-01-05T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.change(&format!("cohorts/{id}/"), json!({"groups": groups}))
        .await?;
    let cohort = calculated(p, id).await?;
    ensure!(cohort["count"] == 1, "{cohort}");
    let found = members(p, id).await?;
    ensure!(found == ["bob"], "{found:?}");
    ensure!(cohorts_of("ann").await?.is_empty());
    ensure!(cohorts_of("bob").await? == std::slice::from_ref(id));
    Ok(())
}

async fn members_are_filters_everywhere(p: &Project) -> TestResult {
    p.person("ann", "2020-01-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    everyone(p, &["ann", "bob"]).await?;
    let groups = json!([{"properties": [{"key": "plan", "type": "person", "value": "pro"}]}]);
    let cohort = create(p, json!({"groups": groups})).await?;
    let id = &cohort["id"];
    let filter = json!([{"key": "id", "type": "cohort", "value": id}]);
    let named: fn(&Value, &str) -> usize = |page, key| {
        let rows = page["results"].as_array().into_iter().flatten();
        rows.filter(|row| row["event"] == "here" || key == "persons")
            .count()
    };
    let encoded = percent(&filter.to_string());
    let events = p
        .get(&format!(
            "events/?event=here&after=2019-12-31&before=2020-02-01&properties={encoded}"
        ))
        .await?;
    ensure!(named(&events, "events") == 1, "{events}");
    let persons = p.get(&format!("persons/?cohort={id}")).await?;
    ensure!(named(&persons, "persons") == 1, "{persons}");
    let persons = p.get(&format!("persons/?properties={encoded}")).await?;
    ensure!(named(&persons, "persons") == 1, "{persons}");
    // As a part of a series, and turned round.
    for (extra, expected) in [
        (json!({}), 1),
        (json!({"negation": true}), 1),
        (json!({"value": [id]}), 1),
    ] {
        let mut property = filter[0].clone();
        for (key, value) in extra.as_object().into_iter().flatten() {
            property[key] = value.clone();
        }
        let request = json!({"events": [{"id": "here", "properties": [property]}],
            "date_from": "2020-01-01", "date_to": "2020-01-01"});
        p.check_trend(request, "count", json!([expected])).await?;
    }
    Ok(())
}

/// For a value in an address.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn wrong_criteria_are_refused(p: &Project) -> TestResult {
    let refused = async |mut definition: Value, attr: &str| -> TestResult {
        definition["name"] = json!("wrong");
        let path = format!("/api/projects/{}/cohorts/", p.id);
        let (status, answer) = p.send(Method::POST, &path, Some(&definition)).await?;
        ensure!(
            status == StatusCode::BAD_REQUEST
                && answer["attr"].as_str().is_some_and(|named| named.ends_with(attr)),
            "answered {status} {answer}, expected 400 for `{attr}`, for {definition}"
        );
        Ok(())
    };
    refused(
        behavioral(json!({"value": "performed_event", "time_value": 1})),
        "key",
    )
    .await?;
    refused(
        behavioral(json!({"value": "dreamt_of_event", "key": "buy"})),
        "value",
    )
    .await?;
    refused(
        behavioral(json!({"value": "performed_event", "key": "buy"})),
        "time_value",
    )
    .await?;
    refused(
        behavioral(
            json!({"value": "performed_event", "key": "buy", "time_value": 1, "time_interval": "era"}),
        ),
        "time_interval",
    )
    .await?;
    refused(
        behavioral(json!({"value": "performed_event_multiple", "key": "buy", "time_value": 1})),
        "operator_value",
    )
    .await?;
    refused(
        behavioral(
            json!({"value": "performed_event_regularly", "key": "buy", "time_value": 1,
            "min_periods": 3, "total_periods": 2}),
        ),
        "min_periods",
    )
    .await?;
    refused(json!({"groups": "anyone"}), "groups").await?;
    let unknown = json!([{"key": "id", "type": "cohort", "value": 999_999}]);
    refused(tree("AND", unknown), "value").await?;
    Ok(())
}
