//! Funnels over time, and how long they took.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::funnel::field;
use tests::project::alike;
use tests::request::{events, merged, names};
use tests::{Event, Project, TestResult, backend_suite, event};

backend_suite!(
    rates_belong_to_the_day_of_the_entrance,
    hours_weeks_and_months,
    rates_from_one_step_to_another,
    rates_of_strict_and_unordered_funnels,
    rates_of_each_value,
    the_times_of_three,
    bins_as_many_as_asked_for,
    times_between_some_steps,
);

/// What somebody did: `("A", "2020-01-01T10:00")`.
fn did(who: &str, what: &[(&str, &str)]) -> Vec<Event> {
    what.iter()
        .map(|(name, time)| event(name).by(who).at(&format!("{time}Z")))
        .collect()
}

fn trend(steps: &[&str], from: &str, to: &str, extra: Value) -> Value {
    let base =
        json!({"events": events(steps), "funnel_viz_type": "trends", "date_from": from, "date_to": to});
    merged(&base, extra)
}

async fn rates_belong_to_the_day_of_the_entrance(p: &Project) -> TestResult {
    p.events(did("a", &[("A", "2020-01-01T10:00"), ("B", "2020-01-02T10:00")]))
        .await?;
    p.events(did("b", &[("A", "2020-01-01T12:00")])).await?;
    let day = json!({"funnel_window_interval": 1, "funnel_window_interval_unit": "day"});
    let request = trend(&["A", "B"], "2020-01-01", "2020-01-02", day);
    let result = p.check_rates(&request, json!([[50.0, 0.0]])).await?;
    ensure!(
        result[0]["days"] == json!(["2020-01-01", "2020-01-02"])
            && result[0]["labels"] == json!(["1-Jan-2020", "2-Jan-2020"]),
        "{result}"
    );
    let links = &result[0]["persons_urls"][0];
    ensure!(
        names(&p.people(&links["converted_people_url"]).await?) == ["a"]
            && names(&p.people(&links["dropped_people_url"]).await?) == ["b"],
        "{links}"
    );
    // A line graph of a funnel is its trend.
    let graph = merged(
        &request,
        json!({"funnel_viz_type": null, "display": "ActionsLineGraph"}),
    );
    p.check_rates(&graph, json!([[50.0, 0.0]])).await?;
    // Who enters on two days counts on both, each with the most of that day.
    p.events(did(
        "b",
        &[
            ("B", "2020-01-01T13:00"),
            ("A", "2020-01-02T10:00"),
            ("A", "2020-01-02T11:00"),
        ],
    ))
    .await?;
    p.events(did("c", &[("A", "2020-01-02T11:00"), ("B", "2020-01-02T12:00")]))
        .await?;
    p.check_rates(&request, json!([[100.0, 50.0]])).await.map(drop)
}

