//! Actions: which events they are, and how they are kept.

use anyhow::{Context, ensure};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::funnel::field;
use tests::request::names;
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    addresses_match_in_three_ways,
    selectors_of_elements,
    texts_tags_and_links_of_elements,
    elements_sent_as_a_list,
    any_step_and_all_of_its_parts,
    properties_of_every_kind,
    an_action_without_steps_never_matches,
    actions_are_made_changed_and_deleted,
    steps_change_one_by_one,
    names_are_taken_once,
    the_most_frequent_first,
    wrong_actions_are_refused,
);

async fn made(p: &Project, steps: &Value) -> anyhow::Result<Value> {
    let name = format!("action {}", uuid::Uuid::new_v4());
    p.post("actions/", json!({"name": name, "steps": steps})).await
}

/// Who did the events that the steps match. The event list, the action's own count and a trend must agree.
async fn check(p: &Project, steps: Value, expected: &[&str]) -> TestResult {
    let action = made(p, &steps).await?;
    let id = &action["id"];
    let page = p
        .get(&format!(
            "events/?action_id={id}&after=2019-12-01T00:00:00Z&before=2020-02-01T00:00:00Z&limit=100"
        ))
        .await?;
    let mut found: Vec<&str> = page["results"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|event| event["distinct_id"].as_str())
        .collect();
    found.sort_unstable();
    ensure!(
        found == expected,
        "{steps} match {found:?}, expected {expected:?}"
    );
    let count = p.get(&format!("actions/{id}/count/")).await?;
    ensure!(count["count"] == expected.len(), "{count} for {steps}");
    p.check_trend(
        json!({"actions": [{"id": id, "type": "actions"}], "date_from": "2020-01-01", "date_to": "2020-01-31"}),
        "count",
        json!([expected.len()]),
    )
    .await
}

async fn addresses_match_in_three_ways(p: &Project) -> TestResult {
    let viewed = |who: &str, url: &str| {
        event("$pageview")
            .by(who)
            .with("$current_url", format!("https://x.example/{url}"))
    };
    p.events([
        viewed("other", "100x/axb"),
        viewed("percent", "100%/a_b"),
        viewed("plain", "thanks"),
        viewed("query", "thanks?a=1"),
        viewed("upper", "THANKS"),
        event("$pageview").by("without"),
        event("buy")
            .by("buyer")
            .with("$current_url", "https://x.example/thanks"),
    ])
    .await?;
    for (matching, url, expected) in [
        (Value::Null, "/thanks", &["plain", "query"][..]),
        (json!("contains"), "/thanks", &["plain", "query"]),
        (json!(""), "hank", &["plain", "query"]),
        // Nothing in it is a wildcard.
        (json!("contains"), "100%", &["percent"]),
        (json!("contains"), "a_b", &["percent"]),
        (json!("contains"), ".*", &[]),
        (json!("exact"), "https://x.example/thanks", &["plain"]),
        (json!("exact"), "/thanks", &[]),
        (json!("regex"), "thanks$", &["plain"]),
        (
            json!("regex"),
            "^https?://x\\.example/(thanks|THANKS)",
            &["plain", "query", "upper"],
        ),
        (json!("regex"), "(?i)thanks$", &["plain", "upper"]),
        (json!("regex"), "\\d+.?/a", &["other", "percent"]),
        (json!("regex"), "[^x]/a", &["percent"]),
    ] {
        let step = json!({"event": "$pageview", "url": url, "url_matching": matching});
        check(p, json!([step]), expected).await?;
    }
    // Without a name any event will do.
    for name in [Value::Null, json!("")] {
        let step = json!({"event": name, "url": "/thanks", "url_matching": "contains"});
        check(p, json!([step]), &["buyer", "plain", "query"]).await?;
    }
    // Without an address every page.
    let step = json!({"event": "$pageview", "url": "", "url_matching": "exact"});
    check(
        p,
        json!([step]),
        &["other", "percent", "plain", "query", "upper", "without"],
    )
    .await
}

