//! What the caches hold and how they did; emptying them.

use super::Storage;
use crate::object_cache::CacheCounts;

/// One of the caches, which all tables share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheKind {
    /// Decoded columns.
    Blocks,
    Marks,
    Dictionaries,
    /// Least and greatest values of granules.
    GranuleRanges,
    SkipIndexes,
}

impl CacheKind {
    pub const ALL: [Self; 5] = [
        Self::Blocks,
        Self::Marks,
        Self::Dictionaries,
        Self::GranuleRanges,
        Self::SkipIndexes,
    ];
}

impl Storage {
    pub fn cache_counts(&self, kind: CacheKind) -> CacheCounts {
        match kind {
            CacheKind::Blocks => self.cache.counts(),
            CacheKind::Marks => self.cache.marks.counts(),
            CacheKind::Dictionaries => self.cache.dictionaries.counts(),
            CacheKind::GranuleRanges => self.cache.ranges.counts(),
            CacheKind::SkipIndexes => self.cache.indexes.counts(),
        }
    }

    /// Forgets what the cache holds. Queries that run keep what they have.
    pub fn drop_cache(&self, kind: CacheKind) {
        match kind {
            CacheKind::Blocks => self.cache.clear_blocks(),
            CacheKind::Marks => self.cache.marks.clear(),
            CacheKind::Dictionaries => self.cache.dictionaries.clear(),
            CacheKind::GranuleRanges => self.cache.ranges.clear(),
            CacheKind::SkipIndexes => self.cache.indexes.clear(),
        }
    }
}
