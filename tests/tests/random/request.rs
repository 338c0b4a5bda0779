//! Random insight requests, most of them valid.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use crate::data::{DAYS, Ids, NAMES, pick, value};

pub struct Asked {
    /// Below the project.
    pub path: &'static str,
    pub body: Value,
}

pub fn random(rng: &mut StdRng, ids: &Ids) -> Asked {
    let path = pick(
        rng,
        &[
            "insights/trend",
            "insights/trend",
            "insights/trend",
            "insights/funnel",
            "insights/funnel",
            "insights/funnel",
            "insights/funnel/correlation",
            "insights/retention",
            "insights/retention",
            "insights/path",
            "insights/path",
            "insights/lifecycle",
            "insights/stickiness",
            "insights/session",
        ],
    );
    let mut body = Map::new();
    let interval = dates(rng, &mut body);
    if rng.random_bool(0.4) {
        body.insert("properties".to_owned(), properties(rng, ids));
    }
    match path {
        "insights/trend" => trend(rng, ids, interval, &mut body),
        "insights/funnel" => funnel(rng, ids, &mut body),
        "insights/funnel/correlation" => correlation(rng, ids, &mut body),
        "insights/retention" => retention(rng, ids, &mut body),
        "insights/path" => paths(rng, ids, &mut body),
        "insights/session" => {
            body.insert("session".to_owned(), json!(pick(rng, &["avg", "dist"])));
        }
        _ => {
            let mut entities = vec![entity(rng, ids)];
            if path == "insights/stickiness" && rng.random_bool(0.2) {
                entities[0]["math"] = json!("unique_group");
                entities[0]["math_group_type_index"] = json!(0);
            }
            insert_entities(&mut body, std::mem::take(&mut entities));
            if path == "insights/stickiness" && rng.random_bool(0.2) {
                body.insert("compare".to_owned(), json!(true));
            }
        }
    }
    Asked {
        path,
        body: Value::Object(body),
    }
}

fn day(day: u32) -> String {
    format!("2020-03-{:02}", day + 1)
}

/// The range and the interval.
fn dates(rng: &mut StdRng, body: &mut Map<String, Value>) -> &'static str {
    let from = rng.random_range(0..DAYS);
    let to = rng.random_range(from..DAYS + 2);
    let mut interval = pick(rng, &["day", "day", "day", "week", "month", "hour"]);
    if to - from > 3 && interval == "hour" {
        interval = "day";
    }
    let mut end = day(to);
    if rng.random_bool(0.2) {
        end.push_str("T13:30:00");
    }
    body.insert("date_from".to_owned(), json!(day(from)));
    body.insert("date_to".to_owned(), json!(end));
    body.insert("interval".to_owned(), json!(interval));
    interval
}

fn property(rng: &mut StdRng, ids: &Ids) -> Value {
    if rng.random_bool(0.15) && !ids.cohorts.is_empty() {
        let cohort = ids.cohorts[rng.random_range(0..ids.cohorts.len())];
        return json!({"key": "id", "value": cohort, "type": "cohort"});
    }
    let (kind, key) = match rng.random_range(0..10) {
        0..=5 => ("event", pick(rng, &["plan", "n", "$current_url", "missing"])),
        6 | 7 => ("person", pick(rng, &["plan", "age"])),
        8 => ("session", "$session_duration"),
        _ => ("group", pick(rng, &["plan", "size"])),
    };
    let operator = if kind == "session" {
        pick(rng, &["gt", "lt"])
    } else {
        pick(
            rng,
            &[
                "exact",
                "exact",
                "is_not",
                "icontains",
                "not_icontains",
                "regex",
                "not_regex",
                "gt",
                "lt",
                "is_set",
                "is_not_set",
                "is_date_before",
                "is_date_after",
                "is_date_exact",
            ],
        )
    };
    let wanted = match operator {
        "exact" | "is_not" if rng.random_bool(0.4) => {
            json!([value(rng).unwrap_or(json!("x")), value(rng).unwrap_or(json!(1))])
        }
        "exact" | "is_not" => value(rng).filter(|v| !v.is_null()).unwrap_or(json!("x")),
        "icontains" | "not_icontains" => json!(pick(rng, &["x", "X", "1", "%", "/p", "ü"])),
        "regex" | "not_regex" => json!(pick(rng, &["x", "^x$", "[0-9]+", "^/q", "(x|1)y?"])),
        "gt" | "lt" => json!(rng.random_range(-4..14)),
        "is_date_before" | "is_date_after" | "is_date_exact" => {
            json!(pick(rng, &["2020-03-05", "2020-03-05T10:00:00", "2020-03-04"]))
        }
        set => json!(set),
    };
    let mut property = json!({"key": key, "value": wanted, "operator": operator, "type": kind});
    if kind == "group" {
        property["group_type_index"] = json!(rng.random_range(0..2));
    }
    property
}

