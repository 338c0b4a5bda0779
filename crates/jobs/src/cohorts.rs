//! The workers that calculate cohorts: on request, and now and then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use event_store::EventStore;
use metadata::{Metadata, MetadataError};
use model::{CohortId, ProjectId};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::queue::{Key, Queue};
use crate::recalculate::{Known, recalculate};

#[derive(Clone, Copy, Debug)]
pub struct CohortJobsConfig {
    /// Calculations at a time.
    pub workers: usize,
    /// A cohort whose last calculation is older than this is calculated again.
    pub age_max: TimeDelta,
    /// How often that is looked after.
    pub look_every: Duration,
    /// A calculation that takes longer has failed.
    pub time_max: Duration,
}

impl Default for CohortJobsConfig {
    fn default() -> Self {
        Self {
            workers: 2,
            age_max: TimeDelta::minutes(15),
            look_every: Duration::from_secs(60),
            time_max: Duration::from_secs(600),
        }
    }
}

/// Handle to the workers; clones share them.
///
/// Nothing that happens to a calculation keeps a cohort from the next one: what is waiting lives in this process and is found
/// again, by its age, by the next; a failure, a panic and a calculation without end are counted and tried again.
#[derive(Clone)]
pub struct CohortJobs {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn EventStore>,
    metadata: Metadata,
    now: fn() -> DateTime<Utc>,
    config: CohortJobsConfig,
    queue: Mutex<Queue>,
    known: Known,
    /// Counts up when the queue changes; `None` is the end.
    changes: watch::Sender<Option<u64>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl CohortJobs {
    /// Starts the workers. Flags that a killed process left behind are reset; of several processes on one database, those
    /// that another is at work on show as idle for a moment, which changes nothing: calculations are repeatable.
    pub async fn start(
        store: Arc<dyn EventStore>,
        metadata: Metadata,
        now: fn() -> DateTime<Utc>,
        config: CohortJobsConfig,
    ) -> Result<Self, MetadataError> {
        metadata.reset_cohort_calculations().await?;
        let shared = Arc::new(Shared {
            store,
            metadata,
            now,
            config,
            queue: Mutex::default(),
            known: Known::default(),
            changes: watch::channel(Some(0)).0,
            tasks: Mutex::default(),
        });
        let mut tasks: Vec<JoinHandle<()>> = (0..config.workers)
            .map(|_| tokio::spawn(work(shared.clone())))
            .collect();
        tasks.push(tokio::spawn(look(shared.clone())));
        *lock(&shared.tasks) = tasks;
        Ok(Self { shared })
    }

    /// Has the cohort calculated soon: a dynamic one anew, a static one counted, a deleted one emptied.
    pub fn request(&self, project: ProjectId, cohort: CohortId) {
        self.shared.push([(project, cohort)]);
    }

    /// Whether the cohort waits for its calculation here, or is being calculated.
    pub fn is_busy(&self, project: ProjectId, cohort: CohortId) -> bool {
        lock(&self.shared.queue).is_busy((project, cohort))
    }

    /// Waits until the cohort is no longer busy, or `wait` is over.
    pub async fn settled(&self, project: ProjectId, cohort: CohortId, wait: Duration) {
        let mut changes = self.shared.changes.subscribe();
        let idle = changes.wait_for(|change| change.is_none() || !self.is_busy(project, cohort));
        // Who waits longer than that is told that the calculation goes on.
        let _ = tokio::time::timeout(wait, idle).await;
    }

    /// Ends the workers. What is being calculated is dropped, and begun again by the next process.
    pub async fn close(&self) {
        self.shared.changes.send_replace(None);
        let tasks = std::mem::take(&mut *lock(&self.shared.tasks));
        for task in tasks {
            task.abort();
            // Aborted or ended, it is no longer at work.
            let _ = task.await;
        }
        if let Err(error) = self.shared.metadata.reset_cohort_calculations().await {
            tracing::warn!(%error, "Cannot note that no cohort is being calculated any more");
        }
    }
}

impl Shared {
    fn push(&self, keys: impl IntoIterator<Item = Key>) {
        {
            let mut queue = lock(&self.queue);
            keys.into_iter().for_each(|key| queue.push(key));
        }
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|change| {
            if let Some(count) = change {
                *count = count.wrapping_add(1);
            }
        });
    }
}

/// One worker: takes what waits, one after the other.
async fn work(shared: Arc<Shared>) {
    let mut changes = shared.changes.subscribe();
    loop {
        if changes.borrow_and_update().is_none() {
            return;
        }
        let taken = lock(&shared.queue).take((shared.now)());
        match taken {
            Some(key) => {
                calculate(&shared, key).await;
                lock(&shared.queue).done(key);
                shared.changed();
            }
            None => {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// One calculation, which may fail in any way: an error, a panic, no end.
async fn calculate(shared: &Arc<Shared>, (project, cohort): Key) {
    let at_work = {
        let shared = shared.clone();
        async move {
            let (store, metadata) = (shared.store.as_ref(), &shared.metadata);
            recalculate(store, metadata, &shared.known, (project, cohort), (shared.now)()).await
        }
    };
    // A task of its own contains a panic; the set ends it when the worker is ended.
    let mut set = JoinSet::new();
    set.spawn(tokio::time::timeout(shared.config.time_max, at_work));
    let failure = match set.join_next().await {
        None | Some(Ok(Ok(Ok(())))) => return,
        Some(Ok(Ok(Err(error)))) => error.told_in_full(),
        Some(Ok(Err(_))) => format!("no end after {} s", shared.config.time_max.as_secs()),
        Some(Err(error)) => error.to_string(),
    };
    tracing::warn!(project.id = %project, cohort.id = cohort.0, failure, "A cohort could not be calculated");
    if let Err(error) = shared.metadata.fail_cohort_calculation(project, cohort).await {
        tracing::error!(project.id = %project, cohort.id = cohort.0, %error, "Cannot count a cohort's failure");
    }
}

/// Now and then, and at once at the start: what has not been calculated for long. A cohort that fails waits as long as one
/// that does not.
async fn look(shared: Arc<Shared>) {
    let mut changes = shared.changes.subscribe();
    loop {
        let since = (shared.now)() - shared.config.age_max;
        match shared.metadata.cohorts_to_calculate(since).await {
            Ok(mut due) => {
                {
                    let queue = lock(&shared.queue);
                    due.retain(|key| !queue.begun_since(*key, since));
                }
                if !due.is_empty() {
                    shared.push(due);
                }
            }
            Err(error) => tracing::warn!(%error, "Cannot look for cohorts to calculate"),
        }
        let end = changes.wait_for(Option::is_none);
        if tokio::time::timeout(shared.config.look_every, end).await.is_ok() {
            return;
        }
    }
}

/// The lock's content is whole whenever it is free, also after a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
