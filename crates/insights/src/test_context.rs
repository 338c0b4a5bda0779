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
