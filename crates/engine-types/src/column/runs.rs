//! Rows that repeat the row before them: a value for each run, and where it ends.

use std::ops::Range;
use std::sync::Arc;

use super::{Column, ConstColumn};
use crate::Buffer;

/// Row `i` is `values[r]`, `r` being the first run with `i < ends[r]`. Neighbouring runs may have the same value.
#[derive(Clone, Debug)]
pub struct RunsColumn {
    ends: Buffer<u32>,
    values: Arc<Column>,
}

impl RunsColumn {
    /// `ends` rise from run to run and are as many as `values`, which are plain or `Dict`; panics otherwise.
    pub fn new(ends: Buffer<u32>, values: Arc<Column>) -> Self {
        assert_eq!(ends.len(), values.len(), "a value for each run");
        assert!(
            ends.first().is_none_or(|first| *first > 0) && ends.windows(2).all(|pair| pair[0] < pair[1]),
            "runs end one after the other"
        );
        assert!(
            !matches!(&*values, Column::Const(_) | Column::Runs(_)),
            "runs of plain values or codes"
        );
        Self { ends, values }
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.ends.last().map_or(0, |end| *end as usize)
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One for each run.
    pub fn values(&self) -> &Column {
        &self.values
    }

    /// The row behind the last of each run.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// The rows of each run, in turn.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let range = start..*end as usize;
            start = range.end;
            range
        })
    }

    /// The same runs of other values, one for each.
    pub fn with_values(&self, values: Column) -> Column {
        match values {
            Column::Const(c) => Column::Const(ConstColumn {
                value: c.value,
                len: self.len(),
            }),
            values => Column::Runs(Self::new(self.ends.clone(), Arc::new(values))),
        }
    }

    /// One copy of each run's item for every row of it.
    pub fn expand<T: Copy>(&self, of_runs: &[T]) -> Vec<T> {
        assert_eq!(of_runs.len(), self.ends.len(), "an item for each run");
        let mut out = Vec::with_capacity(self.len());
        for (item, end) in of_runs.iter().zip(self.ends.iter()) {
            out.resize(*end as usize, *item);
        }
        out
    }

    /// The number of each row's run.
    pub(super) fn run_numbers(&self) -> Vec<u32> {
        let mut out = Vec::with_capacity(self.len());
        for (run, end) in (0u32..).zip(self.ends.iter()) {
            out.resize(*end as usize, run);
        }
        out
    }

    /// The number of the row's run. O(log runs).
    pub fn run_of(&self, row: usize) -> usize {
        assert!(row < self.len(), "row {row} of {}", self.len());
        self.ends.partition_point(|end| *end as usize <= row)
    }

    pub(super) fn slice(&self, start: usize, len: usize) -> Column {
        assert!(start + len <= self.len(), "slice {start}+{len} of {}", self.len());
        if len == 0 {
            return self.values.slice(0, 0);
        }
        let (first, last) = (self.run_of(start), self.run_of(start + len - 1));
        if first == last {
            return Column::Const(ConstColumn {
                value: Arc::new(self.values.slice(first, 1).flatten()),
                len,
            });
        }
        let ends = self.ends[first..=last]
            .iter()
            .map(|end| (*end as usize - start).min(len) as u32);
        Column::Runs(Self {
            ends: ends.collect(),
            values: Arc::new(self.values.slice(first, last + 1 - first)),
        })
    }

    pub(super) fn gather(&self, rows: &[u32]) -> Column {
        if !rows.is_sorted() {
            let runs: Vec<u32> = rows.iter().map(|row| self.run_of(*row as usize) as u32).collect();
            return self.values.gather(&runs);
        }
        let (mut runs, mut ends): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        let (mut at, mut run) = (0, 0);
        while at < rows.len() {
            while self.ends[run] <= rows[at] {
                run += 1;
            }
            at += rows_below(&rows[at..], self.ends[run]);
            runs.push(run as u32);
            ends.push(at as u32);
        }
        match runs.as_slice() {
            [] => self.values.slice(0, 0),
            [one] => Column::Const(ConstColumn {
                value: Arc::new(self.values.slice(*one as usize, 1).flatten()),
                len: rows.len(),
            }),
            _ => Column::Runs(Self {
                ends: ends.into(),
                values: Arc::new(self.values.gather(&runs)),
            }),
        }
    }

    /// Bytes of memory the column points at; a shared dictionary counts in full.
    pub(super) fn byte_size(&self) -> usize {
        4 * self.ends.len() + self.values.byte_size()
    }

    pub(super) fn allocations(&self, show: &mut dyn FnMut(usize, usize)) {
        let (address, bytes) = self.ends.allocation();
        show(address, bytes);
        show(Arc::as_ptr(&self.values).addr(), size_of::<Column>());
        self.values.allocations(show);
    }
}

/// How many of the ascending `rows` come before `end`: the first ones are looked at in growing steps.
fn rows_below(rows: &[u32], end: u32) -> usize {
    let mut reach = 8;
    while rows.get(reach).is_some_and(|row| *row < end) {
        reach *= 2;
    }
    rows[..reach.min(rows.len())].partition_point(|row| *row < end)
}

/// One column of the runs of all, if each is `Runs` or `Const` with rows.
pub(super) fn concat(columns: &[&Column]) -> Option<Column> {
    let mut ends: Vec<u32> = Vec::new();
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        let before = ends.last().copied().unwrap_or(0);
        match column {
            Column::Runs(runs) => {
                for end in runs.ends.iter() {
                    ends.push(before.checked_add(*end)?);
                }
                values.push(runs.values.as_ref());
            }
            Column::Const(c) if c.len > 0 => {
                ends.push(before.checked_add(u32::try_from(c.len).ok()?)?);
                values.push(&c.value);
            }
            _ => return None,
        }
    }
    let values = Column::concat(&values);
    Some(Column::Runs(RunsColumn {
        ends: ends.into(),
        values: Arc::new(values),
    }))
}

#[cfg(test)]
mod tests;
