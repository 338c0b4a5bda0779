//! Flushing: memtables become level-0 parts, one manifest record for all of them, then log segments go.

use std::sync::Arc;

use engine_types::{Block, Column, DictColumn};

use super::Storage;
use super::auto_dictionary;
use super::hidden_part::HiddenPart;
use super::write_part::dictionaries;
use crate::error::{Result, StorageError};
use crate::json_shred;
use crate::manifest::ManifestRecord;
use crate::merge_rule::RuleMode;
use crate::merge_stream::{MergeStream, SortedRun, row_bytes};
use crate::part::{LogRows, Part, PartName};
use crate::sorted_run::MemoryRun;
use crate::table_def::{TableDef, TableId};

/// What a call of [`Storage::maintain`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Tables whose memtable became parts.
    pub tables_flushed: usize,
    /// Parts that were found damaged and moved to `detached/`.
    pub parts_set_aside: usize,
}

struct Sealed {
    id: TableId,
    def: Arc<TableDef>,
    folder: String,
    blocks: Vec<Arc<Block>>,
}

impl Storage {
    /// Flushes what is due by rows, bytes, age or length of the log, and sets damaged parts aside. `now_ms` is any clock that does not go back.
    pub fn maintain(&self, now_ms: u64) -> Result<Maintained> {
        let all = self.wal_bytes() > self.options.wal_bytes_max;
        let due: Vec<TableId> = {
            let mut catalog = self.catalog.write();
            let options = &self.options;
            catalog
                .tables
                .iter_mut()
                .filter_map(|(id, table)| {
                    let memtable = &mut table.memtable;
                    let age = memtable.age_ms(now_ms);
                    let due = memtable.rows() > 0
                        && (all
                            || memtable.rows() >= options.memtable_rows
                            || memtable.bytes() >= options.memtable_bytes
                            || age >= options.memtable_age_ms);
                    due.then_some(*id)
                })
                .collect()
        };
        let tables_flushed = if due.is_empty() {
            0
        } else {
            self.flush_tables(&due)?
        };
        Ok(Maintained {
            tables_flushed,
            parts_set_aside: self.set_aside_damaged()?,
        })
    }

    /// Makes parts of everything that is in memory.
    pub fn flush_all(&self) -> Result<()> {
        let all: Vec<TableId> = self.catalog.read().tables.keys().copied().collect();
        self.flush_tables(&all).map(|_| ())
    }

    /// Makes parts of the memtables of `tables`; answers how many had rows. A table that fails keeps its rows in
    /// memory (and in the log) and does not keep the others from being flushed.
    pub fn flush_tables(&self, tables: &[TableId]) -> Result<usize> {
        let _one_at_a_time = self.flushing.lock();
        let (sealed, lsn) = {
            let mut catalog = self.catalog.write();
            let lsn = catalog.lsn;
            let mut sealed = Vec::new();
            for id in tables {
                let Some(table) = catalog.tables.get_mut(id) else {
                    continue;
                };
                if table.memtable.rows() > 0 {
                    sealed.push(Sealed {
                        id: *id,
                        def: table.def.clone(),
                        folder: table.folder.clone(),
                        blocks: table.memtable.seal(),
                    });
                }
            }
            (sealed, lsn)
        };
        let mut first_error = None;
        let mut flushed: Vec<(TableId, Vec<Arc<Part>>)> = Vec::new();
        for table in &sealed {
            match self.write_sealed(table) {
                Ok(parts) => flushed.push((table.id, parts)),
                Err(error) => {
                    tracing::error!(table = table.def.full_name(), %error, "cannot flush");
                    first_error.get_or_insert(error);
                }
            }
        }
        if !flushed.is_empty() {
            self.publish_flushed(&flushed, lsn)?;
        }
        first_error.map_or(Ok(flushed.len()), Err)
    }

    fn publish_flushed(&self, flushed: &[(TableId, Vec<Arc<Part>>)], lsn: u64) -> Result<()> {
        let mut manifest = self.manifest.lock();
        let tokens = {
            let mut tokens = self.tokens.lock();
            std::mem::take(&mut tokens.changed).then(|| tokens.to_vec())
        };
        // Later tokens than these belong to entries behind the floor, whose segments stay.
        let wal_floor = {
            let catalog = self.catalog.read();
            let first_kept = catalog.tables.iter().filter_map(|(id, table)| {
                if flushed.iter().any(|(f, _)| f == id) {
                    table.memtable.first_unsealed_lsn()
                } else {
                    table.memtable.first_lsn()
                }
            });
            first_kept.min().map_or(lsn, |first| lsn.min(first - 1))
        };
        let record = ManifestRecord::Edit {
            add: flushed
                .iter()
                .flat_map(|(id, parts)| parts.iter().map(|p| (*id, p.name.clone(), p.summary)))
                .collect(),
            remove: Vec::new(),
            flushed: flushed.iter().map(|(id, _)| (*id, lsn)).collect(),
            wal_floor,
            tokens,
        };
        if let Err(error) = manifest.commit(&record) {
            self.tokens.lock().changed = true;
            return Err(error);
        }
        {
            let mut catalog = self.catalog.write();
            for (id, parts) in flushed {
                let table = catalog.table_mut(*id)?;
                table.replace_parts(&[], parts.iter().cloned());
                table.memtable.drop_sealed();
            }
        }
        self.wal.lock().remove_through(wal_floor);
        Ok(())
    }

