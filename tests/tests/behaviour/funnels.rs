//! Funnels: who came to which step, and how fast.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::funnel::field;
use tests::request::{events, merged, names};
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    three_orders_of_the_same_steps,
    actors_of_a_step_and_of_chosen_steps,
    the_window_ends_with_its_last_instant,
    the_window_begins_with_the_first_step,
    simultaneous_events_do_not_follow_each_other,
    one_event_serves_one_step,
    strict_steps_have_nothing_in_between,
    an_exclusion_discards_an_entrance,
    exclusions_between_some_steps,
    exclusions_of_unordered_steps,
    actions_filters_and_cohorts_on_steps,
    groups_are_actors,
    merged_persons_are_one_actor,
    all_steps_lie_in_the_range,
    days_are_those_of_the_project,
    means_of_means_and_medians_of_medians,
    fifty_steps,
    without_steps_there_is_no_answer,
    pages_of_actors,
);

/// What somebody did in January 2020: `("A", "01T10:00")`.
fn did(who: &str, what: &[(&str, &str)]) -> Vec<Event> {
    what.iter()
        .map(|(name, time)| event(name).by(who).at(&format!("2020-01-{time}Z")))
        .collect()
}

fn january(steps: &[&str], extra: Value) -> Value {
    let base = json!({"events": events(steps), "date_from": "2020-01-01", "date_to": "2020-01-31"});
    merged(&base, extra)
}

async fn three_persons(p: &Project) -> TestResult {
    p.events(did(
        "p1",
        &[("A", "01T10:00"), ("B", "01T10:10"), ("C", "01T10:40")],
    ))
    .await?;
    p.events(did("p2", &[("A", "01T09:00"), ("B", "02T09:30")]))
        .await?;
    p.events(did("p3", &[("B", "01T08:00"), ("A", "01T09:00")])).await
}

async fn three_orders_of_the_same_steps(p: &Project) -> TestResult {
    three_persons(p).await?;
    let funnel = |order: &str| {
        let extra = json!({"funnel_window_interval": 1, "funnel_window_interval_unit": "day", "funnel_order_type": order});
        january(&["A", "B", "C"], extra)
    };
    // Two comes too late, three has the second step before the first one only.
    for order in ["ordered", "strict"] {
        let result = p.check_funnel(&funnel(order), json!([3, 1, 1])).await?;
        p.check_funnel_times(&funnel(order), json!([null, 600, 1800]), json!([null, 600, 1800]))
            .await?;
        for (index, name) in ["A", "B", "C"].iter().enumerate() {
            let step = &result[index];
            ensure!(
                step["action_id"] == *name
                    && step["name"] == *name
                    && step["custom_name"].is_null()
                    && step["order"] == index
                    && step["type"] == "events"
                    && step["people"] == json!([]),
                "{step}"
            );
        }
    }
    let result = p.check_funnel(&funnel("unordered"), json!([3, 2, 1])).await?;
    // Three took an hour, from B to A.
    p.check_funnel_times(
        &funnel("unordered"),
        json!([null, 2100, 1800]),
        json!([null, 2100, 1800]),
    )
    .await?;
    ensure!(
        field(&result, "name")? == json!(["Completed 1 step", "Completed 2 steps", "Completed 3 steps"]),
        "{result}"
    );
    // Three days are enough for two.
    let wide = merged(&funnel("ordered"), json!({"funnel_window_interval": 3}));
    p.check_funnel(&wide, json!([3, 2, 1])).await.map(drop)
}

