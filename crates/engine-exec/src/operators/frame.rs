//! Window frames: which rows of its partition each row sees.

use std::ops::Range;

use engine_sql::plan::{Frame, FrameBound};
use engine_types::Column;

use crate::ExecError;
use crate::block_ops::split_nulls;

/// The rows of one partition, sorted: peers are runs with equal ORDER BY keys.
pub(crate) struct Partition<'a> {
    /// Start of the peer group of each row, relative to the partition.
    pub(crate) peer_start: &'a [usize],
    /// End (exclusive) of the peer group of each row.
    pub(crate) peer_end: &'a [usize],
    /// Values of the only ORDER BY key, for RANGE with an offset; rising, negated where the key descends.
    pub(crate) range_keys: Option<&'a [f64]>,
}

impl Partition<'_> {
    fn len(&self) -> usize {
        self.peer_start.len()
    }

    /// The frame of `row`, half-open and relative to the partition.
    pub(crate) fn frame(&self, frame: &Frame, row: usize) -> Result<Range<usize>, ExecError> {
        let start = match frame.start {
            FrameBound::UnboundedPreceding => 0,
            FrameBound::CurrentRow if frame.rows => row,
            FrameBound::CurrentRow => self.peer_start[row],
            FrameBound::Preceding(n) if frame.rows => row.saturating_sub(n as usize),
            FrameBound::Following(n) if frame.rows => row.saturating_add(n as usize).min(self.len()),
            FrameBound::Preceding(n) => self.first_at_least(row, -(n as f64))?,
            FrameBound::Following(n) => self.first_at_least(row, n as f64)?,
            FrameBound::UnboundedFollowing => self.len(),
        };
        let end = match frame.end {
            FrameBound::UnboundedFollowing => self.len(),
            FrameBound::CurrentRow if frame.rows => row + 1,
            FrameBound::CurrentRow => self.peer_end[row],
            FrameBound::Preceding(n) if frame.rows => (row + 1).saturating_sub(n as usize),
            FrameBound::Following(n) if frame.rows => {
                row.saturating_add(n as usize).saturating_add(1).min(self.len())
            }
            FrameBound::Preceding(n) => self.first_above(row, -(n as f64))?,
            FrameBound::Following(n) => self.first_above(row, n as f64)?,
            FrameBound::UnboundedPreceding => 0,
        };
        Ok(start..end.max(start))
    }

    fn keys(&self) -> Result<&[f64], ExecError> {
        self.range_keys.ok_or_else(|| {
            ExecError::Unsupported("a RANGE frame with an offset needs one numeric ORDER BY key".to_owned())
        })
    }

    fn first_at_least(&self, row: usize, offset: f64) -> Result<usize, ExecError> {
        let keys = self.keys()?;
        let bound = keys[row] + offset;
        Ok(keys.partition_point(|&k| k < bound))
    }

    fn first_above(&self, row: usize, offset: f64) -> Result<usize, ExecError> {
        let keys = self.keys()?;
        let bound = keys[row] + offset;
        Ok(keys.partition_point(|&k| k <= bound))
    }
}

/// A numeric column as floats; `None` for other columns and where some row is NULL.
pub(crate) fn numbers(column: &Column) -> Option<Vec<f64>> {
    let plain = column.flatten();
    let (nulls, values) = split_nulls(&plain);
    if nulls.is_some_and(|n| n.iter().any(|&n| n != 0)) {
        return None;
    }
    macro_rules! all {
        ($b:expr) => {
            Some($b.iter().map(|&v| v as f64).collect())
        };
    }
    match values {
        Column::UInt8(b) => all!(b),
        Column::UInt16(b) => all!(b),
        Column::UInt32(b) => all!(b),
        Column::UInt64(b) => all!(b),
        Column::Int8(b) => all!(b),
        Column::Int16(b) => all!(b),
        Column::Int32(b) => all!(b),
        Column::Int64(b) => all!(b),
        Column::Float32(b) => all!(b),
        Column::Float64(b) => all!(b),
        Column::Uuid(_)
        | Column::String(_)
        | Column::Nullable(_)
        | Column::Array(_)
        | Column::Tuple(_)
        | Column::Const(_)
        | Column::Dict(_)
        | Column::Runs(_) => None,
    }
}
