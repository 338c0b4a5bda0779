//! Trends: math, intervals, time zones, displays, compare.

use serde_json::json;
use tests::{Project, TestResult, backend_suite, event};

backend_suite!(
    total_and_unique_persons_per_day,
    hours_weeks_and_months,
    weeks_can_start_on_monday,
    days_are_those_of_the_project,
    clock_changes_have_short_and_long_days,
    property_math,
    rolling_actives_have_a_value_on_every_day,
    counts_per_actor,
    sessions,
    cumulative_uniques_count_a_person_once,
    single_numbers,
    compare_is_the_period_before,
    smoothing,
    a_time_in_date_to_is_honoured,
    events_at_the_edges,
    all_time_begins_with_the_first_believable_event,
    two_series,
    session_duration_as_math_filter_and_breakdown,
);

async fn total_and_unique_persons_per_day(p: &Project) -> TestResult {
    p.events([
        event("signup").by("a").at("2020-01-01T10:00Z"),
        event("signup").by("a").at("2020-01-01T11:00Z"),
        event("signup").by("b").at("2020-01-01T12:00Z"),
        event("signup").by("a").at("2020-01-03T00:00Z"),
        event("other").by("a").at("2020-01-02T00:00Z"),
    ])
    .await?;
    let request = json!({"events": [{"id": "signup"}], "date_from": "2020-01-01", "date_to": "2020-01-03"});
    p.check_trend(request.clone(), "data", json!([[3, 0, 1]])).await?;
    p.check_trend(request.clone(), "count", json!([4])).await?;
    p.check_trend(
        request,
        "days",
        json!([["2020-01-01", "2020-01-02", "2020-01-03"]]),
    )
    .await?;
    let request = json!({"events": [{"id": "signup", "math": "dau"}], "date_from": "2020-01-01", "date_to": "2020-01-03"});
    p.check_trend(request.clone(), "data", json!([[2, 0, 1]])).await?;
    p.check_trend(request.clone(), "count", json!([3])).await?;
    p.check_trend(
        request,
        "labels",
        json!([["1-Jan-2020", "2-Jan-2020", "3-Jan-2020"]]),
    )
    .await
}

async fn hours_weeks_and_months(p: &Project) -> TestResult {
    p.events([
        event("e").at("2020-01-01T01:59:59Z"),
        event("e").at("2020-01-01T02:00:00Z"),
        event("e").at("2020-01-04T23:59:59Z"),
        event("e").at("2020-01-05T00:00:00Z"),
        event("e").at("2020-02-29T12:00:00Z"),
    ])
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e"}], "interval": "hour", "date_from": "2020-01-01T00:00:00", "date_to": "2020-01-01T03:00:00"}),
        "data",
        json!([[0, 1, 1]]),
    )
    .await?;
    // 2020-01-05 is a Sunday.
    p.check_trend(
        json!({"events": [{"id": "e"}], "interval": "week", "date_from": "2019-12-29", "date_to": "2020-01-11"}),
        "data",
        json!([[3, 1]]),
    )
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e"}], "interval": "month", "date_from": "2019-12-15", "date_to": "2020-03-02"}),
        "data",
        json!([[0, 4, 1, 0]]),
    )
    .await
}

async fn weeks_can_start_on_monday(p: &Project) -> TestResult {
    p.patch(json!({"week_start_day": 1})).await?;
    p.events([
        event("e").at("2020-01-05T23:59:59Z"),
        event("e").at("2020-01-06T00:00:00Z"),
    ])
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e"}], "interval": "week", "date_from": "2019-12-30", "date_to": "2020-01-12"}),
        "data",
        json!([[1, 1]]),
    )
    .await
}

async fn days_are_those_of_the_project(p: &Project) -> TestResult {
    p.patch(json!({"timezone": "Asia/Kolkata"})).await?;
    p.events([
        event("e").at("2019-12-31T18:29:59Z"),
        event("e").at("2019-12-31T18:30:00Z"),
        event("e").at("2020-01-01T18:29:59Z"),
        event("e").at("2020-01-01T18:30:00Z"),
    ])
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e"}], "date_from": "2020-01-01", "date_to": "2020-01-02"}),
        "data",
        json!([[2, 1]]),
    )
    .await
}

async fn clock_changes_have_short_and_long_days(p: &Project) -> TestResult {
    p.patch(json!({"timezone": "America/New_York"})).await?;
    // Clocks go forward on 8 March 2020: that day is 23 hours long, from 05:00Z to 04:00Z.
    p.events([
        event("e").at("2020-03-08T04:59:59Z"),
        event("e").at("2020-03-08T05:00:00Z"),
        event("e").at("2020-03-09T03:59:59Z"),
        event("e").at("2020-03-09T04:00:00Z"),
    ])
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e"}], "date_from": "2020-03-07", "date_to": "2020-03-09"}),
        "data",
        json!([[1, 2, 1]]),
    )
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e"}], "interval": "week", "date_from": "2020-03-01", "date_to": "2020-03-09"}),
        "data",
        json!([[1, 3]]),
    )
    .await
}

