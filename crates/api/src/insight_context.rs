//! What the meaning of a request depends on: read once before the request is interpreted.

use std::collections::BTreeMap;

use ::insights::{Context, EARLIEST_SINCE};
use chrono::{DateTime, Utc};
use model::{Action, ActionId, Cohort, CohortId, Project, ProjectId, WeekStart};
use serde_json::{Map, Value};

use crate::{ApiError, ApiState};

pub struct InsightContext {
    now: DateTime<Utc>,
    project: Project,
    actions: BTreeMap<ActionId, Action>,
    cohorts: BTreeMap<CohortId, Cohort>,
    earliest_event: Option<DateTime<Utc>>,
}

impl InsightContext {
    /// The earliest event is looked up only for requests that reach back to it (`date_from: all`).
    pub async fn read(
        state: &ApiState,
        project: &Project,
        request: &Map<String, Value>,
    ) -> Result<Self, ApiError> {
        let actions = state.metadata.actions_by_id(project.id).await?;
        let cohorts = state.metadata.cohorts_by_id(project.id).await?;
        let earliest_event = if ::insights::needs_earliest_event(request) {
            state.store.earliest_event(project.id, EARLIEST_SINCE).await?
        } else {
            None
        };
        Ok(Self {
            now: (state.now)(),
            project: project.clone(),
            actions,
            cohorts,
            earliest_event,
        })
    }

    /// Of a project that does not exist yet: no actions, no cohorts, UTC.
    pub fn of_new_project(now: DateTime<Utc>) -> Self {
        let project = Project {
            id: ProjectId(0),
            uuid: uuid::Uuid::nil(),
            name: String::new(),
            api_token: String::new(),
            timezone: chrono_tz::UTC,
            week_start: WeekStart::Sunday,
            test_account_filters: Value::Null,
            path_cleaning_filters: Value::Null,
            anonymize_ips: false,
            ingested_event: false,
            created_at: now,
            updated_at: now,
        };
        Self {
            now,
            project,
            actions: BTreeMap::new(),
            cohorts: BTreeMap::new(),
            earliest_event: None,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// What answers show by name: each action and each cohort.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let actions = self
            .actions
            .values()
            .map(|action| format!("action {} {}", action.id.0, action.name));
        let cohorts = self
            .cohorts
            .values()
            .map(|cohort| format!("cohort {} {}", cohort.id.0, cohort.name));
        actions.chain(cohorts)
    }

    pub fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            project: &self.project,
            actions: &self.actions,
            cohorts: &self.cohorts,
            earliest_event: self.earliest_event,
        }
    }
}
