//! Both switches.

use serde_json::json;

use super::*;
use crate::test_context::request;

#[test]
fn the_older_switch_wins() {
    for (body, insight) in [
        (json!({}), Insight::Trends),
        (
            json!({"insight": "TRENDS", "shown_as": "Volume"}),
            Insight::Trends,
        ),
        (
            json!({"insight": "TRENDS", "shown_as": "Lifecycle"}),
            Insight::Lifecycle,
        ),
        (
            json!({"insight": "lifecycle", "shown_as": "stickiness"}),
            Insight::Stickiness,
        ),
        (
            json!({"insight": "STICKINESS", "shown_as": null}),
            Insight::Stickiness,
        ),
        (json!({"insight": "PATHS"}), Insight::Paths),
    ] {
        assert_eq!(which(&request(body.clone())).unwrap(), insight, "{body}");
    }
    for (body, attr) in [
        (json!({"insight": "HOROSCOPE"}), "insight"),
        (json!({"shown_as": "Pie"}), "shown_as"),
    ] {
        assert_eq!(which(&request(body)).unwrap_err().attr.as_deref(), Some(attr));
    }
}

#[test]
fn of_the_insights_with_series_trends_is_meant_unless_said() {
    for (asked, insight) in [
        ("FUNNELS", Insight::Trends),
        ("TRENDS", Insight::Trends),
        ("LIFECYCLE", Insight::Lifecycle),
        ("STICKINESS", Insight::Stickiness),
    ] {
        assert_eq!(
            which_of_series(&request(json!({"insight": asked}))).unwrap(),
            insight,
            "{asked}"
        );
    }
}
