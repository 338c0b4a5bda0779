//! Look-up index: from the hash of a row's look-up columns to the granules that may hold it. `lookup.idx`.
//!
//! Sixteen bits of hash a row, in buckets named by the bits above them, stay in memory (about 2.1 bytes a row): an
//! absent key meets one or two cache lines and passes by accident once in some thousand times. Format:
//! docs/format/part.md, "Look-up index".

use engine_codec::{BitReader, BitWriter, ByteReader, CodecError, hash64, row_keys, width_of};
use engine_types::{Column, StringColumn};

pub(crate) const LOOKUP_FILE: &str = "lookup.idx";
const MAGIC: &[u8; 4] = b"GRLK";
const VERSION: u32 = 2;
/// Rows that a bucket holds on average, at most.
const BUCKET_ROWS: usize = 32;

/// Row keys over the look-up columns; equal keys are equal rows.
pub(crate) fn lookup_keys(columns: &[Column]) -> StringColumn {
    row_keys(columns)
}

pub(crate) fn lookup_hash(key: &[u8]) -> u64 {
    hash64(key)
}

/// Bytes in front of the buckets in version 1: magic, version, rows, bucket bits, granule width.
const HEADER_BYTES_V1: usize = 14;

/// What stays in memory of the index of a part: buckets and tags. Granules are read from the file on a hit.
#[derive(Debug)]
pub(crate) struct LookupIndex {
    bucket_bits: u32,
    /// Entries of bucket `b` are `fence[b]..fence[b + 1]`.
    fence: Vec<u32>,
    tags: Vec<u16>,
    /// Where granules start in the file, and how many bits each has.
    granules_at: usize,
    granule_bits: u32,
}

/// Where in the file the granule of an entry is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GranulePlace {
    pub offset: u64,
    /// To read from there, at most 8.
    pub bytes: usize,
    shift: usize,
    bits: u32,
}

impl GranulePlace {
    /// The granule in the bytes that were read.
    pub fn granule(self, bytes: [u8; 8]) -> usize {
        let mut reader = BitReader::at(&bytes, self.shift);
        // At most 7 + 32 of 64 bits.
        reader.read(self.bits).unwrap_or(u64::MAX) as usize
    }
}

/// The bytes of the index of (hash, granule) of every row, in any order.
pub(crate) fn encode_lookup(mut entries: Vec<(u64, u32)>) -> Vec<u8> {
    let buckets = entries.len().div_ceil(BUCKET_ROWS).next_power_of_two();
    let bits = buckets.trailing_zeros();
    entries.sort_unstable_by_key(|(hash, granule)| (place(*hash, bits), *granule));
    let granule_bits = width_of(entries.iter().map(|(_, g)| u64::from(*g)).max().unwrap_or(0));
    let gap_bits = gap_bits(bits, entries.len());
    let mut out = Vec::with_capacity(HEADER_BYTES + entries.len() * 4);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    out.push(bits as u8);
    out.push(granule_bits as u8);
    out.push(gap_bits as u8);
    let mut gaps = Vec::new();
    let mut writer = BitWriter::new(&mut gaps);
    let mut before = 0;
    for (hash, _) in &entries {
        let at = place(*hash, bits);
        let gap = at - before;
        before = at;
        writer.write(gap & ((1 << gap_bits) - 1), gap_bits);
        let mut ones = gap >> gap_bits;
        while ones >= 32 {
            writer.write(u64::from(u32::MAX), 32);
            ones -= 32;
        }
        writer.write((1 << ones) - 1, ones as u32 + 1);
    }
    writer.finish();
    out.extend_from_slice(&(gaps.len() as u32).to_le_bytes());
    out.extend_from_slice(&gaps);
    let mut writer = BitWriter::new(&mut out);
    for (_, granule) in &entries {
        writer.write(u64::from(*granule), granule_bits);
    }
    writer.finish();
    out
}

/// Bucket and tag as one number: entries are in its order.
fn place(hash: u64, bits: u32) -> u64 {
    (bucket(hash, bits) as u64) << 16 | u64::from(tag(hash, bits))
}

/// Low bits of a gap between places that are written as they are: about the logarithm of the average gap.
fn gap_bits(bucket_bits: u32, rows: usize) -> u32 {
    let average = (1u64 << (bucket_bits + 16)) / rows.max(1) as u64;
    width_of(average.max(1)) - 1
}

