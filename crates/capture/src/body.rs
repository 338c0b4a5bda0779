//! Reading a body: to its end, within a limit, in time, and within the memory that all bodies share.

use std::sync::Arc;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::CaptureError;
use crate::state::CaptureLimits;

/// What all requests share: memory for bodies that arrive or wait, and turns to decode large ones.
#[derive(Debug)]
pub(crate) struct Shared {
    held_kib: Arc<Semaphore>,
    decoders: Arc<Semaphore>,
}

impl Shared {
    pub fn new(limits: &CaptureLimits) -> Self {
        Self {
            held_kib: Arc::new(Semaphore::new(kib(limits.held_bytes_max))),
            decoders: Arc::new(Semaphore::new(limits.decoders_max)),
        }
    }
}

fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

/// A body that was read, with its share of the memory.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

pub(crate) async fn read(
    body: Body,
    bytes_max: usize,
    limits: &CaptureLimits,
    shared: &Shared,
) -> Result<Held, CaptureError> {
    match tokio::time::timeout(limits.body_timeout, collect(body, bytes_max, shared)).await {
        Ok(held) => held,
        Err(_) => Err(CaptureError::Timeout),
    }
}

async fn collect(body: Body, bytes_max: usize, shared: &Shared) -> Result<Held, CaptureError> {
    let mut stream = body.into_data_stream();
    let mut share = None;
    let Some(first) = stream.next().await else {
        return Ok(Held {
            bytes: Bytes::new(),
            _share: share,
        });
    };
    let first = first.map_err(|_| CaptureError::Interrupted)?;
    // Most bodies arrive as one chunk, which then needs no copy.
    let mut more: Option<Vec<u8>> = None;
    let mut length = first.len();
    while length <= bytes_max {
        enlarge(&mut share, length, shared)?;
        let Some(chunk) = stream.next().await else {
            return Ok(Held {
                bytes: more.map_or(first, Bytes::from),
                _share: share,
            });
        };
        let chunk = chunk.map_err(|_| CaptureError::Interrupted)?;
        length += chunk.len();
        more.get_or_insert_with(|| first.to_vec())
            .extend_from_slice(&chunk);
    }
    drop((first, more, share));
    // A client that is cut off while it sends reads no answer and tries again for ever; one that may finish reads 413.
    drain(&mut stream, bytes_max.saturating_mul(DRAIN_FACTOR)).await;
    Err(CaptureError::TooLarge { bytes_max })
}

/// Makes the share cover `length`. When all memory is taken the client is sent away to come again, not kept waiting:
/// those that hold a part of it may themselves wait for more.
fn enlarge(
    share: &mut Option<OwnedSemaphorePermit>,
    length: usize,
    shared: &Shared,
) -> Result<(), CaptureError> {
    let has = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let lacks = u32::try_from(kib(length).saturating_sub(has)).map_err(|_| CaptureError::Unavailable)?;
    if lacks == 0 {
        return Ok(());
    }
    let more = Arc::clone(&shared.held_kib)
        .try_acquire_many_owned(lacks)
        .map_err(|_| CaptureError::Unavailable)?;
    match share {
        Some(share) => share.merge(more),
        None => *share = Some(more),
    }
    Ok(())
}

/// How many times the limit is read and thrown away before the connection is cut.
const DRAIN_FACTOR: usize = 3;

async fn drain(stream: &mut BodyDataStream, bytes_max: usize) {
    let mut left = bytes_max;
    while let Some(Ok(chunk)) = stream.next().await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            break;
        }
    }
}

/// Reads and forgets, so that the client can finish sending before it is answered.
pub(crate) async fn discard(body: Body, limits: &CaptureLimits) {
    let mut stream = body.into_data_stream();
    // Nothing is lost when the client stalls: nothing of it was wanted.
    tokio::time::timeout(limits.body_timeout, drain(&mut stream, limits.wire_bytes_max))
        .await
        .ok();
}

/// Runs pure work on a body; a large one in its turn, and off the async threads.
pub(crate) async fn work<T: Send + 'static>(
    body: Held,
    shared: &Shared,
    work: impl FnOnce(&[u8]) -> Result<T, CaptureError> + Send + 'static,
) -> Result<T, CaptureError> {
    /// Up to here decoding takes about a millisecond at most, as long as handing it to another thread and back under load.
    const INLINE_BYTES_MAX: usize = 32 << 10;
    if body.bytes.len() <= INLINE_BYTES_MAX {
        return work(&body.bytes);
    }
    let turn = Arc::clone(&shared.decoders).acquire_owned().await;
    let decoded = tokio::task::spawn_blocking(move || {
        let result = work(&body.bytes);
        drop((body, turn));
        result
    });
    decoded.await.unwrap_or_else(|error| {
        tracing::error!(%error, "Decoding a body failed");
        Err(CaptureError::Unavailable)
    })
}
