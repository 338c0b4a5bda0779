//! One calculation of one cohort: from its definition to the members that the store keeps.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use event_store::{EventStore, StoreError};
use insights::{Condition, Context, FieldError, PersonSet, cohort_condition};
use metadata::{Metadata, MetadataError};
use model::Cohort;

use crate::queue::Key;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RecalculateError {
    #[error("cannot read or write the cohort")]
    Metadata(#[from] MetadataError),
    /// It was read when it was stored; something that it names has changed since.
    #[error("the definition cannot be read")]
    Definition(#[from] FieldError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl RecalculateError {
    /// With its causes, for the log.
    pub(crate) fn told_in_full(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// What each cohort was last calculated from, with the data of which version, and its members. The same once more has the
/// same members: a project that sleeps costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<Key, (Condition, String, u64)>>);

impl Known {
    fn count(&self, key: Key, condition: &Condition, version: &str) -> Option<u64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, at, count) = known.get(&key)?;
        (of == condition && at == version).then_some(*count)
    }

    fn note(&self, key: Key, condition: Condition, version: String, count: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, (condition, version, count));
    }

    fn forget(&self, key: Key) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&key);
    }
}

/// A dynamic cohort is brought up to date, a static one counted, one that is gone emptied.
pub(crate) async fn recalculate(
    store: &dyn EventStore,
    metadata: &Metadata,
    known: &Known,
    key: Key,
    now: DateTime<Utc>,
) -> Result<(), RecalculateError> {
    let (project_id, id) = key;
    let Some(project) = metadata.project(project_id).await? else {
        return Ok(());
    };
    let cohorts = metadata.cohorts_by_id(project_id).await?;
    let Some(cohort) = cohorts.get(&id) else {
        known.forget(key);
        let nobody = Condition::Any(Vec::new());
        store
            .recalculate_cohort(project_id, project.timezone, id, &nobody)
            .await?;
        return Ok(());
    };
    metadata.begin_cohort_calculation(project_id, id).await?;
    let count = if cohort.is_static {
        let members = Condition::Person(PersonSet::StaticCohort(id));
        store
            .count_persons(project_id, project.timezone, &members)
            .await?
    } else {
        let actions = metadata.actions_by_id(project_id).await?;
        let context = Context {
            now,
            project: &project,
            actions: &actions,
            cohorts: &cohorts,
            earliest_event: None,
        };
        let condition = cohort_condition(id, &context)?;
        // Read before the data: what comes in meanwhile belongs to a later version, and is looked at again.
        let version = store.data_version(project_id).await?;
        let as_before = known
            .count(key, &condition, &version)
            .filter(|count| still_counted(cohort, *count));
        match as_before {
            Some(count) => count,
            None => {
                let count = store
                    .recalculate_cohort(project_id, project.timezone, id, &condition)
                    .await?;
                known.note(key, condition, version, count);
                count
            }
        }
    };
    metadata
        .end_cohort_calculation(project_id, id, count, now)
        .await?;
    Ok(())
}

/// Whether the last calculation that is on record is the one we know of: another process may have been at work since.
fn still_counted(cohort: &Cohort, count: u64) -> bool {
    cohort.errors_calculating == 0
        && cohort
            .count
            .is_some_and(|stored| u64::try_from(stored) == Ok(count))
}
