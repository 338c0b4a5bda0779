//! The storage: tables over one directory, one log and one manifest. Threads may call everything at once.

mod append;
mod attach;
mod auto_dictionary;
mod caches;
mod clone_parts;
mod contains;
mod expire;
mod flush;
mod freeze;
mod hidden_part;
mod materialize;
mod merge;
mod move_part;
mod mutate;
mod partition_verbs;
mod place;
mod pressure;
mod recovery;
mod set_aside;
mod tables;
mod vertical_merge;
mod write_part;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashSet;
use parking_lot::{Condvar, Mutex, RwLock};

pub use append::Appended;
pub use caches::CacheKind;
pub use clone_parts::CloneMode;
pub use flush::Maintained;
pub(crate) use mutate::{matches, placed, updated};
pub use partition_verbs::{DetachedPart, DetachedSelection, PartSelection};

use crate::block_cache::BlockCache;
use crate::catalog::Catalog;
use crate::commit_queue::CommitQueue;
use crate::directory::Directory;
use crate::disks::Disks;
use crate::error::Result;
use crate::manifest::Manifest;
use crate::options::StorageOptions;
use crate::part::Part;
use crate::snapshot::Snapshot;
use crate::table_def::TableId;
use crate::token_window::TokenWindow;
use crate::wal::Wal;

/// Open with [`Storage::open`]. It starts no threads: the caller runs [`Storage::maintain`] and
/// [`Storage::merge_once`] in the background.
///
/// Locks are taken in this order: `ddl`, `flushing`, `manifest`, `wal`, `tokens`, `catalog`.
pub struct Storage {
    /// All disks.
    directory: Arc<dyn Directory>,
    disks: Disks,
    /// Folders of tables on other disks that are there.
    places: Mutex<HashSet<String>>,
    options: StorageOptions,
    cache: Arc<BlockCache>,
    catalog: RwLock<Catalog>,
    commits: CommitQueue<append::Work, Result<Appended>>,
    wal: Mutex<Wal>,
    tokens: Mutex<TokenWindow>,
    manifest: Mutex<Manifest>,
    /// Held while memtables become parts: one flush at a time.
    flushing: Mutex<()>,
    /// Parts (by number) that a merge is working on.
    merging: Mutex<HashSet<u64>>,
    merge_done: Condvar,
    expiry_clock: Mutex<expire::ExpiryClock>,
    /// Read by appends, written by changes of tables.
    ddl: RwLock<()>,
    next_part_uid: AtomicU64,
    pressure_counts: pressure::PressureCounts,
    vertical_merges: AtomicU64,
    /// What [`Self::merge_old`] was last told; 0 before.
    latest_ms: AtomicU64,
    _locks: Vec<Box<dyn Send + Sync>>,
}

impl Storage {
    /// The table as it is now.
    pub fn snapshot(&self, table: TableId) -> Result<Arc<Snapshot>> {
        Ok(Arc::new(self.catalog.read().snapshot(table)?))
    }

    /// Several tables as they are at one moment: an append is in all of them or in none.
    pub fn snapshots(&self, tables: &[TableId]) -> Result<Vec<Arc<Snapshot>>> {
        let catalog = self.catalog.read();
        tables
            .iter()
            .map(|table| Ok(Arc::new(catalog.snapshot(*table)?)))
            .collect()
    }

    /// The last log entry that new snapshots see.
    pub fn lsn(&self) -> u64 {
        self.catalog.read().lsn
    }

    pub fn options(&self) -> &StorageOptions {
        &self.options
    }

    /// Merges since it was opened that took one column after the other.
    pub fn vertical_merges(&self) -> u64 {
        self.vertical_merges.load(Ordering::Relaxed)
    }

    /// Bytes of log segments on disk.
    pub fn wal_bytes(&self) -> u64 {
        self.wal.lock().bytes()
    }

    /// Bytes of decoded columns kept.
    pub fn cache_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// Rows and bytes of a table that are not in parts yet.
    pub fn memtable_size(&self, table: TableId) -> Result<(usize, usize)> {
        let catalog = self.catalog.read();
        let memtable = &catalog.table(table)?.memtable;
        Ok((memtable.rows(), memtable.bytes()))
    }

    /// Parts of a table that were merged or dropped, and are still read by somebody: their folders are there.
    pub fn outdated_parts(&self, table: TableId) -> Result<Vec<Arc<Part>>> {
        Ok(self.catalog.read().table(table)?.outdated())
    }

    fn part_uid(&self) -> u64 {
        self.next_part_uid.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
