//! Answers from hand-made rows.

use super::*;

/// Without the paths.
fn numbers(mut answer: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::Object(object) => {
                object.retain(|key, _| !key.contains("url"));
                object.values_mut().for_each(strip);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    strip(&mut answer);
    answer
}

fn each(answer: &Value, key: &str) -> Value {
    answer
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item[key].clone())
        .collect()
}

#[test]
fn steps_have_counts_and_times() {
    let world = World::new().with_action(4, "act", json!([{"event": "b"}]));
    let plan = plan(
        &world,
        json!({
            "events": [{"id": "a", "custom_name": "first"}, {"id": "c", "name": "C", "order": 2}, {"id": null, "order": 3}],
            "actions": [{"id": 4, "order": 1, "name": "old name"}],
        }),
    );
    let mut row = steps(None, &[5, 3, 1, 0]);
    row.steps[1].average = Some(600.0);
    row.steps[1].median = Some(450.5);
    let answer = plan.shape(&[Answer::Steps(vec![row])]);
    assert_eq!(
        numbers(answer.clone())[1],
        json!({
            "action_id": 4, "name": "act", "custom_name": null, "order": 1, "people": [], "count": 3,
            "type": "actions", "average_conversion_time": 600.0, "median_conversion_time": 450.5,
        })
    );
    assert_eq!(each(&answer, "action_id"), json!(["a", 4, "c", null]));
    assert_eq!(each(&answer, "name"), json!(["a", "act", "C", "All events"]));
    assert_eq!(each(&answer, "custom_name"), json!(["first", null, null, null]));
    assert_eq!(each(&answer, "count"), json!([5, 3, 1, 0]));
    assert_eq!(
        each(&answer, "type"),
        json!(["events", "actions", "events", "events"])
    );
    assert_eq!(
        each(&answer, "average_conversion_time"),
        json!([null, 600.0, null, null])
    );
    assert_eq!(answer[0]["dropped_people_url"], Value::Null);
}

#[test]
fn unordered_steps_are_nobody_in_particular() {
    let plan = plan(&World::new(), funnel(json!({"funnel_order_type": "unordered"})));
    let answer = plan.shape(&[Answer::Steps(vec![steps(None, &[3, 2, 1])])]);
    assert_eq!(
        each(&answer, "name"),
        json!(["Completed 1 step", "Completed 2 steps", "Completed 3 steps"])
    );
    assert_eq!(each(&answer, "action_id"), json!([null, null, null]));
}

#[test]
fn a_breakdown_is_a_list_of_funnels() {
    let rows = || {
        vec![Answer::Steps(vec![
            steps(Some(FunnelGroup::Other), &[9, 9, 9]),
            steps(Some(value("b")), &[1, 0, 0]),
            steps(Some(value("")), &[2, 1, 0]),
        ])]
    };
    let shaped = |change: Value| plan(&World::new(), funnel(change)).shape(&rows());
    let values = |answer: &Value| -> Vec<Value> {
        let funnels = answer.as_array().unwrap().iter();
        funnels
            .map(|funnel| funnel[1]["breakdown_value"].clone())
            .collect()
    };
    let listed = shaped(json!({"breakdown": ["k"]}));
    assert_eq!(values(&listed), [json!([""]), json!(["b"]), json!(["Other"])]);
    assert_eq!(listed[1][0]["breakdown"], json!(["b"]));
    assert_eq!(each(&listed[0], "count"), json!([2, 1, 0]));
    let bare = shaped(json!({"breakdown": "k"}));
    assert_eq!(values(&bare), [json!(""), json!("b"), json!("Other")]);
    let objects = shaped(json!({"breakdowns": [{"property": "k"}]}));
    assert_eq!(values(&objects), values(&listed));
    let nobody = plan(&World::new(), funnel(json!({"breakdown": "k"}))).shape(&[Answer::Steps(vec![])]);
    assert_eq!(nobody, json!([]));
}

#[test]
fn cohorts_are_named_and_numbered() {
    let world = World::new()
        .with_cohort(7, "pro", json!([]), None)
        .with_cohort(8, "nobody", json!([]), None);
    let plan = plan(
        &world,
        funnel(json!({"breakdown_type": "cohort", "breakdown": ["all", 8, 7]})),
    );
    let answer = plan.shape(&[
        Answer::Steps(vec![steps(None, &[5, 5, 5])]),
        Answer::Steps(vec![steps(None, &[0, 0, 0])]),
        Answer::Steps(vec![steps(None, &[3, 2, 1])]),
    ]);
    let funnels = answer.as_array().unwrap();
    let named: Vec<_> = funnels
        .iter()
        .map(|funnel| (&funnel[0]["breakdown"], &funnel[0]["breakdown_value"]))
        .collect();
    assert_eq!(
        named,
        [(&json!("all users"), &json!("all")), (&json!("pro"), &json!(7))]
    );
}

