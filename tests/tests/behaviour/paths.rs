//! Paths: from where to where people went.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::project::alike;
use tests::request::{events, merged, names, query_string};
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    pages_of_one_visit,
    items_of_other_events,
    half_an_hour_ends_a_visit,
    the_first_items_are_kept,
    from_a_start,
    to_an_end,
    from_a_start_to_an_end,
    wildcards_and_cleaning_rules,
    excluded_items_are_not_there,
    bounds_on_edges,
    edges_that_hang_in_the_air_are_dropped,
    parts_of_a_funnel,
    actors_of_an_edge_and_of_a_drop_off,
    groups_merges_and_filters,
);

/// Page views on 1 January 2020: `("/a", "10:00")`.
fn viewed(who: &str, pages: &[(&str, &str)]) -> Vec<Event> {
    pages
        .iter()
        .map(|(page, time)| {
            event("$pageview")
                .by(who)
                .at(&format!("2020-01-01T{time}Z"))
                .with("$current_url", *page)
        })
        .collect()
}

/// Pages one minute after the other, from ten on.
fn walked(who: &str, pages: &[&str]) -> Vec<Event> {
    let times: Vec<String> = (0..pages.len()).map(|minute| format!("10:{minute:02}")).collect();
    let pages: Vec<(&str, &str)> = pages
        .iter()
        .copied()
        .zip(times.iter().map(String::as_str))
        .collect();
    viewed(who, &pages)
}

fn january(extra: Value) -> Value {
    let base =
        json!({"include_event_types": ["$pageview"], "date_from": "2020-01-01", "date_to": "2020-01-31"});
    merged(&base, extra)
}

/// `expected` has `[source, target, value, milliseconds]` of each edge. By GET and by POST it must be so, and at least one
/// actor is behind each edge, no more than went along it.
async fn check(p: &Project, request: &Value, expected: Value) -> anyhow::Result<Value> {
    let result = p.either_way("path", request).await?;
    let edges = result.as_array().context("a list of edges")?;
    let found: Value = edges
        .iter()
        .map(|edge| {
            json!([
                edge["source"],
                edge["target"],
                edge["value"],
                edge["average_conversion_time"]
            ])
        })
        .collect();
    ensure!(
        alike(&found, &expected),
        "answered {found}, expected {expected}, for {request}"
    );
    for edge in edges {
        let actors = p.people(&edge["people_url"]).await?.len();
        let value = edge["value"].as_u64().context("an edge has a value")?;
        ensure!(
            (1..=value).contains(&(actors as u64)),
            "{actors} actors behind {edge}"
        );
    }
    Ok(result)
}

/// Names of those who are behind a paths request with these keys.
async fn actors(p: &Project, request: &Value, keys: Value) -> anyhow::Result<Vec<String>> {
    let path = format!(
        "/api/projects/{}/persons/path/?{}",
        p.id,
        query_string(&merged(request, keys))
    );
    Ok(names(&p.people(&json!(path)).await?))
}

async fn pages_of_one_visit(p: &Project) -> TestResult {
    p.events(viewed(
        "p1",
        &[
            ("/a", "10:00"),
            ("/a/", "10:05"),
            ("/b", "10:10"),
            ("/c", "11:00"),
        ],
    ))
    .await?;
    let edge = json!(["1_/a", "2_/b", 1, 300_000]);
    check(p, &january(json!({})), json!([edge])).await?;
    // Transitions are counted, not people; times are averaged.
    p.events(viewed("p1", &[("/a", "15:00"), ("/b", "15:01")]))
        .await?;
    p.events(viewed("p2", &[("/a", "10:00"), ("/b", "10:02"), ("/a", "10:03")]))
        .await?;
    let result = check(
        p,
        &january(json!({})),
        json!([["1_/a", "2_/b", 3, 160_000], ["2_/b", "3_/a", 1, 60_000]]),
    )
    .await?;
    let people = p.people(&result[0]["people_url"]).await?;
    ensure!(names(&people) == ["p1", "p2"], "{people:?}");
    // Nobody in another month; one part of the day.
    check(
        p,
        &january(json!({"date_from": "2020-02-01", "date_to": "2020-02-02"})),
        json!([]),
    )
    .await?;
    check(
        p,
        &january(json!({"date_from": "2020-01-01T15:00:00Z", "date_to": "2020-01-01T15:01:00.001Z"})),
        json!([["1_/a", "2_/b", 1, 60_000]]),
    )
    .await
    .map(drop)
}