async fn hours_weeks_and_months(p: &Project) -> TestResult {
    p.events(did("a", &[("H", "2020-01-01T10:15"), ("I", "2020-01-01T10:50")]))
        .await?;
    p.events(did("b", &[("H", "2020-01-01T10:30")])).await?;
    p.events(did("c", &[("H", "2020-01-01T12:00"), ("I", "2020-01-01T13:59")]))
        .await?;
    let hours = trend(
        &["H", "I"],
        "2020-01-01T10:00:00Z",
        "2020-01-01T13:59:59Z",
        json!({"interval": "hour"}),
    );
    let result = p.check_rates(&hours, json!([[50.0, 0.0, 100.0, 0.0]])).await?;
    ensure!(result[0]["days"][2] == "2020-01-01 12:00:00", "{result}");

    // 5 and 12 January are Sundays. What happened before the range is no entrance.
    for (who, what) in [
        ("a", &[("W", "2020-01-02T10:00"), ("X", "2020-01-08T10:00")][..]),
        ("b", &[("W", "2020-01-04T10:00")]),
        ("c", &[("W", "2020-01-05T10:00"), ("X", "2020-01-06T10:00")]),
        ("d", &[("W", "2020-01-11T10:00")]),
        ("e", &[("W", "2020-01-13T10:00"), ("X", "2020-01-15T10:00")]),
        ("f", &[("W", "2019-12-31T10:00"), ("X", "2020-01-01T10:00")]),
    ] {
        p.events(did(who, what)).await?;
    }
    let weeks = trend(
        &["W", "X"],
        "2020-01-01",
        "2020-01-14",
        json!({"interval": "week"}),
    );
    let result = p.check_rates(&weeks, json!([[50.0, 50.0, 0.0]])).await?;
    ensure!(
        result[0]["days"] == json!(["2019-12-29", "2020-01-05", "2020-01-12"]),
        "{result}"
    );
    p.patch(json!({"week_start_day": 1})).await?;
    let result = p.check_rates(&weeks, json!([[66.67, 0.0, 0.0]])).await?;
    ensure!(
        result[0]["days"] == json!(["2019-12-30", "2020-01-06", "2020-01-13"]),
        "{result}"
    );

    for (who, what) in [
        ("a", &[("M", "2020-01-20T10:00"), ("N", "2020-02-02T10:00")][..]),
        ("b", &[("M", "2020-01-10T10:00"), ("N", "2020-01-11T10:00")]),
        ("c", &[("M", "2020-01-31T23:30"), ("M", "2020-02-10T10:00")]),
        ("d", &[("M", "2020-02-29T22:59"), ("N", "2020-03-10T10:00")]),
    ] {
        p.events(did(who, what)).await?;
    }
    let months = trend(
        &["M", "N"],
        "2020-01-15",
        "2020-03-10",
        json!({"interval": "month"}),
    );
    let result = p.check_rates(&months, json!([[50.0, 50.0, 0.0]])).await?;
    ensure!(
        result[0]["days"] == json!(["2020-01-01", "2020-02-01", "2020-03-01"]),
        "{result}"
    );
    // Half past eleven at night is February in Berlin.
    p.patch(json!({"timezone": "Europe/Berlin"})).await?;
    p.check_rates(&months, json!([[100.0, 50.0, 0.0]]))
        .await
        .map(drop)
}

async fn rates_from_one_step_to_another(p: &Project) -> TestResult {
    for (who, steps) in [("p1", 3), ("p2", 2), ("p3", 1)] {
        let all = [
            ("A", "2020-01-01T10:00"),
            ("B", "2020-01-01T11:00"),
            ("C", "2020-01-01T12:00"),
        ];
        p.events(did(who, &all[..steps])).await?;
    }
    for (span, rate) in [
        (json!({}), 33.33),
        (json!({"funnel_from_step": 0, "funnel_to_step": 1}), 66.67),
        (json!({"funnel_from_step": 1}), 50.0),
        (json!({"funnel_from_step": 1, "funnel_to_step": 2}), 50.0),
        // Nobody converts to the first step: it is as good as not named.
        (json!({"funnel_to_step": 0}), 33.33),
    ] {
        let request = trend(&["A", "B", "C"], "2020-01-01", "2020-01-02", span);
        p.check_rates(&request, json!([[rate, 0.0]])).await?;
    }
    // Nobody at all.
    let request = trend(&["never", "B"], "2020-01-01", "2020-01-02", json!({}));
    p.check_rates(&request, json!([[0.0, 0.0]])).await.map(drop)
}

async fn rates_of_strict_and_unordered_funnels(p: &Project) -> TestResult {
    p.events(did(
        "a",
        &[
            ("A", "2020-01-01T10:00"),
            ("X", "2020-01-01T11:00"),
            ("B", "2020-01-01T12:00"),
        ],
    ))
    .await?;
    p.events(did("b", &[("B", "2020-01-01T10:00"), ("A", "2020-01-02T10:00")]))
        .await?;
    let of = |order: &str| {
        trend(
            &["A", "B"],
            "2020-01-01",
            "2020-01-02",
            json!({"funnel_order_type": order}),
        )
    };
    p.check_rates(&of("ordered"), json!([[100.0, 0.0]])).await?;
    p.check_rates(&of("strict"), json!([[0.0, 0.0]])).await?;
    // Two enters with B on the first day, and with A again on the second.
    p.check_rates(&of("unordered"), json!([[100.0, 0.0]])).await?;
    // Exclusions discard entrances here, too.
    let exclusions = json!([{"id": "X", "funnel_from_step": 0, "funnel_to_step": 1}]);
    let result = p
        .check_rates(
            &merged(&of("ordered"), json!({"exclusions": exclusions})),
            json!([[0.0, 0.0]]),
        )
        .await?;
    let lost = p
        .people(&result[0]["persons_urls"][0]["dropped_people_url"])
        .await?;
    ensure!(lost.is_empty(), "{lost:?}");
    Ok(())
}