async fn actors_of_a_step_and_of_chosen_steps(p: &Project) -> TestResult {
    three_persons(p).await?;
    let unordered = json!({"funnel_order_type": "unordered", "funnel_window_interval": 1, "funnel_window_interval_unit": "day"});
    let unordered = january(&["A", "B", "C"], unordered);
    let ordered = merged(&unordered, json!({"funnel_order_type": "ordered"}));
    for (funnel, which, expected) in [
        (&ordered, json!({"funnel_step": 1}), vec!["p1", "p2", "p3"]),
        (&ordered, json!({"funnel_step": 0}), vec!["p1", "p2", "p3"]),
        (&ordered, json!({"funnel_step": "2"}), vec!["p1"]),
        (&ordered, json!({"funnel_step": -2}), vec!["p2", "p3"]),
        (&ordered, json!({"funnel_step": -3}), vec![]),
        (
            &ordered,
            json!({"funnel_custom_steps": [1, 3]}),
            vec!["p1", "p2", "p3"],
        ),
        (&ordered, json!({"funnel_custom_steps": [2]}), vec![]),
        (&unordered, json!({"funnel_step": 2}), vec!["p1", "p3"]),
        (&unordered, json!({"funnel_step": -2}), vec!["p2"]),
        (&unordered, json!({"funnel_custom_steps": [2]}), vec!["p3"]),
        (
            &unordered,
            json!({"funnel_custom_steps": [2, 1]}),
            vec!["p2", "p3"],
        ),
        // The chosen ones win.
        (
            &unordered,
            json!({"funnel_custom_steps": "[3]", "funnel_step": 1}),
            vec!["p1"],
        ),
    ] {
        let request = merged(funnel, which.clone());
        let answer = p.post("persons/funnel/", request).await?;
        let people = answer["results"][0]["people"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        ensure!(
            names(&people) == expected,
            "{which} leads to {:?}, expected {expected:?}",
            names(&people)
        );
        ensure!(answer["results"][0]["count"] == expected.len(), "{answer}");
        ensure!(
            answer["next"].is_null() && answer["initial"].is_string(),
            "{answer}"
        );
    }
    Ok(())
}

async fn the_window_ends_with_its_last_instant(p: &Project) -> TestResult {
    // 29 February is the last day of the month after 31 January, and later than thirty days.
    let units = [
        ("second", 30, "2020-01-31T10:00:30"),
        ("minute", 5, "2020-01-31T10:05:00"),
        ("hour", 1, "2020-01-31T11:00:00"),
        ("day", 1, "2020-02-01T10:00:00"),
        ("week", 2, "2020-02-14T10:00:00"),
        ("month", 1, "2020-02-29T10:00:00"),
        ("month", 2, "2020-03-31T10:00:00"),
    ];
    for (index, (_, _, end)) in units.iter().enumerate() {
        let (a, b) = (format!("A{index}"), format!("B{index}"));
        let (timely, late) = (format!("timely {index}"), format!("late {index}"));
        p.events([
            event(&a).by(&timely).at("2020-01-31T10:00:00Z"),
            event(&b).by(&timely).at(&format!("{end}.000Z")),
            event(&a).by(&late).at("2020-01-31T10:00:00Z"),
            event(&b).by(&late).at(&format!("{end}.001Z")),
        ])
        .await?;
    }
    for (index, (unit, count, _)) in units.iter().enumerate() {
        for order in ["ordered", "strict", "unordered"] {
            let request = json!({"events": events(&[&format!("A{index}"), &format!("B{index}")]),
                "date_from": "2020-01-01", "date_to": "2020-04-30", "funnel_order_type": order,
                "funnel_window_interval": count, "funnel_window_interval_unit": unit});
            let result = p.insight("funnel", request.clone()).await?;
            ensure!(
                field(&result, "count")? == json!([2, 1]),
                "{result} for {request}"
            );
            let people = p.people(&result[1]["converted_people_url"]).await?;
            ensure!(
                names(&people) == [format!("timely {index}")],
                "{people:?} for {request}"
            );
        }
    }
    // Fourteen days where nothing is said, and days by their old name, which wins.
    p.events(did("p", &[("C", "01T10:00"), ("D", "15T10:00")]))
        .await?;
    p.events(did("q", &[("C", "01T10:00"), ("D", "15T10:00:00.001")]))
        .await?;
    p.check_funnel(&january(&["C", "D"], json!({})), json!([2, 1]))
        .await?;
    let old = json!({"funnel_window_days": 15, "funnel_window_interval": 1, "funnel_window_interval_unit": "minute"});
    p.check_funnel(&january(&["C", "D"], old), json!([2, 2]))
        .await
        .map(drop)
}

async fn the_window_begins_with_the_first_step(p: &Project) -> TestResult {
    // Each step is in time after the one before, the third one is not after the first.
    p.events(did(
        "p",
        &[("A", "01T10:00"), ("B", "01T10:04"), ("C", "01T10:06")],
    ))
    .await?;
    // The later entrance gets there.
    p.events(did(
        "q",
        &[
            ("A", "01T10:00"),
            ("A", "01T10:03"),
            ("B", "01T10:04"),
            ("C", "01T10:06"),
        ],
    ))
    .await?;
    let window = json!({"funnel_window_interval": 5, "funnel_window_interval_unit": "minute"});
    for order in ["ordered", "strict", "unordered"] {
        let request = merged(
            &january(&["A", "B", "C"], window.clone()),
            json!({"funnel_order_type": order}),
        );
        p.check_funnel(&request, json!([2, 2, 1])).await?;
    }
    Ok(())
}

async fn simultaneous_events_do_not_follow_each_other(p: &Project) -> TestResult {
    p.events(did("tied", &[("A", "01T10:00"), ("B", "01T10:00")]))
        .await?;
    // The tie does not hide what comes later.
    p.events(did(
        "again",
        &[("A", "01T10:00"), ("B", "01T10:00"), ("B", "01T10:05")],
    ))
    .await?;
    p.events(did("just", &[("B", "01T10:00:00.001"), ("A", "01T10:00:00.000")]))
        .await?;
    for order in ["ordered", "strict", "unordered"] {
        let request = january(&["A", "B"], json!({"funnel_order_type": order}));
        let result = p.check_funnel(&request, json!([3, 2])).await?;
        let lost = p.people(&result[1]["dropped_people_url"]).await?;
        ensure!(names(&lost) == ["tied"], "{lost:?}");
        p.check_funnel_times(&request, json!([null, 150.0005]), json!([null, 150.0005]))
            .await?;
    }
    Ok(())
}

async fn one_event_serves_one_step(p: &Project) -> TestResult {
    let seen = |who: &str, times: &[(&str, i64)]| -> Vec<Event> {
        let seen = |(time, n): &(&str, i64)| event("A").by(who).at(&format!("2020-01-{time}Z")).with("n", *n);
        times.iter().map(seen).collect()
    };
    p.events(seen("once", &[("01T10:00", 1)])).await?;
    p.events(seen("twice", &[("01T10:00", 1), ("01T11:00", 2)]))
        .await?;
    p.events(seen(
        "thrice",
        &[("01T10:00", 2), ("01T11:00", 1), ("01T12:00", 1)],
    ))
    .await?;
    p.events(seen("at once", &[("01T10:00", 1), ("01T10:00", 2)]))
        .await?;
    // Unordered, each of the other steps looks for a later event by itself.
    for (order, counts) in [
        ("ordered", json!([4, 2, 1])),
        ("strict", json!([4, 2, 1])),
        ("unordered", json!([4, 2, 2])),
    ] {
        let request = january(&["A", "A", "A"], json!({"funnel_order_type": order}));
        p.check_funnel(&request, counts).await?;
    }
    // A step that the other one includes.
    let second = json!([{"key": "n", "value": 2}]);
    let narrow = json!({"events": [{"id": "A", "order": 0}, {"id": "A", "order": 1, "properties": second}]});
    let result = p.check_funnel(&january(&[], narrow), json!([4, 1])).await?;
    ensure!(
        names(&p.people(&result[1]["converted_people_url"]).await?) == ["twice"],
        "{result}"
    );
    // And one that includes all of them.
    let any = json!({"events": [{"id": null, "order": 0}, {"id": "A", "order": 1}]});
    let result = p.check_funnel(&january(&[], any), json!([4, 2])).await?;
    ensure!(
        result[0]["name"] == "All events" && result[0]["action_id"].is_null(),
        "{result}"
    );
    Ok(())
}

async fn strict_steps_have_nothing_in_between(p: &Project) -> TestResult {
    p.events(did(
        "between",
        &[("A", "01T10:00"), ("X", "01T10:05"), ("B", "01T10:10")],
    ))
    .await?;
    p.events(did(
        "behind",
        &[("A", "01T10:00"), ("B", "01T10:05"), ("X", "01T10:10")],
    ))
    .await?;
    p.events(did(
        "twice",
        &[("A", "01T10:00"), ("A", "01T10:05"), ("B", "01T10:10")],
    ))
    .await?;
    // Simultaneous events are neither before nor after each other.
    p.events(did(
        "tied",
        &[
            ("A", "01T10:00"),
            ("X", "01T10:00"),
            ("B", "01T10:10"),
            ("X", "01T10:10"),
        ],
    ))
    .await?;
    p.events([
        event("A").by("hidden").at("2020-01-01T10:00Z"),
        event("X")
            .by("hidden")
            .at("2020-01-01T10:05Z")
            .with("hidden", true),
        event("B").by("hidden").at("2020-01-01T10:10Z"),
    ])
    .await?;
    let strict = january(&["A", "B"], json!({"funnel_order_type": "strict"}));
    let result = p.check_funnel(&strict, json!([5, 3])).await?;
    let lost = p.people(&result[1]["dropped_people_url"]).await?;
    ensure!(names(&lost) == ["between", "hidden"], "{lost:?}");
    // Only what passes the filters of the whole can come in between.
    let filtered = merged(
        &strict,
        json!({"properties": [{"key": "hidden", "operator": "is_not_set"}]}),
    );
    p.check_funnel(&filtered, json!([5, 4])).await?;
    // Those of one step say nothing about it.
    let steps = json!([{"id": "A", "order": 0}, {"id": "B", "order": 1, "properties": [{"key": "hidden", "operator": "is_not_set"}]}]);
    p.check_funnel(&merged(&strict, json!({"events": steps})), json!([5, 3]))
        .await?;
    // Exclusions have no say.
    let exclusions = json!([{"id": "X", "funnel_from_step": 0, "funnel_to_step": 1}]);
    p.check_funnel(&merged(&strict, json!({"exclusions": exclusions})), json!([5, 3]))
        .await
        .map(drop)
}

fn excluding(from: usize, to: usize) -> Value {
    json!([{"id": "X", "type": "events", "funnel_from_step": from, "funnel_to_step": to}])
}

async fn an_exclusion_discards_an_entrance(p: &Project) -> TestResult {
    for (who, what) in [
        // The second entrance is left.
        (
            "p1",
            &[
                ("A", "01T10:00"),
                ("X", "01T10:05"),
                ("B", "01T10:10"),
                ("A", "01T11:00"),
                ("B", "01T11:10"),
            ][..],
        ),
        // The only one is not.
        ("p2", &[("A", "01T10:00"), ("X", "01T10:05")]),
        (
            "after",
            &[("A", "01T10:00"), ("B", "01T10:05"), ("X", "01T10:10")],
        ),
        (
            "before",
            &[("X", "01T10:00"), ("A", "01T10:05"), ("B", "01T10:10")],
        ),
        (
            "tied first",
            &[("A", "01T10:00"), ("X", "01T10:00"), ("B", "01T10:10")],
        ),
        (
            "tied last",
            &[("A", "01T10:00"), ("B", "01T10:10"), ("X", "01T10:10")],
        ),
        ("alone", &[("A", "01T10:00")]),
        // Behind the window's end.
        ("much later", &[("A", "01T10:00"), ("X", "16T10:00")]),
    ] {
        p.events(did(who, what)).await?;
    }
    let funnel = january(&["A", "B"], json!({"exclusions": excluding(0, 1)}));
    let result = p.check_funnel(&funnel, json!([7, 5])).await?;
    let people = p.people(&result[0]["converted_people_url"]).await?;
    ensure!(!names(&people).contains(&"p2".to_owned()), "{people:?}");
    p.check_funnel(&january(&["A", "B"], json!({})), json!([8, 5]))
        .await?;
    // Exclusions are entities like any other: an action, a filter.
    let action = json!({"name": "x", "steps": [{"event": "X"}]});
    let action = p.post("actions/", action).await?;
    let exclusions =
        json!([{"id": action["id"], "type": "actions", "funnel_from_step": 0, "funnel_to_step": 1}]);
    p.check_funnel(&merged(&funnel, json!({"exclusions": exclusions})), json!([7, 5]))
        .await?;
    let mut filtered = excluding(0, 1);
    filtered[0]["properties"] = json!([{"key": "n", "operator": "is_set"}]);
    p.check_funnel(&merged(&funnel, json!({"exclusions": filtered})), json!([8, 5]))
        .await
        .map(drop)
}

async fn exclusions_between_some_steps(p: &Project) -> TestResult {
    for (who, what) in [
        (
            "early",
            &[
                ("A", "01T10:00"),
                ("X", "01T10:05"),
                ("B", "01T10:10"),
                ("C", "01T10:15"),
            ][..],
        ),
        (
            "late",
            &[
                ("A", "01T10:00"),
                ("B", "01T10:05"),
                ("X", "01T10:10"),
                ("C", "01T10:15"),
            ],
        ),
        // Never came to where the exclusion begins.
        ("first only", &[("A", "01T10:00"), ("X", "01T10:05")]),
        (
            "stayed",
            &[("A", "01T10:00"), ("B", "01T10:05"), ("X", "01T10:10")],
        ),
    ] {
        p.events(did(who, what)).await?;
    }
    let funnel = |exclusions: Value| january(&["A", "B", "C"], json!({"exclusions": exclusions}));
    p.check_funnel(&funnel(json!([])), json!([4, 3, 2])).await?;
    p.check_funnel(&funnel(excluding(1, 2)), json!([2, 1, 1])).await?;
    p.check_funnel(&funnel(excluding(0, 1)), json!([2, 2, 1])).await?;
    p.check_funnel(&funnel(excluding(0, 2)), json!([0, 0, 0])).await?;
    let both = json!([excluding(0, 1)[0], excluding(1, 2)[0]]);
    p.check_funnel(&funnel(both), json!([0, 0, 0])).await.map(drop)
}

async fn exclusions_of_unordered_steps(p: &Project) -> TestResult {
    // From A on nothing excluded follows: the entrance at A is left, with that step alone.
    p.events(did(
        "backwards",
        &[("B", "01T10:00"), ("X", "01T10:05"), ("A", "01T10:10")],
    ))
    .await?;
    p.events(did(
        "done",
        &[("B", "01T10:00"), ("A", "01T10:05"), ("X", "01T10:10")],
    ))
    .await?;
    p.events(did("alone", &[("A", "01T10:00"), ("X", "01T10:05")]))
        .await?;
    let funnel = january(
        &["A", "B"],
        json!({"exclusions": excluding(0, 1), "funnel_order_type": "unordered"}),
    );
    p.check_funnel(&funnel, json!([2, 1])).await.map(drop)
}

async fn actions_filters_and_cohorts_on_steps(p: &Project) -> TestResult {
    for (who, plan) in [("p1", "pro"), ("p2", "free"), ("p3", "pro"), ("p4", "free")] {
        p.person(who, "2019-12-01T00:00Z", json!({"plan": plan})).await?;
    }
    p.events([
        event("A").by("p1").at("2020-01-01T10:00Z"),
        event("B").by("p1").at("2020-01-01T11:00Z").with("n", 5),
        event("$pageview")
            .by("p2")
            .at("2020-01-01T10:00Z")
            .with("$current_url", "https://x.example/signup?a"),
        event("B").by("p2").at("2020-01-01T11:00Z").with("n", "7"),
        event("B").by("p3").at("2020-01-01T11:00Z"),
        event("A").by("p4").at("2020-01-01T10:00Z"),
    ])
    .await?;
    let steps = json!([{"event": "A"}, {"event": "$pageview", "url": "/signup"}]);
    let action = p
        .post("actions/", json!({"name": "signed up", "steps": steps}))
        .await?;
    let groups = json!([{"properties": [{"key": "plan", "type": "person", "value": "pro"}]}]);
    let cohort = p
        .post("cohorts/", json!({"name": "pro", "groups": groups}))
        .await?;
    let pros = json!({"key": "id", "type": "cohort", "value": cohort["id"]});
    let free = json!({"key": "plan", "type": "person", "value": "free"});
    let base = json!({"actions": [{"id": action["id"], "type": "actions", "order": 0}],
        "date_from": "2020-01-01", "date_to": "2020-01-31"});
    let second = |properties: Value| {
        merged(
            &base,
            json!({"events": [{"id": "B", "order": 1, "custom_name": "bought", "properties": properties}]}),
        )
    };
    let result = p.check_funnel(&second(json!([])), json!([3, 2])).await?;
    ensure!(
        result[0]["action_id"] == action["id"]
            && result[0]["name"] == "signed up"
            && result[0]["type"] == "actions"
            && result[1]["custom_name"] == "bought",
        "{result}"
    );
    p.check_funnel(&second(json!([pros])), json!([3, 1])).await?;
    p.check_funnel(
        &second(json!([{"key": "n", "operator": "gt", "value": 6}])),
        json!([3, 1]),
    )
    .await?;
    p.check_funnel(
        &second(json!({"type": "OR", "values": [pros, {"key": "n", "value": 7}]})),
        json!([3, 2]),
    )
    .await?;
    let whole = |extra: Value| merged(&second(json!([])), extra);
    p.check_funnel(&whole(json!({"properties": [free]})), json!([2, 1]))
        .await?;
    p.check_funnel(&whole(json!({"properties": [pros]})), json!([1, 1]))
        .await?;
    p.patch(json!({"test_account_filters": [{"key": "plan", "type": "person", "operator": "is_not", "value": "free"}]}))
        .await?;
    p.check_funnel(&whole(json!({"filter_test_accounts": true})), json!([1, 1]))
        .await?;
    // The action comes second where its order says so.
    let swapped = merged(
        &base,
        json!({"events": [{"id": "B", "order": 0}], "actions": [{"id": action["id"], "type": "actions", "order": 1}]}),
    );
    p.check_funnel(&swapped, json!([3, 0])).await.map(drop)
}

async fn groups_are_actors(p: &Project) -> TestResult {
    p.group(
        "organization",
        "acme",
        "2019-12-01T00:00Z",
        json!({"industry": "it"}),
    )
    .await?;
    p.group(
        "organization",
        "beta",
        "2019-12-01T00:00Z",
        json!({"industry": "food"}),
    )
    .await?;
    let of = |key: &str, name: &str, who: &str, time: &str| {
        event(name).by(who).at(time).of_group("organization", key)
    };
    p.events([
        of("acme", "A", "ann", "2020-01-01T10:00Z"),
        of("acme", "B", "bob", "2020-01-01T11:00Z"),
        of("beta", "A", "ann", "2020-01-01T10:00Z"),
        of("never heard of", "A", "cat", "2020-01-01T10:00Z"),
        event("A").by("dan").at("2020-01-01T10:00Z"),
        event("B").by("dan").at("2020-01-01T11:00Z"),
    ])
    .await?;
    let groups = january(&["A", "B"], json!({"aggregation_group_type_index": 0}));
    let result = p.check_funnel(&groups, json!([3, 1])).await?;
    let people = p.people(&result[1]["converted_people_url"]).await?;
    ensure!(
        names(&people) == ["acme"] && people[0]["type"] == "group",
        "{people:?}"
    );
    let of_it = json!([{"key": "industry", "type": "group", "group_type_index": 0, "value": "it"}]);
    p.check_funnel(&merged(&groups, json!({"properties": of_it})), json!([1, 1]))
        .await?;
    for order in ["strict", "unordered"] {
        p.check_funnel(
            &merged(&groups, json!({"funnel_order_type": order})),
            json!([3, 1]),
        )
        .await?;
    }
    // The same events by persons: nobody but Dan did both.
    p.check_funnel(&january(&["A", "B"], json!({})), json!([3, 1]))
        .await?;
    // Without the group a negative filter holds.
    let not_it = json!([{"key": "industry", "type": "group", "group_type_index": 0, "operator": "is_not", "value": "it"}]);
    p.check_funnel(
        &january(&["A", "B"], json!({"properties": not_it})),
        json!([3, 1]),
    )
    .await
    .map(drop)
}

async fn merged_persons_are_one_actor(p: &Project) -> TestResult {
    p.events(did("anonymous-1", &[("A", "01T10:00")])).await?;
    p.events(did("ann", &[("B", "01T11:00"), ("A", "02T10:00")]))
        .await?;
    let funnel = january(&["A", "B"], json!({}));
    p.check_funnel(&funnel, json!([2, 0])).await?;
    p.events([event("$identify")
        .by("ann")
        .at("2020-01-02T11:00Z")
        .with("$anon_distinct_id", "anonymous-1")])
        .await?;
    let result = p.check_funnel(&funnel, json!([1, 1])).await?;
    let people = p.people(&result[1]["converted_people_url"]).await?;
    ensure!(
        people.len() == 1 && people[0]["distinct_ids"].as_array().map(Vec::len) == Some(2),
        "{people:?}"
    );
    Ok(())
}

async fn all_steps_lie_in_the_range(p: &Project) -> TestResult {
    p.events(did("early", &[("A", "01T23:59:59.999"), ("B", "02T10:00")]))
        .await?;
    p.events(did("in", &[("A", "02T00:00"), ("B", "03T23:59:59.999")]))
        .await?;
    p.events(did("late", &[("A", "02T10:00"), ("B", "04T00:00")]))
        .await?;
    let range = |from: &str, to: &str| january(&["A", "B"], json!({"date_from": from, "date_to": to}));
    p.check_funnel(&range("2020-01-02", "2020-01-03"), json!([2, 1]))
        .await?;
    // A time that is named is honoured; the range's end is not in it.
    p.check_funnel(
        &range("2020-01-02T00:00:00Z", "2020-01-03T23:59:59.999Z"),
        json!([2, 0]),
    )
    .await?;
    p.check_funnel(
        &range("2020-01-01T23:59:59.999Z", "2020-01-04T00:00:00.001Z"),
        json!([3, 3]),
    )
    .await?;
    p.check_funnel(&range("all", "2020-01-04"), json!([3, 3]))
        .await
        .map(drop)
}

async fn days_are_those_of_the_project(p: &Project) -> TestResult {
    p.events(did("early", &[("A", "01T04:59:59.999"), ("B", "01T12:00")]))
        .await?;
    p.events(did("in", &[("A", "01T05:00"), ("B", "02T04:59:59.999")]))
        .await?;
    p.events(did("late", &[("A", "01T10:00"), ("B", "02T05:00")]))
        .await?;
    let day = january(&["A", "B"], json!({"date_to": "2020-01-01"}));
    p.check_funnel(&day, json!([3, 1])).await?;
    p.patch(json!({"timezone": "America/New_York"})).await?;
    let result = p.check_funnel(&day, json!([2, 1])).await?;
    let people = p.people(&result[1]["converted_people_url"]).await?;
    ensure!(names(&people) == ["in"], "{people:?}");
    Ok(())
}

async fn means_of_means_and_medians_of_medians(p: &Project) -> TestResult {
    // Seconds from A to B: 10 and 40, then 10, 20 and 60, then 100.
    for (who, seconds) in [("p1", &[10, 40][..]), ("p2", &[10, 20, 60]), ("p3", &[100])] {
        for (hour, seconds) in seconds.iter().enumerate() {
            let (minute, second) = (seconds / 60, seconds % 60);
            p.events(did(
                who,
                &[
                    ("A", &format!("01T1{hour}:00:00")),
                    ("B", &format!("01T1{hour}:{minute:02}:{second:02}")),
                ],
            ))
            .await?;
        }
    }
    // The mean of 25, 30 and 100, the median of 25, 20 and 100.
    let request = january(&["A", "B"], json!({}));
    p.check_funnel_times(&request, json!([null, 155.0 / 3.0]), json!([null, 25]))
        .await?;
    // Two medians: between them.
    let two = merged(
        &request,
        json!({"events": [{"id": "A", "order": 0}, {"id": "B", "order": 1}],
        "date_to": "2020-01-01T12:00:00Z"}),
    );
    // Now p2 has 10 and 20 only.
    p.check_funnel_times(
        &two,
        json!([null, (25.0 + 15.0 + 100.0) / 3.0]),
        json!([null, 25]),
    )
    .await?;
    // Only entrances that came as far as the actor ever did count.
    p.events(did(
        "p4",
        &[
            ("D", "01T10:00:00"),
            ("E", "01T10:08:20"),
            ("D", "01T10:20:00"),
            ("E", "01T10:20:10"),
            ("F", "01T10:20:30"),
        ],
    ))
    .await?;
    p.events(did("p5", &[("D", "01T10:00:00"), ("E", "01T10:00:50")]))
        .await?;
    let window = json!({"funnel_window_interval": 15, "funnel_window_interval_unit": "minute"});
    p.check_funnel_times(
        &january(&["D", "E", "F"], window),
        json!([null, 30, 20]),
        json!([null, 30, 20]),
    )
    .await?;
    // Nobody came: no times.
    p.check_funnel_times(
        &january(&["D", "never"], json!({})),
        json!([null, null]),
        json!([null, null]),
    )
    .await
}

async fn fifty_steps(p: &Project) -> TestResult {
    let names: Vec<String> = (0..50).map(|step| format!("step {step}")).collect();
    let times: Vec<String> = (0..50).map(|step| format!("01T10:{step:02}")).collect();
    let all: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(times.iter().map(String::as_str))
        .collect();
    p.events(did("all", &all)).await?;
    p.events(did("half", &all[..25])).await?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let counts: Vec<u64> = (0..50).map(|step| if step < 25 { 2 } else { 1 }).collect();
    for order in ["ordered", "strict", "unordered"] {
        let request = january(&names, json!({"funnel_order_type": order}));
        let result = p.insight("funnel", request).await?;
        ensure!(field(&result, "count")? == json!(counts), "{order}: {result}");
        p.check_link(&result[49]["converted_people_url"], 1.0).await?;
        p.check_link(&result[25]["dropped_people_url"], 1.0).await?;
    }
    Ok(())
}

async fn without_steps_there_is_no_answer(p: &Project) -> TestResult {
    p.events([event("A").by("p1"), event("A").by("p2")]).await?;
    for request in [
        json!({}),
        json!({"events": []}),
        json!({"events": [], "actions": []}),
    ] {
        let result = p.either_way("funnel", &request).await?;
        ensure!(result == json!([]), "{result}");
    }
    p.check_funnel(&january(&["A"], json!({})), json!([2])).await?;
    p.check_funnel(&january(&["never"], json!({})), json!([0]))
        .await?;
    // What was calculated by POST is kept for GET.
    let request = january(&["A", "A"], json!({}));
    let first = p.post("insights/funnel/", request.clone()).await?;
    let path = format!("insights/funnel/?{}", tests::request::query_string(&request));
    let second = p.get(&path).await?;
    ensure!(
        first["is_cached"] == false && second["is_cached"] == true,
        "{first} {second}"
    );
    Ok(())
}

async fn pages_of_actors(p: &Project) -> TestResult {
    for person in 0..5 {
        p.events(did(&format!("p{person}"), &[("A", "01T10:00")])).await?;
    }
    let request = january(&["A", "B"], json!({"funnel_step": 1, "limit": 2}));
    let first = p.post("persons/funnel/", request.clone()).await?;
    ensure!(first["results"][0]["count"] == 2, "{first}");
    let path = format!(
        "/api/projects/{}/persons/funnel/?{}",
        p.id,
        tests::request::query_string(&request)
    );
    let people = p.people(&json!(path)).await?;
    ensure!(names(&people) == ["p0", "p1", "p2", "p3", "p4"], "{people:?}");
    // In the same order whoever asks.
    let ids: Vec<&Value> = people.iter().map(|person| &person["id"]).collect();
    let mut sorted = ids.clone();
    sorted.sort_by_key(|id| id.to_string());
    ensure!(ids == sorted, "{ids:?}");
    Ok(())
}