async fn clicks(p: &Project) -> TestResult {
    let click = |who: &str, chain: &str| {
        event("$autocapture")
            .by(who)
            .with("$event_type", "click")
            .with("$elements_chain", chain)
    };
    p.events([
        click(
            "one",
            "a.btn.primary:attr__data-kind=\"big one\"attr_id=\"buy\"href=\"/buy\"nth-child=\"2\"nth-of-type=\"1\"text=\"Buy\";\
             div.inner:nth-child=\"1\"nth-of-type=\"1\";\
             section.outer:attr_id=\"main\"nth-child=\"3\"nth-of-type=\"2\";\
             body:nth-child=\"2\"nth-of-type=\"1\"",
        ),
        click(
            "three",
            "span:nth-child=\"1\"nth-of-type=\"1\"text=\"Buy\";\
             a.btn-x.primary:href=\"/buy\"nth-child=\"12\"nth-of-type=\"1\"text=\"Go > \\\"there\\\"; now\";\
             div:nth-child=\"1\"nth-of-type=\"1\";\
             body:nth-child=\"2\"nth-of-type=\"1\"",
        ),
        click(
            "two",
            "a.btn:href=\"/sell\"nth-child=\"1\"nth-of-type=\"1\"text=\"buy\";\
             section.outer:nth-child=\"1\"nth-of-type=\"1\";\
             body:nth-child=\"2\"nth-of-type=\"1\"",
        ),
        event("$autocapture").by("nowhere"),
        event("buy").by("buyer").with("$elements_chain", "a.btn:text=\"Buy\""),
    ])
    .await
}

async fn selectors_of_elements(p: &Project) -> TestResult {
    clicks(p).await?;
    for (selector, expected) in [
        ("a", &["one", "three", "two"][..]),
        ("*", &["one", "three", "two"]),
        ("b", &[]),
        // Classes are whole, in any order.
        ("a.btn", &["one", "two"]),
        (".primary", &["one", "three"]),
        ("a.primary.btn", &["one"]),
        (".btn-x", &["three"]),
        (".bt", &[]),
        // Attributes.
        ("[id=\"buy\"]", &["one"]),
        ("[id='main']", &["one"]),
        ("#buy", &["one"]),
        ("section#main", &["one"]),
        ("a#main", &[]),
        ("[href=\"/buy\"]", &["one", "three"]),
        ("a.btn[href=\"/sell\"]", &["two"]),
        ("[data-kind=\"big one\"]", &["one"]),
        ("[data-kind=\"big\"]", &[]),
        // Places.
        ("a:nth-child(2)", &["one"]),
        ("a:nth-child(1)", &["two"]),
        ("section:nth-of-type(2)", &["one"]),
        ("section:nth-child(3):nth-of-type(2)", &["one"]),
        ("section:nth-child(3):nth-of-type(1)", &[]),
        // Inside something, however deep.
        ("section a", &["one", "two"]),
        ("body a.primary", &["one", "three"]),
        ("a span", &["three"]),
        ("span a", &[]),
        ("div *", &["one", "three"]),
        // Directly inside.
        ("section > a", &["two"]),
        ("section>a", &["two"]),
        ("div > a", &["one", "three"]),
        ("section > div > a", &["one"]),
        ("body > a", &[]),
        ("* > span", &["three"]),
        ("section.outer div.inner > a.btn", &["one"]),
        ("body section > a[href=\"/sell\"]:nth-child(1)", &["two"]),
        ("body > section div > a", &["one"]),
        ("body > div a > span", &["three"]),
        // The text of an element is no part of the tree.
        ("a > there", &[]),
        ("now", &[]),
    ] {
        let step = json!({"event": "$autocapture", "selector": selector});
        check(p, json!([step]), expected).await?;
    }
    Ok(())
}

async fn texts_tags_and_links_of_elements(p: &Project) -> TestResult {
    clicks(p).await?;
    for (step, expected) in [
        (json!({"tag_name": "a"}), &["one", "three", "two"][..]),
        (json!({"tag_name": "span"}), &["three"]),
        (json!({"tag_name": "sec"}), &[]),
        (json!({"text": "Buy"}), &["one", "three"]),
        (json!({"text": "buy"}), &["two"]),
        (json!({"text": "Bu"}), &[]),
        (json!({"text": " Buy"}), &[]),
        (json!({"text": "Go > \"there\"; now"}), &["three"]),
        (json!({"href": "/buy"}), &["one", "three"]),
        (json!({"href": "/bu"}), &[]),
        // Each part may be another element's.
        (json!({"tag_name": "span", "href": "/buy"}), &["three"]),
        (json!({"text": "Buy", "href": "/sell"}), &[]),
        (json!({"selector": "section", "text": "buy"}), &["two"]),
        (
            json!({"selector": "", "tag_name": "", "text": "", "href": "/sell"}),
            &["two"],
        ),
        (
            json!({"text": "Buy", "properties": [{"key": "selector", "type": "element", "value": "section"}]}),
            &["one"],
        ),
    ] {
        let mut step = step;
        step["event"] = json!("$autocapture");
        check(p, json!([step]), expected).await?;
    }
    // Other events have none: what the step says of elements does not count.
    let step = json!({"event": "buy", "tag_name": "b", "text": "x", "href": "/y", "selector": "z > y"});
    check(p, json!([step]), &["buyer"]).await
}

