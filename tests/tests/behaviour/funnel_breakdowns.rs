//! Funnels, each value of a property apart.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::request::{events, merged, names};
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    four_ways_to_attribute,
    an_actor_counts_under_each_value_of_the_step,
    the_earliest_and_the_latest_touch,
    several_properties,
    the_most_frequent_values_and_the_others,
    a_value_may_be_called_other,
    values_are_what_they_print_as,
    properties_of_persons,
    properties_of_groups,
    cohorts_one_by_one,
    all_events_of_a_chain_carry_one_value,
);

/// An event of 1 January 2020 at this time, on this plan.
fn on(who: &str, name: &str, time: &str, plan: Option<&str>) -> Event {
    let event = event(name).by(who).at(&format!("2020-01-01T{time}Z"));
    match plan {
        Some(plan) => event.with("plan", plan),
        None => event,
    }
}

fn by_plan(extra: Value) -> Value {
    let base = json!({"events": events(&["A", "B"]), "breakdown": "plan",
        "date_from": "2020-01-01", "date_to": "2020-01-31"});
    merged(&base, extra)
}

async fn four_ways_to_attribute(p: &Project) -> TestResult {
    let (pro, free) = (Some("pro"), Some("free"));
    p.events([
        on("p1", "A", "10:00", pro),
        on("p1", "B", "11:00", pro),
        on("p2", "A", "10:00", pro),
        on("p3", "A", "10:00", free),
        on("p3", "B", "11:00", pro),
        on("p4", "A", "10:00", None),
        on("p4", "B", "11:00", free),
        on("p5", "A", "10:00", None),
    ])
    .await?;
    let first = json!([["", [1, 0]], ["free", [2, 2]], ["pro", [2, 1]]]);
    for (attribution, expected) in [
        (json!({}), first.clone()),
        (
            json!({"breakdown_attribution_type": "first_touch"}),
            first.clone(),
        ),
        (
            json!({"breakdown_attribution_type": "last_touch"}),
            json!([["", [1, 0]], ["free", [1, 1]], ["pro", [3, 2]]]),
        ),
        (
            json!({"breakdown_attribution_type": "all_events"}),
            json!([["", [2, 0]], ["free", [1, 0]], ["pro", [2, 1]]]),
        ),
        (
            json!({"breakdown_attribution_type": "step"}),
            json!([["", [2, 1]], ["free", [1, 1]], ["pro", [2, 1]]]),
        ),
        (
            json!({"breakdown_attribution_type": "step", "breakdown_attribution_value": 1}),
            json!([["free", [1, 1]], ["pro", [2, 2]]]),
        ),
    ] {
        let request = by_plan(attribution);
        let result = p.check_funnels(&request, expected).await?;
        for steps in result.as_array().into_iter().flatten() {
            ensure!(steps[0]["breakdown"] == steps[0]["breakdown_value"], "{steps}");
        }
    }
    // A list of one is answered with lists, and leads to the same actors.
    let boxed: Value = first
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| json!([[row[0]], row[1]]))
        .collect();
    p.check_funnels(&by_plan(json!({"breakdown": ["plan"]})), boxed)
        .await?;
    let result = p.insight("funnel", by_plan(json!({}))).await?;
    let people = p.people(&result[1][1]["converted_people_url"]).await?;
    ensure!(names(&people) == ["p3", "p4"], "{people:?}");
    Ok(())
}

async fn an_actor_counts_under_each_value_of_the_step(p: &Project) -> TestResult {
    p.events([
        on("p1", "A", "10:00", Some("x")),
        on("p1", "A", "10:30", Some("y")),
        on("p1", "B", "11:00", Some("z")),
        on("p2", "A", "10:00", Some("y")),
    ])
    .await?;
    let step = |step: u32| {
        by_plan(json!({"breakdown_attribution_type": "step", "breakdown_attribution_value": step}))
    };
    p.check_funnels(&step(0), json!([["x", [1, 1]], ["y", [2, 1]]]))
        .await?;
    p.check_funnels(&step(1), json!([["z", [1, 1]]])).await.map(drop)
}

