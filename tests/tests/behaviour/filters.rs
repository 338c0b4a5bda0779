//! Property filters: every operator, on events, persons, groups and elements.

use serde_json::{Value, json};
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(
    operators_on_event_properties,
    text_forms,
    dates,
    person_properties_are_those_of_now,
    property_groups_nest,
    elements_by_selector_text_and_href,
    test_accounts,
    wildcards_are_plain_characters,
);

/// Who did `hit` within 2020-01-01, by distinct id, in order.
async fn hits(p: &Project, properties: Value) -> anyhow::Result<Value> {
    let filter: String = properties.to_string();
    let path = format!(
        "events/?event=hit&orderBy=%5B%22timestamp%22%5D&after=2019-12-31T00:00:00Z&before=2020-02-01T00:00:00Z&properties={}",
        urlencode(&filter)
    );
    let answer = p.get(&path).await?;
    let rows = answer["results"].as_array().cloned().unwrap_or_default();
    Ok(rows.iter().map(|row| row["distinct_id"].clone()).collect())
}

fn urlencode(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

async fn check(p: &Project, filter: Value, expected: Value) -> TestResult {
    let found = hits(p, json!([filter])).await?;
    anyhow::ensure!(found == expected, "{filter} finds {found}, expected {expected}");
    Ok(())
}

async fn operators_on_event_properties(p: &Project) -> TestResult {
    p.events([
        event("hit")
            .by("chrome")
            .at("2020-01-01T01:00Z")
            .with("b", "Chrome")
            .with("n", "10"),
        event("hit")
            .by("lower")
            .at("2020-01-01T02:00Z")
            .with("b", "chrome x")
            .with("n", 3),
        event("hit").by("none").at("2020-01-01T03:00Z"),
        event("hit")
            .by("null")
            .at("2020-01-01T04:00Z")
            .with("b", Value::Null)
            .with("n", 4.5),
    ])
    .await?;
    for (operator, value, expected) in [
        ("exact", json!("Chrome"), json!(["chrome"])),
        ("exact", json!(["Chrome", "chrome x"]), json!(["chrome", "lower"])),
        ("is_not", json!("Chrome"), json!(["lower", "none", "null"])),
        ("is_not", json!(["Chrome", "chrome x"]), json!(["none", "null"])),
        ("icontains", json!("CHROME"), json!(["chrome", "lower"])),
        ("not_icontains", json!("chrome"), json!(["none", "null"])),
        ("regex", json!("^[a-z]+ x$"), json!(["lower"])),
        ("not_regex", json!("^C"), json!(["lower", "none", "null"])),
        ("regex", json!("(broken"), json!([])),
        ("not_regex", json!("(broken"), json!([])),
        ("is_set", json!("is_set"), json!(["chrome", "lower", "null"])),
        ("is_not_set", json!("is_not_set"), json!(["none"])),
    ] {
        check(
            p,
            json!({"key": "b", "operator": operator, "value": value}),
            expected,
        )
        .await?;
    }
    for (operator, value, expected) in [
        ("gt", json!(4), json!(["chrome", "null"])),
        ("lt", json!("4.5"), json!(["lower"])),
        ("gt", json!(100), json!([])),
        ("exact", json!(10), json!(["chrome"])),
        ("exact", json!("3"), json!(["lower"])),
    ] {
        check(
            p,
            json!({"key": "n", "operator": operator, "value": value}),
            expected,
        )
        .await?;
    }
    Ok(())
}

async fn text_forms(p: &Project) -> TestResult {
    p.events([
        event("hit").by("true").at("2020-01-01T01:00Z").with("v", true),
        event("hit").by("one").at("2020-01-01T02:00Z").with("v", 1.0),
        event("hit")
            .by("quote")
            .at("2020-01-01T03:00Z")
            .with("v", "say \"hi\"\n"),
        event("hit")
            .by("list")
            .at("2020-01-01T04:00Z")
            .with("v", json!(["a", 1])),
        event("hit").by("empty").at("2020-01-01T05:00Z").with("v", ""),
        event("hit")
            .by("null")
            .at("2020-01-01T06:00Z")
            .with("v", Value::Null),
        event("hit")
            .by("accent")
            .at("2020-01-01T07:00Z")
            .with("v", "Ärger"),
    ])
    .await?;
    for (value, expected) in [
        (json!("true"), json!(["true"])),
        (json!(true), json!(["true"])),
        (json!("1"), json!(["one"])),
        (json!("say \"hi\"\n"), json!(["quote"])),
        (json!("[\"a\",1]"), json!(["list"])),
        (json!(""), json!(["empty"])),
        (json!("null"), json!(["null"])),
    ] {
        check(p, json!({"key": "v", "value": value}), expected).await?;
    }
    check(
        p,
        json!({"key": "v", "operator": "icontains", "value": "ärg"}),
        json!(["accent"]),
    )
    .await
}

async fn dates(p: &Project) -> TestResult {
    p.events([
        event("hit")
            .by("day4")
            .at("2020-01-01T01:00Z")
            .with("d", "2021-04-04"),
        event("hit")
            .by("noon5")
            .at("2020-01-01T02:00Z")
            .with("d", "2021-04-05T12:00:00Z"),
        event("hit")
            .by("day6")
            .at("2020-01-01T03:00Z")
            .with("d", "2021-04-06 00:00:00"),
        event("hit").by("text").at("2020-01-01T04:00Z").with("d", "soon"),
        event("hit").by("none").at("2020-01-01T05:00Z"),
    ])
    .await?;
    for (operator, value, expected) in [
        ("is_date_exact", "2021-04-05", json!(["noon5"])),
        ("is_date_before", "2021-04-05", json!(["day4"])),
        ("is_date_after", "2021-04-05", json!(["day6"])),
        ("is_date_after", "2021-04-05 11:00:00", json!(["noon5", "day6"])),
    ] {
        check(
            p,
            json!({"key": "d", "operator": operator, "value": value}),
            expected,
        )
        .await?;
    }
    Ok(())
}

async fn person_properties_are_those_of_now(p: &Project) -> TestResult {
    p.person("ann", "2020-01-01T00:00Z", json!({"plan": "free", "age": 31}))
        .await?;
    p.events([
        event("hit").by("ann").at("2020-01-01T01:00Z"),
        event("hit").by("bob").at("2020-01-01T02:00Z"),
        event("hit")
            .by("gone")
            .at("2020-01-01T03:00Z")
            .with("$process_person_profile", false),
    ])
    .await?;
    check(
        p,
        json!({"key": "plan", "type": "person", "value": "free"}),
        json!(["ann"]),
    )
    .await?;
    check(
        p,
        json!({"key": "plan", "type": "person", "operator": "is_not", "value": "pro"}),
        json!(["ann", "bob"]),
    )
    .await?;
    check(
        p,
        json!({"key": "age", "type": "person", "operator": "gt", "value": 30}),
        json!(["ann"]),
    )
    .await?;
    p.person("ann", "2020-02-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    check(
        p,
        json!({"key": "plan", "type": "person", "value": "free"}),
        json!([]),
    )
    .await?;
    check(
        p,
        json!({"key": "plan", "type": "person", "value": "pro"}),
        json!(["ann"]),
    )
    .await
}

async fn property_groups_nest(p: &Project) -> TestResult {
    p.events([
        event("hit")
            .by("1")
            .at("2020-01-01T01:00Z")
            .with("a", 1)
            .with("b", 1),
        event("hit")
            .by("2")
            .at("2020-01-01T02:00Z")
            .with("a", 1)
            .with("b", 2),
        event("hit").by("3").at("2020-01-01T03:00Z").with("a", 3),
    ])
    .await?;
    let filter = json!({"type": "OR", "values": [
        {"type": "AND", "values": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]},
        {"type": "AND", "values": [{"key": "a", "value": "3"}]},
    ]});
    p.check_trend(
        json!({"events": [{"id": "hit"}], "properties": filter, "date_from": "2020-01-01", "date_to": "2020-01-01"}),
        "count",
        json!([2]),
    )
    .await
}

