//! Marks: where each granule of a column starts. `<column>.mrk2`, format: docs/format/part.md, "Marks".

use std::ops::Range;

use engine_codec::{ByteReader, CodecError};

const MAGIC: &[u8; 4] = b"GRMK";
const VERSION: u32 = 1;

/// Granules whose blocks never lie across a border: the largest unit that is decoded and cached in one piece.
pub(crate) const SEGMENT_GRANULES: usize = 8;

/// A granule starts `inner` raw bytes into the block at offset `block` of the column's file, and has `rows` rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub block: u64,
    pub inner: u32,
    pub rows: u32,
}

/// One mark a granule and a final one (end of file, 0, 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marks(Vec<Mark>);

impl Marks {
    pub fn new(marks: Vec<Mark>) -> Self {
        Self(marks)
    }

    pub fn granules(&self) -> usize {
        self.0.len() - 1
    }

    pub fn byte_size(&self) -> usize {
        self.0.len() * size_of::<Mark>()
    }

    pub fn get(&self, granule: usize) -> Mark {
        self.0[granule]
    }

    /// Rows of each granule.
    pub fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        self.0[..self.granules()].iter().map(|m| m.rows)
    }

    /// The granules that must be decoded to have all of `granules`: up to where blocks start at marks.
    pub fn aligned(&self, granules: Range<usize>) -> Range<usize> {
        let mut start = granules.start;
        while start > 0 && self.0[start].inner != 0 {
            start -= 1;
        }
        let mut end = granules.end;
        while end < self.granules() && self.0[end].inner != 0 {
            end += 1;
        }
        start..end
    }

    /// The bytes of the column's file that hold `granules`, which are aligned.
    pub fn file_range(&self, granules: &Range<usize>) -> Range<u64> {
        self.0[granules.start].block..self.0[granules.end].block
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(12 + self.0.len() * 16);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(self.granules() as u32).to_le_bytes());
        for mark in &self.0 {
            out.extend_from_slice(&mark.block.to_le_bytes());
            out.extend_from_slice(&mark.inner.to_le_bytes());
            out.extend_from_slice(&mark.rows.to_le_bytes());
        }
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let what = "marks";
        let mut reader = ByteReader::new(bytes);
        if reader.take(what, 4)? != MAGIC || reader.u32(what)? != VERSION {
            return Err(reader.damaged(what, "unknown magic or version"));
        }
        let granules = reader.u32(what)? as usize;
        if reader.remaining() != granules.saturating_add(1).saturating_mul(16) {
            return Err(reader.damaged(what, format!("{granules} granules in {} bytes", bytes.len())));
        }
        let mut marks: Vec<Mark> = Vec::with_capacity(granules + 1);
        for _ in 0..=granules {
            let mark = Mark {
                block: reader.u64(what)?,
                inner: reader.u32(what)?,
                rows: reader.u32(what)?,
            };
            if marks.last().is_some_and(|last| last.block > mark.block) {
                return Err(reader.damaged(what, "block offsets decrease"));
            }
            marks.push(mark);
        }
        if marks[0].inner != 0 || marks[granules].inner != 0 {
            return Err(reader.damaged(what, "the first or last mark is inside a block"));
        }
        Ok(Self(marks))
    }
}
