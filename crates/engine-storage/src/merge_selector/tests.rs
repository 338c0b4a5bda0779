//! Parts stay few whatever is inserted, and rows are rewritten rarely.

use proptest::prelude::*;

use super::*;

const PARTS_MAX: usize = 16;
const BYTES_MAX: u64 = 4 << 30;

/// What became of a partition: the most parts that it had, and bytes written by bytes inserted.
struct Outcome {
    parts: usize,
    amplification: f64,
}

/// Parts of these sizes come one after the other; after each, all merges worth doing are done.
fn simulate(sizes: impl IntoIterator<Item = u64>) -> Outcome {
    let (mut parts, mut inserted, mut written): (Vec<u64>, u64, u64) = (Vec::new(), 0, 0);
    let mut most = 0;
    for size in sizes {
        parts.push(size);
        inserted += size;
        written += size;
        loop {
            let sizes: Vec<Option<u64>> = parts.iter().copied().map(Some).collect();
            let Some(run) = best_run(&sizes, PARTS_MAX, BYTES_MAX) else {
                break;
            };
            let merged = parts[run.parts.clone()].iter().sum();
            written += merged;
            parts.splice(run.parts, [merged]);
        }
        most = most.max(parts.len());
    }
    Outcome {
        parts: most,
        amplification: written as f64 / inserted as f64,
    }
}

#[test]
fn e_merge_a_day_of_ingest_is_written_less_than_six_times() {
    let mut state = 1u64;
    let mut random = move |from: u64, to: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        from + (state >> 33) % (to - from)
    };
    for (parts_a_day, from, to) in [
        (1440, 5 << 20, 15 << 20),
        (1440, 32 << 10, 96 << 10),
        (8640, 1 << 20, 3 << 20),
        (8640, 8 << 10, 9 << 10),
    ] {
        let sizes: Vec<u64> = (0..parts_a_day).map(|_| random(from, to)).collect();
        let outcome = simulate(sizes);
        assert!(
            outcome.amplification < 6.0,
            "{parts_a_day} parts of {from} to {to} bytes: written {} times",
            outcome.amplification
        );
        assert!(outcome.parts < 20, "{} parts", outcome.parts);
    }
}

#[test]
fn large_parts_and_busy_ones_are_left_alone() {
    assert_eq!(
        best_run(&[Some(3 << 30), Some(3 << 30)], PARTS_MAX, BYTES_MAX),
        None
    );
    let mut sizes = vec![Some(5000); 20];
    sizes[10] = None;
    let run = best_run(&sizes, PARTS_MAX, BYTES_MAX).expect("a merge");
    assert!(!run.parts.contains(&10), "{run:?}");
    assert_eq!(best_run(&[None; 40], PARTS_MAX, BYTES_MAX), None);
}

/// Sizes of any order of magnitude.
fn sizes() -> impl Strategy<Value = Vec<u64>> {
    let size = (0u32..31, 1u64..1000).prop_map(|(exponent, part)| (1u64 << exponent) / 1000 * part);
    prop_oneof![
        prop::collection::vec(size.clone(), 1..300),
        prop::collection::vec(size.clone(), 1..300).prop_map(|mut sizes| {
            sizes.sort_unstable();
            sizes
        }),
        prop::collection::vec(size, 1..300).prop_map(|mut sizes| {
            sizes.sort_unstable();
            sizes.reverse();
            sizes
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn e_merge_the_number_of_parts_is_bounded_for_any_sizes(sizes in sizes()) {
        let total: u64 = sizes.iter().sum();
        let outcome = simulate(sizes);
        // Parts that together are more than a merge may write stay.
        let large = 2 * (total / (BYTES_MAX / 2)) as usize;
        prop_assert!(outcome.parts <= 25 + large, "{} parts", outcome.parts);
    }
}
