//! Appending: checked and encoded by each caller, logged and published by the leader of the group.

use std::collections::HashSet;
use std::sync::Arc;

use engine_codec::{encode_column, has_form, hash128, plain};
use engine_types::Block;

use super::Storage;
use crate::error::{Result, StorageError};
use crate::memtable::keys_of_write;
use crate::table_def::{TableDef, TableId};
use crate::token_window::TableToken;
use crate::wal::{encode_entry, encode_group};

/// Bytes of entries in one log record, unless one entry alone has more.
const GROUP_BYTES_MAX: usize = 64 << 20;

/// Bytes of rows in one append. A memtable is joined into one block when it is flushed, and string columns end at
/// 4 GiB.
const APPEND_BYTES_MAX: usize = 1 << 30;

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The log entry; with `deduplicated` the last one published.
    pub lsn: u64,
    /// The token was seen before: nothing was added.
    pub deduplicated: bool,
}

/// An append on its way through the group commit.
pub(super) struct Work {
    token: Option<String>,
    entry: Vec<u8>,
    writes: Vec<PreparedWrite>,
}

/// Rows for one table, and their look-up keys.
struct PreparedWrite {
    table: TableId,
    block: Block,
    keys: Vec<Box<[u8]>>,
}

impl Storage {
    /// Adds rows to one or several tables: all or nothing, durable and visible when it returns.
    pub fn append(&self, writes: Vec<(TableId, Block)>) -> Result<u64> {
        self.append_with_token(None, writes).map(|appended| appended.lsn)
    }

    /// The same, unless an append with this token was accepted before.
    pub fn append_with_token(&self, token: Option<&str>, writes: Vec<(TableId, Block)>) -> Result<Appended> {
        let token = token.filter(|t| !t.is_empty());
        self.make_room(&writes)?;
        self.wait_for_merges(&writes)?;
        let _tables_stay = self.ddl.read();
        let mut prepared: Vec<(TableId, Arc<TableDef>, Block)> = Vec::with_capacity(writes.len());
        for (table, block) in writes {
            let def = self.catalog.read().table(table)?.def.clone();
            let block = fitting(&def, block)?;
            if block.rows() > 0 {
                prepared.push((table, def, block));
            }
        }
        if prepared.is_empty() && token.is_none() {
            return Ok(Appended {
                lsn: self.lsn(),
                deduplicated: false,
            });
        }
        let encoded: Vec<(TableId, &TableDef, &Block)> = prepared
            .iter()
            .map(|(id, def, block)| (*id, def.as_ref(), block))
            .collect();
        let entry = encode_entry(token, &encoded).map_err(|source| StorageError::Encode {
            table: prepared
                .first()
                .map_or_else(String::new, |(_, def, _)| def.full_name()),
            source,
        })?;
        let writes = prepared
            .into_iter()
            .map(|(table, def, block)| PreparedWrite {
                table,
                keys: keys_of_write(&def, &block),
                block,
            })
            .collect();
        let work = Work {
            token: token.map(str::to_owned),
            entry,
            writes,
        };
        self.commits.submit(
            work,
            |group| self.commit_group(group),
            || Err(StorageError::Commit("the writing thread failed".to_owned())),
        )
    }

    /// The same, unless an append with this token is in the window of the token's table.
    pub fn append_once(&self, token: &TableToken, writes: Vec<(TableId, Block)>) -> Result<Appended> {
        self.append_with_token(Some(&token.encode()), writes)
    }

    /// A hash of rows for `table`, equal for equal rows in the same order: the token of inserts that bring none.
    pub fn content_hash(&self, table: TableId, block: &Block) -> Result<String> {
        let def = self.catalog.read().table(table)?.def.clone();
        let block = fitting(&def, block.clone())?;
        let mut bytes = (block.rows() as u64).to_le_bytes().to_vec();
        for (column, of) in block.columns().iter().zip(&def.columns) {
            encode_column(column, &of.ty, &mut bytes).map_err(|source| StorageError::Encode {
                table: def.full_name(),
                source,
            })?;
        }
        Ok(format!("{:032x}", hash128(&bytes)))
    }

