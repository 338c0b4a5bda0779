//! Cache of decoded columns: a byte budget, second-chance eviction, sharded locks. Beside it the caches of what parts
//! load whole.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use engine_types::Column;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::object_cache::{CacheCounts, ObjectCache};
use crate::part::Marks;
use crate::part::granule_ranges::GranuleRanges;
use crate::skip_index::SkipIndex;

const SHARDS: usize = 16;

/// Granules `first..first + count` of a column of a part (numbered per process).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    pub part: u64,
    pub column: u32,
    pub first: u32,
    pub count: u32,
}

/// Shared by all tables.
pub(crate) struct BlockCache {
    shards: Vec<Mutex<Shard>>,
    /// Of all shards: entries are large, so a budget for each shard would evict from full ones too early.
    bytes: AtomicUsize,
    bytes_max: usize,
    hits: AtomicU64,
    misses: AtomicU64,
    pub(crate) marks: ObjectCache<Marks>,
    pub(crate) dictionaries: ObjectCache<Column>,
    pub(crate) ranges: ObjectCache<GranuleRanges>,
    pub(crate) indexes: ObjectCache<Option<Arc<SkipIndex>>>,
}

/// Bytes that each cache may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheBudgets {
    pub blocks: usize,
    pub marks: usize,
    pub dictionaries: usize,
    /// Skip indexes and ranges of granules, each.
    pub indexes: usize,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<CacheKey, Entry>,
    /// Oldest first; may name entries that are gone.
    queue: VecDeque<CacheKey>,
}

struct Entry {
    column: Column,
    bytes: usize,
    used: AtomicBool,
}

impl BlockCache {
    pub fn new(budgets: CacheBudgets) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            bytes: AtomicUsize::new(0),
            bytes_max: budgets.blocks,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            marks: ObjectCache::new(budgets.marks),
            dictionaries: ObjectCache::new(budgets.dictionaries),
            ranges: ObjectCache::new(budgets.indexes),
            indexes: ObjectCache::new(budgets.indexes),
        }
    }

    fn shard(key: &CacheKey) -> usize {
        let mixed = (key.part ^ (u64::from(key.column) << 20) ^ (u64::from(key.first) << 40))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 60) as usize % SHARDS
    }

    pub fn get(&self, key: &CacheKey) -> Option<Column> {
        let shard = self.shards[Self::shard(key)].lock();
        let Some(entry) = shard.entries.get(key) else {
            self.misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        self.hits.fetch_add(1, Ordering::Relaxed);
        entry.used.store(true, Ordering::Relaxed);
        Some(entry.column.clone())
    }

    /// Keeps the column unless it is a large part of the whole budget.
    pub fn insert(&self, key: CacheKey, column: &Column) {
        let bytes = weight(column) + 128;
        if bytes > self.bytes_max / 4 {
            return;
        }
        let own = Self::shard(&key);
        // Room is made before the entry is there, which nobody can have used yet. The second round finds entries that
        // the first one only marked as unused.
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        for step in 1..=2 * SHARDS {
            self.evict(&self.shards[(own + step) % SHARDS]);
        }
        let entry = Entry {
            column: column.clone(),
            bytes,
            used: AtomicBool::new(false),
        };
        let mut shard = self.shards[own].lock();
        match shard.entries.insert(key, entry) {
            Some(old) => {
                self.bytes.fetch_sub(old.bytes, Ordering::Relaxed);
            }
            None => shard.queue.push_back(key),
        }
    }

    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.bytes_max
    }

    /// Removes entries of a shard that were not used since they last came by, while the cache is full. Looks at each
    /// entry once.
    fn evict(&self, shard: &Mutex<Shard>) {
        if !self.is_full() {
            return;
        }
        let mut shard = shard.lock();
        for _ in 0..shard.queue.len() {
            if !self.is_full() {
                return;
            }
            let Some(oldest) = shard.queue.pop_front() else {
                return;
            };
            let Some(entry) = shard.entries.get(&oldest) else {
                continue;
            };
            if entry.used.swap(false, Ordering::Relaxed) {
                shard.queue.push_back(oldest);
            } else if let Some(gone) = shard.entries.remove(&oldest) {
                self.bytes.fetch_sub(gone.bytes, Ordering::Relaxed);
            }
        }
    }

    /// Forgets a part that is gone.
    pub fn remove_part(&self, part: u64) {
        self.marks.remove_part(part);
        self.dictionaries.remove_part(part);
        self.ranges.remove_part(part);
        self.indexes.remove_part(part);
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.entries.retain(|key, entry| {
                let keep = key.part != part;
                if !keep {
                    self.bytes.fetch_sub(entry.bytes, Ordering::Relaxed);
                }
                keep
            });
            shard.queue.retain(|key| key.part != part);
        }
    }

    /// Forgets all decoded columns.
    pub fn clear_blocks(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let freed: usize = shard.entries.values().map(|e| e.bytes).sum();
            self.bytes.fetch_sub(freed, Ordering::Relaxed);
            shard.entries.clear();
            shard.queue.clear();
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Of decoded columns. Every look is counted: for a segment, then for the blocks of it that are wanted.
    pub fn counts(&self) -> CacheCounts {
        CacheCounts {
            bytes: self.bytes(),
            entries: self.shards.iter().map(|s| s.lock().entries.len()).sum(),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }
}

/// Memory of the rows; a shared dictionary is its part's, not the rows'.
pub(crate) fn weight(column: &Column) -> usize {
    match column {
        Column::Dict(d) => 4 * d.codes.len(),
        Column::Const(_) => 64,
        Column::Runs(r) => 4 * r.ends().len() + weight(r.values()),
        other => other.byte_size(),
    }
}

#[cfg(test)]
mod tests;
