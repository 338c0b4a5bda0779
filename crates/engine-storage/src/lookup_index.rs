//! Look-up index: from the hash of a row's look-up columns to the granules that may hold it. `lookup.idx`.
//!
//! Sixteen bits of hash a row, in buckets named by the bits above them, stay in memory (about 2.1 bytes a row): an
//! absent key meets one or two cache lines and passes by accident once in some thousand times. Format:
//! docs/format/part.md, "Look-up index".

use engine_codec::{ByteReader, CodecError, hash64, row_keys};
use engine_types::{Column, StringColumn};

pub(crate) const LOOKUP_FILE: &str = "lookup.idx";
const MAGIC: &[u8; 4] = b"GRLK";
const VERSION: u32 = 1;
/// Rows that a bucket holds on average, at most.
const BUCKET_ROWS: usize = 32;

/// Row keys over the look-up columns; equal keys are equal rows.
pub(crate) fn lookup_keys(columns: &[Column]) -> StringColumn {
    row_keys(columns)
}

pub(crate) fn lookup_hash(key: &[u8]) -> u64 {
    hash64(key)
}

/// Bytes in front of the buckets: magic, version, rows, bucket bits, granule width.
const HEADER_BYTES: usize = 14;

/// What stays in memory of the index of a part: buckets and tags. Granules are read from the file on a hit.
#[derive(Debug)]
pub(crate) struct LookupIndex {
    bucket_bits: u32,
    /// Entries of bucket `b` are `fence[b]..fence[b + 1]`.
    fence: Vec<u32>,
    tags: Vec<u16>,
    granule_width: usize,
}

/// The bytes of the index of (hash, granule) of every row, in any order.
pub(crate) fn encode_lookup(mut entries: Vec<(u64, u32)>) -> Vec<u8> {
    let buckets = entries.len().div_ceil(BUCKET_ROWS).next_power_of_two();
    let bits = buckets.trailing_zeros();
    entries.sort_unstable_by_key(|(hash, granule)| (bucket(*hash, bits), tag(*hash, bits), *granule));
    let mut fence = vec![0u32; buckets + 1];
    for (hash, _) in &entries {
        fence[bucket(*hash, bits) + 1] += 1;
    }
    for b in 0..buckets {
        fence[b + 1] += fence[b];
    }
    let narrow = entries.iter().all(|(_, granule)| u16::try_from(*granule).is_ok());
    let mut out = Vec::with_capacity(HEADER_BYTES + fence.len() * 4 + entries.len() * 6);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    out.push(bits as u8);
    out.push(if narrow { 2 } else { 4 });
    out.extend(fence.iter().flat_map(|f| f.to_le_bytes()));
    out.extend(
        entries
            .iter()
            .flat_map(|(hash, _)| tag(*hash, bits).to_le_bytes()),
    );
    if narrow {
        out.extend(
            entries
                .iter()
                .flat_map(|(_, granule)| (*granule as u16).to_le_bytes()),
        );
    } else {
        out.extend(entries.iter().flat_map(|(_, granule)| granule.to_le_bytes()));
    }
    out
}

impl LookupIndex {
    /// Numbers of the entries that may be of a row with this hash; never misses one.
    pub fn candidates(&self, hash: u64) -> impl Iterator<Item = usize> + '_ {
        let bucket = bucket(hash, self.bucket_bits);
        let tag = tag(hash, self.bucket_bits);
        let (start, end) = (self.fence[bucket] as usize, self.fence[bucket + 1] as usize);
        (start..end).filter(move |at| self.tags[*at] == tag)
    }

    /// Where in the file the granule of an entry is, and how many bytes it has.
    pub fn granule_position(&self, entry: usize) -> (u64, usize) {
        let before = HEADER_BYTES + self.fence.len() * 4 + self.tags.len() * 2;
        ((before + entry * self.granule_width) as u64, self.granule_width)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let what = "look-up index";
        let mut reader = ByteReader::new(bytes);
        if reader.take(what, 4)? != MAGIC || reader.u32(what)? != VERSION {
            return Err(reader.damaged(what, "unknown magic or version"));
        }
        let rows = reader.u32(what)? as usize;
        let bucket_bits = u32::from(reader.u8(what)?);
        let granule_width = usize::from(reader.u8(what)?);
        if bucket_bits > 40 || !matches!(granule_width, 2 | 4) {
            return Err(reader.damaged(what, format!("{bucket_bits} bucket bits, width {granule_width}")));
        }
        let fence = reader.take(what, ((1usize << bucket_bits) + 1) * 4)?;
        let fence: Vec<u32> = fence
            .as_chunks()
            .0
            .iter()
            .map(|b| u32::from_le_bytes(*b))
            .collect();
        if !fence.is_sorted() || fence.last().is_none_or(|end| *end as usize != rows) {
            return Err(reader.damaged(what, "the buckets do not cover the rows"));
        }
        let tags = reader.take(what, rows * 2)?;
        let tags = tags
            .as_chunks()
            .0
            .iter()
            .map(|b| u16::from_le_bytes(*b))
            .collect();
        reader.take(what, rows * granule_width)?;
        if !reader.is_at_end() {
            return Err(reader.damaged(what, "bytes left over"));
        }
        Ok(Self {
            bucket_bits,
            fence,
            tags,
            granule_width,
        })
    }
}

/// The top bits of the hash.
fn bucket(hash: u64, bits: u32) -> usize {
    hash.checked_shr(64 - bits).unwrap_or(0) as usize
}

/// The sixteen bits below those of the bucket.
fn tag(hash: u64, bits: u32) -> u16 {
    ((hash << bits) >> 48) as u16
}

#[cfg(test)]
mod tests;