#[test]
fn trends_are_rates() {
    let plan = plan(&World::new(), funnel(json!({"funnel_viz_type": "trends"})));
    let point = |tick, reached_from, reached_to| FunnelTrendsPoint {
        group: None,
        tick,
        reached_from,
        reached_to,
    };
    let answer = plan.shape(&[Answer::Trends(vec![point(2, 3, 1), point(0, 4, 4)])]);
    assert_eq!(
        numbers(answer),
        json!([{
            "count": 3, "data": [100.0, 0.0, 33.33],
            "days": ["2020-01-01", "2020-01-02", "2020-01-03"],
            "labels": ["1-Jan-2020", "2-Jan-2020", "3-Jan-2020"],
        }])
    );
    let nobody = plan.shape(&[Answer::Trends(vec![])]);
    assert_eq!(nobody[0]["data"], json!([0.0, 0.0, 0.0]));
    assert_eq!(nobody[0]["persons_urls"].as_array().unwrap().len(), 3);
}

#[test]
fn trends_have_a_line_for_each_value() {
    let plan = plan(
        &World::new(),
        funnel(json!({"funnel_viz_type": "trends", "breakdown": "k"})),
    );
    let point = |group: FunnelGroup, reached_to| FunnelTrendsPoint {
        group: Some(group),
        tick: 1,
        reached_from: 2,
        reached_to,
    };
    let answer = plan.shape(&[Answer::Trends(vec![
        point(FunnelGroup::Other, 0),
        point(value("b"), 1),
        point(value("a"), 2),
    ])]);
    assert_eq!(each(&answer, "breakdown_value"), json!(["a", "b", "Other"]));
    assert_eq!(answer[1]["data"], json!([0.0, 50.0, 0.0]));
}

#[test]
fn times_are_binned() {
    let shaped = |bin_count: Value, times: &[(u64, u64, f64, f64)]| {
        let plan = plan(
            &World::new(),
            funnel(json!({"funnel_viz_type": "time_to_convert", "bin_count": bin_count})),
        );
        let times = times
            .iter()
            .map(|(second, count, sum, max)| FunnelTime {
                second: *second,
                count: *count,
                sum: *sum,
                max: *max,
            })
            .collect();
        plan.shape(&[Answer::Times(times)])
    };
    let three = [(10, 1, 10.0, 10.0), (20, 1, 20.0, 20.0), (71, 1, 71.0, 71.0)];
    assert_eq!(
        shaped(Value::Null, &three),
        json!({"bins": [[10, 2], [31, 0], [52, 1], [73, 0]], "average_conversion_time": 33.67})
    );
    // Three times between 1,800 and 7,200 s, in two bins and the edge.
    let hours = [
        (1_800, 1, 1_800.0, 1_800.0),
        (4_500, 1, 4_500.0, 4_500.0),
        (7_200, 1, 7_200.0, 7_200.0),
    ];
    assert_eq!(
        shaped(json!("2"), &hours),
        json!({"bins": [[1800, 1], [4500, 1], [7200, 1]], "average_conversion_time": 4500.0})
    );
    // A part of a second more than 16 s makes the bins wider.
    assert_eq!(
        shaped(json!(3), &[(10, 1, 10.0, 10.0), (16, 2, 32.5, 16.5)])["bins"],
        json!([[10, 1], [13, 0], [16, 2], [19, 0]])
    );
    assert_eq!(
        shaped(json!("auto"), &[(5, 2, 11.0, 5.5)]),
        json!({"bins": [[5, 2], [6, 0], [7, 0], [8, 0]], "average_conversion_time": 5.5})
    );
    assert_eq!(
        shaped(Value::Null, &[(5, 2, 10.0, 5.0)])["bins"],
        json!([[5, 2], [65, 0], [125, 0], [185, 0]])
    );
    let bins = |count: Value, actors| {
        let answer = shaped(count, &[(0, actors, 0.0, 0.0)]);
        answer["bins"].as_array().unwrap().len() - 1
    };
    assert_eq!(bins(json!(0), 1), 1);
    assert_eq!(bins(json!(1_000), 1), 90);
    assert_eq!(bins(Value::Null, 125), 5);
    assert_eq!(bins(Value::Null, 126), 6);
    assert_eq!(bins(Value::Null, 1_000_000), 60);
    assert_eq!(
        shaped(Value::Null, &[]),
        json!({"bins": [], "average_conversion_time": null})
    );
}