async fn items_of_other_events(p: &Project) -> TestResult {
    let at = |name: &str, minute: u32| event(name).by("p1").at(&format!("2020-01-01T10:{minute:02}Z"));
    p.events([
        at("$pageview", 0).with("$current_url", "/"),
        at("$screen", 1).with("$screen_name", "Home/"),
        at("buy", 2),
        at("$autocapture", 3),
        at("look", 4),
        at("$pageview", 5).with("$current_url", "//"),
    ])
    .await?;
    let edges = |items: &[&str]| -> Value {
        let mut edges: Vec<Value> = items
            .windows(2)
            .enumerate()
            .map(|(index, pair)| {
                json!([
                    format!("{}_{}", index + 1, pair[0]),
                    format!("{}_{}", index + 2, pair[1]),
                    1
                ])
            })
            .collect();
        edges.sort_by_key(|edge| edge[0].to_string());
        edges.into()
    };
    for (which, items) in [
        (
            json!({"include_event_types": []}),
            &["/", "Home/", "buy", "$autocapture", "look", "/"][..],
        ),
        (
            json!({"include_event_types": ["$screen", "$pageview"]}),
            &["/", "Home/", "/"],
        ),
        (json!({"include_event_types": ["custom_event"]}), &["buy", "look"]),
        (
            json!({"include_event_types": ["$screen"], "include_custom_events": ["look"]}),
            &["Home/", "look"],
        ),
        (
            json!({"include_event_types": null, "include_custom_events": ["$autocapture", "buy"]}),
            &["buy", "$autocapture"],
        ),
    ] {
        let request = merged(&january(json!({"step_limit": 6})), which);
        let result = p.either_way("path", &request).await?;
        let found: Value = result
            .as_array()
            .into_iter()
            .flatten()
            .map(|edge| json!([edge["source"], edge["target"], edge["value"]]))
            .collect();
        ensure!(
            found == edges(items),
            "answered {found}, expected {}, for {request}",
            edges(items)
        );
    }
    // What has neither address nor name is an item still.
    p.events([
        event("$pageview").by("p2").at("2020-01-01T10:00Z"),
        event("buy").by("p2").at("2020-01-01T10:01Z"),
    ])
    .await?;
    let request = january(json!({"include_event_types": null, "edge_limit": 1, "start_point": null}));
    let result = p
        .insight("path", merged(&request, json!({"edge_limit": 50})))
        .await?;
    ensure!(
        result
            .as_array()
            .into_iter()
            .flatten()
            .any(|edge| edge["source"] == "1_" && edge["target"] == "2_buy"),
        "{result}"
    );
    Ok(())
}

async fn half_an_hour_ends_a_visit(p: &Project) -> TestResult {
    p.events(viewed("p1", &[("/a", "10:00"), ("/b", "10:30")]))
        .await?;
    p.events(viewed("p2", &[("/a", "10:00"), ("/b", "10:29:59.999")]))
        .await?;
    check(p, &january(json!({})), json!([["1_/a", "2_/b", 1, 1_799_999]])).await?;
    // A run counts with its last item: the pause begins there, and so does the way.
    p.events(viewed(
        "p3",
        &[("/c", "10:00"), ("/c", "10:20"), ("/c", "10:40"), ("/d", "10:50")],
    ))
    .await?;
    // Simultaneous items go by their names.
    p.events(viewed("p4", &[("/y", "10:00"), ("/x", "10:00"), ("/z", "10:01")]))
        .await?;
    check(
        p,
        &january(json!({})),
        json!([
            ["1_/a", "2_/b", 1, 1_799_999],
            ["1_/c", "2_/d", 1, 600_000],
            ["1_/x", "2_/y", 1, 0],
            ["2_/y", "3_/z", 1, 60_000]
        ]),
    )
    .await
    .map(drop)
}

async fn seven_pages(p: &Project) -> TestResult {
    p.events(walked("p1", &["/1", "/2", "/3", "/4", "/5", "/6", "/7"]))
        .await
}

fn minute(source: &str, target: &str) -> Value {
    json!([source, target, 1, 60_000])
}