    /// One part for each partition that the rows touch.
    fn write_sealed(&self, table: &Sealed) -> Result<Vec<Arc<Part>>> {
        let mut parts = Vec::new();
        let outcome = self.write_partitions(table, &mut parts);
        if outcome.is_err() {
            // The rows stay in memory, and are all written again.
            parts.iter().for_each(|part| part.set_obsolete());
        }
        outcome.map(|()| parts)
    }

    fn write_partitions(&self, table: &Sealed, parts: &mut Vec<Arc<Part>>) -> Result<()> {
        let def = &table.def;
        let log = LogRows::of(def, &table.blocks).map_err(|source| StorageError::Encode {
            table: def.full_name(),
            source,
        })?;
        for (partition, picks) in partitioned(def, &table.blocks)? {
            let blocks = picks.into_iter().map(|(block, rows)| match rows {
                None => block.as_ref().clone(),
                Some(rows) => block.gather(&rows),
            });
            let number = self
                .catalog
                .write()
                .table_mut(table.id)?
                .take_block_number(&partition);
            let name = PartName::inserted(partition, number);
            let folder = self.first_folder(def, &table.folder);
            parts.extend(self.write_blocks(def, &folder, name, blocks.collect(), log)?);
        }
        Ok(())
    }

    /// One part of the rows of the blocks, which stay as they are: they are copied out piece by piece, in order.
    fn write_blocks(
        &self,
        def: &Arc<TableDef>,
        folder: &str,
        name: PartName,
        blocks: Vec<Block>,
        log: LogRows,
    ) -> Result<Option<Arc<Part>>> {
        let rows: usize = blocks.iter().map(Block::rows).sum();
        // What they count as, before texts become columns that are larger or smaller.
        let bytes: Vec<usize> = blocks.iter().map(row_bytes).collect();
        let (def, blocks) = json_shred::flushed(def, blocks, &self.options);
        let def = &def;
        let all: Vec<usize> = (0..def.columns.len()).collect();
        let mut dictionaries = dictionaries(def, rows, |c| {
            Ok(Some(distinct_lists(blocks.iter().map(|block| block.column(c)))))
        })?;
        let blocks = auto_dictionary::encode(def, blocks, &mut dictionaries, &self.options);
        let runs = blocks
            .iter()
            .zip(bytes)
            .map(|(block, bytes)| {
                Ok(Box::new(MemoryRun::new(def, block, &all)?.sized(bytes)) as Box<dyn SortedRun>)
            })
            .collect::<Result<_>>()?;
        drop(blocks);
        let stream = MergeStream::new(runs, def.merge_rule, RuleMode::Merge)
            .folding(def.fold.as_ref(), &all)
            .of_log(log);
        let hidden = def.projections.iter().map(HiddenPart::collecting).collect();
        self.write_part(def, folder, name, stream, dictionaries, hidden)
    }
}

/// The columns; in place of codes of one dictionary, all that it has, once.
fn distinct_lists<'c>(columns: impl Iterator<Item = &'c Column>) -> Vec<Column> {
    let mut out: Vec<Column> = Vec::new();
    for column in columns {
        let Column::Dict(dict) = column else {
            out.push(column.clone());
            continue;
        };
        if matches!(out.last(), Some(Column::Dict(known)) if Arc::ptr_eq(&known.values, &dict.values)) {
            continue;
        }
        out.push(Column::Dict(DictColumn {
            codes: (0..dict.values.len() as u32).collect(),
            values: dict.values.clone(),
        }));
    }
    out
}

/// Rows of a block; `None`: all.
type Picks = (Arc<Block>, Option<Vec<u32>>);

/// The rows of each partition, in the order in which partitions come up.
fn partitioned(def: &TableDef, blocks: &[Arc<Block>]) -> Result<Vec<(String, Vec<Picks>)>> {
    let failed = |problem: String| StorageError::Expression {
        table: def.full_name(),
        problem,
    };
    let mut out: Vec<(String, Vec<Picks>)> = Vec::new();
    for block in blocks {
        let partitions = def.keys.partition(block).map_err(failed)?;
        let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); partitions.ids.len()];
        if partitions.rows.len() != block.rows() {
            return Err(failed("the partition key has another number of rows".to_owned()));
        }
        for (row, partition) in partitions.rows.iter().enumerate() {
            match rows_of.get_mut(*partition as usize) {
                Some(of) => of.push(row as u32),
                None => return Err(failed(format!("there is no partition number {partition}"))),
            }
        }
        for (partition, picks) in partitions.ids.into_iter().zip(rows_of) {
            if picks.is_empty() {
                continue;
            }
            let rows = (block.clone(), (picks.len() < block.rows()).then_some(picks));
            match out.iter_mut().find(|(known, _)| *known == partition) {
                Some((_, blocks)) => blocks.push(rows),
                None => out.push((partition, vec![rows])),
            }
        }
    }
    Ok(out)
}