async fn rates_of_each_value(p: &Project) -> TestResult {
    p.person("p1", "2019-12-01T00:00Z", json!({"country": "NO"}))
        .await?;
    let on = |who: &str, name: &str, time: &str, plan: &str| {
        event(name)
            .by(who)
            .at(&format!("2020-01-{time}Z"))
            .with("plan", plan)
    };
    p.events([
        on("p1", "A", "01T10:00", "pro"),
        on("p1", "B", "01T11:00", "pro"),
        on("p2", "A", "01T10:00", "pro"),
        on("p3", "A", "02T10:00", "free"),
        on("p3", "B", "02T11:00", "free"),
        on("p4", "A", "02T10:00", "basic"),
    ])
    .await?;
    let request = trend(
        &["A", "B"],
        "2020-01-01",
        "2020-01-02",
        json!({"breakdown": "plan"}),
    );
    let result = p
        .check_rates(&request, json!([[0.0, 0.0], [0.0, 100.0], [50.0, 0.0]]))
        .await?;
    ensure!(
        field(&result, "breakdown_value")? == json!(["basic", "free", "pro"]),
        "{result}"
    );
    let limited = merged(&request, json!({"breakdown_limit": 1}));
    let result = p.check_rates(&limited, json!([[50.0, 0.0], [0.0, 50.0]])).await?;
    ensure!(
        field(&result, "breakdown_value")? == json!(["pro", "Other"]),
        "{result}"
    );
    let groups = json!([{"properties": [{"key": "country", "type": "person", "value": "NO"}]}]);
    let cohort = p
        .post("cohorts/", json!({"name": "norwegians", "groups": groups}))
        .await?;
    let cohorts = merged(
        &request,
        json!({"breakdown_type": "cohort", "breakdown": [cohort["id"]]}),
    );
    let result = p.check_rates(&cohorts, json!([[100.0, 0.0]])).await?;
    ensure!(result[0]["breakdown"] == "norwegians", "{result}");
    Ok(())
}

/// Each time A, and B so many seconds later.
async fn took(p: &Project, seconds: &[(&str, &str)]) -> TestResult {
    for (who, seconds) in seconds {
        p.events([
            event("A").by(who).at("2020-01-01T10:00:00Z"),
            event("B").by(who).at(&format!("2020-01-01T10:{seconds}Z")),
        ])
        .await?;
    }
    Ok(())
}

fn times(steps: &[&str], extra: Value) -> Value {
    let base = json!({"events": events(steps), "funnel_viz_type": "time_to_convert",
        "date_from": "2020-01-01", "date_to": "2020-01-03"});
    merged(&base, extra)
}

async fn check_times(p: &Project, request: Value, bins: Value, average: Value) -> TestResult {
    let result = p.either_way("funnel", &request).await?;
    ensure!(
        alike(&result["bins"], &bins) && alike(&result["average_conversion_time"], &average),
        "{result}, expected {bins} and {average}, for {request}"
    );
    Ok(())
}

