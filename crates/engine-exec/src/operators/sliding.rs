//! Aggregates over window frames that slide: each row enters and leaves once, instead of being visited by every frame
//! it is in.

use std::collections::VecDeque;

use engine_types::{Buffer, Column, DataType, with_buffer};

/// One value a frame; `None`: no such shortcut for this function and these columns. `frames` are half-open; neither
/// their starts nor their ends ever fall. `ty` is the type of the result.
pub(crate) fn sliding(
    function: &str,
    args: &[Column],
    ty: &DataType,
    frames: &[(usize, usize)],
    growing: bool,
) -> Option<Column> {
    match (function, args) {
        ("count", []) => Some(Column::UInt64(
            frames.iter().map(|(from, to)| (to - from) as u64).collect(),
        )),
        ("sum", [values]) => match values {
            // Floats are added in the order that a sum from the start has; what left cannot be subtracted again.
            Column::Float32(b) if growing => Some(float_sums(frames, |i| f64::from(b[i]))),
            Column::Float64(b) if growing => Some(float_sums(frames, |i| b[i])),
            integers => integer_sums(integers, frames).map(|sums| sums.column()),
        },
        ("avg", [values]) => {
            let sums: Buffer<f64> = match values {
                Column::Float32(b) if growing => float_buffer(frames, |i| f64::from(b[i])),
                Column::Float64(b) if growing => float_buffer(frames, |i| b[i]),
                integers => integer_sums(integers, frames)?.floats(),
            };
            let averages = sums
                .iter()
                .zip(frames)
                .map(|(sum, (from, to))| sum / (to - from) as f64);
            Some(Column::Float64(averages.collect()))
        }
        ("min", [values]) => extremes(values, ty, frames, false),
        ("max", [values]) => extremes(values, ty, frames, true),
        ("any", [values]) if !ty.is_nullable() => Some(picked(values, ty, frames, |from, _| from)),
        ("anyLast", [values]) if !ty.is_nullable() => Some(picked(values, ty, frames, |_, to| to - 1)),
        _ => None,
    }
}

/// Wrapping sums, as the aggregate's own.
enum Sums {
    Unsigned(Buffer<u64>),
    Signed(Buffer<i64>),
}

impl Sums {
    fn column(self) -> Column {
        match self {
            Self::Unsigned(sums) => Column::UInt64(sums),
            Self::Signed(sums) => Column::Int64(sums),
        }
    }

    fn floats(&self) -> Buffer<f64> {
        match self {
            Self::Unsigned(sums) => sums.iter().map(|&sum| sum as f64).collect(),
            Self::Signed(sums) => sums.iter().map(|&sum| sum as f64).collect(),
        }
    }
}

fn integer_sums(values: &Column, frames: &[(usize, usize)]) -> Option<Sums> {
    let unsigned = |value: &dyn Fn(usize) -> u64| Some(Sums::Unsigned(sums(frames, value).into()));
    let signed = |value: &dyn Fn(usize) -> i64| {
        let sums = sums(frames, |i| value(i) as u64);
        Some(Sums::Signed(sums.iter().map(|&sum| sum as i64).collect()))
    };
    match values {
        Column::UInt8(b) => unsigned(&|i| u64::from(b[i])),
        Column::UInt16(b) => unsigned(&|i| u64::from(b[i])),
        Column::UInt32(b) => unsigned(&|i| u64::from(b[i])),
        Column::UInt64(b) => unsigned(&|i| b[i]),
        Column::Int8(b) => signed(&|i| i64::from(b[i])),
        Column::Int16(b) => signed(&|i| i64::from(b[i])),
        Column::Int32(b) => signed(&|i| i64::from(b[i])),
        Column::Int64(b) => signed(&|i| b[i]),
        Column::Float32(_)
        | Column::Float64(_)
        | Column::Uuid(_)
        | Column::String(_)
        | Column::Nullable(_)
        | Column::Array(_)
        | Column::Tuple(_)
        | Column::Const(_)
        | Column::Dict(_)
        | Column::Runs(_) => None,
    }
}