async fn the_earliest_and_the_latest_touch(p: &Project) -> TestResult {
    p.events([
        // No touch of a step's: not seen.
        on("p1", "X", "09:00", Some("other event")),
        on("p1", "B", "10:00", Some("m")),
        on("p1", "A", "10:00", Some("k")),
        on("p1", "B", "11:00", Some("l")),
        on("p1", "B", "11:00", Some("n")),
        on("p1", "B", "12:00", None),
    ])
    .await?;
    // Of simultaneous touches the smallest value is the first, the greatest the last one.
    p.check_funnels(&by_plan(json!({})), json!([["k", [1, 1]]]))
        .await?;
    p.check_funnels(
        &by_plan(json!({"breakdown_attribution_type": "last_touch"})),
        json!([["n", [1, 1]]]),
    )
    .await
    .map(drop)
}

async fn several_properties(p: &Project) -> TestResult {
    let of = |who: &str, name: &str, time: &str, os: Option<&str>, plan: Option<&str>| {
        let event = on(who, name, time, plan);
        match os {
            Some(os) => event.with("os", os),
            None => event,
        }
    };
    p.events([
        of("p1", "A", "10:00", Some("mac"), Some("pro")),
        of("p1", "B", "11:00", Some("mac"), Some("pro")),
        of("p2", "A", "10:00", Some("mac"), None),
        of("p3", "A", "10:00", Some("win"), Some("pro")),
        of("p3", "B", "11:00", Some("win"), Some("free")),
        of("p4", "A", "10:00", None, None),
    ])
    .await?;
    let expected = json!([
        [["", ""], [1, 0]],
        [["mac", ""], [1, 0]],
        [["mac", "pro"], [1, 1]],
        [["win", "pro"], [1, 1]]
    ]);
    p.check_funnels(&by_plan(json!({"breakdown": ["os", "plan"]})), expected.clone())
        .await?;
    let parts = json!([{"property": "os", "type": "event"}, {"property": "plan", "type": "event"}]);
    p.check_funnels(
        &by_plan(json!({"breakdown": null, "breakdowns": parts})),
        expected,
    )
    .await?;
    p.check_funnels(
        &by_plan(json!({"breakdown": ["os", "plan"], "breakdown_attribution_type": "all_events"})),
        json!([
            [["", ""], [1, 0]],
            [["mac", ""], [1, 0]],
            [["mac", "pro"], [1, 1]],
            [["win", "pro"], [1, 0]]
        ]),
    )
    .await?;
    p.check_funnels(
        &by_plan(json!({"breakdown": ["os", "plan"], "breakdown_limit": 1})),
        json!([[["mac", "pro"], [1, 1]], [["Other"], [3, 1]]]),
    )
    .await
    .map(drop)
}

async fn the_most_frequent_values_and_the_others(p: &Project) -> TestResult {
    let mut all = Vec::new();
    // Events of each value: a 4, b 2, c 2, d 1.
    for (who, plan, converts) in [
        ("p1", "a", true),
        ("p2", "a", false),
        ("p3", "a", false),
        ("p4", "b", false),
        ("p5", "b", false),
        ("p6", "c", true),
        ("p7", "d", false),
    ] {
        all.push(on(who, "A", "10:00", Some(plan)));
        if converts {
            all.push(on(who, "B", "11:00", Some(plan)));
        }
    }
    p.events(all).await?;
    // Of as many events the lower value is listed.
    p.check_funnels(
        &by_plan(json!({"breakdown_limit": 2})),
        json!([["a", [3, 1]], ["b", [2, 0]], ["Other", [2, 1]]]),
    )
    .await?;
    p.check_funnels(
        &by_plan(json!({"breakdown_limit": 1, "breakdown": ["plan"]})),
        json!([[["a"], [3, 1]], [["Other"], [4, 1]]]),
    )
    .await?;
    // By the last step: a and c have an event each.
    let last =
        json!({"breakdown_limit": 1, "breakdown_attribution_type": "step", "breakdown_attribution_value": 1});
    p.check_funnels(&by_plan(last), json!([["a", [1, 1]], ["Other", [1, 1]]]))
        .await?;
    // Twenty-five where nothing is said.
    let many: Vec<Event> = (0..27)
        .map(|index| {
            event("M")
                .by("many")
                .at("2020-01-01T10:00Z")
                .with("plan", format!("v{index:02}"))
        })
        .collect();
    p.events(many).await?;
    let request = by_plan(json!({"events": events(&["M"]), "breakdown_attribution_type": "all_events"}));
    let result = p.insight("funnel", request).await?;
    let rows = result.as_array().map_or(0, Vec::len);
    ensure!(
        rows == 26
            && result[24][0]["breakdown_value"] == "v24"
            && result[25][0]["breakdown_value"] == "Other",
        "{result}"
    );
    Ok(())
}

