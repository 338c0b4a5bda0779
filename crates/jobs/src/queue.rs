//! Which cohorts wait for their calculation, and which are being calculated.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};
use model::{CohortId, ProjectId};

pub(crate) type Key = (ProjectId, CohortId);

/// First come, first served; a cohort waits at most once, and is calculated by one worker at a time.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Key>,
    running: HashSet<Key>,
    /// When each was last begun by this process, whether or not it succeeded.
    begun: HashMap<Key, DateTime<Utc>>,
}

impl Queue {
    /// A cohort that is being calculated is calculated once more after that: its definition may have changed meanwhile.
    pub(crate) fn push(&mut self, key: Key) {
        if !self.waiting.contains(&key) {
            self.waiting.push_back(key);
        }
    }

    /// The first that nobody is at work on.
    pub(crate) fn take(&mut self, now: DateTime<Utc>) -> Option<Key> {
        let place = self.waiting.iter().position(|key| !self.running.contains(key))?;
        let key = self.waiting.remove(place)?;
        self.running.insert(key);
        self.begun.insert(key, now);
        Some(key)
    }

    pub(crate) fn done(&mut self, key: Key) {
        self.running.remove(&key);
    }

    pub(crate) fn is_busy(&self, key: Key) -> bool {
        self.running.contains(&key) || self.waiting.contains(&key)
    }

    pub(crate) fn begun_since(&self, key: Key, since: DateTime<Utc>) -> bool {
        self.begun.get(&key).is_some_and(|at| *at >= since)
    }
}