async fn property_math(p: &Project) -> TestResult {
    p.events([
        event("buy").at("2020-01-01T10:00Z").with("amount", 10),
        event("buy").at("2020-01-01T11:00Z").with("amount", "20.5"),
        event("buy").at("2020-01-01T12:00Z").with("amount", "no number"),
        event("buy").at("2020-01-01T13:00Z"),
        event("buy").at("2020-01-03T13:00Z").with("amount", -4),
    ])
    .await?;
    for (math, data) in [
        ("sum", json!([[30.5, 0, -4]])),
        ("avg", json!([[15.25, 0, -4]])),
        ("min", json!([[10, 0, -4]])),
        ("max", json!([[20.5, 0, -4]])),
        ("median", json!([[15.25, 0, -4]])),
        ("p90", json!([[19.45, 0, -4]])),
        ("p95", json!([[19.975, 0, -4]])),
        ("p99", json!([[20.395, 0, -4]])),
    ] {
        let entity = json!({"id": "buy", "math": math, "math_property": "amount"});
        let request = json!({"events": [entity], "date_from": "2020-01-01", "date_to": "2020-01-03"});
        p.check_trend(request, "data", data).await?;
    }
    Ok(())
}

async fn rolling_actives_have_a_value_on_every_day(p: &Project) -> TestResult {
    p.events([
        event("seen").by("u1").at("2020-01-01T10:00Z"),
        event("seen").by("u2").at("2020-01-05T10:00Z"),
    ])
    .await?;
    let request = |math: &str| json!({"events": [{"id": "seen", "math": math}], "date_from": "2020-01-01", "date_to": "2020-01-09"});
    p.check_trend(
        request("weekly_active"),
        "data",
        json!([[1, 1, 1, 1, 2, 2, 2, 1, 1]]),
    )
    .await?;
    p.check_trend(
        request("monthly_active"),
        "data",
        json!([[1, 1, 1, 1, 2, 2, 2, 2, 2]]),
    )
    .await?;
    // What happened before the range counts while its window reaches back.
    p.check_trend(
        json!({"events": [{"id": "seen", "math": "weekly_active"}], "date_from": "2020-01-06", "date_to": "2020-01-08"}),
        "data",
        json!([[2, 2, 1]]),
    )
    .await
}

async fn counts_per_actor(p: &Project) -> TestResult {
    p.events([
        event("e").by("a").at("2020-01-01T10:00Z"),
        event("e").by("a").at("2020-01-01T11:00Z"),
        event("e").by("a").at("2020-01-01T12:00Z"),
        event("e").by("b").at("2020-01-01T10:00Z"),
        event("e").by("b").at("2020-01-02T10:00Z"),
    ])
    .await?;
    for (math, data) in [
        ("avg_count_per_actor", json!([[2, 1]])),
        ("min_count_per_actor", json!([[1, 1]])),
        ("max_count_per_actor", json!([[3, 1]])),
        ("median_count_per_actor", json!([[2, 1]])),
        ("p90_count_per_actor", json!([[2.8, 1]])),
    ] {
        let request = json!({"events": [{"id": "e", "math": math}], "date_from": "2020-01-01", "date_to": "2020-01-02"});
        p.check_trend(request, "data", data).await?;
    }
    Ok(())
}

async fn sessions(p: &Project) -> TestResult {
    p.events([
        event("e").at("2020-01-01T10:00Z").with("$session_id", "s1"),
        event("e").at("2020-01-01T11:00Z").with("$session_id", "s1"),
        event("e").at("2020-01-01T12:00Z").with("$session_id", "s2"),
        event("e").at("2020-01-02T12:00Z").with("$session_id", "s2"),
    ])
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e", "math": "unique_session"}], "date_from": "2020-01-01", "date_to": "2020-01-02"}),
        "data",
        json!([[2, 1]]),
    )
    .await
}

async fn cumulative_uniques_count_a_person_once(p: &Project) -> TestResult {
    p.events([
        event("e").by("a").at("2020-01-01T10:00Z"),
        event("e").by("a").at("2020-01-02T10:00Z"),
        event("e").by("b").at("2020-01-02T10:00Z"),
        event("e").by("a").at("2020-01-03T10:00Z"),
    ])
    .await?;
    let request = |math: &str| {
        json!({"events": [{"id": "e", "math": math}], "display": "ActionsLineGraphCumulative",
            "date_from": "2020-01-01", "date_to": "2020-01-03"})
    };
    p.check_trend(request("total"), "data", json!([[1, 3, 4]]))
        .await?;
    p.check_trend(request("dau"), "data", json!([[1, 2, 2]])).await
}