async fn a_value_may_be_called_other(p: &Project) -> TestResult {
    let mut all = Vec::new();
    for (who, plan) in [
        ("p1", "Other"),
        ("p2", "Other"),
        ("p3", "Other"),
        ("p4", "x"),
        ("p5", "y"),
    ] {
        all.push(on(who, "A", "10:00", Some(plan)));
    }
    p.events(all).await?;
    p.check_funnels(
        &by_plan(json!({"breakdown_limit": 1})),
        json!([["Other", [3, 0]], ["Other", [2, 0]]]),
    )
    .await
    .map(drop)
}

async fn values_are_what_they_print_as(p: &Project) -> TestResult {
    let of = |who: &str, plan: Value| event("A").by(who).at("2020-01-01T10:00Z").with("plan", plan);
    p.events([
        of("p1", json!(1)),
        of("p2", json!("1")),
        of("p3", json!(1.0)),
        of("p4", json!(true)),
        of("p5", json!("true")),
        of("p6", json!(null)),
        of("p7", json!(["a", 1])),
        of("p8", json!("with \"quotes\" and ünïcode")),
        of("p9", json!("")),
        event("A").by("p10").at("2020-01-01T10:00Z"),
    ])
    .await?;
    let expected = json!([
        ["", [2]],
        ["1", [3]],
        ["[\"a\",1]", [1]],
        ["null", [1]],
        ["true", [2]],
        ["with \"quotes\" and ünïcode", [1]]
    ]);
    for attribution in ["first_touch", "last_touch", "all_events", "step"] {
        let request = by_plan(json!({"events": events(&["A"]), "breakdown_attribution_type": attribution}));
        p.check_funnels(&request, expected.clone()).await?;
    }
    Ok(())
}