fn sums(frames: &[(usize, usize)], value: impl Fn(usize) -> u64) -> Vec<u64> {
    let (mut start, mut end, mut sum) = (0, 0, 0u64);
    frames
        .iter()
        .map(|&(from, to)| {
            if from >= end {
                (start, end, sum) = (from, from, 0);
            }
            while end < to {
                sum = sum.wrapping_add(value(end));
                end += 1;
            }
            while start < from {
                sum = sum.wrapping_sub(value(start));
                start += 1;
            }
            sum
        })
        .collect()
}

fn float_sums(frames: &[(usize, usize)], value: impl Fn(usize) -> f64) -> Column {
    Column::Float64(float_buffer(frames, value))
}

/// Sums of frames that share their start until it jumps past their end.
fn float_buffer(frames: &[(usize, usize)], value: impl Fn(usize) -> f64) -> Buffer<f64> {
    let (mut start, mut end, mut sum) = (usize::MAX, 0, 0.0);
    frames
        .iter()
        .map(|&(from, to)| {
            if from != start {
                (start, end, sum) = (from, from, 0.0);
            }
            while end < to {
                sum += value(end);
                end += 1;
            }
            sum
        })
        .collect()
}

fn picked(
    values: &Column,
    ty: &DataType,
    frames: &[(usize, usize)],
    pick: impl Fn(usize, usize) -> usize,
) -> Column {
    let rows = frames
        .iter()
        .map(|&(from, to)| (from < to).then(|| pick(from, to)));
    gathered(values, ty, rows)
}

/// The values of the rows; the default of the type where there is none.
fn gathered(values: &Column, ty: &DataType, rows: impl Iterator<Item = Option<usize>>) -> Column {
    let none = values.len();
    let rows: Vec<u32> = rows.map(|row| row.unwrap_or(none) as u32).collect();
    Column::concat(&[&values.flatten(), &Column::defaults(ty, 1)]).gather(&rows)
}

/// Least or greatest values. NaN counts only where there is nothing else.
fn extremes(values: &Column, ty: &DataType, frames: &[(usize, usize)], greatest: bool) -> Option<Column> {
    macro_rules! of_floats {
        ($b:expr) => {{
            let better = |a: usize, b: usize| if greatest { $b[a] > $b[b] } else { $b[a] < $b[b] };
            let rows = best_rows(frames, |i| $b[i].is_nan(), better);
            let rows = rows
                .into_iter()
                .zip(frames)
                .map(|(row, &(from, to))| row.or((from < to).then_some(from)));
            Some(gathered(values, ty, rows))
        }};
    }
    match values {
        Column::Float32(b) => return of_floats!(b),
        Column::Float64(b) => return of_floats!(b),
        _ => {}
    }
    let (nulls, bare) = match values {
        Column::Nullable(n) => (Some(&n.nulls), &*n.values),
        other => (None, other),
    };
    let skip = |i: usize| nulls.is_some_and(|n| n[i] != 0);
    let rows = match bare {
        Column::Float32(_) | Column::Float64(_) => return None,
        Column::String(s) => best_rows(frames, skip, |a, b| {
            if greatest {
                s.get(a) > s.get(b)
            } else {
                s.get(a) < s.get(b)
            }
        }),
        fixed => with_buffer!(fixed, b => best_rows(frames, skip, |x, y| {
            if greatest { b[x] > b[y] } else { b[x] < b[y] }
        }), _ => return None),
    };
    Some(gathered(values, ty, rows.into_iter()))
}

/// The best row of each frame that is not skipped; the first of equals.
fn best_rows(
    frames: &[(usize, usize)],
    skip: impl Fn(usize) -> bool,
    better: impl Fn(usize, usize) -> bool,
) -> Vec<Option<usize>> {
    // Rows that are the best of those from them on to the end of the frame: each worse than the one before.
    let mut candidates: VecDeque<usize> = VecDeque::new();
    let mut end = 0;
    frames
        .iter()
        .map(|&(from, to)| {
            if from >= end {
                candidates.clear();
                end = from;
            }
            while end < to {
                if !skip(end) {
                    while candidates.back().is_some_and(|&last| better(end, last)) {
                        candidates.pop_back();
                    }
                    candidates.push_back(end);
                }
                end += 1;
            }
            while candidates.front().is_some_and(|&first| first < from) {
                candidates.pop_front();
            }
            candidates.front().copied()
        })
        .collect()
}
