//! Which parts to merge next: neighbours of similar size, sooner the more parts there are.

use std::ops::Range;
use std::sync::Arc;

use crate::part::Part;

/// An empty-looking part still costs a file set.
const BYTES_MIN: u64 = 4096;

/// From this many parts on, two neighbours of any sizes are merged.
const PARTS_BOUND: usize = 24;

/// The best run of neighbouring parts of one partition, or none. `parts` are sorted by name.
///
/// Time windows are the partitions: old data is never rewritten together with new. A run never mixes parts that wait
/// for other mutations: there would be no telling which of its rows had them.
pub(crate) fn select_merge(
    parts: &[Arc<Part>],
    is_busy: impl Fn(&Part) -> bool,
    mutations_to_do: impl Fn(&Part) -> usize,
    parts_max: usize,
    bytes_max: u64,
) -> Option<Vec<Arc<Part>>> {
    let mut best: Option<(Run, &[Arc<Part>])> = None;
    let alike = |a: &Arc<Part>, b: &Arc<Part>| {
        a.name.partition == b.name.partition && mutations_to_do(a) == mutations_to_do(b)
    };
    for partition in parts.chunk_by(alike) {
        let sizes: Vec<Option<u64>> = partition
            .iter()
            .map(|part| (!is_busy(part)).then(|| part.bytes()))
            .collect();
        if let Some(run) = best_run(&sizes, parts_max, bytes_max)
            && best.as_ref().is_none_or(|(other, _)| run.is_better_than(other))
        {
            let chosen = &partition[run.parts.clone()];
            best = Some((run, chosen));
        }
    }
    best.map(|(_, parts)| parts.to_vec())
}

#[derive(Clone, Debug, PartialEq)]
struct Run {
    /// Bytes of all its parts by those of its largest: how many parts of that size it would be.
    ratio: f64,
    bytes: u64,
    parts: Range<usize>,
}

impl Run {
    fn is_better_than(&self, other: &Self) -> bool {
        self.ratio > other.ratio || (self.ratio == other.ratio && self.bytes < other.bytes)
    }
}

/// The best run of the parts of a partition; `None` stands for the size of one that must stay.
///
/// A run is worth merging when its parts together are a good multiple of its largest: then every row is rewritten a
/// logarithmic number of times. The multiple asked for falls as parts pile up, so that their number stays bounded.
/// Parts that are too large to be merged do not count.
fn best_run(sizes: &[Option<u64>], parts_max: usize, bytes_max: u64) -> Option<Run> {
    let small = sizes
        .iter()
        .filter(|size| size.is_none_or(|size| size <= bytes_max / 2))
        .count();
    let wanted = wanted_ratio(small);
    let mut best: Option<Run> = None;
    for start in 0..sizes.len() {
        let (mut bytes, mut largest) = (0u64, 1);
        for (end, size) in sizes.iter().enumerate().skip(start).take(parts_max) {
            let Some(size) = size else {
                break;
            };
            let size = (*size).max(BYTES_MIN);
            bytes = bytes.saturating_add(size);
            largest = largest.max(size);
            if bytes > bytes_max {
                break;
            }
            let run = Run {
                ratio: bytes as f64 / largest as f64,
                bytes,
                parts: start..end + 1,
            };
            let is_worth_it = end > start && run.ratio >= wanted;
            if is_worth_it && best.as_ref().is_none_or(|other| run.is_better_than(other)) {
                best = Some(run);
            }
        }
    }
    best
}

/// Many similar parts while there are few; then two, the smaller a fifth of the larger; at last any two.
fn wanted_ratio(parts: usize) -> f64 {
    if parts > PARTS_BOUND {
        return 1.0;
    }
    (10.0 - parts as f64 * 0.5).max(1.2)
}

#[cfg(test)]
mod tests;
