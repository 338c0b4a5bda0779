//! The histogram of the times that actors took.

use serde_json::{Value, json};

use crate::funnels::plan::Answer;
use crate::resolved::FunnelTime;

const BINS_MIN: u64 = 3;
const BINS_MAX: u64 = 60;
/// The width of the bins where all times are the same.
const SECONDS_DEFAULT: u64 = 60;

/// `{bins: [[first second, count], …], average_conversion_time}`: one more than `bins`, since the last one begins where the
/// longest time may lie.
pub(super) fn result(bins: Option<u64>, answers: &[Answer]) -> Value {
    let times: Vec<FunnelTime> = answers
        .iter()
        .flat_map(|answer| match answer {
            Answer::Times(times) => times.as_slice(),
            Answer::Steps(_) | Answer::Trends(_) => &[],
        })
        .copied()
        .filter(|time| time.count > 0)
        .collect();
    let actors: u64 = times.iter().map(|time| time.count).sum();
    let Some(low) = times.iter().map(|time| time.second).min() else {
        return json!({ "bins": [], "average_conversion_time": null });
    };
    // Every edge is a whole second, so that the second a time lies in tells its bin. The longest time's next whole second
    // bounds them all.
    let high = times
        .iter()
        .map(|time| time.second + u64::from(time.max > time.second as f64))
        .max()
        .unwrap_or(low);
    let bins = bins.unwrap_or_else(|| cube_root(actors).clamp(BINS_MIN, BINS_MAX));
    let width = match (high - low).div_ceil(bins) {
        0 => SECONDS_DEFAULT,
        width => width,
    };
    let mut counts: Vec<(u64, u64)> = (0..=bins).map(|bin| (low + bin * width, 0)).collect();
    for time in &times {
        let bin = usize::try_from((time.second - low) / width).unwrap_or(usize::MAX);
        if let Some((_, count)) = counts.get_mut(bin) {
            *count += time.count;
        }
    }
    let sum: f64 = times.iter().map(|time| time.sum).sum();
    json!({
        "bins": counts,
        "average_conversion_time": (sum / actors as f64 * 100.0).round() / 100.0,
    })
}

/// Rounded up, and no more than is of use here.
fn cube_root(number: u64) -> u64 {
    (1..BINS_MAX)
        .find(|root| root * root * root >= number)
        .unwrap_or(BINS_MAX)
}
