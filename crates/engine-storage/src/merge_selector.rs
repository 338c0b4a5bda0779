//! Which parts to merge next: neighbours of similar size, sooner the more parts there are.

use std::sync::Arc;

use crate::part::Part;

/// The best run of neighbouring parts of one partition, or none. `parts` are sorted by name.
///
/// A run never mixes parts that wait for other mutations: there would be no telling which of its rows had them.
///
/// A run is worth merging when its parts together are a good multiple of its largest: then every row is rewritten a
/// logarithmic number of times. The multiple asked for falls as parts pile up, so that their number stays bounded.
pub(crate) fn select_merge(
    parts: &[Arc<Part>],
    is_busy: impl Fn(&Part) -> bool,
    mutations_to_do: impl Fn(&Part) -> usize,
    parts_max: usize,
    bytes_max: u64,
) -> Option<Vec<Arc<Part>>> {
    let mut best: Option<(f64, u64, &[Arc<Part>])> = None;
    let alike = |a: &Arc<Part>, b: &Arc<Part>| {
        a.name.partition == b.name.partition && mutations_to_do(a) == mutations_to_do(b)
    };
    for partition in parts.chunk_by(alike) {
        let wanted = wanted_ratio(partition.len());
        for start in 0..partition.len() {
            let (mut sum, mut largest) = (0, 1);
            for end in start..partition.len().min(start + parts_max) {
                let part = &partition[end];
                // An empty-looking part still costs a file set.
                let size = part.bytes().max(4096);
                sum += size;
                largest = largest.max(size);
                if is_busy(part) || sum > bytes_max {
                    break;
                }
                let ratio = sum as f64 / largest as f64;
                if end == start || ratio < wanted {
                    continue;
                }
                let better = best
                    .as_ref()
                    .is_none_or(|(r, s, _)| ratio > *r || (ratio == *r && sum < *s));
                if better {
                    best = Some((ratio, sum, &partition[start..=end]));
                }
            }
        }
    }
    best.map(|(_, _, run)| run.to_vec())
}

/// Many similar parts while there are few; at last two, the smaller a fifth of the larger.
fn wanted_ratio(parts: usize) -> f64 {
    (6.0 - parts as f64 * 0.4).max(1.2)
}