fn properties(rng: &mut StdRng, ids: &Ids) -> Value {
    let some = |rng: &mut StdRng| -> Vec<Value> {
        (0..rng.random_range(1..3)).map(|_| property(rng, ids)).collect()
    };
    if rng.random_bool(0.6) {
        return Value::Array(some(rng));
    }
    let groups: Vec<Value> = (0..rng.random_range(1..3))
        .map(|_| json!({"type": pick(rng, &["AND", "OR"]), "values": some(rng)}))
        .collect();
    json!({"type": pick(rng, &["AND", "OR"]), "values": groups})
}

fn entity(rng: &mut StdRng, ids: &Ids) -> Value {
    let mut entity = if rng.random_bool(0.2) && !ids.actions.is_empty() {
        json!({"id": ids.actions[rng.random_range(0..ids.actions.len())], "type": "actions"})
    } else {
        json!({"id": pick(rng, &NAMES), "type": "events"})
    };
    if rng.random_bool(0.2) {
        entity["properties"] = properties(rng, ids);
    }
    entity
}

fn insert_entities(body: &mut Map<String, Value>, entities: Vec<Value>) {
    let mut events = Vec::new();
    let mut actions = Vec::new();
    for (order, mut entity) in entities.into_iter().enumerate() {
        entity["order"] = json!(order + 1);
        if entity["type"] == "actions" {
            actions.push(entity);
        } else {
            events.push(entity);
        }
    }
    body.insert("events".to_owned(), Value::Array(events));
    body.insert("actions".to_owned(), Value::Array(actions));
}

fn insert_breakdown(rng: &mut StdRng, ids: &Ids, body: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
    match rng.random_range(0..8) {
        0..=3 => {
            set("breakdown", json!(pick(rng, &["plan", "n", "$current_url"])));
            set("breakdown_type", json!("event"));
        }
        4 | 5 => {
            set("breakdown", json!(pick(rng, &["plan", "age"])));
            set("breakdown_type", json!("person"));
        }
        6 => {
            set("breakdown", json!("plan"));
            set("breakdown_type", json!("group"));
            set("breakdown_group_type_index", json!(rng.random_range(0..2)));
        }
        _ => {
            let mut list: Vec<Value> = ids.cohorts.iter().map(|id| json!(id)).collect();
            list.push(json!("all"));
            set("breakdown", Value::Array(list));
            set("breakdown_type", json!("cohort"));
        }
    }
    if rng.random_bool(0.3) {
        set("breakdown_limit", json!(rng.random_range(1..4)));
    }
}