async fn the_first_items_are_kept(p: &Project) -> TestResult {
    seven_pages(p).await?;
    let five = json!([
        minute("1_/1", "2_/2"),
        minute("2_/2", "3_/3"),
        minute("3_/3", "4_/4"),
        minute("4_/4", "5_/5")
    ]);
    check(p, &january(json!({})), five.clone()).await?;
    check(p, &january(json!({"step_limit": 5})), five).await?;
    check(
        p,
        &january(json!({"step_limit": "2"})),
        json!([minute("1_/1", "2_/2")]),
    )
    .await?;
    // One item leads nowhere.
    check(p, &january(json!({"step_limit": 1})), json!([])).await?;
    let all = p.insight("path", january(json!({"step_limit": 20}))).await?;
    ensure!(all.as_array().map(Vec::len) == Some(6), "{all}");
    Ok(())
}

async fn from_a_start(p: &Project) -> TestResult {
    seven_pages(p).await?;
    p.events(walked("p2", &["/x", "/3", "/y", "/3", "/z"])).await?;
    p.events(walked("p3", &["/x", "/y"])).await?;
    check(
        p,
        &january(json!({"start_point": "/3", "step_limit": 3})),
        json!([
            minute("1_/3", "2_/4"),
            minute("1_/3", "2_/y"),
            minute("2_/4", "3_/5"),
            minute("2_/y", "3_/3")
        ]),
    )
    .await?;
    // It is the whole item.
    check(p, &january(json!({"start_point": "3"})), json!([])).await?;
    check(p, &january(json!({"start_point": "/3/"})), json!([])).await?;
    check(p, &january(json!({"start_point": "/never"})), json!([]))
        .await
        .map(drop)
}

async fn to_an_end(p: &Project) -> TestResult {
    seven_pages(p).await?;
    p.events(walked("p2", &["/x", "/5", "/y", "/5"])).await?;
    check(
        p,
        &january(json!({"end_point": "/5", "step_limit": 3})),
        json!([
            minute("1_/3", "2_/4"),
            minute("1_/x", "2_/5"),
            minute("2_/4", "3_/5")
        ]),
    )
    .await?;
    check(p, &january(json!({"end_point": "/never"})), json!([]))
        .await
        .map(drop)
}

async fn from_a_start_to_an_end(p: &Project) -> TestResult {
    seven_pages(p).await?;
    let both = |limit: u32| january(json!({"start_point": "/2", "end_point": "/7", "step_limit": limit}));
    // The dots stand for what lies between, from the first of them on.
    check(
        p,
        &both(4),
        json!([
            minute("1_/2", "2_/3"),
            minute("2_/3", "3_..."),
            ["3_...", "4_/6", 1, 120_000],
            minute("4_/6", "5_/7")
        ]),
    )
    .await?;
    check(
        p,
        &both(5),
        json!([
            minute("1_/2", "2_/3"),
            minute("2_/3", "3_..."),
            ["3_...", "4_/6", 1, 120_000],
            minute("4_/6", "5_/7")
        ]),
    )
    .await?;
    check(
        p,
        &both(6),
        json!([
            minute("1_/2", "2_/3"),
            minute("2_/3", "3_/4"),
            minute("3_/4", "4_/5"),
            minute("4_/5", "5_/6"),
            minute("5_/6", "6_/7")
        ]),
    )
    .await?;
    // The end before the start, one of them missing, both the same.
    p.events(walked("p2", &["/e", "/s", "/m", "/e", "/e2"])).await?;
    p.events(walked("p3", &["/e", "/s"])).await?;
    check(
        p,
        &january(json!({"start_point": "/s", "end_point": "/e"})),
        json!([minute("1_/s", "2_/m"), minute("2_/m", "3_/e")]),
    )
    .await?;
    check(
        p,
        &january(json!({"start_point": "/s", "end_point": "/s"})),
        json!([]),
    )
    .await
    .map(drop)
}

