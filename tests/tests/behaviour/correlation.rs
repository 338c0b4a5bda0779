//! What those have in common who went through a funnel.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::project::alike;
use tests::request::{events, merged};
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    events_on_the_way,
    one_side_may_outweigh_the_other,
    rare_events_are_chance_and_ten_are_shown,
    properties_of_persons_and_groups,
    properties_of_events,
    what_was_clicked,
    what_actors_of_a_correlation_can_be_asked,
);

/// From A at ten to B at twenty past, if they got there, with these in between.
fn walked(who: &str, converted: bool, between: &[&str]) -> Vec<Event> {
    let at = |name: &str, time: &str| event(name).by(who).at(&format!("2020-01-01T{time}Z"));
    let mut all = vec![at("A", "10:00")];
    all.extend(between.iter().map(|name| at(name, "10:10")));
    if converted {
        all.push(at("B", "10:20"));
    }
    all
}

fn request(extra: Value) -> Value {
    let base = json!({"events": events(&["A", "B"]), "date_from": "2020-01-01", "date_to": "2020-01-31",
        "funnel_window_interval": 1, "funnel_window_interval_unit": "day"});
    merged(&base, extra)
}

/// `expected` has `[name, successes, failures, odds, type]` of each item in order. By GET and by POST it must be so, and
/// exactly those actors are behind each number.
async fn check(p: &Project, request: &Value, expected: Value, skewed: bool) -> anyhow::Result<Value> {
    let result = p.either_way("funnel/correlation", request).await?;
    let items = result["events"].as_array().context("a list of events")?;
    let found: Value = items
        .iter()
        .map(|item| {
            json!([
                item["event"]["event"],
                item["success_count"],
                item["failure_count"],
                item["odds_ratio"],
                item["correlation_type"]
            ])
        })
        .collect();
    ensure!(
        alike(&found, &expected) && result["skewed"] == skewed,
        "{found}, skewed {}, expected {expected}, for {request}",
        result["skewed"]
    );
    for item in items {
        for side in ["success", "failure"] {
            let count = item[format!("{side}_count")].as_f64().context("a count")?;
            p.check_link(&item[format!("{side}_people_url")], count)
                .await
                .with_context(|| format!("{side} of {item}"))?;
        }
    }
    Ok(result)
}

async fn events_on_the_way(p: &Project) -> TestResult {
    let at = |name: &str, who: &str, time: &str| event(name).by(who).at(&format!("2020-01-{time}Z"));
    let mut all = Vec::new();
    for person in 0..7 {
        let who = format!("won {person}");
        all.extend(walked(&who, true, if person < 5 { &["X", "X"] } else { &[] }));
        // With the first step, with the last, and behind it: not on the way.
        all.push(at("at the start", &who, "01T10:00"));
        all.push(at("at the end", &who, "01T10:20"));
        all.push(at("behind", &who, "01T10:30"));
    }
    for person in 0..11 {
        let who = format!("lost {person}");
        all.extend(walked(&who, false, if person < 1 { &["X"] } else { &["A"] }));
        if person < 9 {
            all.push(at("Y", &who, "01T12:00"));
        }
    }
    all.push(at("Y", "won 0", "01T10:05"));
    // The last instant of the window is not in it.
    all.push(at("just in time", "lost 3", "02T09:59:59.999"));
    all.push(at("too late", "lost 4", "02T10:00"));
    // Did not enter at all.
    all.push(at("X", "passer-by", "01T10:10"));
    p.events(all).await?;
    // (5 + 1)(11 - 1 + 1) / ((7 - 5 + 1)(1 + 1)), and so on.
    let x = json!(["X", 5, 1, 11.0, "success"]);
    let y = json!(["Y", 1, 9, 6.0 / 70.0, "failure"]);
    let just = json!(["just in time", 0, 1, 11.0 / 16.0, "failure"]);
    check(p, &request(json!({})), json!([x, y, just]), false).await?;
    let named = json!({"funnel_correlation_type": "events", "funnel_correlation_exclude_event_names": ["Y"]});
    let result = check(p, &request(named), json!([x, just]), false).await?;
    ensure!(
        result["events"][0]["event"] == json!({"event": "X", "properties": {}, "elements": []}),
        "{result}"
    );
    // The funnel's own filters say nothing about what comes in between.
    let filtered = json!({"properties": [{"key": "n", "operator": "is_not_set"}]});
    check(p, &request(filtered), json!([x, y, just]), false).await?;
    // Strict: whoever did anything in between is lost, the time of their entrance goes on for a day.
    let strict =
        request(json!({"funnel_order_type": "strict", "funnel_correlation_exclude_event_names": "[\"Y\"]"}));
    let result = p.either_way("funnel/correlation", &strict).await?;
    let x = result["events"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|item| item["event"]["event"] == "X")
        .context("X is there")?;
    ensure!(x["success_count"] == 0 && x["failure_count"] == 6, "{result}");
    p.check_link(&x["failure_people_url"], 6.0).await.map(drop)
}

