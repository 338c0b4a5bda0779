//! `log.txt`: the rows of the log that a flush made parts of. A part that no record knows is of no use where the log still
//! has them.

use std::sync::Arc;

use engine_codec::{CodecError, encode_column, hash128};
use engine_types::Block;

use super::PartName;
use crate::table_def::TableDef;

const FORMAT: &str = "log 1";

/// Rows that are hashed together, column by column.
const ROWS_HASHED: usize = 8192;

/// All rows of one table that a flush took, whatever part they are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogRows {
    pub rows: u64,
    /// Of their values in order.
    pub hash: u128,
}

impl LogRows {
    /// The same for the same rows, however they are cut into blocks.
    pub fn of(def: &TableDef, blocks: &[Arc<Block>]) -> Result<Self, CodecError> {
        let mut hashes = Vec::new();
        let mut hash = |pieces: &[Block]| -> Result<(), CodecError> {
            for (column, of) in Block::concat(pieces).columns().iter().zip(&def.columns) {
                let mut bytes = Vec::new();
                encode_column(column, &of.ty, &mut bytes)?;
                hashes.extend_from_slice(&hash128(&bytes).to_le_bytes());
            }
            Ok(())
        };
        let mut rows = 0;
        let mut pieces = Vec::new();
        for block in blocks {
            let mut at = 0;
            while at < block.rows() {
                let taken = (ROWS_HASHED - rows % ROWS_HASHED).min(block.rows() - at);
                pieces.push(block.slice(at, taken));
                at += taken;
                rows += taken;
                if rows.is_multiple_of(ROWS_HASHED) {
                    hash(&pieces)?;
                    pieces.clear();
                }
            }
        }
        if !pieces.is_empty() {
            hash(&pieces)?;
        }
        Ok(Self {
            rows: rows as u64,
            hash: hash128(&hashes),
        })
    }

    /// `name` is that of the part: one that came otherwise has another.
    pub fn to_text(self, name: &PartName) -> String {
        let Self { rows, hash } = self;
        format!("{FORMAT}\npart {name}\nrows {rows}\nhash {hash:032x}\n")
    }

    pub fn parse(text: &str) -> Result<(String, Self), String> {
        let mut lines = text.lines();
        if lines.next() != Some(FORMAT) {
            return Err(format!("does not begin with `{FORMAT}`"));
        }
        let mut field = |name: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(name));
            line.map(str::trim).ok_or_else(|| format!("no line `{name} …`"))
        };
        let not_a_number = |e: std::num::ParseIntError| e.to_string();
        Ok((
            field("part")?.to_owned(),
            Self {
                rows: field("rows")?.parse().map_err(not_a_number)?,
                hash: u128::from_str_radix(field("hash")?, 16).map_err(not_a_number)?,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_flush_took_is_read_back() {
        let rows = LogRows {
            rows: 7,
            hash: u128::MAX - 5,
        };
        let name = PartName::inserted("all", 3);
        assert_eq!(LogRows::parse(&rows.to_text(&name)), Ok((name.to_string(), rows)));
        for text in [
            "",
            "log 2\n",
            "log 1\npart a\nrows x\nhash 0\n",
            "log 1\npart a\nrows 1\n",
        ] {
            assert!(LogRows::parse(text).is_err(), "{text}");
        }
    }
}
