//! The one writer: a bounded queue of requests, and a task that stores all that wait in one step.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use event_store::EventStore;
use futures::FutureExt;
use model::CapturedEvent;
use tokio::sync::{mpsc, oneshot};

use crate::directory::Directory;
use crate::identities::{CacheLimits, map_bytes};
use crate::prepare::{Prepared, prepare};
use crate::refusal::{Reason, Refusal};
use crate::step::Memory;

#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// Events that may wait or be in work; beyond it requests are `Busy`.
    pub queue_events_max: usize,
    /// The same by (rough) memory.
    pub queue_bytes_max: usize,
    /// Events of one step, but never less than one request.
    pub step_events_max: usize,
    /// Distinct ids that are kept in memory between steps.
    pub cached_ids_max: usize,
    /// Memory of the persons that are kept between steps, roughly.
    pub cached_bytes_max: usize,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            queue_events_max: 200_000,
            queue_bytes_max: 256 << 20,
            step_events_max: 20_000,
            cached_ids_max: 200_000,
            cached_bytes_max: 64 << 20,
        }
    }
}

/// What became of the events of a request. `stored + repeated + refused` is the number submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub stored: usize,
    /// The same (project, uuid) is stored already, or came twice in the request.
    pub repeated: usize,
    /// Index into the events submitted, ascending.
    pub refused: Vec<(usize, Reason)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// Nothing of the request was looked at. Capture answers 503, the client sends it again.
    #[error("too many events are waiting to be stored")]
    Busy,
    /// The request may have been stored or not, in whole; sending it again stores nothing twice.
    #[error("the events could not be stored: {0}")]
    Unavailable(Arc<str>),
    #[error("ingestion has been stopped")]
    Closed,
}

/// A handle; clones lead to the same writer.
#[derive(Clone, Debug)]
pub struct Ingest {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    requests: mpsc::UnboundedSender<Message>,
    waiting_events: AtomicUsize,
    waiting_bytes: AtomicUsize,
    closed: AtomicBool,
    config: IngestConfig,
}

#[derive(Debug)]
enum Message {
    Store(Request),
    /// Answered when all before it is stored.
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Request {
    events: Vec<Prepared>,
    refusals: Vec<Refusal>,
    reply: oneshot::Sender<Result<Stored, IngestError>>,
    /// Given back when the request is dropped, wherever that is.
    _room: Room,
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    stored: usize,
    repeated: usize,
}

/// A share of the queue.
#[derive(Debug)]
struct Room {
    shared: Arc<Shared>,
    events: usize,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shared
            .waiting_events
            .fetch_sub(self.events, Ordering::AcqRel);
        self.shared.waiting_bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Ingest {
    /// Must be called within a tokio runtime, which runs the writer.
    pub fn start(store: Arc<dyn EventStore>, directory: Arc<dyn Directory>, config: IngestConfig) -> Self {
        let (requests, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            requests,
            waiting_events: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            config: config.clone(),
        });
        tokio::spawn(write(queue, store, directory, config));
        Self { shared }
    }