fn trend(rng: &mut StdRng, ids: &Ids, interval: &str, body: &mut Map<String, Value>) {
    let entities: Vec<Value> = (0..rng.random_range(1..3))
        .map(|_| {
            let mut entity = entity(rng, ids);
            let math = pick(
                rng,
                &[
                    "total",
                    "dau",
                    "dau",
                    "dau",
                    "weekly_active",
                    "monthly_active",
                    "unique_group",
                    "unique_session",
                    "sum",
                    "avg",
                    "min",
                    "max",
                    "median",
                    "p90",
                    "avg_count_per_actor",
                    "p95_count_per_actor",
                ],
            );
            entity["math"] = json!(if interval == "hour" && math.ends_with("active") {
                "dau"
            } else {
                math
            });
            match math {
                "unique_group" => entity["math_group_type_index"] = json!(rng.random_range(0..2)),
                "sum" | "avg" | "min" | "max" | "median" | "p90" => {
                    entity["math_property"] = json!(pick(rng, &["n", "plan", "$session_duration"]));
                }
                _ => {}
            }
            entity
        })
        .collect();
    let several = entities.len() == 2;
    insert_entities(body, entities);
    let display = pick(
        rng,
        &[
            "ActionsLineGraph",
            "ActionsLineGraph",
            "ActionsLineGraphCumulative",
            "ActionsTable",
        ],
    );
    body.insert("display".to_owned(), json!(display));
    if rng.random_bool(0.4) {
        insert_breakdown(rng, ids, body);
        if body["breakdown_type"] == "event" && rng.random_bool(0.2) {
            let bins = rng.random_range(1..5);
            body.insert("breakdown_histogram_bin_count".to_owned(), json!(bins));
        } else if body["breakdown"] == "$current_url" && rng.random_bool(0.5) {
            body.insert("breakdown_normalize_url".to_owned(), json!(true));
        }
    }
    if rng.random_bool(0.2) {
        body.insert("compare".to_owned(), json!(true));
    }
    if several && rng.random_bool(0.3) {
        body.insert(
            "formula".to_owned(),
            json!(pick(rng, &["A+B", "A/B*100", "(A-B)/2"])),
        );
    }
}

fn insert_funnel(rng: &mut StdRng, ids: &Ids, body: &mut Map<String, Value>) {
    let steps = rng.random_range(1..5);
    insert_entities(body, (0..steps).map(|_| entity(rng, ids)).collect());
    let order = pick(rng, &["ordered", "ordered", "strict", "unordered"]);
    body.insert("funnel_order_type".to_owned(), json!(order));
    let (count, unit) = *[
        (14, "day"),
        (1, "day"),
        (30, "minute"),
        (2, "hour"),
        (1, "week"),
        (1, "month"),
    ]
    .get(rng.random_range(0..6))
    .expect("six windows");
    body.insert("funnel_window_interval".to_owned(), json!(count));
    body.insert("funnel_window_interval_unit".to_owned(), json!(unit));
    if steps > 1 && order != "strict" && rng.random_bool(0.25) {
        let mut exclusion =
            json!({"id": "d e", "type": "events", "funnel_from_step": 0, "funnel_to_step": steps - 1});
        if order == "ordered" {
            let from = rng.random_range(0..steps - 1);
            exclusion["funnel_from_step"] = json!(from);
            exclusion["funnel_to_step"] = json!(rng.random_range(from + 1..steps));
        }
        body.insert("exclusions".to_owned(), json!([exclusion]));
    }
    if rng.random_bool(0.2) {
        body.insert("aggregation_group_type_index".to_owned(), json!(0));
    }
}

fn funnel(rng: &mut StdRng, ids: &Ids, body: &mut Map<String, Value>) {
    insert_funnel(rng, ids, body);
    let steps =
        body["events"].as_array().map_or(0, Vec::len) + body["actions"].as_array().map_or(0, Vec::len);
    let view = pick(rng, &["steps", "steps", "steps", "trends", "time_to_convert"]);
    if view == "time_to_convert" && steps > 1 && rng.random_bool(0.5) {
        body.insert("funnel_from_step".to_owned(), json!(0));
        body.insert("funnel_to_step".to_owned(), json!(rng.random_range(1..steps)));
    }
    body.insert("funnel_viz_type".to_owned(), json!(view));
    if view != "time_to_convert" && rng.random_bool(0.4) {
        insert_breakdown(rng, ids, body);
        if body["breakdown_type"] == "event" {
            if rng.random_bool(0.2) {
                body.insert("breakdown".to_owned(), json!(["plan", "n"]));
            }
            let by = pick(rng, &["first_touch", "last_touch", "all_events", "step"]);
            body.insert("breakdown_attribution_type".to_owned(), json!(by));
            if by == "step" {
                let step = rng.random_range(0..steps);
                body.insert("breakdown_attribution_value".to_owned(), json!(step));
            }
        }
    }
}

