//! Sparse index: sorting key of the first row of each granule and of the last row. `primary.idx`, wholly in memory.

use std::sync::Arc;

use engine_codec::{ByteReader, CodecError, decode_column, encode_column};
use engine_types::{Column, DataType, RunsColumn, Value};

pub(crate) const PRIMARY_FILE: &str = "primary.idx";
const MAGIC: &[u8; 4] = b"GRPK";
const VERSION: u32 = 1;

/// `keys[k]` has one row a granule and a last one, in runs where it repeats, as leading keys do; `starts` has one entry more
/// than there are granules.
#[derive(Clone, Debug)]
pub(crate) struct PrimaryIndex {
    starts: Vec<u64>,
    keys: Vec<Column>,
}

impl PrimaryIndex {
    pub fn new(granule_rows: &[u32], keys: Vec<Column>) -> Self {
        let mut starts = Vec::with_capacity(granule_rows.len() + 1);
        let mut at = 0;
        starts.push(at);
        for rows in granule_rows {
            at += u64::from(*rows);
            starts.push(at);
        }
        let keys = keys.into_iter().map(in_runs).collect();
        Self { starts, keys }
    }

    pub fn granules(&self) -> usize {
        self.starts.len() - 1
    }

    /// First row of a granule; of the number of granules: all rows.
    pub fn start(&self, granule: usize) -> u64 {
        self.starts[granule]
    }

    pub fn granule_rows(&self, granule: usize) -> usize {
        (self.starts[granule + 1] - self.starts[granule]) as usize
    }

    pub fn keys(&self) -> &[Column] {
        &self.keys
    }

    pub fn byte_size(&self) -> usize {
        self.starts.len() * 8 + self.keys.iter().map(Column::byte_size).sum::<usize>()
    }

    pub fn encode(&self, types: &[DataType]) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(self.granules() as u32).to_le_bytes());
        out.extend_from_slice(&(self.keys.len() as u32).to_le_bytes());
        for pair in self.starts.windows(2) {
            out.extend_from_slice(&((pair[1] - pair[0]) as u32).to_le_bytes());
        }
        for (key, ty) in self.keys.iter().zip(types) {
            for bytes in [ty.to_string().into_bytes(), {
                let mut bytes = Vec::new();
                encode_column(key, ty, &mut bytes)?;
                bytes
            }] {
                out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                out.extend_from_slice(&bytes);
            }
        }
        Ok(out)
    }

    /// The index and the types of its keys.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Vec<DataType>), CodecError> {
        let what = "primary index";
        let mut reader = ByteReader::new(bytes);
        if reader.take(what, 4)? != MAGIC || reader.u32(what)? != VERSION {
            return Err(reader.damaged(what, "unknown magic or version"));
        }
        let granules = reader.u32(what)? as usize;
        let key_columns = reader.u32(what)? as usize;
        let rows = reader.take(what, granules.saturating_mul(4))?;
        let rows: Vec<u32> = rows
            .as_chunks()
            .0
            .iter()
            .map(|b| u32::from_le_bytes(*b))
            .collect();
        let (mut keys, mut types) = (Vec::new(), Vec::new());
        for _ in 0..key_columns {
            let ty = DataType::parse(&reader.text(what)?).map_err(|e| reader.damaged(what, e.to_string()))?;
            keys.push(decode_column(&ty, granules + 1, reader.bytes(what)?)?);
            types.push(ty);
        }
        if !reader.is_at_end() {
            return Err(reader.damaged(what, "bytes left over"));
        }
        Ok((Self::new(&rows, keys), types))
    }
}

/// The column with one value for all rows in a row that have it, if those are twice as many.
fn in_runs(key: Column) -> Column {
    let mut starts: Vec<u32> = Vec::new();
    let mut latest: Option<Value> = None;
    for row in 0..key.len() {
        let value = key.value(row);
        if latest.as_ref() != Some(&value) {
            starts.push(row as u32);
            latest = Some(value);
        }
    }
    if 2 * starts.len() > key.len() || key.is_empty() {
        return key;
    }
    let ends = starts[1..].iter().copied().chain([key.len() as u32]);
    Column::Runs(RunsColumn::new(
        ends.collect(),
        Arc::new(key.gather(&starts).flatten()),
    ))
}

#[cfg(test)]
mod tests;