async fn one_side_may_outweigh_the_other(p: &Project) -> TestResult {
    for person in 0..11 {
        p.events(walked(&format!("won {person}"), true, &["X"])).await?;
    }
    // Everybody went through: there is nothing to compare with.
    check(p, &request(json!({})), json!([]), true).await?;
    p.events(walked("lost 0", false, &[])).await?;
    let odds = 12.0 * 2.0 / 1.0;
    check(
        p,
        &request(json!({})),
        json!([["X", 11, 0, odds, "success"]]),
        true,
    )
    .await?;
    // Eleven to two are less than ten times as many.
    p.events(walked("lost 1", false, &[])).await?;
    let odds = 12.0 * 3.0 / 1.0;
    check(
        p,
        &request(json!({})),
        json!([["X", 11, 0, odds, "success"]]),
        false,
    )
    .await?;
    // Nobody, and nobody who got there.
    for steps in [["never", "B"], ["A", "never"]] {
        check(p, &request(json!({"events": events(&steps)})), json!([]), true).await?;
    }
    Ok(())
}

async fn rare_events_are_chance_and_ten_are_shown(p: &Project) -> TestResult {
    let names = |kind: &str| -> Vec<String> { (0..12).map(|index| format!("{kind}{index:02}")).collect() };
    let (good, bad) = (names("good"), names("bad"));
    let mut all = Vec::new();
    for person in 0..50 {
        let (mut won, mut lost): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        if person < 1 {
            won.push("rare");
        }
        // Of a hundred actors two are enough.
        if person < 2 {
            won.extend(good.iter().map(String::as_str));
            lost.extend(bad.iter().map(String::as_str));
        }
        if person < 3 {
            lost.push("worst");
        }
        all.extend(walked(&format!("won {person}"), true, &won));
        all.extend(walked(&format!("lost {person}"), false, &lost));
    }
    p.events(all).await?;
    let odds = 3.0 * 51.0 / 49.0;
    let mut expected: Vec<Value> = good[..10]
        .iter()
        .map(|name| json!([name, 2, 0, odds, "success"]))
        .collect();
    // The strongest first, then by name.
    expected.push(json!(["worst", 0, 3, 48.0 / (51.0 * 4.0), "failure"]));
    expected.extend(
        bad[..9]
            .iter()
            .map(|name| json!([name, 0, 2, 1.0 / odds, "failure"])),
    );
    check(p, &request(json!({})), Value::Array(expected), false)
        .await
        .map(drop)
}

