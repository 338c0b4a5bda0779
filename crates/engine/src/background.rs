//! The engine's own threads: one flushes what is due, one merges.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine_storage::Storage;
use parking_lot::{Condvar, Mutex};

/// How long a thread sleeps when there was nothing to do.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Background {
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Stop {
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Stop {
    /// Waits; answers whether the threads should end.
    fn pause(&self) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.wake.wait_for(&mut stopped, PAUSE);
        }
        *stopped
    }

    fn is_set(&self) -> bool {
        *self.stopped.lock()
    }
}

impl Background {
    pub(crate) fn start(storage: &Arc<Storage>, opened: Instant) -> std::io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let spawn = |name: &str, work: fn(&Storage, Instant) -> bool| {
            let (storage, stop) = (storage.clone(), stop.clone());
            std::thread::Builder::new().name(name.to_owned()).spawn(move || {
                loop {
                    let busy = work(&storage, opened);
                    if stop.is_set() || (!busy && stop.pause()) {
                        return;
                    }
                }
            })
        };
        let threads = vec![spawn("engine-flush", flush)?, spawn("engine-merge", merge)?];
        Ok(Self { stop, threads })
    }

    /// Ends the threads after what they are doing now.
    pub(crate) fn stop(self) {
        *self.stop.stopped.lock() = true;
        self.stop.wake.notify_all();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a background thread of the engine panicked");
            }
        }
    }
}

fn flush(storage: &Storage, opened: Instant) -> bool {
    let now_ms = u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
    match storage.maintain(now_ms) {
        Ok(done) => done.tables_flushed > 0,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "flush failed; it will be tried again"
            );
            false
        }
    }
}

fn merge(storage: &Storage, opened: Instant) -> bool {
    mutate(storage) | merge_parts(storage, opened)
}

fn mutate(storage: &Storage) -> bool {
    match storage.mutate_once(None) {
        Ok(true) => true,
        Ok(false) => {
            // There is a pause now, after which what failed may go better.
            storage.retry_mutations();
            false
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a mutation failed; it will be tried again"
            );
            true
        }
    }
}

fn merge_parts(storage: &Storage, opened: Instant) -> bool {
    let now_ms = u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
    match storage
        .merge_once()
        .and_then(|merged| Ok(storage.merge_old(now_ms)? || merged))
    {
        Ok(merged) => merged,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "merge failed; it will be tried again"
            );
            false
        }
    }
}
