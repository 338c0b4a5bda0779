//! Which parts to merge next: neighbours of similar size, sooner the more parts there are and the older they are.

use std::ops::Range;
use std::sync::Arc;

use crate::part::Part;

/// An empty-looking part still costs a file set.
const BYTES_MIN: u64 = 4096;

/// The multiple that is asked for in any case, unless there are far too many parts.
const RATIO_MIN: f64 = 1.2;

/// A merge of more bytes than this waits longer for its parts to age.
const QUICK_BYTES: u64 = 256 << 20;

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
    age_ms: impl Fn(&Part) -> u64,
    parts_max: usize,
    bytes_max: u64,
) -> Option<Vec<Arc<Part>>> {
    let mut best: Option<(Run, &[Arc<Part>])> = None;
    let alike = |a: &Arc<Part>, b: &Arc<Part>| {
        a.name.partition == b.name.partition && mutations_to_do(a) == mutations_to_do(b)
    };
    for partition in parts.chunk_by(alike) {
        let candidates: Vec<Option<Candidate>> = partition
            .iter()
            .map(|part| {
                (!is_busy(part)).then(|| Candidate {
                    bytes: part.bytes(),
                    age_ms: age_ms(part),
                })
            })
            .collect();
        if let Some(run) = best_run(&candidates, parts_max, bytes_max)
            && best.as_ref().is_none_or(|(other, _)| run.is_better_than(other))
        {
            let chosen = &partition[run.parts.clone()];
            best = Some((run, chosen));
        }
    }
    best.map(|(_, parts)| parts.to_vec())
}

/// A part that may be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    bytes: u64,
    age_ms: u64,
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

/// The best run of the parts of a partition; `None` stands for one that must stay.
///
/// A run is worth merging when its parts together are a good multiple of its largest: then every row is rewritten a
/// logarithmic number of times. The multiple asked for falls as parts pile up, so that their number stays bounded, and as
/// nothing comes after them, so that what is no longer written to ends as few parts. Parts that are too large to be merged
/// do not count.
fn best_run(parts: &[Option<Candidate>], parts_max: usize, bytes_max: u64) -> Option<Run> {
    let small = parts
        .iter()
        .filter(|part| part.is_none_or(|part| part.bytes <= bytes_max / 2))
        .count();
    let wanted = wanted_ratio(small);
    let mut best: Option<Run> = None;
    for start in 0..parts.len() {
        let (mut bytes, mut largest, mut youngest_ms) = (0u64, 1, u64::MAX);
        for (end, part) in parts.iter().enumerate().skip(start).take(parts_max) {
            let Some(part) = part else {
                break;
            };
            let size = part.bytes.max(BYTES_MIN);
            youngest_ms = youngest_ms.min(part.age_ms);
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
            let is_worth_it =
                end > start && run.ratio >= (wanted - patience(youngest_ms, bytes)).max(RATIO_MIN);
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
    (10.0 - parts as f64 * 0.5).max(RATIO_MIN)
}

/// What parts that have been there for so long are spared of the multiple: one after six hours, another about each time
/// that their age doubles. Many bytes take their time.
fn patience(youngest_ms: u64, bytes: u64) -> f64 {
    let unit_ms = 6.0 * 3_600_000.0 * (bytes as f64 / QUICK_BYTES as f64).max(1.0);
    (youngest_ms as f64 / unit_ms).ln_1p() / std::f64::consts::LN_2
}

#[cfg(test)]
mod tests;
