//! A project to test with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::{Action, ActionId, ActionStep, Cohort, CohortId, Project, ProjectId, WeekStart};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::context::Context;
use crate::request::Request;

pub(crate) struct World {
    pub(crate) now: DateTime<Utc>,
    pub(crate) project: Project,
    pub(crate) actions: BTreeMap<ActionId, Action>,
    pub(crate) cohorts: BTreeMap<CohortId, Cohort>,
    pub(crate) earliest_event: Option<DateTime<Utc>>,
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn request(value: Value) -> Request {
    match value {
        Value::Object(request) => request,
        other => panic!("a request is an object, not {other}"),
    }
}

/// The request that a path of an answer makes, below `api/projects/1/`: (path, parameters).
pub(crate) fn followed(url: &Value) -> (String, Request) {
    let (path, query) = url.as_str().unwrap().split_once('?').unwrap();
    let parameters = query
        .split('&')
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap();
            (percent_decoded(key), Value::String(percent_decoded(value)))
        })
        .collect();
    let path = path.strip_prefix("api/projects/1/").unwrap();
    (path.to_owned(), parameters)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = String::from_utf8(vec![rest.next().unwrap(), rest.next().unwrap()]).unwrap();
            bytes.push(u8::from_str_radix(&hex, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

impl World {
    /// Noon of 2020-01-04 in UTC.
    pub(crate) fn new() -> Self {
        let now = at("2020-01-04T12:00:00Z");
        Self {
            now,
            project: Project {
                id: ProjectId(1),
                uuid: Uuid::nil(),
                name: "test".to_owned(),
                api_token: "phc_test".to_owned(),
                timezone: chrono_tz::UTC,
                week_start: WeekStart::Sunday,
                test_account_filters: json!([]),
                path_cleaning_filters: json!([]),
                anonymize_ips: false,
                ingested_event: true,
                created_at: now,
                updated_at: now,
            },
            actions: BTreeMap::new(),
            cohorts: BTreeMap::new(),
            earliest_event: None,
        }
    }

    pub(crate) fn in_zone(mut self, timezone: &str) -> Self {
        self.project.timezone = timezone.parse().unwrap();
        self
    }

    pub(crate) fn with_action(mut self, id: i64, name: &str, steps: Value) -> Self {
        let steps: Vec<ActionStep> = serde_json::from_value(steps).unwrap();
        self.actions.insert(
            ActionId(id),
            Action {
                id: ActionId(id),
                project: self.project.id,
                name: name.to_owned(),
                description: String::new(),
                tags: Vec::new(),
                steps,
                created_at: self.now,
                deleted: false,
            },
        );
        self
    }

    pub(crate) fn with_cohort(mut self, id: i64, name: &str, groups: Value, filters: Option<Value>) -> Self {
        self.cohorts.insert(
            CohortId(id),
            Cohort {
                id: CohortId(id),
                project: self.project.id,
                name: name.to_owned(),
                description: String::new(),
                groups,
                filters,
                is_static: false,
                is_calculating: false,
                count: None,
                last_calculation: None,
                errors_calculating: 0,
                created_at: self.now,
                deleted: false,
            },
        );
        self
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            project: &self.project,
            actions: &self.actions,
            cohorts: &self.cohorts,
            earliest_event: self.earliest_event,
        }
    }
}