async fn properties_of_persons(p: &Project) -> TestResult {
    p.person("p1", "2019-12-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.person("p2", "2019-12-01T00:00Z", json!({"plan": "free"}))
        .await?;
    p.events([
        on("p1", "A", "10:00", Some("nothing")),
        on("p1", "B", "11:00", None),
        on("p2", "A", "10:00", None),
        on("p3", "A", "10:00", None),
        on("p3", "B", "11:00", None),
    ])
    .await?;
    let request = by_plan(json!({"breakdown_type": "person"}));
    let expected = json!([["", [1, 1]], ["free", [1, 0]], ["pro", [1, 1]]]);
    for attribution in ["first_touch", "last_touch", "all_events", "step"] {
        let request = merged(&request, json!({"breakdown_attribution_type": attribution}));
        p.check_funnels(&request, expected.clone()).await?;
    }
    // What a person has now counts, not what it had then.
    p.person("p2", "2020-01-05T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.check_funnels(&request, json!([["", [1, 1]], ["pro", [2, 1]]]))
        .await
        .map(drop)
}

async fn properties_of_groups(p: &Project) -> TestResult {
    p.group(
        "organization",
        "acme",
        "2019-12-01T00:00Z",
        json!({"industry": "it"}),
    )
    .await?;
    p.group("organization", "beta", "2019-12-01T00:00Z", json!({}))
        .await?;
    p.events([
        on("p1", "A", "10:00", None).of_group("organization", "acme"),
        on("p1", "B", "11:00", None).of_group("organization", "acme"),
        on("p2", "A", "10:00", None).of_group("organization", "beta"),
        on("p3", "A", "10:00", None),
        on("p3", "B", "11:00", None).of_group("organization", "acme"),
    ])
    .await?;
    let request =
        by_plan(json!({"breakdown": "industry", "breakdown_type": "group", "breakdown_group_type_index": 0}));
    p.check_funnels(&request, json!([["", [1, 0]], ["it", [2, 2]]]))
        .await?;
    // By groups themselves, events without one are not there.
    let groups = merged(&request, json!({"aggregation_group_type_index": 0}));
    p.check_funnels(&groups, json!([["", [1, 0]], ["it", [1, 1]]]))
        .await?;
    let all = merged(&request, json!({"breakdown_attribution_type": "all_events"}));
    p.check_funnels(&all, json!([["", [2, 0]], ["it", [1, 1]]]))
        .await
        .map(drop)
}

async fn cohorts_one_by_one(p: &Project) -> TestResult {
    p.person("p1", "2019-12-01T00:00Z", json!({"plan": "pro"}))
        .await?;
    p.person("p2", "2019-12-01T00:00Z", json!({"plan": "free"}))
        .await?;
    p.events([
        on("p1", "A", "10:00", None),
        on("p1", "B", "11:00", None),
        on("p2", "A", "10:00", None),
        on("p3", "A", "10:00", None),
        on("p3", "B", "11:00", None),
    ])
    .await?;
    let mut ids = Vec::new();
    for plan in ["free", "pro", "none of them"] {
        let groups = json!([{"properties": [{"key": "plan", "type": "person", "value": plan}]}]);
        let cohort = p
            .post("cohorts/", json!({"name": plan, "groups": groups}))
            .await?;
        ids.push(cohort["id"].clone());
    }
    let request =
        by_plan(json!({"breakdown_type": "cohort", "breakdown": [ids[1], ids[0], ids[2], "all", 999_999]}));
    let expected = json!([[ids[1], [1, 1]], [ids[0], [1, 0]], ["all", [3, 2]]]);
    let result = p.check_funnels(&request, expected).await?;
    ensure!(
        result[0][0]["breakdown"] == "pro" && result[2][1]["breakdown"] == "all users",
        "{result}"
    );
    let single = merged(
        &request,
        json!({"breakdown": ids[0], "funnel_order_type": "strict"}),
    );
    p.check_funnels(&single, json!([[ids[0], [1, 0]]]))
        .await
        .map(drop)
}

async fn all_events_of_a_chain_carry_one_value(p: &Project) -> TestResult {
    let (pro, free) = (Some("pro"), Some("free"));
    p.events([
        on("p1", "A", "10:00", pro),
        on("p1", "X", "10:30", free),
        on("p1", "B", "11:00", pro),
        on("p2", "B", "10:00", free),
        on("p2", "A", "11:00", pro),
    ])
    .await?;
    let attributed = |attribution: &str, extra: Value| {
        merged(
            &by_plan(json!({"breakdown_attribution_type": attribution})),
            extra,
        )
    };
    // What comes in between has another value.
    let strict = json!({"funnel_order_type": "strict"});
    p.check_funnels(
        &attributed("all_events", strict.clone()),
        json!([["pro", [2, 1]]]),
    )
    .await?;
    p.check_funnels(
        &attributed("first_touch", strict),
        json!([["free", [1, 0]], ["pro", [1, 0]]]),
    )
    .await?;
    let excluding = json!({"exclusions": [{"id": "X", "funnel_from_step": 0, "funnel_to_step": 1}]});
    p.check_funnels(
        &attributed("all_events", excluding.clone()),
        json!([["pro", [2, 1]]]),
    )
    .await?;
    p.check_funnels(&attributed("first_touch", excluding), json!([["free", [1, 0]]]))
        .await?;
    // Unordered, two's steps have a value each.
    let unordered = json!({"funnel_order_type": "unordered"});
    p.check_funnels(
        &attributed("all_events", unordered.clone()),
        json!([["free", [1, 0]], ["pro", [2, 1]]]),
    )
    .await?;
    p.check_funnels(
        &attributed("first_touch", unordered.clone()),
        json!([["free", [1, 1]], ["pro", [1, 1]]]),
    )
    .await?;
    let second = merged(&unordered, json!({"breakdown_attribution_value": 1}));
    p.check_funnels(
        &attributed("step", second),
        json!([["free", [1, 1]], ["pro", [1, 1]]]),
    )
    .await
    .map(drop)
}
