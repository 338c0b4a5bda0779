//! Smoothing: each value becomes the mean of the last few.

/// Mean of the last `intervals` values (fewer at the start), rounded down. 1 changes nothing.
pub(crate) fn smoothed(values: &[f64], intervals: usize) -> Vec<f64> {
    if intervals <= 1 {
        return values.to_vec();
    }
    (0..values.len())
        .map(|index| {
            let window = &values[(index + 1).saturating_sub(intervals)..=index];
            // Lengths of windows are far below 2^52: exact.
            (window.iter().sum::<f64>() / window.len() as f64).floor()
        })
        .collect()
}

/// Running sums.
pub(crate) fn cumulated(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum)
        })
        .collect()
}
