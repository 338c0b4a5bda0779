//! Cache of what parts load whole (marks, dictionaries, indexes): a byte budget, second-chance eviction, hit counts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;

/// A part (numbered per process) and which of its objects.
pub(crate) type ObjectKey = (u64, u32);

/// How a cache did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    pub bytes: usize,
    pub entries: usize,
    pub hits: u64,
    pub misses: u64,
}

pub(crate) struct ObjectCache<T> {
    state: Mutex<State<T>>,
    bytes_max: usize,
    hits: AtomicU64,
    misses: AtomicU64,
}

struct State<T> {
    entries: HashMap<ObjectKey, Entry<T>>,
    /// Oldest first; may name entries that are gone.
    queue: VecDeque<ObjectKey>,
    bytes: usize,
}

struct Entry<T> {
    object: Arc<T>,
    bytes: usize,
    used: bool,
}

impl<T> ObjectCache<T> {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            state: Mutex::new(State {
                entries: HashMap::new(),
                queue: VecDeque::new(),
                bytes: 0,
            }),
            bytes_max,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The object, loaded when it is not there. Two that miss at once both load; one of the copies stays.
    pub fn get_or_load<E>(
        &self,
        key: ObjectKey,
        load: impl FnOnce() -> Result<(T, usize), E>,
    ) -> Result<Arc<T>, E> {
        if let Some(entry) = self.state.lock().entries.get_mut(&key) {
            entry.used = true;
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(entry.object.clone());
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let (object, bytes) = load()?;
        let object = Arc::new(object);
        self.insert(key, object.clone(), bytes + 128);
        Ok(object)
    }

    fn insert(&self, key: ObjectKey, object: Arc<T>, bytes: usize) {
        if bytes > self.bytes_max {
            return;
        }
        let mut state = self.state.lock();
        let entry = Entry {
            object,
            bytes,
            used: false,
        };
        state.bytes += bytes;
        match state.entries.insert(key, entry) {
            Some(old) => state.bytes -= old.bytes,
            None => state.queue.push_back(key),
        }
        // Each entry at most twice: once to lose its mark, once to go.
        for _ in 0..2 * state.queue.len() {
            if state.bytes <= self.bytes_max {
                break;
            }
            let Some(oldest) = state.queue.pop_front() else {
                break;
            };
            let Some(entry) = state.entries.get_mut(&oldest) else {
                continue;
            };
            if std::mem::take(&mut entry.used) {
                state.queue.push_back(oldest);
            } else if let Some(gone) = state.entries.remove(&oldest) {
                state.bytes -= gone.bytes;
            }
        }
    }

    /// Forgets a part that is gone.
    pub fn remove_part(&self, part: u64) {
        let mut state = self.state.lock();
        let mut freed = 0;
        state.entries.retain(|key, entry| {
            let keep = key.0 != part;
            if !keep {
                freed += entry.bytes;
            }
            keep
        });
        state.bytes -= freed;
        state.queue.retain(|key| key.0 != part);
    }

    pub fn clear(&self) {
        let mut state = self.state.lock();
        state.entries.clear();
        state.queue.clear();
        state.bytes = 0;
    }

    pub fn counts(&self) -> CacheCounts {
        let state = self.state.lock();
        CacheCounts {
            bytes: state.bytes,
            entries: state.entries.len(),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests;
