//! Runs morsels on several threads: the calling one and helpers from a budget that all queries of the process share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use engine_types::Block;

use crate::block_ops::held_bytes;
use crate::memory::Reservation;
use crate::pipeline::{Flow, Morsels};
use crate::{ExecContext, ExecError};

/// Helper threads that may still start. Queries always have their calling thread, so none waits for another.
fn free_helpers() -> &'static AtomicUsize {
    static FREE: OnceLock<AtomicUsize> = OnceLock::new();
    FREE.get_or_init(|| {
        AtomicUsize::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    })
}

/// Helper threads taken from the budget, given back when dropped.
struct Helpers(usize);

impl Helpers {
    fn take(wanted: usize) -> Self {
        let mut taken = 0;
        let _ = free_helpers().fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
            taken = free.min(wanted);
            Some(free - taken)
        });
        Self(taken)
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        free_helpers().fetch_add(self.0, Ordering::Relaxed);
    }
}

/// What a thread does with the blocks of the morsels it runs.
pub(crate) trait Sink: Send {
    /// `Stop` ends this morsel only.
    fn block(&mut self, morsel: usize, block: Block) -> Result<Flow, ExecError>;

    /// After the last block of a morsel; `Stop` ends the whole run.
    fn end_morsel(&mut self, _morsel: usize) -> Result<Flow, ExecError> {
        Ok(Flow::Continue)
    }
}

/// Runs every morsel once, on up to `max_threads` threads with a sink each; answers the sinks, at least one.
/// A thread takes morsels in ascending order.
pub(crate) fn run<S: Sink>(
    context: &ExecContext,
    source: &dyn Morsels,
    make: &(dyn Fn() -> S + Sync),
) -> Result<Vec<S>, ExecError> {
    let count = source.count();
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let work = || -> Result<S, ExecError> {
        let mut sink = make();
        let mut step = || -> Result<bool, ExecError> {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let morsel = next.fetch_add(1, Ordering::Relaxed);
            if morsel >= count {
                return Ok(false);
            }
            context.check()?;
            source.run(morsel, &mut |block| {
                context.check()?;
                sink.block(morsel, block)
            })?;
            Ok(sink.end_morsel(morsel)? == Flow::Continue)
        };
        loop {
            match step() {
                Ok(true) => {}
                Ok(false) => {
                    // With morsels left this thread found enough, for all.
                    if next.load(Ordering::Relaxed) < count {
                        stop.store(true, Ordering::Relaxed);
                    }
                    return Ok(sink);
                }
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let wanted = context.max_threads.min(count).saturating_sub(1);
    let helpers = Helpers::take(wanted);
    if helpers.0 == 0 {
        return Ok(vec![work()?]);
    }
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..helpers.0).map(|_| scope.spawn(work)).collect();
        let mut sinks = vec![work()];
        for handle in handles {
            sinks.push(
                handle
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        sinks.into_iter().collect()
    })
}

/// Keeps all blocks, with the number of their morsel.
pub(crate) struct Collect {
    blocks: Vec<(usize, Block)>,
    memory: Reservation,
}

impl Sink for Collect {
    fn block(&mut self, morsel: usize, block: Block) -> Result<Flow, ExecError> {
        let block = crate::block_ops::compact_block(&block);
        self.memory.add(held_bytes(&block))?;
        self.blocks.push((morsel, block));
        Ok(Flow::Continue)
    }
}

/// All blocks in morsel order, and the memory they hold.
pub(crate) fn collect(
    context: &ExecContext,
    source: &dyn Morsels,
    what: &'static str,
) -> Result<(Vec<Block>, Reservation), ExecError> {
    let sinks = run(context, source, &|| Collect {
        blocks: Vec::new(),
        memory: context.memory.reserve(what),
    })?;
    let mut all: Vec<(usize, Block)> = Vec::new();
    let mut memory = context.memory.reserve(what);
    let mut bytes = 0;
    for sink in sinks {
        bytes += sink.blocks.iter().map(|(_, b)| held_bytes(b)).sum::<usize>();
        all.extend(sink.blocks);
    }
    memory.set(bytes)?;
    // Stable: blocks of one morsel come from one thread, in order.
    all.sort_by_key(|(morsel, _)| *morsel);
    Ok((all.into_iter().map(|(_, block)| block).collect(), memory))
}
