//! The budget is kept, what is used stays, what belongs to a gone part goes.

use super::*;

fn key(part: u64, first: u32) -> CacheKey {
    CacheKey {
        part,
        column: 3,
        first,
        count: 8,
    }
}

fn cache(blocks: usize) -> BlockCache {
    BlockCache::new(CacheBudgets {
        blocks,
        marks: 0,
        dictionaries: 0,
        indexes: 0,
    })
}

fn column() -> Column {
    Column::UInt8(vec![0; 1000].into())
}

#[test]
fn the_budget_is_kept_and_used_entries_stay_longer() {
    let cache = cache(20_000);
    cache.insert(key(1, 0), &column());
    for first in 1..200 {
        cache.insert(key(1, first), &column());
        assert!(cache.get(&key(1, 0)).is_some(), "entry 0 is used all the time");
        assert!(cache.bytes() <= 20_000);
    }
    let kept = (0..200)
        .filter(|first| cache.get(&key(1, *first)).is_some())
        .count();
    assert!((15..=18).contains(&kept), "{kept} kept");
    cache.insert(key(2, 0), &column());
    cache.remove_part(1);
    assert_eq!(cache.bytes(), 1128);
    assert!(cache.get(&key(2, 0)).is_some());
}

#[test]
fn a_column_as_large_as_the_cache_is_not_kept() {
    let cache = cache(3000);
    cache.insert(key(1, 0), &column());
    assert_eq!(cache.bytes(), 0);
}
