//! Which rows of a part are deleted: a bit a row. `_row_exists.mask`; docs/format/part.md, "Deleted rows".

use std::ops::Range;

use engine_codec::{ByteReader, CodecError, Compression, decode_frame, encode_frame};

pub(crate) const MASK_FILE: &str = "_row_exists.mask";
const MAGIC: &[u8; 4] = b"GRRX";
const VERSION: u32 = 1;
/// Raw bytes of one frame.
const FRAME_BYTES: usize = 1 << 20;

/// A set bit is a row that is gone. Rows are numbered in the part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowMask {
    rows: u64,
    words: Vec<u64>,
}

impl RowMask {
    /// Nothing is deleted.
    pub fn none(rows: u64) -> Self {
        Self {
            rows,
            words: vec![0; rows.div_ceil(64) as usize],
        }
    }

    pub fn set(&mut self, row: u64) {
        debug_assert!(row < self.rows, "row {row} of {}", self.rows);
        if let Some(word) = self.words.get_mut((row / 64) as usize) {
            *word |= 1 << (row % 64);
        }
    }

    pub fn is_set(&self, row: u64) -> bool {
        self.words
            .get((row / 64) as usize)
            .is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Rows that are set.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Sets what `other`, of as many rows, has set.
    pub fn add(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// How many of `rows` are set.
    pub fn count_in(&self, rows: Range<u64>) -> usize {
        let (first, last) = (rows.start / 64, rows.end / 64);
        let word = |at: u64| self.words.get(at as usize).copied().unwrap_or(0);
        let below = |bit: u64| (1u64 << bit) - 1;
        if first == last {
            let bits = word(first) & below(rows.end % 64) & !below(rows.start % 64);
            return bits.count_ones() as usize;
        }
        let head = (word(first) & !below(rows.start % 64)).count_ones();
        let tail = (word(last) & below(rows.end % 64)).count_ones();
        let middle: u32 = (first + 1..last).map(|at| word(at).count_ones()).sum();
        (head + middle + tail) as usize
    }

    /// Those of `rows` that are not set, counted from the first of them. `None`: all.
    pub fn live_in(&self, rows: Range<u64>) -> Option<Vec<u32>> {
        let gone = self.count_in(rows.clone());
        if gone == 0 {
            return None;
        }
        let mut live = Vec::with_capacity((rows.end - rows.start) as usize - gone);
        for row in rows.clone() {
            if !self.is_set(row) {
                live.push((row - rows.start) as u32);
            }
        }
        Some(live)
    }

    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.rows.to_le_bytes());
        out.extend_from_slice(&self.count().to_le_bytes());
        let raw: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        for piece in raw.chunks(FRAME_BYTES) {
            encode_frame(piece, Compression::Lz4, &mut out)?;
        }
        Ok(out)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let what = "row mask";
        let mut reader = ByteReader::new(bytes);
        if reader.take(what, 4)? != MAGIC || reader.u32(what)? != VERSION {
            return Err(reader.damaged(what, "unknown magic or version"));
        }
        let (rows, count) = (reader.u64(what)?, reader.u64(what)?);
        let (mut raw, mut at) = (Vec::new(), reader.offset());
        while at < bytes.len() {
            let (block, end) = decode_frame(bytes, at)?;
            raw.extend_from_slice(&block);
            at = end;
        }
        if raw.len() as u64 != rows.div_ceil(64).saturating_mul(8) {
            return Err(reader.damaged(what, format!("{} bytes for {rows} rows", raw.len())));
        }
        let words: Vec<u64> = raw
            .as_chunks()
            .0
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .collect();
        let mask = Self { rows, words };
        let behind_the_end = mask
            .words
            .last()
            .is_some_and(|word| rows % 64 != 0 && word >> (rows % 64) != 0);
        if behind_the_end || mask.count() != count {
            return Err(reader.damaged(what, format!("not {count} deleted rows of {rows}")));
        }
        Ok(mask)
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }
}

#[cfg(test)]
mod tests;
