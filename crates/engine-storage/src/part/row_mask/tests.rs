//! A mask is a set of row numbers, and survives its bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn mask(rows: u64, set: &BTreeSet<u64>) -> RowMask {
    let mut mask = RowMask::none(rows);
    for row in set {
        mask.set(*row);
    }
    mask
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_mask_is_a_set(
        rows in 1u64..400,
        picks in proptest::collection::vec(any::<u64>(), 0..80),
        ends in (any::<u64>(), any::<u64>()),
    ) {
        let set: BTreeSet<u64> = picks.into_iter().map(|p| p % rows).collect();
        let mask = mask(rows, &set);
        let (a, b) = (ends.0 % (rows + 1), ends.1 % (rows + 1));
        let range = a.min(b)..a.max(b);
        prop_assert_eq!(mask.count_in(range.clone()), set.range(range.clone()).count());
        let live: Vec<u32> = range
            .clone()
            .filter(|row| !set.contains(row))
            .map(|row| (row - range.start) as u32)
            .collect();
        let all = live.len() as u64 == range.end - range.start;
        prop_assert_eq!(mask.live_in(range), (!all).then_some(live));
        prop_assert_eq!(mask.count(), set.len() as u64);
        prop_assert_eq!(RowMask::decode(&mask.encode().unwrap()).unwrap(), mask);
    }
}

#[test]
fn any_flipped_byte_is_reported() {
    let bytes = mask(200, &BTreeSet::from([3, 100, 199])).encode().unwrap();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x41;
        assert!(RowMask::decode(&bad).is_err(), "byte {at}");
    }
    for end in 0..bytes.len() {
        assert!(RowMask::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
}
