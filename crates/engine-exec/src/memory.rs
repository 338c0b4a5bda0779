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
                limit,
                used: AtomicUsize::new(0),
                peak: AtomicUsize::new(0),
            }),
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

impl Reservation {
    /// Grows or shrinks to `bytes`. On failure the reservation is unchanged.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), ExecError> {
        if bytes <= self.bytes {
            self.shared.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
            self.bytes = bytes;
            return Ok(());
        }
        let more = bytes - self.bytes;
        let used = self.shared.used.fetch_add(more, Ordering::Relaxed) + more;
        if used > self.shared.limit {
            self.shared.used.fetch_sub(more, Ordering::Relaxed);
            return Err(ExecError::MemoryLimit {
                what: self.what,
                wanted: used,
                limit: self.shared.limit,
            });
        }
        self.shared.peak.fetch_max(used, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }

    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), ExecError> {
        self.set(self.bytes.saturating_add(bytes))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shared.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
