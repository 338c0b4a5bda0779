//! Limits, cancellation and counters of one query.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::ExecError;
use crate::memory::Memory;

/// What a query may use. Cheap to clone; clones share the memory budget and the counters.
#[derive(Clone, Debug)]
pub struct ExecContext {
    pub max_threads: usize,
    /// Upper bound of rows in a block between operators.
    pub block_size: usize,
    /// Set by another thread to stop the query (error 394).
    pub cancel: Arc<AtomicBool>,
    /// The query stops (error 159) after running for the duration, counted from the instant.
    pub deadline: Option<(Instant, Duration)>,
    pub max_rows_to_read: Option<u64>,
    pub max_result_rows: Option<u64>,
    /// What the query may hold at once (error 241).
    pub memory: Memory,
    pub stats: Arc<QueryStats>,
}

/// Counters that grow while a query runs.
#[derive(Debug, Default)]
pub struct QueryStats {
    pub rows_read: AtomicU64,
    pub morsels_read: AtomicU64,
}

impl Default for ExecContext {
    fn default() -> Self {
        Self {
            max_threads: 2,
            block_size: 8192,
            cancel: Arc::default(),
            deadline: None,
            max_rows_to_read: None,
            max_result_rows: None,
            memory: Memory::new(usize::MAX),
            stats: Arc::default(),
        }
    }
}

impl ExecContext {
    /// With a hard limit on the bytes the query holds at once (error 241).
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: usize) -> Self {
        self.memory = Memory::new(bytes);
        self
    }

    /// The most bytes held at once so far.
    pub fn peak_memory(&self) -> usize {
        self.memory.peak()
    }

    /// Fails when the query is cancelled or out of time. Called once a morsel and block.
    pub(crate) fn check(&self) -> Result<(), ExecError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(ExecError::Cancelled);
        }
        if let Some((start, limit)) = self.deadline
            && start.elapsed() > limit
        {
            return Err(ExecError::Timeout {
                limit_ms: limit.as_millis(),
            });
        }
        Ok(())
    }

    pub(crate) fn count_read(&self, rows: usize) -> Result<(), ExecError> {
        self.stats.morsels_read.fetch_add(1, Ordering::Relaxed);
        let read = self.stats.rows_read.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        match self.max_rows_to_read {
            Some(limit) if read > limit => Err(ExecError::TooManyRows { read, limit }),
            _ => Ok(()),
        }
    }
}