async fn elements_sent_as_a_list(p: &Project) -> TestResult {
    p.events([event("$autocapture").by("list").with(
        "$elements",
        json!([
            {"tag_name": "a", "$el_text": "Say \"hi\"", "nth_child": 2, "nth_of_type": 1,
                "classes": ["play", "watch"], "attr__class": "watch play", "attr__href": "/film?a=1;b=2", "attr__id": "it"},
            {"tag_name": "div", "nth_child": 1, "nth_of_type": 1},
        ]),
    )])
    .await?;
    for step in [
        json!({"text": "Say \"hi\""}),
        json!({"href": "/film?a=1;b=2"}),
        json!({"selector": "div > a.play.watch:nth-child(2)"}),
        json!({"selector": "div a#it"}),
        json!({"selector": "a[href=\"/film?a=1;b=2\"]", "tag_name": "div"}),
    ] {
        let mut step = step;
        step["event"] = json!("$autocapture");
        check(p, json!([step]), &["list"]).await?;
    }
    let step = json!({"event": "$autocapture", "selector": "a > div"});
    check(p, json!([step]), &[]).await
}

async fn any_step_and_all_of_its_parts(p: &Project) -> TestResult {
    p.events([
        event("buy").by("p1").with("plan", "pro"),
        event("buy").by("p2").with("plan", "free"),
        event("$pageview")
            .by("p3")
            .with("$current_url", "/thanks")
            .with("plan", "pro"),
        event("$pageview").by("p4").with("$current_url", "/thanks"),
    ])
    .await?;
    let pro = json!([{"key": "plan", "value": "pro"}]);
    let bought = json!({"event": "buy", "properties": pro});
    let thanked = json!({"event": "$pageview", "url": "/thanks", "properties": pro});
    check(p, json!([bought]), &["p1"]).await?;
    check(p, json!([bought, thanked]), &["p1", "p3"]).await?;
    // An event that two steps match is one event.
    check(
        p,
        json!([bought, {"event": "buy"}, {"event": null}]),
        &["p1", "p2", "p3", "p4"],
    )
    .await?;
    // Filters of the series come on top.
    let action = made(p, &json!([{"event": "buy"}, {"event": "$pageview"}])).await?;
    p.check_trend(
        json!({"actions": [{"id": action["id"], "type": "actions", "properties": pro}],
            "properties": [{"key": "$current_url", "operator": "is_not_set"}],
            "date_from": "2020-01-01", "date_to": "2020-01-31"}),
        "count",
        json!([1]),
    )
    .await
}