fn correlation(rng: &mut StdRng, ids: &Ids, body: &mut Map<String, Value>) {
    insert_funnel(rng, ids, body);
    let kind = pick(rng, &["events", "properties", "event_with_properties"]);
    body.insert("funnel_correlation_type".to_owned(), json!(kind));
    match kind {
        "properties" => body.insert(
            "funnel_correlation_names".to_owned(),
            json!([pick(rng, &["$all", "plan", "age"])]),
        ),
        "event_with_properties" => body.insert(
            "funnel_correlation_event_names".to_owned(),
            json!([pick(rng, &NAMES), pick(rng, &NAMES)]),
        ),
        _ => None,
    };
}

fn retention(rng: &mut StdRng, ids: &Ids, body: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
    set(
        "period",
        json!(pick(rng, &["Day", "Day", "Week", "Month", "Hour"])),
    );
    let kind = pick(rng, &["retention_recurring", "retention_first_time"]);
    set("retention_type", json!(kind));
    set("total_intervals", json!(rng.random_range(1..8)));
    set("target_entity", entity(rng, ids));
    if rng.random_bool(0.6) {
        set("returning_entity", entity(rng, ids));
    }
    if rng.random_bool(0.2) {
        set("aggregation_group_type_index", json!(0));
    } else if rng.random_bool(0.3) {
        set(
            "breakdowns",
            json!([{"property": "plan", "type": pick(rng, &["event", "person"])}]),
        );
    }
}

fn paths(rng: &mut StdRng, ids: &Ids, body: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
    let kinds = [
        json!([]),
        json!(["$pageview"]),
        json!(["custom_event"]),
        json!(["$pageview", "custom_event"]),
    ];
    set(
        "include_event_types",
        kinds[rng.random_range(0..kinds.len())].clone(),
    );
    set("step_limit", json!(rng.random_range(1..6)));
    let items = ["a", "b", "c", "/p", "/q/7", "/"];
    if rng.random_bool(0.3) {
        set("start_point", json!(pick(rng, &items)));
    }
    if rng.random_bool(0.3) {
        set("end_point", json!(pick(rng, &items)));
    }
    if rng.random_bool(0.2) {
        set("exclude_events", json!([pick(rng, &items)]));
    }
    if rng.random_bool(0.2) {
        set("path_groupings", json!(["/q*", "*.io/*"]));
    } else if rng.random_bool(0.2) {
        set(
            "local_path_cleaning_filters",
            json!([{"regex": "/[0-9]+", "alias": "/<n>"}, {"regex": "\\?.*$", "alias": ""}]),
        );
    }
    if rng.random_bool(0.2) {
        set("min_edge_weight", json!(2));
    }
    if rng.random_bool(0.2) {
        set("edge_limit", json!(3));
    }
    if rng.random_bool(0.2) {
        let part = pick(
            rng,
            &[
                "funnel_path_before_step",
                "funnel_path_between_steps",
                "funnel_path_after_step",
            ],
        );
        set("funnel_paths", json!(part));
        let mut filter = Map::new();
        filter.insert("insight".to_owned(), json!("FUNNELS"));
        for key in ["date_from", "date_to"] {
            filter.insert(key.to_owned(), body[key].clone());
        }
        insert_funnel(rng, ids, &mut filter);
        let steps = filter["events"].as_array().map_or(0, Vec::len)
            + filter["actions"].as_array().map_or(0, Vec::len);
        filter.insert("funnel_step".to_owned(), json!(rng.random_range(1..=steps)));
        body.insert("funnel_filter".to_owned(), Value::Object(filter));
    }
}
