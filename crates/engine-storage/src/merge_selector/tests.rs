//! Parts stay few whatever is inserted, and rows are rewritten rarely.

use proptest::prelude::*;

use super::*;

const PARTS_MAX: usize = 16;
const BYTES_MAX: u64 = 4 << 30;

/// What became of a partition: the most parts that it had, and bytes written by bytes inserted.
struct Outcome {
    parts: usize,
    /// A week after the last one came.
    parts_later: usize,
    amplification: f64,
    amplification_later: f64,
}

/// Parts of these sizes come so many milliseconds after each other; after each, all merges worth doing are done. Then time
/// passes for a week.
fn simulate(sizes: impl IntoIterator<Item = u64>, every_ms: u64) -> Outcome {
    const HOUR_MS: u64 = 3_600_000;
    // Bytes, and when the part was made.
    let mut parts: Vec<(u64, u64)> = Vec::new();
    let (mut inserted, mut written, mut now, mut most) = (0, 0, 0, 0);
    let merge_all = |parts: &mut Vec<(u64, u64)>, written: &mut u64, now: u64| {
        loop {
            let candidate = |(bytes, made): &(u64, u64)| {
                Some(Candidate {
                    bytes: *bytes,
                    age_ms: now - made,
                })
            };
            let candidates: Vec<Option<Candidate>> = parts.iter().map(candidate).collect();
            let Some(run) = best_run(&candidates, PARTS_MAX, BYTES_MAX) else {
                return;
            };
            let merged = parts[run.parts.clone()].iter().map(|(bytes, _)| bytes).sum();
            *written += merged;
            parts.splice(run.parts, [(merged, now)]);
        }
    };
    for size in sizes {
        now += every_ms;
        parts.push((size, now));
        inserted += size;
        written += size;
        merge_all(&mut parts, &mut written, now);
        most = most.max(parts.len());
    }
    let written_by_then = written;
    for _ in 0..7 * 24 {
        now += HOUR_MS;
        merge_all(&mut parts, &mut written, now);
    }
    Outcome {
        parts: most,
        parts_later: parts.len(),
        amplification: written_by_then as f64 / inserted as f64,
        amplification_later: written as f64 / inserted as f64,
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
        let total: u64 = sizes.iter().sum();
        let outcome = simulate(sizes, 86_400_000 / parts_a_day);
        assert!(
            outcome.amplification < 6.0,
            "{parts_a_day} parts of {from} to {to} bytes: written {} times",
            outcome.amplification
        );
        assert!(outcome.parts < 20, "{} parts", outcome.parts);
        assert!(
            outcome.amplification_later < 8.0,
            "written {} times a week later",
            outcome.amplification_later
        );
        // Parts that are too large to be merged stay.
        let large = (2 * total / BYTES_MAX) as usize;
        assert!(
            outcome.parts_later <= 4 + large,
            "{} parts a week later",
            outcome.parts_later
        );
    }
}

#[test]
fn large_parts_and_busy_ones_are_left_alone() {
    let new = |bytes| Some(Candidate { bytes, age_ms: 0 });
    assert_eq!(
        best_run(&[new(3 << 30), new(3 << 30)], PARTS_MAX, BYTES_MAX),
        None
    );
    let mut parts = vec![new(5000); 20];
    parts[10] = None;
    let run = best_run(&parts, PARTS_MAX, BYTES_MAX).expect("a merge");
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
        let outcome = simulate(sizes, 0);
        // Parts that together are more than a merge may write stay.
        let large = 2 * (total / (BYTES_MAX / 2)) as usize;
        prop_assert!(outcome.parts <= 25 + large, "{} parts", outcome.parts);
    }
}