async fn properties_of_every_kind(p: &Project) -> TestResult {
    p.person("ann", "2019-11-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.group("organization", "acme", "2019-11-01T00:00Z", json!({"size": 7}))
        .await?;
    p.events([
        event("e").by("ann").with("n", 10),
        event("e")
            .by("bob")
            .with("n", "3")
            .of_group("organization", "acme"),
        event("e").by("cat"),
    ])
    .await?;
    let groups = json!([{"properties": [{"key": "plan", "type": "person", "value": "pro"}]}]);
    let cohort = p
        .post("cohorts/", json!({"name": "pro", "groups": groups}))
        .await?;
    for (properties, expected) in [
        (json!([{"key": "n", "operator": "gt", "value": 3}]), &["ann"][..]),
        (
            json!([{"key": "n", "operator": "is_not", "value": 10}]),
            &["bob", "cat"],
        ),
        (
            json!([{"key": "plan", "type": "person", "value": "pro"}]),
            &["ann"],
        ),
        (
            json!([{"key": "size", "type": "group", "group_type_index": 0, "value": "7"}]),
            &["bob"],
        ),
        (
            json!([{"key": "id", "type": "cohort", "value": cohort["id"]}]),
            &["ann"],
        ),
        (
            json!({"type": "OR", "values": [{"key": "n", "value": 3}, {"key": "plan", "type": "person", "value": "pro"}]}),
            &["ann", "bob"],
        ),
    ] {
        check(p, json!([{"event": "e", "properties": properties}]), expected).await?;
    }
    Ok(())
}

async fn an_action_without_steps_never_matches(p: &Project) -> TestResult {
    p.events([event("e").by("ann")]).await?;
    check(p, json!([]), &[]).await?;
    let action = made(p, &json!([])).await?;
    let steps = json!([{"id": "e", "order": 0}]);
    let funnel = json!({"events": steps, "actions": [{"id": action["id"], "type": "actions", "order": 1}],
        "date_from": "2020-01-01", "date_to": "2020-01-31"});
    p.check_funnel(&funnel, json!([1, 0])).await.map(drop)
}

async fn actions_are_made_changed_and_deleted(p: &Project) -> TestResult {
    p.events([event("a").by("ann"), event("b").by("bob"), event("b").by("cat")])
        .await?;
    let first = p
        .post(
            "actions/",
            json!({"name": "first", "description": "what it is", "tags": ["z", "a", "z"],
                "steps": [{"event": "a", "isNew": "yes", "selection": [1]}], "unknown": 1}),
        )
        .await?;
    ensure!(
        first["name"] == "first"
            && first["description"] == "what it is"
            && first["tags"] == json!(["a", "z"])
            && first["deleted"] == false
            && first["created_at"].is_string()
            && first["steps"][0]["event"] == "a"
            && first["steps"][0]["id"].is_number()
            && first["steps"][0].get("isNew").is_none(),
        "{first}"
    );
    let second = p
        .post("actions/", json!({"name": "second", "steps": [{"event": "b"}]}))
        .await?;
    // The newest comes first.
    let listed = |list: &Value| field(&list["results"], "name");
    let list = p.get("actions/").await?;
    ensure!(listed(&list)? == json!(["second", "first"]), "{list}");
    let path = format!("actions/{}/", first["id"]);
    ensure!(p.get(&path).await? == first, "read as it was made");

    let trend = json!({"actions": [{"id": first["id"], "type": "actions", "name": "old"}],
        "date_from": "2020-01-01", "date_to": "2020-01-31"});
    p.check_trend(trend.clone(), "label", json!(["first"])).await?;
    let changed = p
        .change(&path, json!({"name": "renamed", "tags": [], "description": null}))
        .await?;
    ensure!(
        changed["name"] == "renamed" && changed["tags"] == json!([]) && changed["description"] == "",
        "{changed}"
    );
    ensure!(changed["steps"] == first["steps"], "{changed}");
    p.check_trend(trend.clone(), "label", json!(["renamed"])).await?;
    p.change(&path, json!({"steps": [{"event": "b"}]})).await?;
    p.check_trend(trend.clone(), "count", json!([2])).await?;

    let (status, body) = p
        .send(Method::DELETE, &format!("/api/projects/{}/{path}", p.id), None)
        .await?;
    ensure!(
        status == StatusCode::NO_CONTENT && body.is_null(),
        "{status} {body}"
    );
    let list = p.get("actions/").await?;
    ensure!(listed(&list)? == json!(["second"]), "{list}");
    // What is gone has no numbers in a trend, and is no step of a funnel.
    let result = p.insight("trend", trend.clone()).await?;
    ensure!(result == json!([]), "{result}");
    p.check_refused("insights/funnel/", trend, "actions__0__id")
        .await?;
    // Deleted by a change, too.
    let path = format!("actions/{}/", second["id"]);
    p.change(&path, json!({"deleted": true})).await?;
    let list = p.get("actions/").await?;
    ensure!(listed(&list)? == json!([]), "{list}");
    for id in ["999999", "x", "-1", "99999999999999999999"] {
        let address = format!("/api/projects/{}/actions/{id}/", p.id);
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            let (status, answer) = p.send(method, &address, Some(&json!({}))).await?;
            ensure!(
                status == StatusCode::NOT_FOUND && answer["code"] == "not_found",
                "{address}: {status} {answer}"
            );
        }
    }
    Ok(())
}

async fn steps_change_one_by_one(p: &Project) -> TestResult {
    let action = made(
        p,
        &json!([{"event": "a", "url": "/x"}, {"event": "b"}, {"event": "c"}]),
    )
    .await?;
    let path = format!("actions/{}/", action["id"]);
    let ids = field(&action["steps"], "id")?;
    // Nothing is said of them: nothing changes.
    let same = p.change(&path, json!({"tags": ["t"]})).await?;
    ensure!(same["steps"] == action["steps"], "{same}");
    // One is changed, one is new, two are gone.
    let changed = p
        .change(
            &path,
            json!({"steps": [{"id": ids[0], "event": "d"}, {"event": "new", "name": " spaced "}]}),
        )
        .await?;
    ensure!(
        field(&changed["steps"], "event")? == json!(["d", "new"])
            && changed["steps"][0]["id"] == ids[0]
            && changed["steps"][0]["url"] == "/x"
            && changed["steps"][1]["name"] == " spaced ",
        "{changed}"
    );
    let new = &changed["steps"][1]["id"];
    ensure!(ids.as_array().is_some_and(|ids| !ids.contains(new)), "{changed}");
    ensure!(p.get(&path).await?["steps"] == changed["steps"], "{changed}");
    let none = p.change(&path, json!({"steps": []})).await?;
    ensure!(none["steps"] == json!([]), "{none}");
    Ok(())
}