async fn wildcards_and_cleaning_rules(p: &Project) -> TestResult {
    p.events(walked(
        "p1",
        &[
            "/item/1/view",
            "/item/22/view",
            "/item/3.x",
            "/other",
            "/ITEM/4/view",
        ],
    ))
    .await?;
    // Equal neighbours become one, the last; nothing but the star is special.
    check(
        p,
        &january(json!({"path_groupings": ["/item/*/view"]})),
        json!([
            minute("1_/item/*/view", "2_/item/3.x"),
            minute("2_/item/3.x", "3_/other"),
            minute("3_/other", "4_/ITEM/4/view")
        ]),
    )
    .await?;
    // The first one that fits, wherever in the item.
    check(
        p,
        &january(json!({"path_groupings": ["/item/3.", "item/*", "/*"]})),
        json!([
            minute("1_item/*", "2_/item/3."),
            ["2_/item/3.", "3_/*", 1, 120_000]
        ]),
    )
    .await?;
    // One rule after the other, every match; wildcards then say nothing.
    let rules = json!([{"regex": "[0-9]+", "alias": "N"}, {"regex": "(?i)/item/N", "alias": "/$1"}]);
    check(
        p,
        &january(json!({"local_path_cleaning_filters": rules, "path_groupings": ["/*"]})),
        json!([
            minute("1_/$1/view", "2_/$1.x"),
            minute("2_/$1.x", "3_/other"),
            minute("3_/other", "4_/$1/view")
        ]),
    )
    .await?;
    // The project's own come first, and only when asked for.
    p.patch(json!({"path_cleaning_filters": [{"regex": "/view$", "alias": ""}]}))
        .await?;
    let rules = json!([{"regex": "\\d+$", "alias": "<end>"}]);
    check(
        p,
        &january(json!({"local_path_cleaning_filters": rules, "path_replacements": true})),
        json!([
            minute("1_/item/<end>", "2_/item/3.x"),
            minute("2_/item/3.x", "3_/other"),
            minute("3_/other", "4_/ITEM/<end>")
        ]),
    )
    .await?;
    check(
        p,
        &january(json!({"path_replacements": false, "step_limit": 2})),
        json!([minute("1_/item/1/view", "2_/item/22/view")]),
    )
    .await?;
    // Start and end are meant after all this.
    check(
        p,
        &january(json!({"path_groupings": ["/item/*"], "start_point": "/item/*"})),
        json!([
            minute("1_/item/*", "2_/other"),
            minute("2_/other", "3_/ITEM/4/view")
        ]),
    )
    .await
    .map(drop)
}

async fn excluded_items_are_not_there(p: &Project) -> TestResult {
    p.events(walked("p1", &["/a", "/x", "/a", "/b", "/item/1", "/c"]))
        .await?;
    check(
        p,
        &january(json!({"exclude_events": ["/x"]})),
        json!([
            minute("1_/a", "2_/b"),
            minute("2_/b", "3_/item/1"),
            minute("3_/item/1", "4_/c")
        ]),
    )
    .await?;
    // After the wildcards: the item is called so by then.
    check(
        p,
        &january(json!({"exclude_events": ["/x", "/item/*"], "path_groupings": ["/item/*"]})),
        json!([minute("1_/a", "2_/b"), ["2_/b", "3_/c", 1, 120_000]]),
    )
    .await?;
    check(
        p,
        &january(json!({"exclude_events": ["/item/*"], "end_point": "/b"})),
        json!([
            minute("1_/a", "2_/x"),
            minute("2_/x", "3_/a"),
            minute("3_/a", "4_/b")
        ]),
    )
    .await
    .map(drop)
}

async fn bounds_on_edges(p: &Project) -> TestResult {
    for (who, pages) in [
        ("p1", &["/a", "/b", "/c"][..]),
        ("p2", &["/a", "/b", "/c"]),
        ("p3", &["/a", "/b"]),
        ("p4", &["/a", "/d"]),
    ] {
        p.events(walked(who, pages)).await?;
    }
    let ab = json!(["1_/a", "2_/b", 3, 60_000]);
    let bc = json!(["2_/b", "3_/c", 2, 60_000]);
    let ad = json!(["1_/a", "2_/d", 1, 60_000]);
    check(p, &january(json!({})), json!([ab, bc, ad])).await?;
    check(p, &january(json!({"min_edge_weight": 2})), json!([ab, bc])).await?;
    check(p, &january(json!({"max_edge_weight": 2})), json!([bc, ad])).await?;
    check(
        p,
        &january(json!({"min_edge_weight": 2, "max_edge_weight": "2"})),
        json!([bc]),
    )
    .await?;
    check(p, &january(json!({"min_edge_weight": 0})), json!([ab, bc, ad])).await?;
    check(p, &january(json!({"edge_limit": 2})), json!([ab, bc])).await?;
    check(p, &january(json!({"edge_limit": 1})), json!([ab])).await?;
    // Fifty by default; all of them between two points.
    let mut all = Vec::new();
    for index in 0..60 {
        all.extend(walked(&format!("q{index}"), &["/s", &format!("/m{index}"), "/e"]));
    }
    p.events(all).await?;
    let count = |answer: &Value| answer.as_array().map_or(0, Vec::len);
    let result = p.insight("path", january(json!({"start_point": "/s"}))).await?;
    ensure!(count(&result) == 50, "{} edges", count(&result));
    let result = p
        .insight("path", january(json!({"start_point": "/s", "end_point": "/e"})))
        .await?;
    ensure!(count(&result) == 120, "{} edges", count(&result));
    Ok(())
}

