//! Skip indexes: for each few granules a summary of an expression's values that can prove a value absent.
//! `skp_idx_<name>.idx`, format: docs/format/part.md, "Skip indexes".

mod bloom;
mod text;
mod writer;

use engine_codec::{ByteReader, CodecError, decode_value, hash64, write_row_key};
use engine_types::{Column, DataType, Value};

pub use text::{ngrams, token_hash, tokens};
pub(crate) use writer::SkipIndexWriter;

use crate::part::granule_ranges::{frames, read_range};
use crate::part::{ColumnRangeKnown, escape};
use bloom::Bloom;

const MAGIC: &[u8; 4] = b"GRSI";
const VERSION: u32 = 1;

/// What a skip index keeps of the values of a group of granules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SkipIndexKind {
    /// The least and the greatest.
    MinMax,
    /// The distinct rows, unless there are more than this; 0 = any number.
    Set { max_rows: usize },
    /// Hashes of values (of arrays: of their elements), wrongly present with this probability.
    BloomFilter { false_positive: f64 },
    /// Hashes of all runs of `n` bytes of texts.
    Ngrams {
        n: usize,
        bytes: usize,
        hashes: usize,
        seed: u64,
    },
    /// Hashes of the words of texts.
    Tokens { bytes: usize, hashes: usize, seed: u64 },
}

/// A skip index as the table declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct SkipIndexDef {
    pub name: String,
    pub kind: SkipIndexKind,
    /// Granules in a group.
    pub granularity: usize,
    /// Of what [`crate::KeyExprs::skip_index`] answers.
    pub types: Vec<DataType>,
    /// What the expressions are, in terms that outlive renamed columns: files of another one are not used.
    pub fingerprint: String,
}

impl SkipIndexDef {
    /// Its file in parts.
    pub fn file(&self) -> String {
        format!("skp_idx_{}.idx", escape(&self.name))
    }
}

/// Hash of a value of type `ty` as filters keep it; `None` when no value of the type equals it.
pub fn value_hash(ty: &DataType, value: &Value) -> Option<u64> {
    let ty = ty.bare();
    let column = Column::from_values(ty, std::slice::from_ref(value));
    (column.value(0) == *value).then(|| cell_hash(&column, 0))
}

pub(crate) fn cell_hash(column: &Column, row: usize) -> u64 {
    let mut key = Vec::with_capacity(16);
    write_row_key(column, row, &mut key);
    hash64(&key)
}

/// One group's summary.
#[derive(Debug, PartialEq)]
pub(crate) enum Group {
    /// Of each expression.
    Ranges(Vec<ColumnRangeKnown>),
    /// Distinct rows; `None`: too many.
    Rows(Option<Vec<Vec<Value>>>),
    Filter(Bloom),
}

/// A loaded index of a part.
#[derive(Debug)]
pub(crate) struct SkipIndex {
    granularity: usize,
    groups: Vec<Group>,
}

impl SkipIndex {
    /// `None`: written for another declaration of the index.
    pub fn decode(bytes: &[u8], def: &SkipIndexDef, granules: usize) -> Result<Option<Self>, CodecError> {
        let what = "skip index";
        let mut header = ByteReader::new(bytes);
        if header.take(what, 4)? != MAGIC || header.u32(what)? != VERSION {
            return Err(header.damaged(what, "unknown magic or version"));
        }
        if header.text(what)? != def.fingerprint {
            return Ok(None);
        }
        let granularity = header.u32(what)? as usize;
        let count = header.u32(what)? as usize;
        if granularity == 0 || count != granules.div_ceil(granularity) {
            return Err(header.damaged(what, "another number of groups than the part's granules make"));
        }
        let raw = frames(bytes, header.offset())?;
        let mut reader = ByteReader::new(&raw);
        let mut groups = Vec::with_capacity(count.min(raw.len()));
        for _ in 0..count {
            groups.push(read_group(&mut reader, def)?);
        }
        if !reader.is_at_end() {
            return Err(reader.damaged(what, "bytes left over"));
        }
        Ok(Some(Self { granularity, groups }))
    }

    pub fn group_of(&self, granule: usize) -> Option<&Group> {
        self.groups.get(granule / self.granularity)
    }

    pub fn byte_size(&self) -> usize {
        self.groups
            .iter()
            .map(|group| match group {
                Group::Ranges(ranges) => ranges.len() * size_of::<ColumnRangeKnown>(),
                Group::Rows(rows) => rows
                    .as_ref()
                    .map_or(0, |rows| rows.iter().map(|r| 24 + 48 * r.len()).sum()),
                Group::Filter(bloom) => bloom.byte_size(),
            })
            .sum::<usize>()
            + self.groups.len() * size_of::<Group>()
    }
}

fn read_group(reader: &mut ByteReader<'_>, def: &SkipIndexDef) -> Result<Group, CodecError> {
    Ok(match def.kind {
        SkipIndexKind::MinMax => Group::Ranges(
            def.types
                .iter()
                .map(|_| read_range(reader))
                .collect::<Result<_, _>>()?,
        ),
        SkipIndexKind::Set { .. } => match reader.u8("set")? {
            0 => Group::Rows(None),
            _ => {
                let count = reader.u32("set")?;
                let mut rows = Vec::new();
                for _ in 0..count {
                    let row = def
                        .types
                        .iter()
                        .map(|_| decode_value(reader))
                        .collect::<Result<_, _>>()?;
                    rows.push(row);
                }
                Group::Rows(Some(rows))
            }
        },
        SkipIndexKind::BloomFilter { .. } | SkipIndexKind::Ngrams { .. } | SkipIndexKind::Tokens { .. } => {
            Group::Filter(Bloom::decode(reader)?)
        }
    })
}

#[cfg(test)]
mod tests;