async fn names_are_taken_once(p: &Project) -> TestResult {
    let first = p.post("actions/", json!({"name": "one", "steps": []})).await?;
    let second = p.post("actions/", json!({"name": "two", "steps": []})).await?;
    let refused = |answer: &(StatusCode, Value)| {
        answer.0 == StatusCode::BAD_REQUEST
            && answer.1["type"] == "validation_error"
            && answer.1["code"] == "unique"
            && answer.1["attr"] == "name"
            && answer.1["detail"]
                == json!(format!(
                    "This project already has an action with this name, ID {}",
                    first["id"]
                ))
    };
    let address = |rest: &str| format!("/api/projects/{}/actions/{rest}", p.id);
    let own = json!({"name": "one"});
    let answer = p.send(Method::POST, &address(""), Some(&own)).await?;
    ensure!(refused(&answer), "{answer:?}");
    let other = address(&format!("{}/", second["id"]));
    let answer = p.send(Method::PATCH, &other, Some(&own)).await?;
    ensure!(refused(&answer), "{answer:?}");
    // Its own name is no other's.
    p.change(&format!("actions/{}/", first["id"]), own.clone())
        .await?;
    // Nor is that of one that is gone.
    p.change(&format!("actions/{}/", first["id"]), json!({"deleted": true}))
        .await?;
    p.change(&format!("actions/{}/", second["id"]), own.clone())
        .await?;
    // And one that comes back must not find its name taken.
    let back = p
        .send(
            Method::PATCH,
            &address(&format!("{}/", first["id"])),
            Some(&json!({"deleted": false})),
        )
        .await?;
    ensure!(
        back.0 == StatusCode::BAD_REQUEST || back.0 == StatusCode::NOT_FOUND,
        "{back:?}"
    );
    Ok(())
}

async fn the_most_frequent_first(p: &Project) -> TestResult {
    let times = |name: &str, count: usize| -> Vec<Event> { (0..count).map(|_| event(name)).collect() };
    p.events(times("a", 1)).await?;
    p.events(times("b", 3)).await?;
    for name in ["a", "b", "never"] {
        p.post("actions/", json!({"name": name, "steps": [{"event": name}]}))
            .await?;
    }
    let list = p.get("actions/?include_count=true").await?;
    ensure!(
        field(&list["results"], "name")? == json!(["b", "a", "never"])
            && field(&list["results"], "count")? == json!([3, 1, 0]),
        "{list}"
    );
    // Those who did it.
    let id = list["results"][0]["id"].clone();
    let people = p
        .get(&format!(
            "actions/people/?entity_id={id}&entity_type=actions&date_from=2020-01-01&date_to=2020-01-01"
        ))
        .await?;
    let people = people["results"][0]["people"].as_array().context("people")?;
    ensure!(names(people) == ["someone"], "{people:?}");
    Ok(())
}

async fn wrong_actions_are_refused(p: &Project) -> TestResult {
    let step = |step: Value| json!({"name": "n", "steps": [step]});
    for (body, attr) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "  "}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"name": "n".repeat(401)}), "name"),
        (json!({"name": "n", "tags": "t"}), "tags"),
        (json!({"name": "n", "tags": [1]}), "tags__0"),
        (json!({"name": "n", "description": []}), "description"),
        (json!({"name": "n", "steps": {}}), "steps"),
        (json!({"name": "n", "steps": ["e"]}), "steps__0"),
        (step(json!({"event": 5})), "steps__0__event"),
        (step(json!({"url_matching": "fuzzy"})), "steps__0__url_matching"),
        (
            step(json!({"event": "$autocapture", "selector": "a >"})),
            "steps__0__selector",
        ),
        (
            step(json!({"event": "$autocapture", "selector": "a:hover"})),
            "steps__0__selector",
        ),
        (step(json!({"properties": "nonsense"})), "steps__0__properties"),
        (
            step(json!({"properties": [{"key": "a", "operator": "like", "value": 1}]})),
            "steps__0__properties__0__operator",
        ),
        (
            step(json!({"url": "(", "url_matching": "regex"})),
            "steps__0__url",
        ),
        (
            step(json!({"properties": [{"key": "a", "operator": "regex", "value": "?*"}]})),
            "steps__0__properties__0__value",
        ),
    ] {
        p.check_refused("actions/", body, attr).await?;
    }
    let list = p.get("actions/").await?;
    ensure!(list["results"] == json!([]), "{list}");
    Ok(())
}
