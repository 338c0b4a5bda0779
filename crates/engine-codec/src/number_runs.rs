//! Numbers of a block, each with how often it repeats.

use engine_types::DataType;

use crate::stream::{StreamKind, stream_kinds};

/// `values` has the little-endian bytes of each run's number; every run has at least one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberRuns {
    pub values: Vec<u8>,
    pub lengths: Vec<u32>,
}

impl NumberRuns {
    pub fn rows(&self) -> usize {
        self.lengths.iter().map(|len| *len as usize).sum()
    }

    /// The row behind the last of each run. There must be fewer than 2^32 rows, as in blocks there are.
    pub fn ends(&self) -> Vec<u32> {
        let mut end = 0;
        let ends = self.lengths.iter().map(|len| {
            end += len;
            end
        });
        ends.collect()
    }

    /// Puts other runs of numbers of `width` bytes behind these; what repeats over the border becomes one run.
    pub fn append(&mut self, more: &Self, width: usize) {
        let last = self.values.len().checked_sub(width).map(|at| &self.values[at..]);
        let joined = match (last, self.lengths.last_mut(), more.lengths.first()) {
            (Some(last), Some(mine), Some(theirs)) if more.values.starts_with(last) => {
                *mine += theirs;
                1
            }
            _ => 0,
        };
        self.values.extend_from_slice(&more.values[joined * width..]);
        self.lengths.extend_from_slice(&more.lengths[joined..]);
    }

    /// The bytes of the number of every row.
    pub fn expand(&self, width: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rows() * width);
        for (value, len) in self.values.chunks_exact(width).zip(&self.lengths) {
            for _ in 0..*len {
                out.extend_from_slice(value);
            }
        }
        out
    }
}

/// What a frame of numbers holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameNumbers {
    Raw(Vec<u8>),
    Runs(NumberRuns),
}

/// Bytes of a row of `ty` where that is one number and nothing else.
pub fn number_width(ty: &DataType) -> Option<usize> {
    let mut kinds = Vec::new();
    stream_kinds(ty, &mut kinds);
    match kinds.as_slice() {
        [
            StreamKind::Numbers {
                width,
                is_text: false,
                ..
            },
        ] => Some(width.bytes()),
        _ => None,
    }
}
