//! The order of the elements of each row: `arraySort` and its kin, `arrayMin` and `arrayMax`.

use std::cmp::Ordering;

use engine_types::{ArrayColumn, Buffer, Column, DataType, Value};

use crate::aggregate::{Form, ordered};
use crate::arrays::by_row;
use crate::operand::{Native, plain, row};

/// Every row's own elements in order; NULL and NaN stay last in both directions.
pub(crate) fn sorted_elements(a: &ArrayColumn, descending: bool) -> Column {
    let values = match &*a.values {
        Column::UInt8(b) => numbers(&a.offsets, b, descending),
        Column::UInt16(b) => numbers(&a.offsets, b, descending),
        Column::UInt32(b) => numbers(&a.offsets, b, descending),
        Column::UInt64(b) => numbers(&a.offsets, b, descending),
        Column::Int8(b) => numbers(&a.offsets, b, descending),
        Column::Int16(b) => numbers(&a.offsets, b, descending),
        Column::Int32(b) => numbers(&a.offsets, b, descending),
        Column::Int64(b) => numbers(&a.offsets, b, descending),
        Column::Float32(_)
        | Column::Float64(_)
        | Column::Uuid(_)
        | Column::String(_)
        | Column::Nullable(_)
        | Column::Array(_)
        | Column::Tuple(_)
        | Column::Const(_)
        | Column::Dict(_)
        | Column::Runs(_) => return sorted(a, &a.values, descending),
    };
    Column::Array(ArrayColumn {
        offsets: a.offsets.clone(),
        values: Box::new(values),
    })
}

/// The stable sort finds runs that are in order already: arrays put together from sorted ones take linear time.
fn numbers<T: Native + Ord>(offsets: &[u32], values: &[T], descending: bool) -> Column {
    let mut values = values.to_vec();
    for w in offsets.windows(2) {
        let of_row = &mut values[w[0] as usize..w[1] as usize];
        if descending {
            of_row.sort_by(|a, b| b.cmp(a));
        } else {
            of_row.sort();
        }
    }
    T::column(values.into())
}

/// The elements of every row sorted by `keys`, equal keys in the order they had; NULL and NaN keys stay last in both
/// directions.
pub(crate) fn sorted(a: &ArrayColumn, keys: &Column, descending: bool) -> Column {
    let keys = plain(keys);
    let (nulls, keys) = match &keys {
        Column::Nullable(n) => (Some(&n.nulls), &*n.values),
        other => (None, other),
    };
    match keys {
        Column::String(s) => by_order(a, nulls, |x, y| {
            directed(s.get(x as usize).cmp(s.get(y as usize)), descending)
        }),
        Column::Uuid(b) => by_order(a, nulls, |x, y| {
            directed(b[x as usize].cmp(&b[y as usize]), descending)
        }),
        Column::Array(_)
        | Column::Tuple(_)
        | Column::Nullable(_)
        | Column::Const(_)
        | Column::Dict(_)
        | Column::Runs(_) => {
            let values: Vec<Value> = (0..keys.len()).map(|i| keys.value(i)).collect();
            by_order(a, nulls, |x, y| {
                directed(values[x as usize].cmp(&values[y as usize]), descending)
            })
        }
        numbers => {
            // NaN is the greatest key, after keys are turned round as well.
            let mut keys = ordered(numbers, if descending { 0 } else { u64::MAX });
            if descending {
                keys.iter_mut().for_each(|k| *k = !*k);
            }
            by_order(a, nulls, |x, y| keys[x as usize].cmp(&keys[y as usize]))
        }
    }
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

fn by_order(a: &ArrayColumn, nulls: Option<&Buffer<u8>>, order: impl Fn(u32, u32) -> Ordering) -> Column {
    by_row(a, &a.values, |_, from, to, picks| {
        let start = picks.len();
        picks.extend(from..to);
        picks[start..].sort_by(|&x, &y| match nulls {
            None => order(x, y),
            Some(nulls) => {
                let (a, b) = (nulls[x as usize], nulls[y as usize]);
                a.cmp(&b)
                    .then_with(|| if a == 0 { order(x, y) } else { Ordering::Equal })
            }
        });
    })
}

/// Least or greatest element of each row; the default for an empty one. NULLs are passed over, NaN where there is
/// another number.
pub(crate) fn extremes(offsets: &[u32], values: &Column, of: &DataType, wanted: Ordering) -> Column {
    let values = plain(values);
    let (nulls, bare) = match &values {
        Column::Nullable(n) => (Some(&n.nulls), &*n.values),
        other => (None, other),
    };
    let picks = if Form::of(of) == Form::Bits {
        let greatest = wanted == Ordering::Greater;
        let mut keys = ordered(bare, if greatest { 0 } else { u64::MAX });
        if greatest {
            keys.iter_mut().for_each(|k| *k = !*k);
        }
        best(offsets, values.len(), nulls, |a, b| keys[b] < keys[a])
    } else {
        let items: Vec<Value> = (0..bare.len()).map(|i| bare.value(i)).collect();
        best(offsets, values.len(), nulls, |a, b| {
            items[b].cmp(&items[a]) == wanted
        })
    };
    Column::concat(&[&values, &Column::defaults(of, 1)]).gather(&picks)
}

/// The number of the best element of each row; `none` where there is none.
fn best(
    offsets: &[u32],
    none: usize,
    nulls: Option<&Buffer<u8>>,
    better: impl Fn(usize, usize) -> bool,
) -> Vec<u32> {
    offsets
        .windows(2)
        .map(|w| {
            let mut best = none;
            for at in w[0] as usize..w[1] as usize {
                if nulls.is_none_or(|n| n[at] == 0) && (best == none || better(best, at)) {
                    best = at;
                }
            }
            row(best)
        })
        .collect()
}

#[cfg(test)]
mod tests;
