//! Rows that are in the log but not yet in a part: immutable blocks, visible to snapshots as they are.

use std::sync::Arc;

use engine_types::{Block, Column};
use hashbrown::HashSet;
use parking_lot::RwLock;

use crate::lookup_index::lookup_keys;
use crate::table_def::TableDef;

/// Blocks stop growing here, so that one is a good morsel and copying it stays cheap.
const BLOCK_ROWS_MAX: usize = 65_536;
const BLOCK_BYTES_MAX: usize = 8 << 20;

/// Memory of a key in a set: allocation, pointer, slack of the table.
const KEY_BYTES: usize = 64;

/// Keys of the look-up columns of some rows.
pub(crate) type KeySet = RwLock<HashSet<Box<[u8]>>>;

/// Sealed blocks are being flushed; active ones still grow. Order is insertion order, sealed first.
#[derive(Default)]
pub(crate) struct MemTable {
    sealed: Generation,
    active: Generation,
    /// When `maintain` first saw rows here.
    seen_ms: Option<u64>,
}

#[derive(Default)]
struct Generation {
    blocks: Vec<Arc<Block>>,
    keys: Vec<Arc<KeySet>>,
    rows: usize,
    bytes: usize,
    first_lsn: Option<u64>,
}

/// The keys of a write, computed before any lock is taken.
pub(crate) fn keys_of_write(def: &TableDef, block: &Block) -> Vec<Box<[u8]>> {
    if def.lookup_columns.is_empty() {
        return Vec::new();
    }
    let columns: Vec<Column> = def
        .lookup_columns
        .iter()
        .map(|c| block.column(*c).clone())
        .collect();
    lookup_keys(&columns).iter().map(Into::into).collect()
}

impl MemTable {
    /// Appends the rows of log entry `lsn`. Blocks are joined while the last is not much smaller than the one before
    /// it, so their number stays logarithmic and a row is copied a logarithmic number of times.
    pub fn push(&mut self, block: Block, keys: Vec<Box<[u8]>>, lsn: u64) {
        let active = &mut self.active;
        let bytes = block.byte_size();
        active.rows += block.rows();
        active.bytes += bytes;
        active.first_lsn.get_or_insert(lsn);
        if !keys.is_empty() {
            active.bytes += keys.len() * KEY_BYTES;
            if active.keys.is_empty() {
                active.keys.push(Arc::default());
            }
            active.keys[0].write().extend(keys);
        }
        active.blocks.push(Arc::new(block));
        while let [.., before, last] = active.blocks.as_slice() {
            let fits = before.rows() + last.rows() <= BLOCK_ROWS_MAX
                && before.byte_size() + last.byte_size() <= BLOCK_BYTES_MAX;
            if !fits || before.rows() > 2 * last.rows() {
                break;
            }
            let joined = Block::concat(&[before.as_ref().clone(), last.as_ref().clone()]);
            active.blocks.truncate(active.blocks.len() - 2);
            active.blocks.push(Arc::new(joined));
        }
    }

    /// Moves all rows to the sealed ones and hands out their blocks. The caller flushes them and then calls
    /// [`Self::drop_sealed`]; until then they stay visible, and a later seal hands them out again.
    pub fn seal(&mut self) -> Vec<Arc<Block>> {
        let active = std::mem::take(&mut self.active);
        let sealed = &mut self.sealed;
        sealed.blocks.extend(active.blocks);
        sealed.keys.extend(active.keys);
        sealed.rows += active.rows;
        sealed.bytes += active.bytes;
        sealed.first_lsn = sealed.first_lsn.or(active.first_lsn);
        self.seen_ms = None;
        sealed.blocks.clone()
    }

    pub fn drop_sealed(&mut self) {
        self.sealed = Generation::default();
    }

    pub fn blocks(&self) -> Vec<Arc<Block>> {
        self.sealed
            .blocks
            .iter()
            .chain(&self.active.blocks)
            .cloned()
            .collect()
    }

    pub fn key_sets(&self) -> Vec<Arc<KeySet>> {
        self.sealed
            .keys
            .iter()
            .chain(&self.active.keys)
            .cloned()
            .collect()
    }

    pub fn rows(&self) -> usize {
        self.sealed.rows + self.active.rows
    }

    pub fn bytes(&self) -> usize {
        self.sealed.bytes + self.active.bytes
    }

    /// The oldest log entry with rows here.
    pub fn first_lsn(&self) -> Option<u64> {
        self.sealed.first_lsn.or(self.active.first_lsn)
    }

    /// The oldest log entry with rows that are not sealed.
    pub fn first_unsealed_lsn(&self) -> Option<u64> {
        self.active.first_lsn
    }

    /// How long rows have waited, as far as `maintain` has seen.
    pub fn age_ms(&mut self, now_ms: u64) -> u64 {
        if self.rows() == 0 {
            self.seen_ms = None;
            return 0;
        }
        now_ms.saturating_sub(*self.seen_ms.get_or_insert(now_ms))
    }
}