/// Bytes in front of the gaps: magic, version, rows, bucket bits, granule bits, gap bits, bytes of gaps.
const HEADER_BYTES: usize = 19;

impl LookupIndex {
    /// Numbers of the entries that may be of a row with this hash; never misses one.
    pub fn candidates(&self, hash: u64) -> impl Iterator<Item = usize> + '_ {
        let bucket = bucket(hash, self.bucket_bits);
        let tag = tag(hash, self.bucket_bits);
        let (start, end) = (self.fence[bucket] as usize, self.fence[bucket + 1] as usize);
        (start..end).filter(move |at| self.tags[*at] == tag)
    }

    pub fn granule_place(&self, entry: usize) -> GranulePlace {
        let bit = entry * self.granule_bits as usize;
        let shift = bit % 8;
        GranulePlace {
            offset: (self.granules_at + bit / 8) as u64,
            bytes: (shift + self.granule_bits as usize).div_ceil(8),
            shift,
            bits: self.granule_bits,
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let what = "look-up index";
        let mut reader = ByteReader::new(bytes);
        if reader.take(what, 4)? != MAGIC {
            return Err(reader.damaged(what, "unknown magic"));
        }
        match reader.u32(what)? {
            1 => Self::decode_v1(reader),
            VERSION => Self::decode_v2(reader),
            other => Err(reader.damaged(what, format!("unknown version {other}"))),
        }
    }

    fn decode_v2(mut reader: ByteReader<'_>) -> Result<Self, CodecError> {
        let what = "look-up index";
        let rows = reader.u32(what)? as usize;
        let bucket_bits = u32::from(reader.u8(what)?);
        let granule_bits = u32::from(reader.u8(what)?);
        let gap_bits = u32::from(reader.u8(what)?);
        // A writer makes as many buckets as rows need.
        let buckets = rows.div_ceil(BUCKET_ROWS).next_power_of_two();
        if buckets.trailing_zeros() != bucket_bits || granule_bits > 32 || gap_bits > 40 {
            return Err(reader.damaged(
                what,
                format!("{bucket_bits} bucket bits for {rows} rows, {granule_bits} granule bits"),
            ));
        }
        let gaps = reader.bytes(what)?;
        // Every gap takes one bit at least.
        if rows > gaps.len().saturating_mul(8) {
            return Err(reader.damaged(what, format!("{rows} rows in {} bytes", gaps.len())));
        }
        let mut fence = vec![0u32; buckets + 1];
        let mut tags = Vec::with_capacity(rows);
        let mut bits = BitReader::new(gaps);
        let mut at = 0u64;
        for _ in 0..rows {
            let gap =
                read_gap(&mut bits, gap_bits).ok_or_else(|| reader.damaged(what, "gaps are cut off"))?;
            at = at.saturating_add(gap);
            match fence.get_mut((at >> 16) as usize + 1) {
                Some(count) => *count += 1,
                None => return Err(reader.damaged(what, "an entry behind the last bucket")),
            }
            tags.push(at as u16);
        }
        for bucket in 0..buckets {
            fence[bucket + 1] += fence[bucket];
        }
        let granules_at = reader.offset();
        reader.take(what, rows.saturating_mul(granule_bits as usize).div_ceil(8))?;
        if !reader.is_at_end() {
            return Err(reader.damaged(what, "bytes left over"));
        }
        Ok(Self {
            bucket_bits,
            fence,
            tags,
            granules_at,
            granule_bits,
        })
    }

    /// Buckets and tags as they are in memory, granules of 2 or 4 bytes.
    fn decode_v1(mut reader: ByteReader<'_>) -> Result<Self, CodecError> {
        let what = "look-up index";
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
        let tags: Vec<u16> = tags
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
            granules_at: HEADER_BYTES_V1 + fence.len() * 4 + tags.len() * 2,
            granule_bits: granule_width as u32 * 8,
            fence,
            tags,
        })
    }
}

/// Low bits, then ones for the rest and a zero.
fn read_gap(bits: &mut BitReader<'_>, gap_bits: u32) -> Option<u64> {
    let low = bits.read(gap_bits)?;
    let mut ones = 0u64;
    while bits.read(1)? == 1 {
        ones += 1;
    }
    ones.checked_shl(gap_bits).map(|high| high | low)
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