async fn edges_that_hang_in_the_air_are_dropped(p: &Project) -> TestResult {
    p.events(walked("p1", &["/a", "/m", "/z"])).await?;
    p.events(walked("p2", &["/b", "/m", "/z"])).await?;
    let mz = json!(["2_/m", "3_/z", 2, 60_000]);
    check(
        p,
        &january(json!({})),
        json!([mz, minute("1_/a", "2_/m"), minute("1_/b", "2_/m")]),
    )
    .await?;
    // What leads there came too late for the limit.
    check(p, &january(json!({"edge_limit": 1})), json!([])).await?;
    check(
        p,
        &january(json!({"edge_limit": 2})),
        json!([mz, minute("1_/a", "2_/m")]),
    )
    .await?;
    // With bounds on the weight all of them stay.
    check(p, &january(json!({"min_edge_weight": 2})), json!([mz]))
        .await
        .map(drop)
}

async fn parts_of_a_funnel(p: &Project) -> TestResult {
    let did = |who: &str, items: &[&str]| -> Vec<Event> {
        items
            .iter()
            .enumerate()
            .map(|(index, name)| {
                event(name)
                    .by(who)
                    .at(&format!("2020-01-01T10:{:02}Z", 5 * index))
            })
            .collect()
    };
    p.events(did("p1", &["w", "A", "x", "B", "y", "C", "z"])).await?;
    p.events(did("p2", &["w", "A", "v"])).await?;
    p.events(did("p3", &["w", "v"])).await?;
    let five = |source: &str, target: &str| json!([source, target, 1, 300_000]);
    let part = |place: &str, step: i64| {
        json!({"include_event_types": null, "step_limit": 10, "date_from": "2020-01-01", "date_to": "2020-01-31",
            "funnel_paths": format!("funnel_path_{place}"),
            "funnel_filter": {"insight": "FUNNELS", "events": events(&["A", "B", "C"]), "funnel_step": step}})
    };
    for (place, step, expected) in [
        (
            "before_step",
            3,
            json!([
                five("1_w", "2_A"),
                five("2_A", "3_x"),
                five("3_x", "4_B"),
                five("4_B", "5_y"),
                five("5_y", "6_C")
            ]),
        ),
        // Everybody who came to the first step.
        ("before_step", 1, json!([["1_w", "2_A", 2, 300_000]])),
        (
            "between_steps",
            2,
            json!([five("1_A", "2_x"), five("2_x", "3_B")]),
        ),
        (
            "between_steps",
            3,
            json!([five("1_B", "2_y"), five("2_y", "3_C")]),
        ),
        (
            "after_step",
            2,
            json!([five("1_B", "2_y"), five("2_y", "3_C"), five("3_C", "4_z")]),
        ),
        // Lost before the second step: from the first one on.
        ("after_step", -2, json!([five("1_A", "2_v")])),
        ("before_step", -2, json!([five("1_w", "2_A")])),
        ("after_step", -3, json!([])),
    ] {
        check(p, &part(place, step), expected).await?;
    }
    // A pause as long as the funnel's window ends a visit, not one of half an hour.
    p.events([
        event("A").by("slow").at("2020-01-10T10:00Z"),
        event("m").by("slow").at("2020-01-10T12:00Z"),
        event("B").by("slow").at("2020-01-10T15:00Z"),
    ])
    .await?;
    let mut slow = part("between_steps", 2);
    slow["date_from"] = json!("2020-01-10");
    let hour = 3_600_000;
    check(
        p,
        &slow,
        json!([["1_A", "2_m", 1, 2 * hour], ["2_m", "3_B", 1, 3 * hour]]),
    )
    .await?;
    let actors = actors(p, &slow, json!({"path_start_key": "1_A"})).await?;
    ensure!(actors == ["slow"], "{actors:?}");
    // With a start and an end within that part.
    check(
        p,
        &merged(
            &part("before_step", 3),
            json!({"start_point": "x", "end_point": "y"}),
        ),
        json!([five("1_x", "2_B"), five("2_B", "3_y")]),
    )
    .await
    .map(drop)
}