    /// Flushes first when a memtable has grown far past its limit: the background thread is too slow or dead.
    fn make_room(&self, writes: &[(TableId, Block)]) -> Result<()> {
        let full: Vec<TableId> = {
            let catalog = self.catalog.read();
            let is_full = |id: &TableId| {
                catalog.tables.get(id).is_some_and(|t| {
                    t.memtable.bytes() > 2 * self.options.memtable_bytes
                        || t.memtable.rows() > 2 * self.options.memtable_rows
                })
            };
            writes.iter().map(|(id, _)| *id).filter(is_full).collect()
        };
        if full.is_empty() {
            Ok(())
        } else {
            self.flush_tables(&full).map(|_| ())
        }
    }

    /// The leader's work: answers in the order of `group`.
    fn commit_group(&self, group: Vec<Work>) -> Vec<Result<Appended>> {
        let mut answers = Vec::with_capacity(group.len());
        let (mut record, mut bytes) = (Vec::new(), 0);
        for work in group {
            if !record.is_empty() && bytes + work.entry.len() > GROUP_BYTES_MAX {
                answers.extend(self.commit_record(std::mem::take(&mut record)));
                bytes = 0;
            }
            bytes += work.entry.len();
            record.push(work);
        }
        answers.extend(self.commit_record(record));
        answers
    }

    fn commit_record(&self, group: Vec<Work>) -> Vec<Result<Appended>> {
        let mut wal = self.wal.lock();
        let mut tokens = self.tokens.lock();
        let mut own_tokens: HashSet<&str> = HashSet::new();
        let accepted: Vec<bool> = group
            .iter()
            .map(|work| match &work.token {
                None => true,
                Some(token) => !tokens.contains(token) && own_tokens.insert(token),
            })
            .collect();
        let entries: Vec<&[u8]> = group
            .iter()
            .zip(&accepted)
            .filter(|(_, accepted)| **accepted)
            .map(|(work, _)| work.entry.as_slice())
            .collect();
        let first_lsn = if entries.is_empty() {
            wal.next_lsn()
        } else {
            match wal.append(&encode_group(&entries), entries.len() as u64) {
                Ok(lsn) => lsn,
                // Repeats of a token of this very group are not stored either.
                Err(error) => return fail_all(error, group.len()),
            }
        };
        let mut lsn = first_lsn - 1;
        let mut catalog = self.catalog.write();
        let answers = group
            .into_iter()
            .zip(accepted)
            .map(|(work, accepted)| {
                if accepted {
                    lsn += 1;
                    for write in work.writes {
                        let table = catalog.table_mut(write.table)?;
                        table.memtable.push(write.block, write.keys, lsn);
                        table.version += 1;
                    }
                    if let Some(token) = work.token {
                        tokens.insert(token);
                    }
                }
                Ok(Appended {
                    lsn,
                    deduplicated: !accepted,
                })
            })
            .collect();
        catalog.lsn = catalog.lsn.max(lsn);
        answers
    }
}

fn fail_all(error: StorageError, count: usize) -> Vec<Result<Appended>> {
    let text = error.to_string();
    let mut out = vec![Err(error)];
    out.extend((1..count).map(|_| Err(StorageError::Commit(text.clone()))));
    out
}

/// The block as the memtable keeps it: the table's columns, plain.
pub(super) fn fitting(def: &TableDef, block: Block) -> Result<Block> {
    let misfit = |problem: String| StorageError::BadBlock {
        table: def.full_name(),
        problem,
    };
    if block.columns().len() != def.columns.len() {
        return Err(misfit(format!(
            "{} columns, the table has {}",
            block.columns().len(),
            def.columns.len()
        )));
    }
    if u32::try_from(block.rows()).is_err() {
        return Err(misfit(format!("{} rows at once", block.rows())));
    }
    for (column, def) in block.columns().iter().zip(&def.columns) {
        if !has_form(column, &def.ty) {
            return Err(misfit(format!("column `{}` is not of type {}", def.name, def.ty)));
        }
    }
    let rows = block.rows();
    let block = Block::new(block.columns().iter().map(plain).collect(), rows);
    if block.byte_size() > APPEND_BYTES_MAX {
        return Err(misfit(format!(
            "{} bytes in one append, at most {APPEND_BYTES_MAX}",
            block.byte_size()
        )));
    }
    Ok(block)
}
