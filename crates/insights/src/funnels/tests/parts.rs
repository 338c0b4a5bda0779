//! The part of a funnel that paths look at.

use super::*;
use crate::test_context::at;

fn asked(paths: &str, change: Value) -> Value {
    json!({
        "funnel_paths": paths, "funnel_filter": funnel(change),
        "date_from": "2019-01-01", "date_to": "2019-01-31",
    })
}

#[test]
fn places_and_actors() {
    for (paths, step, place, reached) in [
        (
            "funnel_path_before_step",
            json!(2),
            FunnelPlace::Before(1),
            vec![2, 3],
        ),
        (
            "funnel_path_between_steps",
            json!("3"),
            FunnelPlace::Between(2),
            vec![3],
        ),
        (
            "funnel_path_after_step",
            json!(0),
            FunnelPlace::After(0),
            vec![1, 2, 3],
        ),
        (
            "funnel_path_after_step",
            json!(-3),
            FunnelPlace::After(1),
            vec![2],
        ),
        (
            "funnel_path_before_step",
            json!(-2),
            FunnelPlace::Before(0),
            vec![1],
        ),
    ] {
        let body = request(asked(paths, json!({"funnel_step": step})));
        let part = part(&body, &World::new().context()).unwrap().unwrap();
        assert_eq!((part.at, part.reached), (place, reached), "{paths} {step}");
        assert_eq!(part.funnel.range.from, at("2020-01-01T00:00:00Z"));
    }
}

#[test]
fn without_paths_there_is_no_part() {
    let body = request(json!({"funnel_filter": {"events": []}}));
    assert_eq!(part(&body, &World::new().context()), Ok(None));
}

#[test]
fn a_filter_may_be_text_and_take_its_dates_from_around_it() {
    let filter = json!({"events": [{"id": "a"}], "funnel_step": 1}).to_string();
    let body = request(json!({
        "funnel_paths": "funnel_path_after_step", "funnel_filter": filter, "date_from": "2019-01-01",
    }));
    let part = part(&body, &World::new().context()).unwrap().unwrap();
    assert_eq!(part.funnel.range.from, at("2019-01-01T00:00:00Z"));
    assert_eq!(part.funnel.range.to, at("2020-01-05T00:00:00Z"));
}

#[test]
fn errors_lie_in_the_filter() {
    for (body, field) in [
        (json!({"funnel_paths": "elsewhere"}), "funnel_paths"),
        (json!({"funnel_paths": "funnel_path_after_step"}), "funnel_filter"),
        (
            asked("funnel_path_after_step", json!({})),
            "funnel_filter__funnel_step",
        ),
        (
            asked("funnel_path_between_steps", json!({"funnel_step": 1})),
            "funnel_filter__funnel_step",
        ),
        (
            asked("funnel_path_between_steps", json!({"funnel_step": -2})),
            "funnel_filter__funnel_step",
        ),
        (
            asked("funnel_path_after_step", json!({"funnel_step": 1, "events": []})),
            "funnel_filter__events",
        ),
        (
            asked(
                "funnel_path_after_step",
                json!({"funnel_step": 1, "breakdown": "k", "funnel_step_breakdown": "v"}),
            ),
            "funnel_filter__funnel_step_breakdown",
        ),
    ] {
        let error = part(&request(body.clone()), &World::new().context()).unwrap_err();
        assert_eq!(error.attr.as_deref(), Some(field), "{body}");
    }
}

#[test]
fn a_filter_without_beginning_needs_the_earliest_event() {
    let unbounded = json!({"funnel_filter": {"date_from": "all"}});
    assert!(crate::needs_earliest_event(&request(unbounded)));
    let text = json!({"funnel_filter": "{\"date_from\": \"all\"}"});
    assert!(crate::needs_earliest_event(&request(text)));
    assert!(!crate::needs_earliest_event(&request(asked(
        "funnel_path_after_step",
        json!({})
    ))));
}
