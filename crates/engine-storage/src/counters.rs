//! Counts of work done by reads: what tests assert on, and what a query log reports.

use std::sync::atomic::{AtomicU64, Ordering};

/// Added to by every read through the snapshot that holds it.
#[derive(Debug, Default)]
pub struct ReadCounters {
    rows: AtomicU64,
    bytes: AtomicU64,
    granules: AtomicU64,
    blocks: AtomicU64,
    raw_bytes: AtomicU64,
    cache_hits: AtomicU64,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Rows handed out, once a morsel whatever its columns.
    pub rows: u64,
    /// Bytes read from files.
    pub bytes: u64,
    /// Granules of part morsels handed out.
    pub granules: u64,
    /// Blocks verified and decompressed.
    pub blocks: u64,
    /// Bytes after decompression.
    pub raw_bytes: u64,
    /// Pieces of columns found decoded.
    pub cache_hits: u64,
}

impl ReadCounters {
    pub fn counts(&self) -> ReadCounts {
        ReadCounts {
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            granules: self.granules.load(Ordering::Relaxed),
            blocks: self.blocks.load(Ordering::Relaxed),
            raw_bytes: self.raw_bytes.load(Ordering::Relaxed),
            cache_hits: self.cache_hits.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn add_rows(&self, rows: usize, granules: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.granules.fetch_add(granules as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_file_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_block(&self, raw_bytes: usize) {
        self.blocks.fetch_add(1, Ordering::Relaxed);
        self.raw_bytes.fetch_add(raw_bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_cache_hit(&self) {
        self.cache_hits.fetch_add(1, Ordering::Relaxed);
    }
}
