//! Entries of the log: one append, to any number of tables, with an optional token.

use engine_codec::{ByteReader, CodecError, decode_column, encode_column, lz4_compress, lz4_decompress};
use engine_types::{Block, Column};

use crate::table_def::{TableDef, TableId};

/// An entry as read back. Columns stay bytes until the table is known.
#[derive(Debug)]
pub(crate) struct WalEntry {
    pub token: Option<String>,
    pub writes: Vec<WalWrite>,
}

/// Rows for one table.
#[derive(Debug)]
pub(crate) struct WalWrite {
    pub table: TableId,
    pub fingerprint: u64,
    pub rows: usize,
    pub columns: Vec<Vec<u8>>,
}

/// The bytes of one append, compressed: the work of the caller, not of the group's leader.
pub(crate) fn encode_entry(
    token: Option<&str>,
    writes: &[(TableId, &TableDef, &Block)],
) -> Result<Vec<u8>, CodecError> {
    let mut raw = Vec::new();
    let token = token.unwrap_or_default();
    raw.extend_from_slice(&(token.len() as u32).to_le_bytes());
    raw.extend_from_slice(token.as_bytes());
    raw.extend_from_slice(&(writes.len() as u32).to_le_bytes());
    for (table, def, block) in writes {
        raw.extend_from_slice(&table.0.to_le_bytes());
        raw.extend_from_slice(&def.fingerprint().to_le_bytes());
        raw.extend_from_slice(&(block.rows() as u32).to_le_bytes());
        raw.extend_from_slice(&(block.columns().len() as u32).to_le_bytes());
        for (column, def) in block.columns().iter().zip(&def.columns) {
            let start = raw.len();
            raw.extend_from_slice(&[0; 4]);
            encode_column(column, &def.ty, &mut raw)?;
            let len = u32::try_from(raw.len() - start - 4)
                .map_err(|_| CodecError::Compress("a column of 4 GiB in one append".to_owned()))?;
            raw[start..start + 4].copy_from_slice(&len.to_le_bytes());
        }
    }
    let raw_len =
        u32::try_from(raw.len()).map_err(|_| CodecError::Compress("4 GiB in one append".to_owned()))?;
    let compressed = lz4_compress(&raw);
    let mut out = Vec::with_capacity(8 + compressed.len());
    out.extend_from_slice(&(compressed.len() as u32).to_le_bytes());
    out.extend_from_slice(&raw_len.to_le_bytes());
    out.extend_from_slice(&compressed);
    Ok(out)
}

/// The payload of a record: several entries that become durable together.
pub(crate) fn encode_group(entries: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + entries.iter().map(|e| e.len()).sum::<usize>());
    out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    for entry in entries {
        out.extend_from_slice(entry);
    }
    out
}

/// Undoes [`encode_group`] of [`encode_entry`].
pub(crate) fn decode_group(payload: &[u8]) -> Result<Vec<WalEntry>, CodecError> {
    let what = "log group";
    let mut reader = ByteReader::new(payload);
    let count = reader.u32(what)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let compressed_len = reader.u32(what)? as usize;
        let raw_len = reader.u32(what)? as usize;
        let raw = lz4_decompress(reader.take(what, compressed_len)?, raw_len)?;
        entries.push(decode_entry(&raw)?);
    }
    if reader.is_at_end() {
        Ok(entries)
    } else {
        Err(reader.damaged(what, "bytes left over"))
    }
}

fn decode_entry(raw: &[u8]) -> Result<WalEntry, CodecError> {
    let what = "log entry";
    let mut reader = ByteReader::new(raw);
    let token = Some(reader.text(what)?).filter(|t| !t.is_empty());
    let mut writes = Vec::new();
    for _ in 0..reader.u32(what)? {
        let table = TableId(reader.u32(what)?);
        let fingerprint = reader.u64(what)?;
        let rows = reader.u32(what)? as usize;
        let mut columns = Vec::new();
        for _ in 0..reader.u32(what)? {
            columns.push(reader.bytes(what)?.to_vec());
        }
        writes.push(WalWrite {
            table,
            fingerprint,
            rows,
            columns,
        });
    }
    if reader.is_at_end() {
        Ok(WalEntry { token, writes })
    } else {
        Err(reader.damaged(what, "bytes left over"))
    }
}

impl WalWrite {
    /// The rows, in the columns of the table they were written for.
    pub fn block(&self, def: &TableDef) -> Result<Block, CodecError> {
        if self.fingerprint != def.fingerprint() || self.columns.len() != def.columns.len() {
            return Err(CodecError::Damaged {
                what: "log entry",
                offset: 0,
                problem: format!("it was written for other columns than {} has", def.full_name()),
            });
        }
        let columns = self
            .columns
            .iter()
            .zip(&def.columns)
            .map(|(bytes, def)| decode_column(&def.ty, self.rows, bytes))
            .collect::<Result<Vec<Column>, _>>()?;
        Ok(Block::new(columns, self.rows))
    }
}