async fn properties_of_persons_and_groups(p: &Project) -> TestResult {
    for (who, won, browser) in [
        ("p1", true, "Chrome"),
        ("p2", true, "Chrome"),
        ("p3", true, "Chrome"),
        ("p4", true, "Safari"),
        ("q1", false, "Chrome"),
        ("q2", false, "Safari"),
        ("q3", false, "Safari"),
    ] {
        let mut properties = json!({"$browser": browser});
        if who == "p1" {
            properties["age"] = json!(33);
        }
        p.person(who, "2019-12-01T00:00Z", properties).await?;
        let key = format!("{browser} people");
        let walked = walked(who, won, &[]).into_iter();
        p.events(walked.map(|event| event.of_group("organization", &key)))
            .await?;
    }
    for (key, size) in [("Chrome people", "big"), ("Safari people", "small")] {
        p.group("organization", key, "2019-12-01T00:00Z", json!({"size": size}))
            .await?;
    }
    let chrome = json!(["$browser::Chrome", 3, 1, 3.0, "success"]);
    let safari = json!(["$browser::Safari", 1, 2, 1.0 / 3.0, "failure"]);
    let age = json!(["age::33", 1, 0, 2.0, "success"]);
    let of = |extra: Value| merged(&request(json!({"funnel_correlation_type": "properties"})), extra);
    let named = of(json!({"funnel_correlation_names": ["$browser"]}));
    check(p, &named, json!([chrome, safari]), false).await?;
    // All of them but what ingestion notes down.
    let noted = "$creator_event_uuid";
    let all = json!({"funnel_correlation_names": ["$all"], "funnel_correlation_exclude_names": [noted]});
    check(p, &of(all), json!([chrome, age, safari]), false).await?;
    let but =
        json!({"funnel_correlation_names": "$all", "funnel_correlation_exclude_names": ["$browser", noted]});
    let but = of(but);
    check(p, &but, json!([age]), false).await?;
    // What a person has now counts.
    p.person("q1", "2020-02-01T00:00Z", json!({"$browser": "Safari"}))
        .await?;
    let chrome = json!(["$browser::Chrome", 3, 0, 8.0, "success"]);
    let safari = json!(["$browser::Safari", 1, 3, 2.0 / 16.0, "failure"]);
    check(p, &named, json!([chrome, safari]), false).await?;
    // Groups have their own. Both went through; a third one did not.
    p.group(
        "organization",
        "others",
        "2019-12-01T00:00Z",
        json!({"size": "small"}),
    )
    .await?;
    p.events([event("A")
        .by("o")
        .at("2020-01-01T10:00Z")
        .of_group("organization", "others")])
        .await?;
    let groups = of(json!({"funnel_correlation_names": ["size"], "aggregation_group_type_index": 0}));
    let big = json!(["size::big", 1, 0, 2.0, "success"]);
    let small = json!(["size::small", 1, 1, 0.5, "failure"]);
    check(p, &groups, json!([big, small]), false).await.map(drop)
}

async fn properties_of_events(p: &Project) -> TestResult {
    let pick = |who: &str, color: Value, size: i64| {
        event("pick")
            .by(who)
            .at("2020-01-01T10:10Z")
            .with("color", color)
            .with("size", size)
    };
    for who in ["p1", "p2"] {
        p.events(walked(who, true, &[])).await?;
    }
    for who in ["q1", "q2", "q3"] {
        p.events(walked(who, false, &["other"])).await?;
    }
    // Three reds by two actors; two blues are too few to tell; four of one number, half of them as text.
    p.events([
        pick("p1", json!("red"), 1),
        pick("p1", json!("red"), 1),
        pick("q1", json!("red"), 1),
        pick("q1", json!("blue"), 2),
        pick("q2", json!("blue"), 2),
        pick("p1", json!(7), 3),
        pick("p2", json!("7"), 3),
        pick("p2", json!(7.0), 3),
        pick("q3", json!("7"), 3),
    ])
    .await?;
    let of = |extra: Value| {
        let base = json!({"funnel_correlation_type": "event_with_properties",
            "funnel_correlation_event_names": ["pick"]});
        merged(&request(base), extra)
    };
    // S = 2, F = 3.
    let seven = |name: &str| json!([format!("pick::{name}"), 2, 1, 9.0 / 2.0, "success"]);
    let red = |name: &str| json!([format!("pick::{name}"), 1, 1, 6.0 / 4.0, "success"]);
    check(
        p,
        &of(json!({})),
        json!([
            seven("color::7"),
            seven("size::3"),
            red("color::red"),
            red("size::1")
        ]),
        false,
    )
    .await?;
    check(
        p,
        &of(json!({"funnel_correlation_event_exclude_property_names": ["size"]})),
        json!([seven("color::7"), red("color::red")]),
        false,
    )
    .await?;
    check(
        p,
        &of(json!({"funnel_correlation_event_names": ["never"]})),
        json!([]),
        false,
    )
    .await
    .map(drop)
}

