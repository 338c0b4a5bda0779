//! A small random history: persons who visit, merge, belong to groups; actions and cohorts on it.
//!
//! Built to collide: few names and values, simultaneous events, values that print alike, days around a clock change.

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use serde_json::{Value, json};
use tests::{Event, Project, event};

pub const NAMES: [&str; 5] = ["a", "b", "c", "$pageview", "d e"];
/// Events lie on these days of March 2020; clocks change in New York on the 8th.
pub const DAYS: u32 = 14;

pub struct World {
    timezone: &'static str,
    week_start_day: i64,
    events: Vec<Event>,
    /// Sent apart, behind the others.
    late: Vec<Event>,
    actions: Vec<Value>,
    cohorts: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    pub actions: Vec<i64>,
    pub cohorts: Vec<i64>,
}

pub fn pick<'a, T: ?Sized>(rng: &mut StdRng, from: &[&'a T]) -> &'a T {
    from.choose(rng).copied().expect("there is something to pick")
}

/// A property's value, or none.
pub fn value(rng: &mut impl Rng) -> Option<Value> {
    let values = [
        json!("x"),
        json!("X"),
        json!("xy"),
        json!("1"),
        json!(1),
        json!(1.0),
        json!(2.5),
        json!("2.50"),
        json!(-3),
        json!(12),
        json!(true),
        json!("true"),
        json!(null),
        json!(""),
        json!("%"),
        json!(["x", 1]),
        json!({"x": 1}),
        json!("2020-03-05"),
        json!("2020-03-05T10:00:00Z"),
        json!("Ünï \"quoted\""),
    ];
    let index = rng.random_range(0..values.len() + 4);
    values.into_iter().nth(index)
}

fn with_some(mut event: Event, rng: &mut StdRng, keys: &[&str]) -> Event {
    for key in keys {
        if let Some(value) = value(rng) {
            event = event.with(key, value);
        }
    }
    event
}

fn object(rng: &mut StdRng, keys: &[&str]) -> Value {
    let pairs = keys
        .iter()
        .filter_map(|key| value(rng).map(|value| ((*key).to_owned(), value)));
    Value::Object(pairs.collect())
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl World {
    pub fn random(rng: &mut StdRng) -> Self {
        let start: DateTime<Utc> = "2020-03-01T00:00:00Z".parse().expect("a literal time");
        let persons = rng.random_range(4..10);
        let mut events = Vec::new();
        let mut late = Vec::new();
        for group in 0..3 {
            events.push(
                event("$groupidentify")
                    .by("groups")
                    .at("2020-02-01T00:00:00Z")
                    .with("$group_type", if group < 2 { "organization" } else { "team" })
                    .with("$group_key", format!("g{group}"))
                    .with("$group_set", object(rng, &["plan", "size"])),
            );
        }
        for person in 0..persons {
            let anonymous = format!("anon-{person}");
            let known = format!("user-{person}");
            for _ in 0..rng.random_range(1..5) {
                let mut at = start + TimeDelta::minutes(rng.random_range(0..i64::from(DAYS) * 1440));
                let session = format!("s{}", rng.random_range(0..20));
                for _ in 0..rng.random_range(1..9) {
                    let id = if rng.random_bool(0.3) { &anonymous } else { &known };
                    let mut one = event(pick(rng, &NAMES)).by(id).at(&text(at));
                    one = with_some(one, rng, &["plan", "n"]);
                    if rng.random_bool(0.7) {
                        let url = pick(rng, &["/", "/p", "/p/", "/q?x=1", "/q/7", "https://h.io/p"]);
                        one = one.with("$current_url", url);
                    }
                    if rng.random_bool(0.6) {
                        one = one.with("$session_id", session.clone());
                    }
                    if rng.random_bool(0.4) {
                        one = one.of_group("organization", &format!("g{}", rng.random_range(0..2)));
                    }
                    if rng.random_bool(0.2) {
                        // One of a type whose groups are mostly unknown.
                        one = one.of_group("team", &format!("g{}", rng.random_range(2..4)));
                    }
                    events.push(one);
                    let seconds = rng.random_range(0..3600);
                    at += match rng.random_range(0..7) {
                        0 | 1 => TimeDelta::zero(),
                        2 => TimeDelta::microseconds(1),
                        3 => TimeDelta::minutes(30),
                        4 => TimeDelta::days(1),
                        _ => TimeDelta::seconds(seconds),
                    };
                }
            }
            if rng.random_bool(0.7) {
                let properties = object(rng, &["plan", "age"]);
                let at = start + TimeDelta::days(rng.random_range(0..6));
                late.push(
                    event("$identify")
                        .by(&known)
                        .at(&text(at))
                        .with("$anon_distinct_id", anonymous)
                        .with("$set", properties),
                );
            }
        }
        Self {
            timezone: pick(
                rng,
                &["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"],
            ),
            week_start_day: rng.random_range(0..2),
            events,
            late,
            actions: vec![
                json!({"name": "act", "steps": [
                    {"event": "a", "properties": [{"key": "plan", "value": "x"}]},
                    {"event": "$pageview", "url": "/q", "url_matching": "contains"}]}),
                json!({"name": "any c", "steps": [{"event": "c"}]}),
            ],
            cohorts: vec![
                json!({"name": "by plan", "groups": [{"properties": [
                    {"key": "plan", "value": ["x", "1"], "type": "person"}]}]}),
                json!({"name": "did a twice", "groups": [
                    {"event_id": "a", "days": 36500, "count": 2, "count_operator": "gte"}]}),
                json!({"name": "a then b", "filters": {"properties": {"type": "OR", "values": [
                    {"type": "AND", "values": [{"type": "behavioral", "key": "a", "event_type": "events",
                        "value": "performed_event_sequence", "time_value": 30, "time_interval": "year",
                        "seq_event": "b", "seq_event_type": "events",
                        "seq_time_value": 6, "seq_time_interval": "hour"}]},
                    {"type": "AND", "values": [{"type": "behavioral", "key": "c", "event_type": "events",
                        "value": "performed_event", "time_value": 30, "time_interval": "year", "negation": true},
                        {"type": "person", "key": "age", "operator": "is_set", "value": "is_set"}]}]}}}),
            ],
        }
    }

    pub async fn build(&self, project: &Project) -> Result<()> {
        project
            .patch(json!({"timezone": self.timezone, "week_start_day": self.week_start_day}))
            .await?;
        project.events(self.events.clone()).await?;
        if !self.late.is_empty() {
            project.events(self.late.clone()).await?;
        }
        for action in &self.actions {
            project.post("actions/", action.clone()).await?;
        }
        for cohort in &self.cohorts {
            project.post("cohorts/", cohort.clone()).await?;
        }
        Ok(())
    }

    /// Of its actions and cohorts in this project.
    pub async fn ids(&self, project: &Project) -> Result<Ids> {
        Ok(Ids {
            actions: ids(project, "actions/").await?,
            cohorts: ids(project, "cohorts/").await?,
        })
    }
}

async fn ids(project: &Project, path: &str) -> Result<Vec<i64>> {
    let answer = project.get(path).await?;
    let list = answer["results"].as_array().context("a list answers `results`")?;
    let mut ids = list
        .iter()
        .map(|item| item["id"].as_i64().context("an id is a number"))
        .collect::<Result<Vec<_>>>()?;
    ids.sort_unstable();
    Ok(ids)
}
