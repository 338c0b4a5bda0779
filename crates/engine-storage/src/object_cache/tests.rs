//! Budget, second chances and counts.

use super::*;

fn load(cache: &ObjectCache<u32>, at: u64, bytes: usize) -> u32 {
    let loaded: Result<_, ()> = cache.get_or_load((at, 0), || Ok((at as u32, bytes)));
    *loaded.unwrap()
}

#[test]
fn e_cache_objects_stay_within_the_budget_and_are_counted() {
    let cache = ObjectCache::new(1000);
    for at in 0..5 {
        assert_eq!(load(&cache, at, 172), at as u32);
    }
    // Of 300 bytes each, three fit.
    assert_eq!((cache.counts().entries, cache.counts().bytes), (3, 900));
    load(&cache, 2, 172);
    assert_eq!((cache.counts().hits, cache.counts().misses), (1, 5));
    // What was used last survives the next two.
    load(&cache, 7, 172);
    load(&cache, 8, 172);
    load(&cache, 2, 172);
    assert_eq!(cache.counts().hits, 2);
    // Too large to be kept at all.
    load(&cache, 9, 5000);
    assert_eq!(cache.counts().bytes, 900);
    cache.remove_part(2);
    assert_eq!(cache.counts().entries, 2);
    cache.clear();
    assert_eq!((cache.counts().entries, cache.counts().bytes), (0, 0));
}