async fn elements_by_selector_text_and_href(p: &Project) -> TestResult {
    let click = |text: &str, class: &str, outer: &str| {
        json!([
            {"tag_name": "a", "$el_text": text, "attr__class": class, "attr__href": "/plans", "nth_child": 1, "nth_of_type": 1},
            {"tag_name": outer, "attr__id": "menu", "nth_child": 2, "nth_of_type": 1},
            {"tag_name": "body", "nth_child": 1, "nth_of_type": 1},
        ])
    };
    p.events([
        event("hit")
            .by("big")
            .at("2020-01-01T01:00Z")
            .with("$elements", click("the \"big\"; one", "btn wide", "div")),
        event("hit")
            .by("small")
            .at("2020-01-01T02:00Z")
            .with("$elements", click("Buy", "btn", "span")),
    ])
    .await?;
    for (key, value, expected) in [
        ("selector", json!("a.btn"), json!(["big", "small"])),
        ("selector", json!("a.wide.btn"), json!(["big"])),
        ("selector", json!("div > a"), json!(["big"])),
        ("selector", json!("body a"), json!(["big", "small"])),
        ("selector", json!("body > a"), json!([])),
        (
            "selector",
            json!("span[id='menu'] > .btn:nth-child(1)"),
            json!(["small"]),
        ),
        ("tag_name", json!("span"), json!(["small"])),
        ("text", json!("the \"big\"; one"), json!(["big"])),
        ("text", json!(["Buy", "buy"]), json!(["small"])),
        ("href", json!("/plans"), json!(["big", "small"])),
    ] {
        check(
            p,
            json!({"key": key, "type": "element", "operator": "exact", "value": value}),
            expected,
        )
        .await?;
    }
    check(
        p,
        json!({"key": "text", "type": "element", "operator": "icontains", "value": "BIG"}),
        json!(["big"]),
    )
    .await?;
    check(
        p,
        json!({"key": "text", "type": "element", "operator": "is_not", "value": "Buy"}),
        json!(["big"]),
    )
    .await
}

async fn test_accounts(p: &Project) -> TestResult {
    p.patch(json!({"test_account_filters": [{"key": "who", "operator": "is_not", "value": "us"}]}))
        .await?;
    p.events([
        event("e").with("who", "us"),
        event("e").with("who", "them"),
        event("e"),
    ])
    .await?;
    let request = |filter: bool| json!({"events": [{"id": "e"}], "filter_test_accounts": filter, "date_from": "2020-01-01", "date_to": "2020-01-01"});
    p.check_trend(request(false), "count", json!([3])).await?;
    p.check_trend(request(true), "count", json!([2])).await
}

async fn wildcards_are_plain_characters(p: &Project) -> TestResult {
    p.events([
        event("hit")
            .by("percent")
            .at("2020-01-01T01:00Z")
            .with("v", "100%"),
        event("hit").by("plain").at("2020-01-01T02:00Z").with("v", "1000"),
        event("hit").by("under").at("2020-01-01T03:00Z").with("v", "a_b"),
        event("hit").by("letter").at("2020-01-01T04:00Z").with("v", "axb"),
    ])
    .await?;
    check(
        p,
        json!({"key": "v", "operator": "icontains", "value": "0%"}),
        json!(["percent"]),
    )
    .await?;
    check(
        p,
        json!({"key": "v", "operator": "icontains", "value": "A_B"}),
        json!(["under"]),
    )
    .await
}