async fn what_was_clicked(p: &Project) -> TestResult {
    let chain = "button.buy:nth-child=\"2\"nth-of-type=\"1\"text=\"Buy; \\\"now\\\"\";div:nth-child=\"1\"nth-of-type=\"1\"";
    let click = |who: &str, minute: u32, chain: &str| {
        event("$autocapture")
            .by(who)
            .at(&format!("2020-01-01T10:{minute:02}Z"))
            .with("$event_type", "click")
            .with("$elements_chain", chain)
    };
    p.events(walked("p1", true, &[])).await?;
    p.events(walked("p2", true, &[])).await?;
    p.events(walked("q1", false, &[])).await?;
    p.events([
        click("p1", 5, chain),
        click("p1", 6, chain),
        click("p2", 7, chain),
        click("q1", 5, "a:nth-child=\"1\"nth-of-type=\"1\""),
    ])
    .await?;
    let of = json!({"funnel_correlation_type": "event_with_properties",
        "funnel_correlation_event_names": ["$autocapture"]});
    let name = format!("$autocapture::elements_chain::click__~~__{chain}");
    let result = check(p, &request(of), json!([[name, 2, 0, 6.0, "success"]]), false).await?;
    let item = &result["events"][0]["event"];
    ensure!(item["properties"] == json!({"$event_type": "click"}), "{item}");
    let (button, div) = (&item["elements"][0], &item["elements"][1]);
    ensure!(
        button["tag_name"] == "button"
            && button["attr_class"] == json!(["buy"])
            && button["text"] == "Buy; \"now\""
            && button["nth_child"] == 2
            && button["order"] == 0
            && div["tag_name"] == "div"
            && div["order"] == 1,
        "{item}"
    );
    Ok(())
}

async fn what_actors_of_a_correlation_can_be_asked(p: &Project) -> TestResult {
    for (who, won, between) in [
        ("p1", true, &["X"][..]),
        ("p2", true, &[]),
        ("q1", false, &["X"]),
        ("q2", false, &[]),
        ("q3", false, &[]),
    ] {
        p.events(walked(who, won, between)).await?;
    }
    let entity = json!({"id": "X", "type": "events"});
    for (extra, expected) in [
        (
            json!({"funnel_correlation_person_entity": entity, "funnel_correlation_person_converted": true}),
            1,
        ),
        (
            json!({"funnel_correlation_person_entity": entity, "funnel_correlation_person_converted": "false"}),
            1,
        ),
        (json!({"funnel_correlation_person_entity": entity}), 2),
        (json!({"funnel_correlation_person_converted": false}), 3),
        (json!({}), 5),
        (json!({"funnel_correlation_person_limit": 2}), 2),
        (
            json!({"funnel_correlation_person_limit": 2, "funnel_correlation_person_offset": 4}),
            1,
        ),
    ] {
        let asked = merged(&request(json!({})), extra.clone());
        let answer = p.post("persons/funnel/correlation/", asked.clone()).await?;
        ensure!(
            answer["results"][0]["count"] == expected,
            "{} for {extra}",
            answer["results"][0]["count"]
        );
        let path = format!(
            "persons/funnel/correlation/?{}",
            tests::request::query_string(&asked)
        );
        ensure!(p.get(&path).await?["results"] == answer["results"], "{extra}");
    }
    Ok(())
}