async fn the_times_of_three(p: &Project) -> TestResult {
    // Nobody yet.
    check_times(p, times(&["A", "B"], json!({})), json!([]), Value::Null).await?;
    took(p, &[("p1", "00:10"), ("p2", "00:20"), ("p3", "01:11")]).await?;
    check_times(
        p,
        times(&["A", "B"], json!({})),
        json!([[10, 2], [31, 0], [52, 1], [73, 0]]),
        json!(33.67),
    )
    .await?;
    // Who did not get there has no time.
    p.events(did("p4", &[("A", "2020-01-01T10:00")])).await?;
    check_times(
        p,
        times(&["A", "B"], json!({"funnel_order_type": "strict"})),
        json!([[10, 2], [31, 0], [52, 1], [73, 0]]),
        json!(33.67),
    )
    .await?;
    check_times(p, times(&["B", "A"], json!({})), json!([]), Value::Null).await?;
    check_times(
        p,
        times(&["B", "A"], json!({"funnel_order_type": "unordered"})),
        json!([[10, 2], [31, 0], [52, 1], [73, 0]]),
        json!(33.67),
    )
    .await?;
    // Parts of seconds: from the whole one below to the whole one above.
    let steps = ["C", "D"];
    for (who, end) in [("p1", "10:00:10.750"), ("p2", "10:00:12.250")] {
        p.events(did(
            who,
            &[("C", "2020-01-01T10:00"), ("D", &format!("2020-01-01T{end}"))],
        ))
        .await?;
    }
    check_times(
        p,
        times(&steps, json!({})),
        json!([[10, 1], [11, 0], [12, 1], [13, 0]]),
        json!(11.5),
    )
    .await
}

async fn bins_as_many_as_asked_for(p: &Project) -> TestResult {
    took(p, &[("p1", "00:10"), ("p2", "00:20"), ("p3", "01:11")]).await?;
    let bins = |count: Value| times(&["A", "B"], json!({"bin_count": count}));
    check_times(p, bins(json!(1)), json!([[10, 2], [71, 1]]), json!(33.67)).await?;
    check_times(p, bins(json!(0)), json!([[10, 2], [71, 1]]), json!(33.67)).await?;
    check_times(
        p,
        bins(json!("2")),
        json!([[10, 2], [41, 1], [72, 0]]),
        json!(33.67),
    )
    .await?;
    check_times(
        p,
        bins(json!("auto")),
        json!([[10, 2], [31, 0], [52, 1], [73, 0]]),
        json!(33.67),
    )
    .await?;
    // No more than ninety, of a second each.
    let result = p.insight("funnel", bins(json!(500))).await?;
    ensure!(
        result["bins"].as_array().map(Vec::len) == Some(91) && result["bins"][61] == json!([71, 1]),
        "{result}"
    );
    // As long for everybody: minutes.
    let same = json!({"properties": [{"key": "n", "value": 1}]});
    for who in ["q1", "q2"] {
        for (name, time) in [("A", "10:00:00"), ("B", "10:00:10")] {
            let event = event(name).by(who).at(&format!("2020-01-01T{time}Z"));
            p.events([event.with("n", 1)]).await?;
        }
    }
    check_times(
        p,
        times(&["A", "B"], same),
        json!([[10, 2], [70, 0], [130, 0], [190, 0]]),
        json!(10),
    )
    .await
}

async fn times_between_some_steps(p: &Project) -> TestResult {
    let all = [
        ("A", "2020-01-01T10:00:00"),
        ("B", "2020-01-01T10:00:30"),
        ("C", "2020-01-01T10:01:40"),
    ];
    p.events(did("p1", &all)).await?;
    p.events(did("p2", &all[..2])).await?;
    // Another way through takes longer: the mean of both counts.
    p.events(did(
        "p3",
        &[
            ("A", "2020-01-01T10:00:00"),
            ("B", "2020-01-01T10:00:10"),
            ("C", "2020-01-01T10:00:20"),
            ("A", "2020-01-02T10:00:00"),
            ("B", "2020-01-02T10:00:30"),
            ("C", "2020-01-02T10:01:00"),
        ],
    ))
    .await?;
    for (span, bins, average) in [
        (json!({}), json!([[40, 1], [60, 0], [80, 0], [100, 1]]), json!(70)),
        (
            json!({"funnel_from_step": 0, "funnel_to_step": 1}),
            json!([[20, 1], [24, 0], [28, 2], [32, 0]]),
            json!(26.67),
        ),
        (
            json!({"funnel_from_step": 1, "funnel_to_step": 2}),
            json!([[20, 1], [37, 0], [54, 1], [71, 0]]),
            json!(45),
        ),
    ] {
        check_times(p, times(&["A", "B", "C"], span), bins, average).await?;
    }
    Ok(())
}