async fn actors_of_an_edge_and_of_a_drop_off(p: &Project) -> TestResult {
    p.events(walked("p1", &["/a", "/b", "/c"])).await?;
    p.events(walked("p2", &["/a", "/b"])).await?;
    p.events(walked("p3", &["/a"])).await?;
    p.events(walked("p4", &["/x", "/b"])).await?;
    let request = january(json!({}));
    for (keys, expected) in [
        (json!({"path_start_key": "1_/a"}), &["p1", "p2"][..]),
        (json!({"path_end_key": "2_/b"}), &["p1", "p2", "p4"]),
        (
            json!({"path_start_key": "1_/a", "path_end_key": "2_/b"}),
            &["p1", "p2"],
        ),
        (json!({"path_start_key": "1_/x", "path_end_key": "3_/c"}), &[]),
        (json!({"path_dropoff_key": "2_/b"}), &["p2", "p4"]),
        (json!({"path_dropoff_key": "1_/a"}), &["p3"]),
        (json!({"path_dropoff_key": "3_/c"}), &["p1"]),
        (
            json!({"path_start_key": "1_/a", "path_dropoff_key": "2_/b"}),
            &["p2"],
        ),
        // All who were anywhere.
        (json!({}), &["p1", "p2", "p3", "p4"]),
        (json!({"path_start_key": "1_/a", "limit": 1}), &["p1", "p2"]),
    ] {
        let found = actors(p, &request, keys.clone()).await?;
        ensure!(
            found == expected,
            "{keys} leads to {found:?}, expected {expected:?}"
        );
    }
    // As the answer itself was cut.
    let cut = january(json!({"start_point": "/b", "path_groupings": ["/c*"]}));
    let found = actors(p, &cut, json!({"path_end_key": "2_/c*"})).await?;
    ensure!(found == ["p1"], "{found:?}");
    Ok(())
}

async fn groups_merges_and_filters(p: &Project) -> TestResult {
    p.group("organization", "acme", "2019-12-01T00:00Z", json!({}))
        .await?;
    p.person("ann", "2019-12-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    let of = |event: Event| event.of_group("organization", "acme");
    p.events(viewed("ann", &[("/a", "10:00")]).into_iter().map(of))
        .await?;
    p.events(viewed("bob", &[("/b", "10:01")]).into_iter().map(of))
        .await?;
    p.events(viewed("ann", &[("/c", "10:02")])).await?;
    let groups = january(json!({"aggregation_group_type_index": 0}));
    check(p, &groups, json!([minute("1_/a", "2_/b")])).await?;
    let keys = actors(p, &groups, json!({"path_start_key": "1_/a"})).await?;
    ensure!(keys == ["acme"], "{keys:?}");
    let ac = json!(["1_/a", "2_/c", 1, 120_000]);
    check(p, &january(json!({})), json!([ac])).await?;
    // Who was somebody else at first.
    p.events(viewed("anonymous-1", &[("/0", "09:59")])).await?;
    p.events([event("$identify")
        .by("ann")
        .at("2020-01-01T13:00Z")
        .with("$anon_distinct_id", "anonymous-1")])
        .await?;
    check(
        p,
        &january(json!({})),
        json!([minute("1_/0", "2_/a"), ["2_/a", "3_/c", 1, 120_000]]),
    )
    .await?;
    let pro = json!({"properties": [{"key": "plan", "type": "person", "value": "pro"},
        {"key": "$current_url", "operator": "is_not", "value": "/a"}]});
    check(p, &january(pro), json!([["1_/0", "2_/c", 1, 180_000]])).await?;
    let groups = json!([{"properties": [{"key": "plan", "type": "person", "operator": "is_not_set"}]}]);
    let cohort = p
        .post("cohorts/", json!({"name": "without a plan", "groups": groups}))
        .await?;
    let filter = json!({"properties": [{"key": "id", "type": "cohort", "value": cohort["id"]}]});
    check(p, &january(filter), json!([])).await.map(drop)
}