    /// Returns when the events are durable and visible to every later query. `refused` are events that capture dropped,
    /// for the ledger only. Dropping the future does not take the events back.
    pub async fn submit(
        &self,
        events: Vec<CapturedEvent>,
        refused: Vec<Refusal>,
    ) -> Result<Outcome, IngestError> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(IngestError::Closed);
        }
        let bytes = events.iter().map(rough_bytes).sum();
        let room = self.take_room(events.len() + refused.len(), bytes)?;
        let mut refusals = refused;
        let mut outcome = Outcome::default();
        let mut prepared = Vec::with_capacity(events.len());
        for (index, event) in events.into_iter().enumerate() {
            let (project, at) = (event.project, event.received_at);
            match prepare(event) {
                Ok(event) => prepared.push(event),
                Err(reason) => {
                    outcome.refused.push((index, reason));
                    refusals.push(Refusal { project, reason, at });
                }
            }
        }
        if prepared.is_empty() && refusals.is_empty() {
            return Ok(outcome);
        }
        let (reply, stored) = oneshot::channel();
        let request = Request {
            events: prepared,
            refusals,
            reply,
            _room: room,
        };
        self.shared
            .requests
            .send(Message::Store(request))
            .map_err(|_| IngestError::Closed)?;
        let Stored { stored, repeated } = stored.await.map_err(|_| IngestError::Closed)??;
        outcome.stored = stored;
        outcome.repeated = repeated;
        Ok(outcome)
    }

    /// Takes no more requests, and returns when those that wait are stored.
    pub async fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        let (done, closed) = oneshot::channel();
        if self.shared.requests.send(Message::Close(done)).is_ok() {
            // The writer answers or is gone; both mean that nothing waits.
            closed.await.ok();
        }
    }

    /// Events that wait or are in work.
    pub fn waiting_events(&self) -> usize {
        self.shared.waiting_events.load(Ordering::Acquire)
    }

    /// A request that is larger than the whole queue is taken when nothing else waits.
    fn take_room(&self, events: usize, bytes: usize) -> Result<Room, IngestError> {
        let room = Room {
            shared: Arc::clone(&self.shared),
            events,
            bytes,
        };
        let before_events = self.shared.waiting_events.fetch_add(events, Ordering::AcqRel);
        let before_bytes = self.shared.waiting_bytes.fetch_add(bytes, Ordering::AcqRel);
        let config = &self.shared.config;
        let full = before_events > 0 && before_events + events > config.queue_events_max
            || before_bytes > 0 && before_bytes + bytes > config.queue_bytes_max;
        if full { Err(IngestError::Busy) } else { Ok(room) }
    }
}

fn rough_bytes(event: &CapturedEvent) -> usize {
    size_of::<CapturedEvent>() + event.event.len() + event.distinct_id.len() + map_bytes(&event.properties)
}

async fn write(
    mut queue: mpsc::UnboundedReceiver<Message>,
    store: Arc<dyn EventStore>,
    directory: Arc<dyn Directory>,
    config: IngestConfig,
) {
    let limits = CacheLimits {
        mappings_max: config.cached_ids_max,
        bytes_max: config.cached_bytes_max,
    };
    let mut memory = Memory::new(limits);
    while let Some(message) = queue.recv().await {
        let mut requests = Vec::new();
        let mut closed = None;
        let mut count = 0;
        let mut next = Some(message);
        while let Some(message) = next {
            match message {
                Message::Store(request) => {
                    count += request.events.len();
                    requests.push(request);
                }
                Message::Close(done) => {
                    closed = Some(done);
                    break;
                }
            }
            next = if count < config.step_events_max {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        store_requests(&mut memory, requests, store.as_ref(), directory.as_ref()).await;
        if let Some(done) = closed {
            // Requests that raced with the closing are answered by their dropped reply: `Closed`.
            queue.close();
            done.send(()).ok();
            return;
        }
    }
}

/// One step for all; every request gets its part of the answer.
async fn store_requests(
    memory: &mut Memory,
    requests: Vec<Request>,
    store: &dyn EventStore,
    directory: &dyn Directory,
) {
    if requests.is_empty() {
        return;
    }
    let mut events = Vec::new();
    let mut refusals = Vec::new();
    let mut replies = Vec::with_capacity(requests.len());
    for request in requests {
        replies.push((request.events.len(), request.reply, request._room));
        events.extend(request.events);
        refusals.extend(request.refusals);
    }
    let count = events.len();
    // A panic is a bug in us. It must cost the requests of this step, not the writer and with it all ingestion.
    let step = AssertUnwindSafe(memory.step(events, &refusals, store, directory))
        .catch_unwind()
        .await;
    let failure: Arc<str> = match step {
        Ok(Ok(repeated)) => {
            let mut repeated = repeated.into_iter();
            for (count, reply, _room) in replies {
                let repeated = repeated.by_ref().take(count).filter(|repeats| *repeats).count();
                // The client may have gone; its events are stored all the same.
                reply
                    .send(Ok(Stored {
                        stored: count - repeated,
                        repeated,
                    }))
                    .ok();
            }
            return;
        }
        Ok(Err(error)) => error.to_string().into(),
        Err(_) => "the writer panicked".into(),
    };
    memory.forget();
    tracing::error!(
        step.requests = replies.len(),
        step.events = count,
        error = %failure,
        "Could not store a step of {count} events"
    );
    for (_, reply, _room) in replies {
        reply
            .send(Err(IngestError::Unavailable(Arc::clone(&failure))))
            .ok();
    }
}
