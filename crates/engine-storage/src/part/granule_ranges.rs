//! Smallest and greatest value of some columns for each granule. `minmax_granules.idx`; parts may lack it.

use engine_codec::{
    ByteReader, CodecError, Compression, decode_frame, decode_value, encode_frame, encode_value,
};

use super::statistics::ColumnRangeKnown;

pub(crate) const GRANULE_RANGES_FILE: &str = "minmax_granules.idx";
const MAGIC: &[u8; 4] = b"GRGM";
const VERSION: u32 = 1;
const FRAME_BYTES: usize = 1 << 20;

/// For each column (by its name in parts) what is known of each granule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GranuleRanges {
    columns: Vec<(String, Vec<ColumnRangeKnown>)>,
}

impl GranuleRanges {
    pub fn new(columns: Vec<(String, Vec<ColumnRangeKnown>)>) -> Self {
        Self { columns }
    }

    /// The granules of a column; `None` when the part does not keep them.
    pub fn column(&self, name: &str) -> Option<&[ColumnRangeKnown]> {
        let found = self.columns.iter().find(|(column, _)| column == name);
        found.map(|(_, granules)| granules.as_slice())
    }

    pub fn byte_size(&self) -> usize {
        let cells: usize = self.columns.iter().map(|(_, granules)| granules.len()).sum();
        cells * size_of::<ColumnRangeKnown>()
    }

    pub fn encode(&self, granules: usize) -> Result<Vec<u8>, CodecError> {
        let mut raw = Vec::new();
        raw.extend_from_slice(&(granules as u32).to_le_bytes());
        raw.extend_from_slice(&(self.columns.len() as u32).to_le_bytes());
        for (name, granules) in &self.columns {
            raw.extend_from_slice(&(name.len() as u32).to_le_bytes());
            raw.extend_from_slice(name.as_bytes());
            for known in granules {
                write_range(known, &mut raw);
            }
        }
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        for piece in raw.chunks(FRAME_BYTES) {
            encode_frame(piece, Compression::Lz4, &mut out)?;
        }
        Ok(out)
    }

    /// Of a part of `granules` granules.
    pub fn decode(bytes: &[u8], granules: usize) -> Result<Self, CodecError> {
        let what = "ranges of granules";
        let mut header = ByteReader::new(bytes);
        if header.take(what, 4)? != MAGIC || header.u32(what)? != VERSION {
            return Err(header.damaged(what, "unknown magic or version"));
        }
        let raw = frames(bytes, header.offset())?;
        let mut reader = ByteReader::new(&raw);
        if reader.u32(what)? as usize != granules {
            return Err(reader.damaged(what, "another number of granules than the part"));
        }
        let count = reader.u32(what)?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let name = reader.text(what)?;
            let mut known = Vec::with_capacity(granules);
            for _ in 0..granules {
                known.push(read_range(&mut reader)?);
            }
            columns.push((name, known));
        }
        if !reader.is_at_end() {
            return Err(reader.damaged(what, "bytes left over"));
        }
        Ok(Self { columns })
    }
}

/// All frames from `at` on, one behind the other.
pub(crate) fn frames(bytes: &[u8], mut at: usize) -> Result<Vec<u8>, CodecError> {
    let mut raw = Vec::new();
    while at < bytes.len() {
        let (block, end) = decode_frame(bytes, at)?;
        raw.extend_from_slice(&block);
        at = end;
    }
    Ok(raw)
}

pub(crate) fn write_range(known: &ColumnRangeKnown, out: &mut Vec<u8>) {
    match known {
        ColumnRangeKnown::Unknown => out.push(0),
        ColumnRangeKnown::Between(min, max) => {
            out.push(1);
            encode_value(min, out);
            encode_value(max, out);
        }
        ColumnRangeKnown::NoValues => out.push(2),
    }
}

pub(crate) fn read_range(reader: &mut ByteReader<'_>) -> Result<ColumnRangeKnown, CodecError> {
    Ok(match reader.u8("range")? {
        0 => ColumnRangeKnown::Unknown,
        1 => ColumnRangeKnown::Between(decode_value(reader)?, decode_value(reader)?),
        2 => ColumnRangeKnown::NoValues,
        tag => return Err(reader.damaged("range", format!("unknown tag {tag}"))),
    })
}
