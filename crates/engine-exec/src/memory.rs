//! The memory budget of a query: reservations counted against a hard limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ExecError;

/// A budget shared by everything one query does.
#[derive(Clone, Debug)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The budget this one is a part of.
    parent: Option<Arc<Shared>>,
    limit: usize,
    used: AtomicUsize,
    peak: AtomicUsize,
}

/// Bytes held for one purpose; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    shared: Arc<Shared>,
    what: &'static str,
    bytes: usize,
}

impl Memory {
    /// With a hard limit in bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                parent: None,
                limit,
                used: AtomicUsize::new(0),
                peak: AtomicUsize::new(0),
            }),
        }
    }

    /// A budget with a limit of its own whose bytes also count against this one.
    #[must_use]
    pub fn child(&self, limit: usize) -> Self {
        let child = Shared {
            parent: Some(self.shared.clone()),
            limit,
            used: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        };
        Self {
            shared: Arc::new(child),
        }
    }

    pub(crate) fn peak(&self) -> usize {
        self.shared.peak.load(Ordering::Relaxed)
    }

    /// An empty reservation; `what` names the operator in the error.
    pub(crate) fn reserve(&self, what: &'static str) -> Reservation {
        Reservation {
            shared: self.shared.clone(),
            what,
            bytes: 0,
        }
    }
}

impl Shared {
    /// Takes bytes here and above, or nowhere.
    fn take(&self, more: usize, what: &'static str) -> Result<(), ExecError> {
        let used = self.used.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        let outcome = if used > self.limit {
            Err(ExecError::MemoryLimit {
                what,
                wanted: used,
                limit: self.limit,
            })
        } else {
            self.parent
                .as_ref()
                .map_or(Ok(()), |parent| parent.take(more, what))
        };
        if outcome.is_ok() {
            self.peak.fetch_max(used, Ordering::Relaxed);
        } else {
            self.used.fetch_sub(more, Ordering::Relaxed);
        }
        outcome
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(parent) = &self.parent {
            parent.give_back(bytes);
        }
    }
}

impl Reservation {
    /// Grows or shrinks to `bytes`. On failure the reservation is unchanged.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), ExecError> {
        if bytes <= self.bytes {
            self.shared.give_back(self.bytes - bytes);
        } else {
            self.shared.take(bytes - self.bytes, self.what)?;
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Shrinks to `bytes`, if it is more.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        if bytes < self.bytes {
            self.shared.give_back(self.bytes - bytes);
            self.bytes = bytes;
        }
    }

    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), ExecError> {
        self.set(self.bytes.saturating_add(bytes))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shared.give_back(self.bytes);
    }
}