async fn single_numbers(p: &Project) -> TestResult {
    p.events([
        event("e").by("a").at("2020-01-01T10:00Z").with("n", 1),
        event("e").by("a").at("2020-01-02T10:00Z").with("n", 2),
        event("e").by("b").at("2020-01-02T10:00Z").with("n", 6),
    ])
    .await?;
    for display in ["ActionsTable", "ActionsPie", "ActionsBarValue", "BoldNumber"] {
        for (entity, value) in [
            (json!({"id": "e"}), 3),
            (json!({"id": "e", "math": "dau"}), 2),
            (json!({"id": "e", "math": "avg", "math_property": "n"}), 3),
            (json!({"id": "e", "math": "weekly_active"}), 2),
        ] {
            let request = json!({"events": [entity], "display": display, "date_from": "2020-01-01", "date_to": "2020-01-02"});
            p.check_trend(request, "aggregated_value", json!([value])).await?;
        }
    }
    Ok(())
}

async fn compare_is_the_period_before(p: &Project) -> TestResult {
    p.events([
        event("e").at("2020-01-01T10:00Z"),
        event("e").at("2020-01-03T10:00Z"),
        event("e").at("2020-01-04T10:00Z"),
        event("e").at("2020-01-04T11:00Z"),
    ])
    .await?;
    let request =
        json!({"events": [{"id": "e"}], "compare": true, "date_from": "2020-01-03", "date_to": "2020-01-04"});
    p.check_trend(request.clone(), "data", json!([[1, 2], [1, 0]]))
        .await?;
    p.check_trend(request.clone(), "compare_label", json!(["current", "previous"]))
        .await?;
    p.check_trend(request, "labels", json!([["day 0", "day 1"], ["day 0", "day 1"]]))
        .await
}

async fn smoothing(p: &Project) -> TestResult {
    let mut events = Vec::new();
    for (day, count) in [(1, 1), (2, 2), (3, 6)] {
        for _ in 0..count {
            events.push(event("e").at(&format!("2020-01-0{day}T10:00Z")));
        }
    }
    p.events(events).await?;
    p.check_trend(
        json!({"events": [{"id": "e"}], "smoothing_intervals": 2, "date_from": "2020-01-01", "date_to": "2020-01-03"}),
        "data",
        json!([[1, 1, 4]]),
    )
    .await
}

async fn a_time_in_date_to_is_honoured(p: &Project) -> TestResult {
    p.events([
        event("e").at("2020-01-01T10:00Z"),
        event("e").at("2020-01-01T12:00Z"),
    ])
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e"}], "date_from": "2020-01-01", "date_to": "2020-01-01T11:00:00"}),
        "data",
        json!([[1]]),
    )
    .await
}

async fn events_at_the_edges(p: &Project) -> TestResult {
    p.events([
        event("e").at("2019-12-31T23:59:59.999999Z"),
        event("e").at("2020-01-01T00:00:00Z"),
        event("e").at("2020-01-02T23:59:59.999999Z"),
        event("e").at("2020-01-03T00:00:00Z"),
    ])
    .await?;
    p.check_trend(
        json!({"events": [{"id": "e"}], "date_from": "2020-01-01", "date_to": "2020-01-02"}),
        "data",
        json!([[1, 1]]),
    )
    .await
}

async fn all_time_begins_with_the_first_believable_event(p: &Project) -> TestResult {
    p.events([
        event("e").at("1970-01-01T00:00:00Z"),
        event("e").at("2019-11-30T12:00:00Z"),
        event("e").at("2020-01-01T12:00:00Z"),
    ])
    .await?;
    let request =
        json!({"events": [{"id": "e"}], "interval": "month", "date_from": "all", "date_to": "2020-01-31"});
    p.check_trend(request, "data", json!([[1, 0, 1]])).await
}

async fn two_series(p: &Project) -> TestResult {
    p.events([event("a"), event("b"), event("b")]).await?;
    let request = json!({
        "events": [{"id": "b", "order": 1}, {"id": "a", "order": 2}, {"id": null, "order": 3}],
        "date_from": "2020-01-01",
        "date_to": "2020-01-01",
    });
    p.check_trend(request, "count", json!([2, 1, 3])).await
}

async fn session_duration_as_math_filter_and_breakdown(p: &Project) -> TestResult {
    p.events([
        event("e").at("2020-01-01T10:00:00Z").with("$session_id", "short"),
        event("e").at("2020-01-01T10:00:10Z").with("$session_id", "short"),
        event("e").at("2020-01-01T10:00:00Z").with("$session_id", "long"),
        event("x").at("2020-01-01T10:01:00Z").with("$session_id", "long"),
    ])
    .await?;
    let range = |entity: serde_json::Value| json!({"events": [entity], "date_from": "2020-01-01", "date_to": "2020-01-01"});
    p.check_trend(
        range(json!({"id": "e", "math": "avg", "math_property": "$session_duration"})),
        "data",
        json!([[35]]),
    )
    .await?;
    let mut filtered = range(json!({"id": "e"}));
    filtered["properties"] =
        json!([{"key": "$session_duration", "type": "session", "operator": "gt", "value": 30}]);
    p.check_trend(filtered, "data", json!([[1]])).await
}
