//! The set against one of the standard library, for shapes that take bits and such that take the table.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{DistinctPairs, Key};
use crate::row_key::Wide;

fn check<K: Key>(pairs: &[(u32, u64)], key: impl Fn(u64) -> K) {
    let (mut set, mut model) = (DistinctPairs::new(), BTreeSet::new());
    for &(group, value) in pairs {
        assert_eq!(
            set.insert(key(value), group),
            model.insert((group, value)),
            "{group} {value}"
        );
    }
    assert_eq!(set.len, model.len());
    // Half of them in another set, whose groups count from the other end.
    let (front, back) = pairs.split_at(pairs.len() / 2);
    let last = pairs.iter().map(|(group, _)| *group).max().unwrap_or(0);
    let (mut one, mut two) = (DistinctPairs::new(), DistinctPairs::new());
    for &(group, value) in front {
        one.insert(key(value), group);
    }
    for &(group, value) in back {
        two.insert(key(value), last - group);
    }
    let groups: Vec<u32> = (0..=last).rev().collect();
    let before = one.len;
    let mut added = 0;
    one.merge(&two, &groups, |_| added += 1);
    assert_eq!(one.len, model.len());
    assert_eq!(before + added, model.len());
    for &(group, value) in pairs {
        assert!(!one.insert(key(value), group));
    }
}

fn both(pairs: &[(u32, u64)]) {
    check(pairs, |value| value);
    check(pairs, |value| Wide(value, !value));
}

proptest! {
    #[test]
    fn any_pairs(pairs in proptest::collection::vec((0u32..200, 0u64..50), 0..300)) {
        both(&pairs);
    }

    #[test]
    fn values_far_apart(pairs in proptest::collection::vec((0u32..5, any::<u64>()), 0..300)) {
        both(&pairs);
    }
}

#[test]
fn many_groups_of_few_values_and_the_reverse() {
    let mut state = 1u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    for (groups, values) in [
        (20_000, 30),
        (30, 20_000),
        (20_000, 20_000),
        (1, 50_000),
        (50_000, 1),
    ] {
        let pairs: Vec<(u32, u64)> = (0..60_000)
            .map(|_| (random(groups) as u32, random(values)))
            .collect();
        both(&pairs);
    }
}

#[test]
fn keys_around_both_ends_of_the_line() {
    both(&[
        (0, 0),
        (1, u64::MAX),
        (1, 0),
        (0, u64::MAX),
        (0, 4095),
        (0, 4096),
        (0, 1 << 63),
        (1, 4096),
        (0, 0),
    ]);
}
