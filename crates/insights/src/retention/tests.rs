//! Requests of retention, what they resolve to, and tables from hand-made cells.

use model::WeekStart;
use serde_json::{Value, json};

use super::*;
use crate::field_error::ErrorCode;
use crate::resolved::*;
use crate::test_context::{World, at, followed, request};

fn plan(world: &World, body: Value) -> Plan {
    Plan::parse(&request(body), &world.context()).unwrap()
}

fn cell(base: usize, offset: usize, count: u64) -> RetentionCell {
    RetentionCell {
        breakdown: None,
        base,
        offset,
        count,
    }
}

/// A row a line: label, date, counts.
fn table(answer: &Value) -> String {
    let row = |row: &Value| {
        let counts: Vec<String> = row["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value["count"].to_string())
            .collect();
        format!(
            "{} {} {}",
            row["label"].as_str().unwrap(),
            row["date"].as_str().unwrap_or("-"),
            counts.join(" ")
        )
    };
    answer
        .as_array()
        .unwrap()
        .iter()
        .map(row)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_table_is_a_triangle() {
    let plan = plan(
        &World::new(),
        json!({"date_to": "2020-06-20", "total_intervals": 3}),
    );
    let answer = plan.shape(&[cell(0, 0, 2), cell(0, 2, 2), cell(1, 0, 2), cell(0, 1, 1)]);
    insta::assert_snapshot!(table(&answer), @r#"
    Day 0 2020-06-18T00:00:00Z 2 1 2
    Day 1 2020-06-19T00:00:00Z 2 0
    Day 2 2020-06-20T00:00:00Z 0
    "#);
    assert_eq!(answer[1]["values"][1]["people"], json!([]));
}

#[test]
fn broken_down_rows_are_as_long_as_the_table() {
    let plan = plan(
        &World::new(),
        json!({"date_to": "2020-06-20", "total_intervals": 3,
            "breakdowns": [{"property": "os", "type": "person"}, {"property": "v", "type": "person"}]}),
    );
    let cell = |parts: [&str; 2], offset, count| RetentionCell {
        breakdown: Some(parts.map(str::to_owned).to_vec()),
        base: 0,
        offset,
        count,
    };
    let answer = plan.shape(&[
        cell(["Win", "1"], 0, 3),
        cell(["Mac", "2"], 2, 1),
        cell(["Mac", "2"], 0, 1),
    ]);
    insta::assert_snapshot!(table(&answer), @r#"
    Mac::2 - 1 0 1
    Win::1 - 3 0 0
    "#);
    assert_eq!(answer[0]["breakdown_values"], json!(["Mac", "2"]));
}

#[test]
fn intervals_end_with_the_one_of_date_to() {
    use WeekStart::{Monday, Sunday};
    for (zone, week_start, body, first, end) in [
        (
            "UTC",
            Sunday,
            json!({"date_to": "2020-06-20"}),
            "2020-06-18T00:00:00Z",
            "2020-06-21T00:00:00Z",
        ),
        (
            "UTC",
            Sunday,
            json!({"date_to": "2020-06-20T10:00:00"}),
            "2020-06-18T00:00:00Z",
            "2020-06-21T00:00:00Z",
        ),
        (
            "UTC",
            Sunday,
            json!({}),
            "2020-01-02T00:00:00Z",
            "2020-01-05T00:00:00Z",
        ),
        (
            "UTC",
            Sunday,
            json!({"period": "Week", "date_to": "2020-07-24"}),
            "2020-07-05T00:00:00Z",
            "2020-07-26T00:00:00Z",
        ),
        (
            "UTC",
            Monday,
            json!({"period": "Week", "date_to": "2020-07-24"}),
            "2020-07-06T00:00:00Z",
            "2020-07-27T00:00:00Z",
        ),
        (
            "UTC",
            Sunday,
            json!({"period": "Month", "date_to": "2020-03-31"}),
            "2020-01-01T00:00:00Z",
            "2020-04-01T00:00:00Z",
        ),
        (
            "UTC",
            Sunday,
            json!({"period": "Hour", "date_to": "2020-06-20T10:30:00"}),
            "2020-06-20T08:00:00Z",
            "2020-06-20T11:00:00Z",
        ),
        (
            "America/New_York",
            Sunday,
            json!({"date_to": "2022-11-07"}),
            "2022-11-05T04:00:00Z",
            "2022-11-08T05:00:00Z",
        ),
    ] {
        let mut world = World::new().in_zone(zone);
        world.project.week_start = week_start;
        let mut body = body;
        body["total_intervals"] = json!("3");
        let plan = plan(&world, body.clone());
        let intervals = &plan.query().intervals;
        assert_eq!(intervals.len(), 3);
        assert_eq!(
            (intervals[0].from, intervals[2].to),
            (at(first), at(end)),
            "{zone} {body}"
        );
        assert!(intervals.windows(2).all(|pair| pair[0].to == pair[1].from));
    }
}

#[test]
fn sides() {
    let event = |name: &str| Condition::EventName(name.to_owned());
    let world = World::new().with_action(1, "act", json!([{"event": "c"}]));
    for (body, target, returning) in [
        (json!({}), "$pageview", "$pageview"),
        (json!({"target_entity": {"id": "a", "type": "events"}}), "a", "a"),
        (
            json!({"target_entity": "{\"id\": \"a\"}", "returning_entity": {"id": "b"}}),
            "a",
            "b",
        ),
        (
            json!({"target_entity": {"id": "a"}, "events": [{"id": "b"}]}),
            "a",
            "b",
        ),
        (json!({"target_entity": {"id": 1, "type": "actions"}}), "c", "c"),
    ] {
        let plan = plan(&world, body.clone());
        assert_eq!(plan.query().target, event(target), "{body}");
        assert_eq!(plan.query().returning, event(returning), "{body}");
    }
    // Properties of a side are its own, those of the request hold for both.
    let plan = plan(
        &world,
        json!({"target_entity": {"id": "a", "properties": [{"key": "x", "value": 1}]}, "properties": [{"key": "y", "value": 2}],
            "returning_entity": {"id": "b"}}),
    );
    let property = |key: &str, value: &str| Condition::Property {
        source: PropertySource::Event,
        key: key.to_owned(),
        test: PropertyTest::AnyOf(vec![value.to_owned()]),
    };
    assert_eq!(
        plan.query().target,
        Condition::All(vec![event("a"), property("x", "1"), property("y", "2")])
    );
    assert_eq!(
        plan.query().returning,
        Condition::All(vec![event("b"), property("y", "2")])
    );
}

#[test]
fn rows_of_actors() {
    let world = World::new();
    let asked = |body: Value| actors(&request(body), &world.context()).unwrap();
    let row = asked(
        json!({"total_intervals": "5", "selected_interval": "2", "display": "ActionsTable", "limit": 10, "offset": 20}),
    );
    assert_eq!((row.query().base, row.query().offset), (2, None));
    assert_eq!((row.query().limit, row.query().skip), (10, 20));
    let actor = RetentionActor {
        actor: "x".to_owned(),
        offsets: vec![0, 2],
    };
    assert_eq!(row.appearances(&actor), [1, 0, 1]);
    let line = asked(json!({"total_intervals": 5, "selected_interval": 2, "display": "ActionsLineGraph"}));
    assert!(line.is_line());
    assert_eq!((line.query().base, line.query().offset), (0, Some(2)));
    assert!(line.query().query.first_interval_only);
    let broken_down = asked(json!({"breakdown": "os", "breakdown_values": "Mac"}));
    assert_eq!(broken_down.query().breakdown, Some(vec!["Mac".to_owned()]));
}

#[test]
fn paths_lead_to_their_row() {
    let plan = plan(
        &World::new(),
        json!({"total_intervals": 2, "target_entity": {"id": "a b"}}),
    );
    let answer = plan.shape(&[]);
    assert_eq!(
        answer[1]["people_url"],
        "api/projects/1/persons/retention/?selected_interval=1&total_intervals=2\
         &target_entity=%7B%22id%22%3A%22a%20b%22%7D&date_to=2020-01-04T12%3A00%3A00Z"
    );
    let (_, cell) = followed(&answer[0]["values"][1]["people_url"]);
    assert_eq!(
        (&cell["selected_interval"], &cell["returned_after"]),
        (&json!("0"), &json!("1"))
    );
}

#[test]
fn refusals_name_their_field() {
    let invalid = ErrorCode::InvalidInput;
    for (body, code, attr) in [
        (json!({"period": "day"}), invalid, "period"),
        (json!({"period": "Year"}), invalid, "period"),
        (json!({"total_intervals": 0}), invalid, "total_intervals"),
        (json!({"total_intervals": 10_000}), invalid, "total_intervals"),
        (json!({"retention_type": "forever"}), invalid, "retention_type"),
        (json!({"date_to": "soon"}), invalid, "date_to"),
        (json!({"target_entity": "{"}), invalid, "target_entity"),
        (
            json!({"target_entity": {"type": "events"}}),
            ErrorCode::Required,
            "target_entity__id",
        ),
        (
            json!({"aggregation_group_type_index": 5}),
            invalid,
            "aggregation_group_type_index",
        ),
        (
            json!({"breakdown": "x", "breakdown_type": "cohort"}),
            ErrorCode::NotSupported,
            "breakdown_type",
        ),
        (
            json!({"breakdowns": [{"property": "a", "type": "event"}, {"property": "b", "type": "person"}]}),
            invalid,
            "breakdowns",
        ),
        (
            json!({"properties": [{"key": "a"}]}),
            ErrorCode::Required,
            "properties__0__value",
        ),
    ] {
        let error = Plan::parse(&request(body.clone()), &World::new().context()).unwrap_err();
        assert_eq!(
            (error.code, error.attr.as_deref()),
            (code, Some(attr)),
            "{body}: {error}"
        );
    }
    let error = actors(
        &request(json!({"selected_interval": 11})),
        &World::new().context(),
    )
    .unwrap_err();
    assert_eq!(error.attr.as_deref(), Some("selected_interval"));
}
